"""How is an object written, and only where its conditions hold? By generations: they never come twice.

`If-None-Match: *` is `ifGenerationMatch=0`, `If-Match: *` is `ifGenerationNotMatch=0`. `If-Match` with an ETag reads
the object, compares the ETag, and writes over that generation only: a true compare-and-swap.
"""

from collections.abc import Mapping
from typing import Any

from bucketport.backends.remote.dialect import Plan
from bucketport.backends.remote.gcs import held as helds
from bucketport.backends.remote.gcs.answers import (
    Facts,
    etag_of,
    facts_of,
    fixed_fields,
    info_of,
    nonsense,
    resource_of,
)
from bucketport.backends.remote.gcs.framing import related
from bucketport.backends.remote.gcs.held import Held
from bucketport.backends.remote.gcs.reading import Reading
from bucketport.backends.remote.gcs.requests import bucket_path, query_of
from bucketport.backends.remote.upload import Upload
from bucketport.errors import (
    BackendError,
    NoSuchKey,
    NotImplemented,
    PreconditionFailed,
    Trouble,
)
from bucketport.message import HttpAnswer, HttpRequest
from bucketport.model import ObjectName, Stored
from bucketport.options import NO_CONDITIONS, PutOptions, WriteConditions
from bucketport.wire import conditions
from bucketport.wire.checksums import FULL_OBJECT
from bucketport.wire.headers import on_wire


class Writing(Reading):
    """PutObject."""

    def put(self, name: ObjectName, upload: Upload, options: PutOptions) -> Plan[Stored]:
        """A multipart upload of the JSON API (metadata and content in one request), whatever the size.

        A checksum that is known only when the content is through is patched in afterwards, before the answer.
        """
        name = self.real(name)
        self.check_options(options.acl, options.extra)
        known = upload.sealed.checksums if upload.sealed else {}
        if upload.value:
            known = {upload.algorithm: upload.value}
        resource = resource_for(name.key, options.headers, held_of(options, known), options.storage_class)
        if upload.promised.md5:
            resource["md5Hash"] = helds.base64_md5(upload.promised.md5)
        if known.get("CRC32C"):
            resource["crc32c"] = known["CRC32C"]
        query = yield from self.generations(name, options.conditions)
        return (yield from self.insert(name, query, resource, upload, options.conditions))

    def insert(
        self,
        name: ObjectName,
        query: Mapping[str, str],
        resource: Mapping[str, Any],
        upload: Upload,
        given: WriteConditions,
    ) -> Plan[Stored]:
        """Objects: insert. Checksums that the resource does not hold yet are added before this is over."""
        held = helds.read(resource["metadata"]).checksums
        answer = yield self._upload(name.bucket, query, resource, upload, given)
        if answer.status != 200:
            raise (yield from self.not_written(answer, name, given))
        facts = facts_of(resource_of(answer))
        sealed = upload.sealed
        if sealed is None or facts.size != sealed.size:
            raise nonsense("it confirms another size than was sent")
        if sealed.checksums.get("CRC32C", facts.crc32c) != facts.crc32c:
            raise BackendError(Trouble.CORRUPT, "the backend stored content with another CRC32C than was sent")
        if kept(sealed.checksums) != held:
            yield from self._hold_checksums(name, facts, sealed.checksums)
        sums = dict(sealed.checksums) or {"CRC32C": facts.crc32c}
        etag = etag_of(facts, helds.NOTHING)
        return Stored(etag, facts.modified_ms, facts.size, sums, FULL_OBJECT, facts.generation)

    def _upload(
        self,
        bucket: str,
        query: Mapping[str, str],
        resource: Mapping[str, Any],
        upload: Upload,
        given: WriteConditions,
    ) -> HttpRequest:
        boundary = f"bucketport-{self.nonce()}"
        endpoint = self.place.endpoint
        return HttpRequest(
            "POST",
            endpoint,
            f"{endpoint.base}/upload/storage/v1{bucket_path(bucket)}/o",
            query_of({"uploadType": "multipart", **query}),
            {"content-type": f"multipart/related; boundary={boundary}"},
            related(resource, on_wire(resource.get("contentType", "application/octet-stream")), upload, boundary),
            idempotent=given == NO_CONDITIONS,
        )

    def _hold_checksums(self, name: ObjectName, facts: Facts, checksums: Mapping[str, str]) -> Plan[None]:
        """Add what the content turned out to be to its metadata; that somebody overwrote it meanwhile is no error."""
        held = Held(checksums=kept(checksums), checksum_type=FULL_OBJECT, modified=facts.modified_ms // 1000)
        query = {"generation": facts.generation}
        answer = yield self.about("PATCH", name, query, {"metadata": {helds.LATER: helds.write(held)}})
        if answer.status not in (200, 404, 412):
            raise self.refusal(answer)

    def check_options(self, acl: str, extra: Mapping[str, str]) -> None:
        """Refuse what Google has no place for, or what only S3 itself understands. Raises: NotImplemented."""
        if acl not in ("", "private", "bucket-owner-full-control"):
            raise NotImplemented("ACLs are not implemented for this bucket", fields={"Header": "x-amz-acl"})
        if extra:
            raise NotImplemented(fields={"Header": sorted(extra)[0]})

    def generations(self, name: ObjectName, given: WriteConditions) -> Plan[dict[str, str]]:
        """Write conditions as Google's, which are about generations. Raises: NoSuchKey, PreconditionFailed."""
        if given == NO_CONDITIONS:
            return {}
        if given.if_match is None and given.if_none_match == "*":
            return {"ifGenerationMatch": "0"}
        if given == WriteConditions(if_match="*"):
            return {"ifGenerationNotMatch": "0"}
        found = yield from self.resource(name)
        facts = None if found is None else facts_of(found)
        conditions.check_write(given, None if facts is None else info_of(facts))
        return {"ifGenerationMatch": facts.generation if facts else "0"}

    def not_written(self, answer: HttpAnswer, name: ObjectName, given: WriteConditions) -> Plan[Exception]:
        """Why a write under conditions was refused."""
        if answer.status == 412:
            if given == WriteConditions(if_match="*"):
                return NoSuchKey()
            return PreconditionFailed(fields={"Condition": "If-None-Match" if given.if_none_match else "If-Match"})
        if answer.status == 404:
            return (yield from self.absent(answer, name.bucket))
        return self.refusal(answer)


def kept(checksums: Mapping[str, str]) -> Mapping[str, str]:
    """Those of an object's checksums that have to be held: Google has the CRC32C of everything."""
    return {name: value for name, value in checksums.items() if name != "CRC32C"}


def held_of(options: PutOptions, checksums: Mapping[str, str]) -> Held:
    """What of a write is held in metadata."""
    sums = kept(checksums)
    return Held(
        True,
        options.owner,
        storage_class="" if options.storage_class == "STANDARD" else options.storage_class,
        cached="cache-control" in options.headers,
        expires=options.headers.get("expires", ""),
        redirect=options.headers.get("x-amz-website-redirect-location", ""),
        checksums=sums,
        checksum_type=FULL_OBJECT if sums else "",
        tags=options.tags,
    )


def resource_for(key: str, headers: Mapping[str, str], held: Held, storage_class: str) -> dict[str, Any]:
    """The resource of an object that is to be. Raises: MetadataTooLarge, InvalidArgument, InvalidStorageClass."""
    made: dict[str, Any] = {"name": key, **fixed_fields(headers), "metadata": helds.metadata_of(headers, held)}
    google = helds.google_class(storage_class)
    if google:
        made["storageClass"] = google
    return made

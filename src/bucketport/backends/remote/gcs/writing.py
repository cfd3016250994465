"""How is an object written or copied, and only where its conditions hold? By generations: they never come twice.

`If-None-Match: *` is `ifGenerationMatch=0`, `If-Match: *` is `ifGenerationNotMatch=0`. `If-Match` with an ETag reads
the object, compares the ETag, and writes over that generation only: a true compare-and-swap.
"""

import base64
from collections.abc import Mapping
from typing import Any

from bucketport.backends.remote.dialect import Plan
from bucketport.backends.remote.gcs import held as helds
from bucketport.backends.remote.gcs.answers import (
    Facts,
    Resource,
    checksums_of,
    etag_of,
    facts_of,
    fixed_fields,
    info_of,
    nonsense,
    resource_of,
    text,
)
from bucketport.backends.remote.gcs.framing import related
from bucketport.backends.remote.gcs.held import Held
from bucketport.backends.remote.gcs.reading import Reading
from bucketport.backends.remote.gcs.requests import ATTEMPTS, bucket_path, object_path, query_of
from bucketport.backends.remote.upload import Upload
from bucketport.errors import (
    BackendError,
    NoSuchBucket,
    NoSuchKey,
    NotImplemented,
    PreconditionFailed,
    Trouble,
)
from bucketport.message import HttpAnswer, HttpRequest
from bucketport.model import NO_HEADERS, ObjectName, Stored
from bucketport.options import NO_CONDITIONS, CopyOptions, PutOptions, Want, WriteConditions
from bucketport.wire import conditions
from bucketport.wire.checksums import FULL_OBJECT
from bucketport.wire.headers import on_wire

_REWRITES = 100_000
"""How often a rewrite may say that it is not done: each call moves a MiB at least, and mostly all there is."""


class Writing(Reading):
    """PutObject and CopyObject."""

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
        query = {"uploadType": "multipart"} | (yield from self.generations(name, options.conditions))
        answer = yield self._upload(name.bucket, query, resource, upload, options)
        if answer.status != 200:
            raise (yield from self.not_written(answer, name, options.conditions))
        facts = facts_of(resource_of(answer))
        sealed = upload.sealed
        if sealed is None or facts.size != sealed.size:
            raise nonsense("it confirms another size than was sent")
        if sealed.checksums.get("CRC32C", facts.crc32c) != facts.crc32c:
            raise BackendError(Trouble.CORRUPT, "the backend stored content with another CRC32C than was sent")
        if kept(sealed.checksums) != kept(known):
            yield from self._hold_checksums(name, facts, sealed.checksums)
        sums = dict(sealed.checksums) or {"CRC32C": facts.crc32c}
        etag = etag_of(facts, helds.NOTHING)
        return Stored(etag, facts.modified_ms, facts.size, sums, FULL_OBJECT, facts.generation)

    def _upload(
        self, bucket: str, query: Mapping[str, str], resource: Mapping[str, Any], upload: Upload, options: PutOptions
    ) -> HttpRequest:
        boundary = f"bucketport-{self.nonce()}"
        endpoint = self.place.endpoint
        return HttpRequest(
            "POST",
            endpoint,
            f"{endpoint.base}/upload/storage/v1{bucket_path(bucket)}/o",
            query_of(query),
            {"content-type": f"multipart/related; boundary={boundary}"},
            related(resource, on_wire(resource.get("contentType", "application/octet-stream")), upload, boundary),
            idempotent=options.conditions == NO_CONDITIONS,
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

    def copy(self, source: ObjectName, want: Want, name: ObjectName, options: CopyOptions) -> Plan[Stored]:
        """Objects: rewrite, repeated with its token until it is done.

        The source is read first: its conditions are judged, and what is held in its metadata goes along.
        """
        name = self.real(name)
        self.check_options(options.acl, options.extra)
        for _ in range(ATTEMPTS):
            found = yield from self.the_resource(source, want.version)
            facts = facts_of(found)
            conditions.check_copy(want.conditions, info_of(facts))
            resource = copied(facts, name.key, options)
            query = {"sourceGeneration": facts.generation} | (yield from self.generations(name, options.conditions))
            result = yield from self._rewrite(source, name, query, resource, options.conditions)
            if result is not None:
                made = facts_of(result)
                sums, kind = checksums_of(made, helds.read(made.metadata))
                etag = etag_of(made, helds.read(made.metadata))
                return Stored(etag, made.modified_ms, made.size, sums, kind, made.generation, facts.generation)
        raise NoSuchKey

    def _rewrite(
        self,
        source: ObjectName,
        name: ObjectName,
        query: Mapping[str, str],
        resource: Mapping[str, Any],
        given: WriteConditions,
    ) -> Plan[Resource | None]:
        """The new object's resource; None when the source was overwritten under our hands."""
        path = f"{object_path(source)}/rewriteTo{object_path(name)}"
        token = ""
        for _ in range(_REWRITES):
            asked = {**query, "rewriteToken": token} if token else query
            answer = yield self.json("POST", path, asked, resource, idempotent=given == NO_CONDITIONS)
            if answer.status == 404:
                error = yield from self.absent(answer, name.bucket)
                if isinstance(error, NoSuchBucket):
                    raise error
                return None
            if answer.status != 200:
                raise (yield from self.not_written(answer, name, given))
            state = resource_of(answer)
            if state.get("done") is True:
                result = state.get("resource")
                if not isinstance(result, dict):
                    raise nonsense("a rewrite is done and made nothing")
                return result
            token = text(state, "rewriteToken")
            if not token:
                raise nonsense("a rewrite is not done and says not how to go on")
        raise BackendError(Trouble.TIMEOUT, "a rewrite does not come to its end")


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


def copied(facts: Facts, key: str, options: CopyOptions) -> dict[str, Any]:
    """The resource of a copy at `key`: all of it is said, since Google takes a resource whole or not at all.

    Raises: NotImplemented for a checksum that would take reading the content.
    """
    info = info_of(facts)
    was = helds.read(facts.metadata)
    headers = info.headers if options.headers is None else options.headers
    sums, kind = info.checksums, info.checksum_type
    wanted = options.checksum_algorithm
    if wanted:
        native = {"CRC32C": facts.crc32c, "MD5": base64.b64encode(bytes.fromhex(facts.md5)).decode()}
        if native.get(wanted):
            sums, kind = {wanted: native[wanted]}, FULL_OBJECT
        elif wanted not in sums:
            raise NotImplemented(
                f"A copy within Google Cloud Storage cannot compute {wanted}.",
                fields={"Header": "x-amz-checksum-algorithm"},
            )
    native_only = dict(sums) == {"CRC32C": facts.crc32c} and kind == FULL_OBJECT
    held = Held(
        True,
        options.owner,
        "" if facts.md5 else info.etag,
        "" if options.storage_class == "STANDARD" else options.storage_class,
        "cache-control" in headers,
        headers.get("expires", ""),
        headers.get("x-amz-website-redirect-location", ""),
        checksum_type="" if native_only else kind,
        checksums=NO_HEADERS if native_only else sums,
        tags=was.tags if options.tags is None else options.tags,
        runs=was.runs,
    )
    return resource_for(key, headers, held, options.storage_class)

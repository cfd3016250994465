"""How does an upload become an object, all at once and only under its conditions?

Google lists the parts, and they are judged as S3 judges them; then Google puts them together under the upload's own
name, a patch adds what only now is known, and a move makes it the key's object. A repeat finds what is done.
"""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

from bucketport.backends import memory_parts
from bucketport.backends.remote.dialect import Plan
from bucketport.backends.remote.gcs import held as helds
from bucketport.backends.remote.gcs import refusals, uploads
from bucketport.backends.remote.gcs.answers import (
    Facts,
    checksums_of,
    etag_of,
    facts_of,
    info_of,
    nonsense,
    resource_of,
)
from bucketport.backends.remote.gcs.held import Held
from bucketport.backends.remote.gcs.listing import Lists
from bucketport.backends.remote.gcs.requests import bucket_path, json_key
from bucketport.backends.remote.gcs.uploads import SEAL, Staged, completion, count, node_of, part_of
from bucketport.errors import BackendError, InvalidRequest, NoSuchUpload, PreconditionFailed, Trouble
from bucketport.message import HttpAnswer
from bucketport.model import NO_HEADERS, ObjectName, PartInfo, Stored, UploadInfo, UploadName
from bucketport.options import CompleteOptions, WriteConditions
from bucketport.wire import conditions, etag
from bucketport.wire.checksums import FULL_OBJECT

_RUNS_BYTES = 1500
"""Bytes that the list of parts may take in the metadata; a longer one is not held, and parts cannot be read singly."""


class Completing(Lists):
    """CompleteMultipartUpload."""

    def complete(self, upload: UploadName, options: CompleteOptions) -> Plan[Stored]:
        """List, judge, complete, patch, move. A lost race for the key takes the upload with it (412)."""
        name = self.real(ObjectName(upload.bucket, upload.key))
        found = yield from self.staged(upload)
        there = yield from self._all_parts(found)
        if there is None:
            return (yield from self._repeated(upload, found, name, options))
        parts = memory_parts.chosen(there, options, self.place.part_minimum)
        sums = self._checksums(upload, found, parts, options)
        held = _held(found, parts, sums, sized=True)
        current = yield from self.resource(name)
        conditions.check_write(options.conditions, None if current is None else info_of(facts_of(current)))
        target = "0" if current is None else facts_of(current).generation
        answer = yield self.xml(
            "POST",
            found.name,
            {"uploadId": found.id},
            {"content-type": "application/xml"},
            body=completion(parts),
            idempotent=False,
        )
        if answer.status != 200:
            raise (yield from self.no_upload(answer, found))
        if b"<Error" in answer.content[:1000]:
            raise self._failed(answer)
        node_of(answer, "CompleteMultipartUploadResult")
        facts = yield from self._hold(found, held, sum(part.size for part in parts))
        return (yield from self._move(found, name, facts, options.conditions, target))

    def staged(self, upload: UploadName) -> Plan[Staged]:
        """What a client's upload id names. Raises: NoSuchUpload, NoSuchBucket."""
        bucket = self.real_bucket(upload.bucket)
        try:
            return uploads.staged(upload, bucket)
        except NoSuchUpload:
            yield from self.check_bucket(bucket)
            raise

    def no_upload(self, answer: HttpAnswer, found: Staged) -> Plan[Exception]:
        """Why a request about an upload was refused."""
        if answer.status == 404:
            return (yield from self.absent(answer, found.name.bucket, NoSuchUpload))
        return self.refusal(answer)

    def _failed(self, answer: HttpAnswer) -> Exception:
        """The error in a 200 that was sent before the work was done."""
        code = refusals.code_of(answer)
        if code in ("", "InternalError", "ServiceUnavailable", "SlowDown"):
            return BackendError(Trouble.UNREACHABLE, f"the backend answered 200 with {refusals.said(answer)}"[:400])
        return self.refusal(HttpAnswer(400, answer.headers, answer.body))

    def _all_parts(self, found: Staged) -> Plan[Mapping[int, PartInfo] | None]:
        """All of an upload's parts; None when there is no such upload any more."""
        parts: dict[int, PartInfo] = {}
        after = 0
        while True:
            query = {"uploadId": found.id, "max-parts": "1000", "part-number-marker": str(after)}
            answer = yield self.xml("GET", found.name, query)
            if answer.status != 200:
                error = yield from self.no_upload(answer, found)
                if isinstance(error, NoSuchUpload):
                    return None
                raise error
            node = node_of(answer, "ListPartsResult")
            parts |= {part.number: part for part in map(part_of, node.all("Part"))}
            if node.value("IsTruncated") != "true":
                return parts
            following = count(node, "NextPartNumberMarker")
            if following <= after:
                raise nonsense("a list of parts that does not end")
            after = following

    def _checksums(
        self, upload: UploadName, found: Staged, parts: Sequence[PartInfo], options: CompleteOptions
    ) -> Mapping[str, str]:
        """The checksum of the whole, from those that the client names of its parts: Google has none but CRC32C.

        Raises: BadDigest; InvalidRequest when the client says one of the whole that nothing here can judge.
        """
        algorithm, kind = found.algorithm, found.checksum_type
        if not algorithm:
            return NO_HEADERS
        if options.checksum_type not in ("", kind):
            raise InvalidRequest(
                f"The upload was created using the {kind} checksum mode. The complete request must use the same "
                "checksum mode."
            )
        named = {part.number: part.checksums for part in options.parts}
        if all(algorithm in named[part.number] for part in parts):
            known = [replace(part, checksums=named[part.number]) for part in parts]
            info = UploadInfo(upload, "", 0, "STANDARD", algorithm, kind)
            return memory_parts.checksum_of(info, known, options, self.digests)
        if algorithm == "CRC32C" and kind == FULL_OBJECT:
            return {name: value for name, value in options.checksums.items() if name == algorithm}
        if algorithm in options.checksums:
            raise InvalidRequest(f"The {algorithm} of every part must be named where that of the whole is.")
        return NO_HEADERS

    def _hold(self, found: Staged, held: Held, size: int) -> Plan[Facts]:
        """Patch what is known now, and see that what was put together is what the parts were.

        Raises: BackendError when it is not; it is removed then.
        """
        answer = yield self.about("PATCH", found.name, {}, {"metadata": {helds.LATER: helds.write(held)}})
        if answer.status == 404:
            raise NoSuchUpload
        if answer.status != 200:
            raise self.refusal(answer)
        facts = facts_of(resource_of(answer))
        whole = held.checksums.get("CRC32C", facts.crc32c) if held.checksum_type == FULL_OBJECT else facts.crc32c
        if facts.size != size or whole != facts.crc32c:
            yield from self._drop(found, facts)
            raise BackendError(Trouble.CORRUPT, "the backend put other content together than the parts were")
        return facts

    def _drop(self, found: Staged, facts: Facts) -> Plan[None]:
        """Remove what was put together. When that fails the client hears of the first trouble; Abort removes it yet."""
        with contextlib.suppress(BackendError):
            yield self.about("DELETE", found.name, {"generation": facts.generation})

    def _move(self, found: Staged, name: ObjectName, facts: Facts, given: WriteConditions, target: str) -> Plan[Stored]:
        """Make it the key's object; under conditions only over the generation that they were judged on."""
        query = {"ifSourceGenerationMatch": facts.generation}
        if given != WriteConditions():
            query["ifGenerationMatch"] = target
        path = f"{bucket_path(name.bucket)}/o/{json_key(found.name.key)}/moveTo/o/{json_key(name.key)}"
        answer = yield self.json("POST", path, query, idempotent=False)
        if answer.status == 200:
            made = facts_of(resource_of(answer))
            return _stored(made)
        if answer.status == 404:
            raise NoSuchUpload
        if answer.status == 412:
            yield from self._drop(found, facts)
            raise PreconditionFailed(fields={"Condition": "If-None-Match" if given.if_none_match else "If-Match"})
        raise self.refusal(answer)

    def _repeated(self, upload: UploadName, found: Staged, name: ObjectName, options: CompleteOptions) -> Plan[Stored]:
        """An upload that Google has no more: what is left to do of it, or what it became. Raises: NoSuchUpload."""
        tag = _etag(options.parts)
        current = yield from self.resource(name)
        if current is not None:
            facts = facts_of(current)
            held = helds.read(facts.metadata)
            if held.upload == found.name.key[-SEAL:] and held.etag == tag:
                return _stored(facts)
        left = yield from self.resource(found.name)
        if left is None:
            raise NoSuchUpload(fields={"UploadId": upload.upload_id[:200]})
        facts = facts_of(left)
        if helds.read(facts.metadata).etag != tag:
            # Completed, but never patched: the parts' sizes are not known any more.
            sums = self._checksums(upload, found, options.parts, options)
            facts = yield from self._hold(found, _held(found, options.parts, sums, sized=False), facts.size)
        conditions.check_write(options.conditions, None if current is None else info_of(facts_of(current)))
        target = "0" if current is None else facts_of(current).generation
        return (yield from self._move(found, name, facts, options.conditions, target))


def _etag(parts: Sequence[PartInfo]) -> str:
    """The ETag of an object made of these parts, as S3 makes it. Raises: BackendError for a part's that is no MD5."""
    try:
        return etag.multipart(part.etag for part in parts)
    except ValueError as error:
        raise nonsense("a part's ETag is no MD5") from error


def _held(found: Staged, parts: Sequence[PartInfo], sums: Mapping[str, str], *, sized: bool) -> Held:
    """What is held of an object made of parts; their sizes only where they are few or alike."""
    kind = found.checksum_type if sums else ""
    held = Held(etag=_etag(parts), upload=found.name.key[-SEAL:], checksums=sums, checksum_type=kind)
    if sized:
        full = replace(held, runs=helds.runs_of(parts))
        if len(helds.write(full)) <= _RUNS_BYTES:
            return full
    return held


def _stored(facts: Facts) -> Stored:
    held = helds.read(facts.metadata)
    sums, kind = checksums_of(facts, held)
    return Stored(etag_of(facts, held), facts.modified_ms, facts.size, sums, kind, facts.generation)

"""How is an object uploaded in parts without a state of ours? Uncommitted blocks say it all; see `blocks`.

What Azure cannot do: remove uncommitted blocks (they expire in a week), tell which uploads are under way, and keep an
upload alive when something else is committed to its key. An upload whose blocks are gone is NoSuchUpload.
"""

import base64
from collections.abc import Mapping

from bucketport.backends.memory_parts import checksum_of, chosen
from bucketport.backends.remote.azure.answers import Blob, Facts, check_options, put_headers
from bucketport.backends.remote.azure.blocks import ABORTED, BEGUN, COMMITTED, NONCE, Blocks, Part, mark
from bucketport.backends.remote.azure.bodies import passed
from bucketport.backends.remote.azure.reading import ATTEMPTS, block_rows, check_version
from bucketport.backends.remote.azure.upload_id import Begun, seal, unseal
from bucketport.backends.remote.azure.writing import Writing
from bucketport.backends.remote.dialect import Plan
from bucketport.backends.remote.s3.answers import modified_of
from bucketport.backends.remote.upload import Upload
from bucketport.errors import (
    BackendError,
    ConditionalRequestConflict,
    InvalidArgument,
    InvalidPart,
    InvalidRequest,
    NoSuchBucket,
    NoSuchKey,
    NoSuchUpload,
    OperationAborted,
    PreconditionFailed,
    S3Error,
)
from bucketport.message import HttpAnswer, release
from bucketport.model import NO_HEADERS, ObjectName, PartInfo, PartsPage, Stored, UploadInfo, UploadName
from bucketport.options import CompleteOptions, UploadOptions, Want
from bucketport.wire.checksums import ALGORITHMS
from bucketport.wire.conditions import check_copy
from bucketport.wire.etag import multipart
from bucketport.wire.ranges import parse_copy_range

WATCHED = 100
"""After each of so many parts, and after every so manieth one, it is asked whether the upload is still there. Not after
each of 10,000: the answer names all blocks so far. Completing judges in any case."""

MARK = b"\0"
"""What blocks hold that are never committed: Azure takes no empty ones."""


def gone(upload: UploadName) -> Exception:
    """The upload is not there."""
    return NoSuchUpload(fields={"UploadId": upload.upload_id[:200]})


def name_of(upload: UploadName) -> ObjectName:
    """The object that an upload is to make."""
    return ObjectName(upload.bucket, upload.key)


class Multipart(Writing):
    """Uploads in parts."""

    def begun(self, upload: UploadName) -> Plan[Begun]:
        """What an upload's id says. Raises: NoSuchUpload, NoSuchBucket."""
        try:
            return unseal(upload.upload_id, self.real(name_of(upload)), self.tools.secret)
        except S3Error:
            # In a bucket that is not there, that is what is wrong.
            answer = yield self.request("HEAD", self.container(upload.bucket), {"restype": "container"})
            if answer.status == 404:
                raise NoSuchBucket(fields={"BucketName": upload.bucket[:200]}) from None
            raise

    def create_upload(self, name: ObjectName, options: UploadOptions) -> Plan[UploadName]:
        """A mark among the uncommitted blocks; all else is in the id."""
        check_options(options.put)
        begun = Begun(self.tools.entropy(NONCE), int(self.tools.now() * 1000), options)
        put_headers(options.put, Facts(options.put.owner), self.place.tier)
        yield from self.put_block(name, mark(begun.nonce, BEGUN, begun.started_ms), MARK)
        return UploadName(name.bucket, name.key, seal(begun, self.real(name), self.tools.secret))

    def _blocks(self, upload: UploadName, begun: Begun) -> Plan[Blocks | None]:
        """What the uncommitted blocks say; None when the upload is over."""
        answer = yield self.block_list(name_of(upload), "uncommitted")
        if answer.status == 200:
            blocks = Blocks(begun.nonce, block_rows(answer, "UncommittedBlocks"))
            return blocks if blocks.alive else None
        error = self.refusal(answer)
        if isinstance(error, NoSuchKey):
            return None
        raise error

    def _alive(self, upload: UploadName, begun: Begun) -> Plan[Blocks]:
        blocks = yield from self._blocks(upload, begun)
        if blocks is None:
            raise gone(upload)
        return blocks

    def upload(self, upload: UploadName) -> Plan[UploadInfo]:
        """Whether it is still there, and what its id says."""
        begun = yield from self.begun(upload)
        yield from self._alive(upload, begun)
        return begun.info(upload)

    def put_part(self, upload: UploadName, number: int, content: Upload) -> Plan[PartInfo]:
        """The content in as few blocks as it fits into, then its seal."""
        begun = yield from self.begun(upload)
        return (yield from self._put_part(upload, begun, number, content))

    def _put_part(self, upload: UploadName, begun: Begun, number: int, content: Upload) -> Plan[PartInfo]:
        name = name_of(upload)
        attempt = self.attempt(number, begun.nonce)
        algorithm = begun.options.checksum_algorithm
        hasher = self.tools.digests.new(algorithm) if algorithm else None
        yield from self.send_blocks(name, content, attempt, hasher)
        sealed = content.seal
        value = hasher.digest() if hasher is not None else b""
        for block in attempt.seals(sealed.md5, value):
            yield from self.put_block(name, block, MARK)
        if number <= WATCHED or number % WATCHED == 0:
            yield from self._alive(upload, begun)
        sums = dict(sealed.checksums)
        if algorithm:
            sums[algorithm] = base64.b64encode(value).decode()
        return PartInfo(number, sealed.size, sealed.md5.hex(), attempt.at_ms, sums)

    def copy_part(self, upload: UploadName, number: int, source: ObjectName, want: Want) -> Plan[PartInfo]:
        """The bytes come through here: Azure would tell neither the MD5 nor the checksum of what it copied."""
        check_version(source, want.version)
        begun = yield from self.begun(upload)
        for _ in range(ATTEMPTS):
            answer = yield self.request("HEAD", self.path_of(source))
            found = self.read(source, answer)
            check_copy(want.conditions, found.info)
            length, headers = found.info.size, {"if-match": found.tag}
            if want.range is not None:
                first, last = parse_copy_range(want.range)
                if last >= length:
                    raise InvalidArgument(
                        f"Range specified is not valid for source object of size: {length}",
                        fields={"ArgumentName": "x-amz-copy-source-range", "ArgumentValue": want.range[:200]},
                    )
                length, headers["x-ms-range"] = last - first + 1, f"bytes={first}-{last}"
            answer = yield self.request("GET", self.path_of(source), headers=headers, streamed=True)
            if answer.status in (404, 412, 416):
                continue
            if answer.status not in (200, 206):
                raise self.refusal(answer)
            content = passed(answer, length, self.tools.digests, "")
            part = yield from self._put_part(upload, begun, number, content)
            release(answer.body)
            return part
        raise OperationAborted

    def list_parts(self, upload: UploadName, after: int, limit: int) -> Plan[PartsPage]:
        """A page of the parts that are sealed."""
        begun = yield from self.begun(upload)
        blocks = yield from self._alive(upload, begun)
        rest = [part for number, part in sorted(blocks.parts.items()) if number > after]
        shown = [info_of_part(part, begun.options.checksum_algorithm) for part in rest[: max(limit, 0)]]
        return PartsPage(begun.info(upload), shown, shown[-1].number if shown and len(rest) > len(shown) else 0)

    def complete(self, upload: UploadName, options: CompleteOptions) -> Plan[Stored]:
        """Put Block List of the named parts' blocks; the answer to a repetition is read off the blob."""
        begun = yield from self.begun(upload)
        name = name_of(upload)
        for _ in range(ATTEMPTS):
            blocks = yield from self._blocks(upload, begun)
            if blocks is None:
                return (yield from self._repeated(upload, begun, options))
            infos = {
                number: info_of_part(part, begun.options.checksum_algorithm) for number, part in blocks.parts.items()
            }
            parts = chosen(infos, options, self.part_minimum)
            sums = checksum_of(begun.info(upload), parts, options, self.tools.digests)
            ids = [block for part in parts for block in blocks.parts[part.number].ids]
            if len(ids) > COMMITTED:
                raise InvalidRequest(f"Azure's blobs have at most {COMMITTED} blocks.")
            tag = multipart([part.etag for part in parts])
            put = begun.options.put
            facts = Facts(put.owner, tag, sums, begun.options.checksum_type, begun.nonce.hex())
            guard = yield from self.guard(name, options.conditions)
            headers = put_headers(put, facts, self.place.tier) | guard
            try:
                answer = yield self.commit(name, ids, headers)
            except BackendError:
                # Whether it was carried out is not known: the blob tells.
                if (done := (yield from self._made(upload, begun, tag))) is None:
                    raise
                return stored_of(done)
            if answer.status == 201:
                size = sum(part.size for part in parts)
                return _stored(answer, tag, size, sums, begun.options.checksum_type)
            if guard and self.is_lost(answer):
                if "if-none-match" in guard:
                    raise PreconditionFailed(fields={"Condition": "If-None-Match"})
                continue
            error = self.refusal(answer)
            if not isinstance(error, InvalidPart):
                raise error
            # The blocks vanished since they were listed: somebody committed something else, or this very upload.
        raise ConditionalRequestConflict

    def _made(self, upload: UploadName, begun: Begun, tag: str) -> Plan[Blob | None]:
        """The blob, when it is what this upload made."""
        blob = yield from self.look(name_of(upload))
        return blob if blob and blob.upload == begun.nonce.hex() and blob.info.etag == tag else None

    def _repeated(self, upload: UploadName, begun: Begun, options: CompleteOptions) -> Plan[Stored]:
        """The same answer once more. Raises: NoSuchUpload, PreconditionFailed."""
        _tag_of(upload, options)
        return self.repeated(upload, begun, options, (yield from self.look(name_of(upload))))

    def repeated(self, upload: UploadName, begun: Begun, options: CompleteOptions, blob: Blob | None) -> Stored:
        """The answer of an upload that is over, when it made the blob that is there. Raises: as `_repeated`."""
        tag = _tag_of(upload, options)
        if blob is None or blob.upload != begun.nonce.hex() or blob.info.etag != tag:
            if blob is not None and options.conditions.if_none_match is not None:
                raise PreconditionFailed(fields={"Condition": "If-None-Match"})
            raise gone(upload)
        return stored_of(blob)

    def abort(self, upload: UploadName) -> Plan[None]:
        """A second mark: Azure removes uncommitted blocks only by itself, after a week."""
        begun = yield from self.begun(upload)
        yield from self._alive(upload, begun)
        yield from self.put_block(name_of(upload), mark(begun.nonce, ABORTED, begun.started_ms), MARK)


def _tag_of(upload: UploadName, options: CompleteOptions) -> str:
    """The ETag of what the named parts made. Raises: NoSuchUpload when they have none."""
    try:
        return multipart([part.etag for part in options.parts])
    except ValueError:
        raise gone(upload) from None


def info_of_part(part: Part, algorithm: str) -> PartInfo:
    """A part as clients know it; `algorithm` empty: without a checksum."""
    sums: Mapping[str, str] = NO_HEADERS
    if algorithm:
        value = part.checksum[: ALGORITHMS[algorithm].length]
        sums = {algorithm: base64.b64encode(value).decode()}
    return PartInfo(part.number, part.size, part.md5.hex(), part.at_ms, sums)


def _stored(answer: HttpAnswer, tag: str, size: int, sums: Mapping[str, str], kind: str) -> Stored:
    return Stored(tag, modified_of(answer.headers.get("last-modified")), size, sums, kind if sums else "")


def stored_of(blob: Blob) -> Stored:
    """What made a blob, as it would have been told then."""
    info = blob.info
    return Stored(info.etag, info.modified_ms, info.size, info.checksums, info.checksum_type)

"""How do clients send parts to Azure themselves, with nothing in their hands but a URL?

The parts of such an upload are blocks of a blob of its own beside the key (`own_blob`), and a URL gives leave to write
that blob alone. Complete commits the blocks there, looks at what that made, and copies just that, by Azure's own ETag,
to the key, under the conditions that were asked for. So whatever the holder of a URL writes, and whenever, nothing
reaches the key but a whole of the lengths that were judged. Copy Blob was taken, and not Put Block From URL: one
request whatever the size, it keeps the blocks and so the numbers of parts, and the one can be proven.
"""

import contextlib

from bucketport.backends.memory_parts import chosen
from bucketport.backends.remote.azure.answers import (
    Blob,
    Facts,
    blob_of,
    check_options,
    metadata_headers,
    native_headers,
    put_headers,
    tags_header,
)
from bucketport.backends.remote.azure.blocks import BEGUN, COMMITTED, NONCE, Blocks, Kind
from bucketport.backends.remote.azure.bodies import Slices
from bucketport.backends.remote.azure.copying import SOURCE_LOST, Copying, copy_status
from bucketport.backends.remote.azure.multipart import MARK, WATCHED, Multipart, gone, info_of_part, name_of, stored_of
from bucketport.backends.remote.azure.own_blob import Ids, OwnBlocks, own_name, part_of
from bucketport.backends.remote.azure.reading import ATTEMPTS, block_rows
from bucketport.backends.remote.azure.sas import write_query
from bucketport.backends.remote.azure.tiers import STANDARD, tier_of
from bucketport.backends.remote.azure.upload_id import DIRECT, Begun, seal, unseal
from bucketport.backends.remote.credentials_azure import AzureKey, SharedKey
from bucketport.backends.remote.dialect import Plan
from bucketport.backends.remote.s3.answers import modified_of
from bucketport.backends.remote.upload import Upload
from bucketport.errors import (
    BackendError,
    ConditionalRequestConflict,
    EntityTooLarge,
    InvalidPart,
    InvalidRequest,
    NoSuchKey,
    NotImplemented,
    S3Error,
    Trouble,
)
from bucketport.message import HttpRequest
from bucketport.model import ObjectName, PartInfo, Stored, UploadName
from bucketport.options import CompleteOptions, UploadOptions
from bucketport.record import record
from bucketport.wire.conditions import check_write
from bucketport.wire.etag import multipart


@record
class _Whole:
    """What an upload is to become: its parts, ETag and Azure's headers for it."""

    parts: list[PartInfo]
    ids: list[str]
    tag: str
    facts: Facts

    @property
    def size(self) -> int:
        return sum(part.size for part in self.parts)


class Direct(Copying, Multipart):
    """Uploads in parts, those of clients that send to Azure itself among them."""

    def create_upload(self, name: ObjectName, options: UploadOptions) -> Plan[UploadName]:
        """As any other, but at a blob of its own where clients send the parts."""
        if not options.direct:
            return (yield from super().create_upload(name, options))
        check_options(options.put)
        if options.checksum_algorithm:
            raise NotImplemented("Azure tells no checksum of what clients send to it.")
        begun = Begun(self.tools.entropy(NONCE), int(self.tools.now() * 1000), options)
        put_headers(options.put, Facts(options.put.owner), self.place.tier)
        own = own_name(name, begun)
        yield from self.put_block(own, self._ids(own, begun).of(Kind.MARK, BEGUN), MARK)
        return UploadName(name.bucket, name.key, seal(begun, self.real(name), self.tools.secret))

    def presign_part(
        self, upload: UploadName, number: int, seconds: int, key: AzureKey | None, now: float
    ) -> HttpRequest:
        """Put Block with a shared access signature. Whether the upload is still there is not told to who uses it.

        Raises: NoSuchUpload for an id that was not made here, InvalidRequest for an upload that was not begun for it,
        NotImplemented without the account's key.
        """
        begun = unseal(upload.upload_id, self.real(name_of(upload)), self.tools.secret)
        if not begun.options.direct:
            raise InvalidRequest("This upload was not begun for parts that clients send to the storage itself.")
        if not isinstance(key, SharedKey):
            raise NotImplemented("Only an account's key can give others leave, and this bucket has none.")
        own = own_name(name_of(upload), begun)
        block = self._ids(own, begun).of(Kind.DATA, number)
        request = self.request("PUT", self.path(own), {"comp": "block", "blockid": block})
        leave = write_query(self.real(own), key, self.place.endpoint.scheme, seconds, now)
        return HttpRequest("PUT", request.endpoint, request.path, f"{request.query}&{leave}")

    def _ids(self, own: ObjectName, begun: Begun) -> Ids:
        return Ids(self.real(own), begun.nonce, self.tools.secret)

    # What has arrived

    def _blocks(self, upload: UploadName, begun: Begun) -> Plan[Blocks | None]:
        if not begun.options.direct:
            return (yield from super()._blocks(upload, begun))
        found = yield from self._own(own_name(name_of(upload), begun), begun)
        return found if found is not None and found.alive else None

    def _own(self, own: ObjectName, begun: Begun) -> Plan[OwnBlocks | None]:
        """What there is at an upload's own blob, also of one that is over; None: nothing."""
        answer = yield self.block_list(own, "all")
        if answer.status == 200:
            rows = [list(block_rows(answer, kind)) for kind in ("CommittedBlocks", "UncommittedBlocks")]
            return OwnBlocks(self._ids(own, begun), begun.started_ms, *rows)
        error = self.refusal(answer)
        if isinstance(error, NoSuchKey):
            return None
        if self.code_of(answer) == "InvalidBlobType":
            return OwnBlocks(self._ids(own, begun), begun.started_ms, (), ())
        raise error

    def _put_part(self, upload: UploadName, begun: Begun, number: int, content: Upload) -> Plan[PartInfo]:
        """A part that comes through us is the same block. An empty one is a mark."""
        if not begun.options.direct:
            return (yield from super()._put_part(upload, begun, number, content))
        own = own_name(name_of(upload), begun)
        ids = self._ids(own, begun)
        if content.length > self.block_limit:
            raise EntityTooLarge(fields={"MaxSizeAllowed": str(self.block_limit)})
        block = ids.of(Kind.DATA if content.length else Kind.SEAL, number)
        if content.length:
            body = Slices(content).take(content.length) if content.data is None else content.data
            yield from self.put_block(own, block, body, content.promised.md5)
        else:
            yield from self.put_block(own, block, MARK)
        if number <= WATCHED or number % WATCHED == 0:
            yield from self._alive(upload, begun)
        return info_of_part(part_of(number, content.length, begun.started_ms, block), "")

    # The end

    def complete(self, upload: UploadName, options: CompleteOptions) -> Plan[Stored]:
        """Commit the blocks where they are, copy that to the key, remove it. Each step can be repeated."""
        if not upload.upload_id.startswith(DIRECT):
            return (yield from super().complete(upload, options))
        begun = yield from self.begun(upload)
        name, own = name_of(upload), own_name(name_of(upload), begun)
        for _ in range(ATTEMPTS):
            blocks = yield from self._blocks(upload, begun)
            there, state = yield from self._look(name)
            if blocks is None:
                return self.repeated(upload, begun, options, there if state == "success" else None)
            whole = self._whole(begun, options, blocks)
            if there is not None and there.upload == begun.nonce.hex() and there.info.etag == whole.tag:
                if state == "success":
                    yield from self._clear(own)
                    return stored_of(there)
                if state == "pending":
                    raise _under_way()
                # A copy of ours that never ended well stands there, and nobody's object.
                guard = {"if-match": there.tag}
            else:
                check_write(options.conditions, there.info if there else None)
                guard = yield from self.guard(name, options.conditions)
            made = yield from self._move(name, own, begun, whole, guard)
            if made is not None:
                yield from self._clear(own)
                return made
        raise ConditionalRequestConflict

    def _whole(self, begun: Begun, options: CompleteOptions, blocks: Blocks) -> _Whole:
        """What the named parts make. Raises: as `chosen`; InvalidRequest."""
        infos = {number: info_of_part(part, "") for number, part in blocks.parts.items()}
        parts = chosen(infos, options, self.part_minimum)
        ids = [block for part in parts for block in blocks.parts[part.number].ids]
        if len(ids) > COMMITTED:
            raise InvalidRequest(f"Azure's blobs have at most {COMMITTED} blocks.")
        tag = multipart([part.etag for part in parts])
        return _Whole(parts, ids, tag, Facts(begun.options.put.owner, tag, upload=begun.nonce.hex()))

    def _look(self, name: ObjectName) -> Plan[tuple[Blob | None, str]]:
        """What is at the key, and how the copy stands that made it."""
        answer = yield self.blob("HEAD", name)
        if copy_status(answer) == "pending":
            answer = yield from self.followed(name, answer)
        if answer.status == 200:
            return blob_of(name.key, answer, self.place.tier), copy_status(answer)
        error = self.refusal(answer)
        if isinstance(error, NoSuchKey):
            return None, ""
        raise error

    def _move(
        self, name: ObjectName, own: ObjectName, begun: Begun, whole: _Whole, guard: dict[str, str]
    ) -> Plan[Stored | None]:
        """Make the object at the key; None when something changed on the way, so that it is to be judged again."""
        put = begun.options.put
        if not whole.ids:
            answer = yield self.commit(name, [], put_headers(put, whole.facts, self.place.tier) | guard)
        else:
            fixed = yield from self._fix(own, begun, whole)
            if not fixed:
                return None
            headers = metadata_headers(put.headers, put.storage_class, whole.facts) | guard
            if put.tags:
                headers["x-ms-tags"] = tags_header(put.tags)
            if tier := tier_of(put.storage_class, self.place.tier):
                headers["x-ms-access-tier"] = tier
            answer = yield self.copying(self.real(own), fixed, name, headers)
        if self.is_lost(answer) or self.code_of(answer) in SOURCE_LOST:
            return None
        if answer.status not in (201, 202):
            raise self.refusal(answer)
        answer = yield from self.followed(name, answer)
        if copy_status(answer) == "pending":
            raise _under_way()
        if copy_status(answer) != "success":
            # What it left at the key has no content. It is told from an object if this does not remove it.
            yield self.blob("DELETE", name, {"if-match": answer.headers.get("etag", "")})
            raise BackendError(Trouble.UNEXPECTED, f"the backend's copy ended as {copy_status(answer)[:40]}")
        return Stored(whole.tag, modified_of(answer.headers.get("last-modified")), whole.size)

    def _fix(self, own: ObjectName, begun: Begun, whole: _Whole) -> Plan[str]:
        """Commit the blocks at the upload's own blob; Azure's ETag of it, empty when it is not what it has to be.

        A block may be sent anew until this very moment, by who has leave: what counts is what this made.
        """
        headers = native_headers(begun.options.put.headers)
        # In no tier where removing it soon costs a fee.
        if tier := tier_of(STANDARD, self.place.tier):
            headers["x-ms-access-tier"] = tier
        answer = yield self.commit(own, whole.ids, headers, "Latest")
        if answer.status != 201:
            error = self.refusal(answer)
            if isinstance(error, InvalidPart):
                return ""
            raise error
        tag = answer.headers.get("etag", "")
        answer = yield self.blob("HEAD", own, {"if-match": tag})
        if answer.status in (404, 412):
            return ""
        if answer.status != 200:
            raise self.refusal(answer)
        made = blob_of(own.key, answer, self.place.tier)
        return made.tag if made.tag == tag and made.info.size == whole.size else ""

    def abort(self, upload: UploadName) -> Plan[None]:
        """Remove the upload's own blob, and the blocks that wait there with it."""
        if not upload.upload_id.startswith(DIRECT):
            yield from super().abort(upload)
            return
        begun = yield from self.begun(upload)
        own = own_name(name_of(upload), begun)
        blocks = yield from self._own(own, begun)
        if blocks is None:
            raise gone(upload)
        if blocks.put:
            # What was not committed cannot be removed; a commit of nothing discards it, unless it is refused.
            yield self.commit(own, [], {})
        yield from self._remove(own)
        if not blocks.alive:
            raise gone(upload)

    def _clear(self, own: ObjectName) -> Plan[None]:
        """As `_remove`, once the object is there: what cannot be removed (a container of immutable blobs) stays."""
        with contextlib.suppress(S3Error):
            yield from self._remove(own)

    def _remove(self, own: ObjectName) -> Plan[None]:
        """Delete an upload's own blob with whatever its clients have hung on it: snapshots, a lease."""
        how = {"x-ms-delete-snapshots": "include"}
        answer = yield self.blob("DELETE", own, how)
        if answer.status in (409, 412) and self.code_of(answer) in ("LeaseIdMissing", "LeaseLost"):
            yield self.blob("PUT", own, {"x-ms-lease-action": "break", "x-ms-lease-break-period": "0"}, "lease")
            answer = yield self.blob("DELETE", own, how)
        if answer.status not in (200, 202, 404):
            raise self.refusal(answer)


def _under_way() -> BackendError:
    return BackendError(Trouble.TIMEOUT, "the backend's copy is under way yet", retry_after=5)

"""How does an object get from one backend to another? Natively within an account, else streamed through here.

Streamed copies hold a few pieces at a time. Above `WHOLE` bytes they go by parts, each read by a range of the very
version that the copy began with, so a part that fails is repeated alone. What the source says of its checksum is
compared before anything becomes visible, and an upload that fails is given up: nothing is left.
"""

import base64
import os
from collections.abc import AsyncIterator, Sequence

from bucketport.errors import BackendError, InvalidArgument, NotModified, PreconditionFailed, S3Error, Trouble
from bucketport.message import FileSpans, ResponseBody, Stream, release
from bucketport.model import Found, ObjectInfo, ObjectName, Offer, PartInfo, Promised, Sealed, Stored, UploadName
from bucketport.mounts import Located
from bucketport.options import (
    CompleteOptions,
    CopyOptions,
    PutOptions,
    ReadConditions,
    UploadOptions,
    Want,
)
from bucketport.ports import Digests, Hasher, StoreBackend
from bucketport.record import record
from bucketport.wire import checksums
from bucketport.wire.ranges import parse_copy_range

WHOLE = 64 << 20
"""Bytes up to which a copy is one PUT."""

PART = 32 << 20
"""Bytes of a part, unless 10,000 of them would not do."""

ATTEMPTS = 3
"""Times that a part is tried."""

_PIECE = 256 << 10


class Passed:
    """What one backend reads as the content that another stores: a `ports.Content`.

    `algorithm` and `expected` (base64) are the source's own checksum, empty where it has none.
    """

    def __init__(self, body: ResponseBody, length: int, digests: Digests, algorithm: str, expected: str) -> None:
        self.length: int | None = length
        self.promised = Promised(algorithm=algorithm, value=expected)
        self._length, self._seen = length, 0
        self._pieces = pieces_of(body)
        self._digests = digests
        self._md5: Hasher | None = digests.new("MD5")
        self._checks: dict[str, Hasher] = {}
        if algorithm:
            self.also(algorithm)

    def forgo_md5(self) -> None:
        """Spare the MD5."""
        self._md5 = None

    def also(self, algorithm: str) -> None:
        """Compute this checksum too."""
        self._checks.setdefault(algorithm, self._digests.new(algorithm))

    async def pull(self) -> bytes:
        """The next bytes. Raises: BackendError when the source breaks off."""
        return await anext(self._pieces, b"")

    def accept(self, raw: bytes) -> Sequence[bytes | memoryview]:
        """The same bytes, counted and taken into the digests."""
        self._seen += len(raw)
        if self._md5 is not None:
            self._md5.update(raw)
        for check in self._checks.values():
            check.update(raw)
        return (raw,)

    def finish(self) -> Sealed:
        """Raises: BackendError when the source was shorter or other than it said."""
        if self._seen != self._length:
            raise BackendError(Trouble.BROKEN_OFF, f"a copy's source gave {self._seen} of {self._length} bytes")
        values = {name: base64.b64encode(check.digest()).decode() for name, check in self._checks.items()}
        said = self.promised
        if said.value and values[said.algorithm] != said.value:
            raise BackendError(Trouble.CORRUPT, f"a copy's source has another {said.algorithm} than it says")
        return Sealed(self._seen, self._md5.digest() if self._md5 is not None else b"", values)


async def pieces_of(body: ResponseBody) -> AsyncIterator[bytes]:
    """A body's bytes, whatever holds them. Raises: BackendError."""
    if isinstance(body, bytes):
        if body:
            yield body
    elif isinstance(body, Stream):
        async for piece in body.chunks:
            if piece:
                yield piece
    elif isinstance(body, FileSpans):
        for path, start, stop in body.spans:
            with open(path, "rb") as file:  # noqa: ASYNC230  # pieces of 256 KiB, read inline as the server does
                at = start
                while at < stop:
                    piece = os.pread(file.fileno(), min(_PIECE, stop - at), at)
                    if not piece:
                        raise BackendError(Trouble.CORRUPT, f"{path} is shorter than it should be")
                    at += len(piece)
                    yield piece
    else:
        raise BackendError(Trouble.UNEXPECTED, "a runtime's own stream cannot be copied")


def account_of(backend: StoreBackend) -> str:
    """What tells whether two backends can copy natively from one to the other."""
    account: str = getattr(backend, "account", "") or f"object {id(backend)}"
    return account


@record
class Source:
    """What is copied: an object of a backend, and what of it is wanted under which conditions."""

    backend: StoreBackend
    name: ObjectName
    want: Want

    @property
    def real(self) -> ObjectName:
        """The object by its name in the account."""
        real = getattr(self.backend, "real", None)
        found: ObjectName = real(self.name) if real is not None else self.name
        return found


class Copier:
    """`mounts.Copier` for all the backends of a process."""

    def __init__(self, digests: Digests) -> None:
        self._digests = digests

    async def copy(self, source: Located, want: Want, target: Located, options: CopyOptions) -> Stored:
        """As `mounts.Copier`."""
        origin = Source(source.backend, source.name, want)
        return await copy(origin, target.backend, target.name, options, digests=self._digests)

    async def copy_part(
        self, source: Located, want: Want, target: StoreBackend, upload: UploadName, number: int
    ) -> PartInfo:
        """As `mounts.Copier`."""
        return await copy_part(Source(source.backend, source.name, want), target, upload, number, digests=self._digests)


async def copy(
    source: Source, target: StoreBackend, name: ObjectName, options: CopyOptions, *, digests: Digests
) -> Stored:
    """Copy natively where both are in one account, else streamed. Raises: as `CopyBackend.copy`."""
    if source.backend is target and Offer.COPY in target.offers:
        return await target.copy(source.name, source.want, name, options)
    if account_of(source.backend) == account_of(target) and Offer.COPY in target.offers:
        native = getattr(target, "copy_real", target.copy)
        stored: Stored = await native(source.real, source.want, name, options)
        return stored
    return await stream_copy(source, target, name, options, digests=digests)


async def copy_part(
    source: Source, target: StoreBackend, upload: UploadName, number: int, *, digests: Digests
) -> PartInfo:
    """Make a part natively where both are in one account, else streamed. Raises: as `MultipartBackend.copy_part`."""
    want = source.want
    if source.backend is target:
        return await target.copy_part(upload, number, source.name, want)
    if account_of(source.backend) == account_of(target):
        native = getattr(target, "copy_part_real", target.copy_part)
        part: PartInfo = await native(upload, number, source.real, want)
        return part
    found = await _read(source.backend, source.name, want)
    try:
        length = found.info.size if found.span is None else found.span.length
        if want.range is not None:
            _check_range(want.range, found)
        algorithm, value = _checksum(found.info) if found.span is None else ("", "")
        content = Passed(found.body, length, digests, algorithm, value)
        return await target.put_part(upload, number, content)
    finally:
        release(found.body)


def _check_range(text: str, found: Found) -> None:
    """A part's range has to lie within the source, where a read's may go beyond it."""
    first, last = parse_copy_range(text)
    if found.span is None or (found.span.start, found.span.stop) != (first, last + 1):
        raise InvalidArgument(
            f"Range specified is not valid for source object of size: {found.info.size}",
            fields={"ArgumentName": "x-amz-copy-source-range", "ArgumentValue": text[:200]},
        )


async def _read(backend: StoreBackend, name: ObjectName, want: Want) -> Found:
    """Read a copy's source. Raises: PreconditionFailed, also where a read would be told 304."""
    try:
        return await backend.get(name, want)
    except NotModified as same:
        raise PreconditionFailed(fields={"Condition": "x-amz-copy-source-If-None-Match"}) from same


def _checksum(info: ObjectInfo) -> tuple[str, str]:
    """The source's checksum over its whole content, if it has one."""
    for algorithm, value in info.checksums.items():
        if info.checksum_type != "COMPOSITE" and "-" not in value:
            return algorithm, value
    return "", ""


async def stream_copy(
    source: Source, target: StoreBackend, name: ObjectName, options: CopyOptions, *, digests: Digests
) -> Stored:
    """Copy by reading and writing, in constant memory; nothing is left when it fails.

    Raises: S3Error as `CopyBackend.copy`; BackendError, also when the source is not what its checksum says.
    """
    want = source.want
    whole = Want(want.version, conditions=want.conditions, extra=want.extra)
    found = await _read(source.backend, source.name, whole)
    try:
        info = found.info
        how = await _put_options(source, info, options)
        algorithm, value = _checksum(info)
        if options.checksum_algorithm and options.checksum_algorithm != algorithm:
            algorithm, value = options.checksum_algorithm, ""
        if info.size <= WHOLE or Offer.MULTIPART not in target.offers:
            content = Passed(found.body, info.size, digests, algorithm, value)
            stored = await target.put(name, content, how)
            return _of_source(stored, info)
    finally:
        release(found.body)
    return _of_source(await _Parts(source, info, target, digests).copy(name, how, options), info)


def _of_source(stored: Stored, info: ObjectInfo) -> Stored:
    """The answer names the version that was read."""
    return Stored(
        stored.etag, stored.modified_ms, info.size, stored.checksums, stored.checksum_type, stored.version_id,
        info.version_id, stored.extra,
    )  # fmt: skip


async def _put_options(source: Source, info: ObjectInfo, options: CopyOptions) -> PutOptions:
    """What the copy is stored with: the source's headers and tags unless others were given."""
    tags = options.tags
    if tags is None:
        tagged = info.tags_count and Offer.TAGS in source.backend.offers
        tags = await source.backend.tags(source.name, info.version_id) if tagged else {}
    headers = info.headers if options.headers is None else options.headers
    return PutOptions(
        options.owner, headers, options.storage_class, options.acl, tags, options.conditions, options.extra
    )


class _Parts:
    """A copy by parts."""

    def __init__(self, source: Source, info: ObjectInfo, target: StoreBackend, digests: Digests) -> None:
        self._source, self._info, self._target, self._digests = source, info, target, digests
        algorithm, value = _checksum(info)
        combines = bool(algorithm) and checksums.ALGORITHMS[algorithm].polynomial != 0
        self._algorithm, self._value = (algorithm, value) if combines else ("", "")

    async def copy(self, name: ObjectName, how: PutOptions, options: CopyOptions) -> Stored:
        """Begin an upload, send the parts, compare, complete; or give it up."""
        kind = checksums.FULL_OBJECT if self._algorithm else ""
        asked = options.checksum_algorithm
        begin = UploadOptions(how, self._algorithm, kind)
        if asked and asked != self._algorithm:
            begin = UploadOptions(how, asked, checksums.default_type(asked))
        upload = await self._target.create_upload(name, begin)
        try:
            sent = await self._send(upload, begin.checksum_algorithm)
            self._compare(sent)
            parts = [part for part, _ in sent]
            whole = CompleteOptions(parts, options.conditions, {}, begin.checksum_type, self._info.size)
            return await self._target.complete(upload, whole)
        except BaseException:
            await self._give_up(upload)
            raise

    async def _give_up(self, upload: UploadName) -> None:
        try:
            await self._target.abort(upload)
        except (S3Error, BackendError):
            # The first failure is the one to tell; an upload that cannot be aborted now is not visible either.
            return

    async def _send(self, upload: UploadName, algorithm: str) -> list[tuple[PartInfo, str]]:
        """Every part, and its checksum of the source's algorithm (empty: not compared)."""
        size = self._info.size
        part_size = max(PART, -(-size // 10_000))
        sent = []
        for number, start in enumerate(range(0, size, part_size), start=1):
            stop = min(start + part_size, size)
            sent.append(await self._send_part(upload, number, (start, stop), algorithm))
        return sent

    async def _send_part(
        self, upload: UploadName, number: int, span: tuple[int, int], algorithm: str
    ) -> tuple[PartInfo, str]:
        start, stop = span
        want = Want(
            self._info.version_id,
            f"bytes={start}-{stop - 1}",
            conditions=ReadConditions(if_match=f'"{self._info.etag}"'),
        )
        for attempt in range(1, ATTEMPTS + 1):
            found = await self._source.backend.get(self._source.name, want)
            content = Passed(found.body, stop - start, self._digests, algorithm, "")
            if self._algorithm:
                content.also(self._algorithm)
            try:
                part = await self._target.put_part(upload, number, content)
                value = content.finish().checksums.get(self._algorithm, "")
                made = {algorithm: content.finish().checksums[algorithm]} if algorithm else {}
                return PartInfo(number, stop - start, part.etag, part.modified_ms, made), value
            except BackendError:
                if attempt == ATTEMPTS:
                    raise
            finally:
                release(found.body)
        raise AssertionError("unreachable")

    def _compare(self, sent: Sequence[tuple[PartInfo, str]]) -> None:
        """The parts together are what the source says of itself. Raises: BackendError."""
        if not self._algorithm:
            return
        made = checksums.combine(self._algorithm, [(value, part.size) for part, value in sent])
        if made != self._value:
            raise BackendError(Trouble.CORRUPT, f"a copy's source has another {self._algorithm} than it says")

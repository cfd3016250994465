"""How is an object stored in parts? Each part is in a blob at once; completing only names them.

Completing is planned from what is read (sizes, ETags, checksums are judged there) and committed when the upload's
manifest is still at the revision that was read.
"""

import asyncio
import hashlib
from collections.abc import Sequence

from bucketport.backends.store.assembly import Whole, assemble
from bucketport.backends.store.base import ATTEMPTS
from bucketport.backends.store.index.changes import AbortUpload, CompleteUpload, CreateUpload, Face, Outdated, PutPart
from bucketport.backends.store.index.columns import Row, checksums_text, map_text
from bucketport.backends.store.index.reads import upload_info
from bucketport.backends.store.index.uploads import RECORDED, recorded
from bucketport.backends.store.packing import Packing
from bucketport.backends.store.reading import part_of
from bucketport.errors import NoSuchUpload, OperationAborted
from bucketport.model import ObjectName, PartInfo, PartsPage, Stored, UploadInfo, UploadName
from bucketport.options import CompleteOptions, UploadOptions
from bucketport.ports import Content

PAGE = 1000
"""Parts whose rows are read in one turn of the event loop: a millisecond or two."""


class Parts(Packing):
    """Multipart uploads."""

    _last_upload = (0, 0)

    async def create_upload(self, name: ObjectName, options: UploadOptions) -> UploadName:
        """Begin an upload."""
        put, now = options.put, self._now_ms()
        upload = UploadName(name.bucket, name.key, options.upload_id or self._new_upload_id(now))
        face = Face(
            0,
            "",
            now,
            put.storage_class,
            put.owner,
            options.checksum_algorithm,
            options.checksum_type,
            put.acl,
            map_text(put.headers),
            "",
            map_text(put.tags) if put.tags else None,
            len(put.tags),
        )
        await self._submit(
            CreateUpload(name.bucket, name.key.encode(), upload.upload_id, face, bool(options.upload_id))
        )
        return upload

    def _new_upload_id(self, now_ms: int) -> str:
        """An id whose order is the order of beginnings."""
        last, count = self._last_upload
        self._last_upload = (max(now_ms, last), count + 1 if now_ms <= last else 0)
        return f"{self._last_upload[0]:012x}{self._last_upload[1]:06x}{self._entropy(12).hex()}"

    async def upload(self, upload: UploadName) -> UploadInfo:
        """Raises: NoSuchUpload."""
        return self._upload(upload)

    def _upload(self, upload: UploadName) -> UploadInfo:
        return upload_info(upload, self._read.upload(upload))

    async def put_part(self, upload: UploadName, number: int, content: Content) -> PartInfo:
        """Store a part; a number used before is replaced."""
        algorithm = self._upload(upload).checksum_algorithm
        if algorithm:
            content.also(algorithm)
        taken = await self._take(content, self._settings.inline_bytes)
        sealed, now = taken.sealed, self._now_ms()
        checksums = sealed.checksums
        part = PartInfo(number, sealed.size, sealed.md5.hex(), now, checksums)
        names = (upload.bucket, upload.key.encode(), upload.upload_id)
        change = PutPart(*names, number, part.size, part.etag, now, checksums_text(checksums), taken.blob)
        if taken.content:
            await self._pack(change, taken.content)
        else:
            await self._submit(change, self._undo(taken.blob))
        return part

    async def list_parts(self, upload: UploadName, after: int, limit: int) -> PartsPage:
        """Parts with a number above `after`."""
        row = self._read.upload(upload)
        info = upload_info(upload, row)
        if limit <= 0:
            return PartsPage(info, [])
        rows = self._read.parts(row[0], after, limit + 1)
        parts = [part_of(part) for part in rows[:limit]]
        return PartsPage(info, parts, parts[-1].number if len(rows) > limit else 0)

    async def complete(self, upload: UploadName, options: CompleteOptions) -> Stored:
        """Make the object. Repeating it with the same parts answers the same.

        Raises: InvalidPart, InvalidPartOrder, EntityTooSmall, BadDigest, PreconditionFailed, NoSuchUpload.
        """
        named = await self._in_thread(lambda: _named(options.parts))
        for _ in range(ATTEMPTS):
            try:
                row = self._read.upload(upload)
            except NoSuchUpload:
                return self._recorded(upload, named)
            change = await self._plan(upload, options, row, named)
            try:
                stored: Stored = await self._submit(change)
                return stored
            except Outdated:
                continue
        raise OperationAborted

    async def _plan(self, upload: UploadName, options: CompleteOptions, row: Row, named: str) -> CompleteUpload:
        rows = await self._every_part(row[0])
        info, minimum, digests = upload_info(upload, row), self._settings.part_minimum, self._digests

        def judge() -> Whole:
            return assemble(info, {part[0]: part_of(part) for part in rows}, options, minimum, digests.new)

        whole = await self._in_thread(judge)
        face = Face(
            whole.size,
            whole.etag,
            self._now_ms(),
            info.storage_class,
            info.owner,
            whole.checksum_algorithm,
            whole.checksum_type,
            row[6],
            row[7] if options.headers is None else map_text(options.headers),
            checksums_text(whole.checksums),
            row[8],
            row[9],
            len(options.parts),
        )
        numbers = [part.number for part in options.parts]
        names = (upload.bucket, upload.key.encode(), upload.upload_id)
        dedup = self._dedups(upload.bucket)
        return CompleteUpload(*names, named, numbers, row[10], face, options.conditions, options.loose, dedup)

    async def _every_part(self, manifest: int) -> list[Row]:
        """All parts' rows, a page at each turn of the event loop: what changes meanwhile fails by its revision."""
        rows: list[Row] = []
        while page := self._read.parts(manifest, rows[-1][0] if rows else 0, PAGE):
            rows += page
            if len(page) < PAGE:
                break
            await asyncio.sleep(0)
        return rows

    def _recorded(self, upload: UploadName, named: str) -> Stored:
        """The answer that was given before. Raises: NoSuchUpload when it was another one, or none."""
        values = (upload.upload_id, self._read.bucket_number(upload.bucket), upload.key.encode())
        rows = self._read.rows(RECORDED, values)
        stored = recorded(rows[0] if rows else None, named)
        if stored is None:
            raise NoSuchUpload(fields={"UploadId": upload.upload_id[:200]})
        return stored

    async def abort(self, upload: UploadName) -> None:
        """Raises: NoSuchUpload."""
        await self._submit(AbortUpload(upload.bucket, upload.key.encode(), upload.upload_id))


def _named(parts: Sequence[PartInfo]) -> str:
    """What tells this list of parts from every other."""
    text = "\n".join(f"{part.number} {part.etag}" for part in parts)
    return hashlib.sha256(text.encode()).hexdigest()

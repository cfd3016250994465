"""How is an object, or a part of one, made from another? By sharing blobs; bytes move only where a digest is wanted.

What was read to plan a copy is compared again inside the commit; when the source changed meanwhile, all is done anew.
"""

from bucketport.backends.store.base import ATTEMPTS
from bucketport.backends.store.index.changes import CopyObject, CopyPart, Outdated
from bucketport.backends.store.index.columns import BLOB, ID, Row, checksums_text, info_of, map_text
from bucketport.backends.store.parts import Parts
from bucketport.backends.store.reading import Reading
from bucketport.backends.store.reread import Reread
from bucketport.errors import InvalidArgument, NoSuchVersion, OperationAborted
from bucketport.message import release
from bucketport.model import ObjectInfo, ObjectName, PartInfo, Span, Stored, UploadName
from bucketport.options import CopyOptions, Want
from bucketport.wire.conditions import check_copy
from bucketport.wire.ranges import parse_copy_range


class Copying(Parts, Reading):
    """CopyObject and UploadPartCopy."""

    async def copy(self, source: ObjectName, want: Want, name: ObjectName, options: CopyOptions) -> Stored:
        """Copy the wanted version under its read conditions; `want.range` is not used."""
        for _ in range(ATTEMPTS):
            checksums, expected = await self._wanted_checksum(source, want, options.checksum_algorithm)
            change = CopyObject(
                source.bucket,
                source.key.encode(),
                want.version,
                want.conditions,
                name.bucket,
                name.key.encode(),
                self._now_ms(),
                options.owner,
                options.acl,
                options.storage_class,
                None if options.headers is None else map_text(options.headers),
                map_text(options.tags) if options.tags else None,
                options.tags is not None,
                len(options.tags or ()),
                checksums,
                options.checksum_algorithm if checksums else "",
                expected,
                options.conditions,
            )
            try:
                stored: Stored = await self._submit(change)
                return stored
            except Outdated:
                continue
        raise OperationAborted

    async def _wanted_checksum(self, source: ObjectName, want: Want, algorithm: str) -> tuple[str, int | None]:
        """The checksum that the copy is to have and the source does not, and the row it was computed from."""
        if not algorithm:
            return "", None
        row = self._read.get(source.bucket, source.key)
        info = self._source(source, want, row)
        if algorithm in info.checksums and info.checksum_type != "COMPOSITE":
            return checksums_text({algorithm: info.checksums[algorithm]}), row[ID]
        body = await self._body(source, row, None)
        try:
            reread = Reread(body, self._shelf.files, self._digests, self._threads)
            reread.also(algorithm)
            sealed = await reread.digest()
        finally:
            release(body)
        return checksums_text(sealed.checksums), row[ID]

    def _source(self, source: ObjectName, want: Want, row: Row) -> ObjectInfo:
        if want.version is not None and want.version != "null":
            raise NoSuchVersion(fields={"Key": source.key, "VersionId": want.version[:200]})
        info = info_of(source.key, row)
        check_copy(want.conditions, info)
        return info

    async def copy_part(self, upload: UploadName, number: int, source: ObjectName, want: Want) -> PartInfo:
        """Make a part of an object or of a range of it (`want.range`, `bytes=first-last`), under read conditions.

        Raises: InvalidArgument when the range is not within the source.
        """
        algorithm = self._upload(upload).checksum_algorithm
        row = self._read.get(source.bucket, source.key)
        info = self._source(source, want, row)
        span = _copy_span(want.range, info.size)
        if span is None and _is_a_part(row, info, algorithm):
            checksums = {algorithm: info.checksums[algorithm]} if algorithm else {}
            part = PartInfo(number, info.size, info.etag, self._now_ms(), checksums)
            if await self._share(upload, part, source, row[ID], want):
                return part
        body = await self._body(source, row, span)
        try:
            reread = Reread(body, self._shelf.files, self._digests, self._threads)
            return await self.put_part(upload, number, reread)
        finally:
            release(body)

    async def _share(self, upload: UploadName, part: PartInfo, source: ObjectName, expected: int, want: Want) -> bool:
        """Whether the source's blob became the part; not when the source is another row by now."""
        change = CopyPart(
            upload.bucket,
            upload.key.encode(),
            upload.upload_id,
            part.number,
            part.modified_ms,
            checksums_text(part.checksums),
            source.bucket,
            source.key.encode(),
            expected,
            want.conditions,
        )
        try:
            await self._submit(change)
        except Outdated:
            return False
        return True


def _copy_span(text: str | None, size: int) -> Span | None:
    if text is None:
        return None
    first, last = parse_copy_range(text)
    if last >= size:
        raise InvalidArgument(
            f"Range specified is not valid for source object of size: {size}",
            fields={"ArgumentName": "x-amz-copy-source-range", "ArgumentValue": text[:200]},
        )
    return Span(first, last + 1, size)


def _is_a_part(row: Row, info: ObjectInfo, algorithm: str) -> bool:
    """Whether the source's blob can serve as it is: its ETag is the MD5, and it has the checksum that is wanted."""
    if row[BLOB] is None or info.parts_count or "-" in info.etag:
        return False
    return not algorithm or algorithm in info.checksums

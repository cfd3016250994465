"""How is an object read? A row, the span that is wanted, and a handle to its bytes."""

import functools

from bucketport.backends.store.base import Base
from bucketport.backends.store.blobs.check import Suspect, check_blob
from bucketport.backends.store.blobs.segments import SEGMENT, count
from bucketport.backends.store.index.columns import BLOB, CONTENT, MANIFEST, PARTS_COUNT, Row, checksums_of, info_of
from bucketport.backends.store.trouble import of_os_error, vanished
from bucketport.errors import BackendError, InvalidPartNumber, NoSuchVersion, Trouble
from bucketport.message import FileSpans, ResponseBody
from bucketport.model import Attributes, Found, ObjectInfo, ObjectName, PartInfo, Span
from bucketport.options import UNCONDITIONAL, WHOLE, Want
from bucketport.wire.conditions import check_read
from bucketport.wire.ranges import select

LOOKED_AT = 16
"""Files of an object whose presence is checked before its head is sent; beyond, a missing one breaks the connection."""

Places = list[tuple[int, int, int, int]]
"""(blob, start in it, stop in it, its size) of the bytes of a span, in order."""


class Reading(Base):
    """GET, HEAD and attributes."""

    async def get(self, name: ObjectName, want: Want) -> Found:
        """The object with a handle to the wanted bytes. Raises: NotModified, PreconditionFailed, InvalidRange."""
        row = self._read.get(name.bucket, name.key)
        info = info_of(name.key, row)
        if want is WHOLE or want == WHOLE:
            if row[CONTENT] is not None or not row[0]:
                return Found(info, row[CONTENT] or b"")
            return Found(info, await self._files(name, row, None))
        span = self._judge(info, row, want)
        return Found(info, await self._body(name, row, span), span, self._part(row, want))

    async def head(self, name: ObjectName, want: Want) -> Found:
        """As `get`, with an empty body."""
        row = self._read.head(name.bucket, name.key)
        info = info_of(name.key, row)
        return Found(info, b"", self._judge(info, row, want), self._part(row, want))

    def _judge(self, info: ObjectInfo, row: Row, want: Want) -> Span | None:
        """Version, conditions, and the span that a range or a part's number selects."""
        if want.version is not None and want.version != "null":
            raise NoSuchVersion(fields={"Key": info.key, "VersionId": want.version[:200]})
        if want.conditions is not UNCONDITIONAL:
            check_read(want.conditions, info)
        if want.part_number is not None:
            return self._part_span(info, row, want.part_number)
        return select(want.range, info.size)

    def _part_span(self, info: ObjectInfo, row: Row, number: int) -> Span | None:
        if not row[PARTS_COUNT]:
            if number != 1:
                raise InvalidPartNumber
            return Span(0, info.size, info.size) if info.size else None
        part = self._read.part(row[MANIFEST], number)
        if part is None:
            raise InvalidPartNumber
        return Span(part[5], part[5] + part[1], info.size)

    def _part(self, row: Row, want: Want) -> PartInfo | None:
        """What is known of the part that was asked for, once `_judge` found it."""
        if want.part_number is None or not row[PARTS_COUNT]:
            return None
        part = self._read.part(row[MANIFEST], want.part_number)
        return part_of(part) if part is not None else None

    async def _body(self, name: ObjectName, row: Row, span: Span | None) -> ResponseBody:
        """A handle to the bytes of a row that `Reader.get` gave just now."""
        if row[CONTENT] is None and (row[BLOB] is not None or row[MANIFEST] is not None):
            return await self._files(name, row, span)
        content: bytes = row[CONTENT] or b""
        return content if span is None else content[span.start : span.stop]

    async def _files(self, name: ObjectName, row: Row, span: Span | None) -> ResponseBody:
        """A handle to the files of a row that was read just now, held until it is released."""
        places = self._places(name, row, span)
        release = self._leases.take([place[0] for place in places])
        path = self._shelf.path
        try:
            for blob, _, _, size in places[:LOOKED_AT]:
                if self._shelf.files.size(path(blob)) != size:
                    raise vanished(path(blob), size)
            if self._settings.verify_reads:
                await self._verify(places)
        except BaseException as error:
            release()
            if isinstance(error, OSError):
                raise of_os_error(error, self._shelf.root) from error
            if isinstance(error, BackendError):
                self._log(f"{name.bucket}/{name.key}: {error}")
            raise
        spans = [(path(blob), start, stop) for blob, start, stop, _ in places]
        return FileSpans(
            spans, release, lambda bad: self._log(f"{name.bucket}/{name.key}: {bad}: missing or too short")
        )

    def _places(self, name: ObjectName, row: Row, span: Span | None) -> Places:
        """Where the bytes of a span lie.

        Row and parts are read apart, but on one turn of the event loop: the parts of an object that was removed between
        the two are still there, because the janitor takes manifests apart on a later turn.
        """
        first, stop = (0, row[0]) if span is None else (span.start, span.stop)
        if row[BLOB] is not None:
            return [(row[BLOB], first, stop, row[0])]
        places = self._manifest_places(row[MANIFEST], first, stop, row[0])
        if sum(place[2] - place[1] for place in places) != stop - first:
            raise BackendError(Trouble.CORRUPT, f"manifest {row[MANIFEST]} of {name.bucket}/{name.key} has holes")
        return places

    def _manifest_places(self, manifest: int, first: int, stop: int, size: int) -> Places:
        """As `_places`, of a manifest's content.

        What holds it, and the parts there, are read apart too: parts lose their blobs only on a later turn than the one
        that made the manifest name other content.
        """
        held, holder = self._read.holder(manifest)
        if held is not None:
            return [(held, first, stop, size)]
        places = []
        for blob, start, length, at, whole in self._read.spans(holder, first, stop):
            if start + length > first and length:
                places.append((blob, at + max(first - start, 0), at + min(stop - start, length), whole))
        return places

    async def _verify(self, places: Places) -> None:
        """Compare all segments that a read touches with their CRCs. Raises: BackendError."""
        suspects = [
            Suspect(self._shelf.path(blob), size, self._read.crcs(blob) or b"", start // SEGMENT, count(stop))
            for blob, start, stop, size in places
        ]
        for suspect in suspects:
            await self._in_thread(functools.partial(check_blob, self._shelf.files, self._digests, suspect))

    async def attributes(self, name: ObjectName, version: str | None, after: int, limit: int) -> Attributes:
        """The object and a page of its parts."""
        row = self._read.head(name.bucket, name.key)
        info = info_of(name.key, row)
        self._judge(info, row, Want(version))
        if not row[PARTS_COUNT] or limit <= 0:
            return Attributes(info)
        rows = self._read.parts(row[MANIFEST], after, limit + 1)
        parts = [part_of(part) for part in rows[:limit]]
        return Attributes(info, parts, parts[-1].number if len(rows) > limit else 0)


def part_of(row: Row) -> PartInfo:
    """The part of a row that `Reader.part` or `Reader.parts` gave."""
    return PartInfo(row[0], row[1], row[2], row[3], checksums_of(row[4]))

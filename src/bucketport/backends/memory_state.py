"""What does the memory backend hold? Buckets of objects and uploads, and what follows from one of them alone."""

import bisect
from collections.abc import Mapping, Sequence

from bucketport.errors import InvalidArgument, InvalidPartNumber, NoSuchVersion
from bucketport.model import (
    BucketInfo,
    Deleted,
    Entry,
    ObjectInfo,
    PartInfo,
    Sealed,
    Span,
    Stored,
    UploadEntry,
    UploadInfo,
)
from bucketport.options import DeleteItem, PutOptions
from bucketport.ports import Content
from bucketport.record import record
from bucketport.wire import conditions, ranges

REMEMBERED = 10_000
"""Completed uploads of a bucket whose answer can be repeated; each is some hundred bytes."""


@record
class Object:
    """An object; `parts` is empty unless it was uploaded in parts."""

    info: ObjectInfo
    content: bytes
    tags: Mapping[str, str]
    parts: tuple[PartInfo, ...] = ()


@record
class Upload:
    """An upload under way: its parts by number, with their content."""

    info: UploadInfo
    options: PutOptions
    parts: dict[int, tuple[PartInfo, bytes]]


class Bucket:
    """A bucket's objects (and their keys in order), its uploads by id, and the answers to those that were completed."""

    def __init__(self, info: BucketInfo) -> None:
        self.info = info
        self.keys: list[str] = []
        self.objects: dict[str, Object] = {}
        self.uploads: dict[str, Upload] = {}
        self.completed: dict[str, tuple[object, Stored]] = {}

    def current(self, key: str) -> ObjectInfo | None:
        """The object that is there, for a condition to be judged by."""
        found = self.objects.get(key)
        return found.info if found else None

    def set(self, made: Object) -> Stored:
        """Make it the current object of its key."""
        info = made.info
        if info.key not in self.objects:
            bisect.insort(self.keys, info.key)
        self.objects[info.key] = made
        return Stored(info.etag, info.modified_ms, info.size, info.checksums, info.checksum_type)

    def remove(self, item: DeleteItem) -> Deleted:
        """Raises: NoSuchVersion, NoSuchKey, PreconditionFailed."""
        check_version(item.key, item.version)
        conditions.check_write(item.conditions, self.current(item.key))
        if self.objects.pop(item.key, None) is not None:
            del self.keys[bisect.bisect_left(self.keys, item.key)]
        return Deleted(item.version)


async def take(content: Content) -> tuple[bytes, Sealed]:
    """All of the content, once it has passed its checks."""
    pieces: list[bytes | memoryview] = []
    while raw := await content.pull():
        pieces.extend(content.accept(raw))
    sealed = content.finish()
    return b"".join(pieces), sealed


def check_version(key: str, version: str | None) -> None:
    """Where nothing was ever versioned, an object is its own only version, `null`."""
    if version not in (None, "null"):
        raise NoSuchVersion(fields={"Key": key, "VersionId": str(version)[:200]})


def part_span(found: Object, number: int) -> Span | None:
    """The bytes of a part; an object that was not uploaded in parts is its own first one."""
    size = found.info.size
    if not found.parts and number == 1:
        return Span(0, size, size) if size else None
    start = 0
    for part in found.parts:
        if part.number == number:
            return Span(start, start + part.size, size)
        start += part.size
    raise InvalidPartNumber


def part_of(found: Object, number: int | None) -> PartInfo | None:
    """What is known of a part; None where none was asked for or the object has none."""
    return next((part for part in found.parts if part.number == number), None)


def part_page(parts: Sequence[PartInfo], after: int, limit: int) -> tuple[list[PartInfo], int]:
    """Up to `limit` parts with a number above `after`, and the last one's when more follow, else 0."""
    rest = [part for part in parts if part.number > after]
    shown = rest[: max(limit, 0)]
    return shown, shown[-1].number if shown and len(rest) > len(shown) else 0


def cut(content: bytes, asked: str | None) -> bytes:
    """What a copied part takes of its source."""
    if asked is None:
        return content
    first, last = ranges.parse_copy_range(asked)
    if last >= len(content):
        raise InvalidArgument(
            f"Range specified is not valid for source object of size: {len(content)}",
            fields={"ArgumentName": "x-amz-copy-source-range", "ArgumentValue": asked[:200]},
        )
    return content[first : last + 1]


def entry(info: ObjectInfo) -> Entry:
    """An object as a listing shows it."""
    algorithm = next(iter(info.checksums), "")
    return Entry(
        info.key, info.size, info.etag, info.modified_ms, info.storage_class, info.owner, algorithm, info.checksum_type
    )


def upload_entry(info: UploadInfo) -> UploadEntry:
    """An upload as a listing shows it."""
    upload = info.upload
    return UploadEntry(
        upload.key, upload.upload_id, info.started_ms, info.owner, info.storage_class, info.checksum_algorithm,
        info.checksum_type,
    )  # fmt: skip

"""How do an object's values become columns, and a row an object?

Maps are texts: headers and tags as JSON, checksums as `ALGORITHM:value` words. Most objects have the same few headers,
so decoded ones are remembered; nobody may change a map that came from here.
"""

import functools
import json
from collections.abc import Mapping
from typing import Any, cast

from bucketport.model import NO_HEADERS, ObjectInfo

Row = tuple[Any, ...]

INFO = (
    "size, etag, modified_ms, storage_class, owner, checksum_algorithm, checksum_type, acl, headers, checksums, tags, "
    "tags_count, parts_count, version_id, id, blob, manifest, inline"
)
"""The columns of an object's row after bucket and key: `info_of` takes a row that begins with them."""

TAGS, PARTS_COUNT, VERSION_ID, ID, BLOB, MANIFEST, INLINE, CONTENT = 10, 12, 13, 14, 15, 16, 17, 18
"""Places in such a row; `CONTENT` is there where the inline content was asked for."""

_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@functools.lru_cache(maxsize=1024)
def _encoded(pairs: tuple[tuple[str, str], ...]) -> str:
    return _json(dict(pairs))


def map_text(values: Mapping[str, str]) -> str:
    """A map as JSON."""
    if len(values) == 1:
        return _encoded(tuple(values.items()))
    return _json(dict(values))


@functools.lru_cache(maxsize=1024)
def map_of(text: str) -> Mapping[str, str]:
    """The map that `map_text` wrote. Not to be changed: it is shared."""
    return cast(Mapping[str, str], json.loads(text))


def checksums_text(values: Mapping[str, str]) -> str:
    """Checksums as words."""
    return " ".join([f"{name}:{value}" for name, value in values.items()])


def checksums_of(text: str) -> Mapping[str, str]:
    """The checksums that `checksums_text` wrote."""
    if not text:
        return NO_HEADERS
    return dict([tuple(word.split(":", 1)) for word in text.split(" ")])  # type: ignore[misc]


def info_of(key: str, row: Row) -> ObjectInfo:
    """The object of a row that begins with the columns of `INFO`."""
    checksums = row[9]
    return ObjectInfo(
        key,
        row[0],
        row[1],
        row[2],
        map_of(row[8]),
        row[4],
        row[3],
        row[7],
        checksums_of(checksums) if checksums else NO_HEADERS,
        row[6],
        row[12],
        row[11],
        row[13],
    )

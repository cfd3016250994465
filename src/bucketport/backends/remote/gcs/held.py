"""What of S3 has Google no place for? It is kept in the object's own metadata, under two reserved names, as JSON.

The first entry is written with the object; the second holds what is known only later (a checksum that came as a
trailer, the parts of an upload, new tags), so that writing it needs no reading: a patch adds a name and leaves the
others. Where both speak of a thing the second is right. Everything is ASCII, so that both APIs carry it unchanged.
"""

import base64
import binascii
import functools
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bucketport.errors import InvalidArgument, InvalidStorageClass, MetadataTooLarge
from bucketport.model import NO_HEADERS, PartInfo
from bucketport.record import record
from bucketport.wire.headers import META, decode_metadata, encode_metadata

FIRST, LATER = "bucketport-held", "bucketport-later"
"""The reserved names; Google's headers carry them as `x-goog-meta-bucketport-held`."""

METADATA_BYTES = 8192
"""How many bytes an object's metadata may have there, names and values together, ours included.
Source: https://cloud.google.com/storage/quotas#objects (checked 2026-11)"""

CLASSES: Mapping[str, str] = {
    "STANDARD": "",
    "REDUCED_REDUNDANCY": "STANDARD",
    "INTELLIGENT_TIERING": "STANDARD",
    "STANDARD_IA": "NEARLINE",
    "ONEZONE_IA": "NEARLINE",
    "GLACIER_IR": "COLDLINE",
    "GLACIER": "ARCHIVE",
    "DEEP_ARCHIVE": "ARCHIVE",
}
"""S3's storage class to Google's; empty: the bucket's default. Every class of Google's is readable at once."""

_SHOWN: Mapping[str, str] = {"NEARLINE": "STANDARD_IA", "COLDLINE": "GLACIER_IR", "ARCHIVE": "GLACIER_IR"}
"""Google's class to S3's, where the object does not say what was asked for: no class that would need a restore."""


@record
class Run:
    """Parts of one size in a row: numbers `first` to `first + count - 1`, `size` bytes each."""

    first: int
    count: int
    size: int


@record
class Held:
    """What the reserved metadata says. `modified` is in seconds; `ours` tells whether there was any."""

    ours: bool = False
    owner: str = ""
    etag: str = ""
    storage_class: str = ""
    cached: bool = False
    expires: str = ""
    redirect: str = ""
    modified: int = 0
    checksum_type: str = ""
    upload: str = ""
    checksums: Mapping[str, str] = NO_HEADERS
    tags: Mapping[str, str] = NO_HEADERS
    runs: tuple[Run, ...] = ()


_TEXTS = {"o": "owner", "e": "etag", "s": "storage_class", "x": "expires", "w": "redirect", "k": "checksum_type"}
_TEXTS |= {"u": "upload"}


def write(held: Held) -> str:
    """The JSON of it, without what is empty."""
    made: dict[str, Any] = {short: getattr(held, name) for short, name in _TEXTS.items() if getattr(held, name)}
    if held.cached:
        made["cc"] = 1
    if held.modified:
        made["m"] = held.modified
    if held.checksums:
        made["c"] = dict(held.checksums)
    if held.tags:
        made["t"] = dict(held.tags)
    if held.runs:
        made["p"] = [[run.first, run.count, run.size] for run in held.runs]
    return json.dumps(made, separators=(",", ":"))


def read(metadata: Mapping[str, str]) -> Held:
    """What an object's metadata holds for us; whatever of it is no sense (somebody else wrote it) counts as absent."""
    return _read(metadata.get(FIRST), metadata.get(LATER))


@functools.lru_cache(maxsize=1024)
def _read(first: str | None, later: str | None) -> Held:
    """Kept for a while: what a page's objects hold is mostly the same, and often nothing but an owner."""
    found = {**_object(first or "{}"), **_object(later or "{}")}
    if not found and first is None:
        return NOTHING
    texts = {name: _text(found.get(short)) for short, name in _TEXTS.items()}
    modified = found.get("m")
    return Held(
        ours=True,
        cached=found.get("cc") == 1,
        modified=modified if isinstance(modified, int) and 0 < modified < 1 << 40 else 0,
        checksums=_texts(found.get("c")),
        tags=_texts(found.get("t")),
        runs=_runs(found.get("p")),
        **texts,
    )


NOTHING = Held()


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: object) -> Mapping[str, str]:
    if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
        return NO_HEADERS
    return value


def _runs(value: object) -> tuple[Run, ...]:
    if not isinstance(value, list):
        return ()
    runs = []
    for item in value:
        if not (isinstance(item, list) and len(item) == 3 and all(type(n) is int and n >= 0 for n in item)):
            return ()
        runs.append(Run(*item))
    return tuple(runs) if sum(run.count for run in runs) <= 10_000 else ()


def runs_of(parts: Iterable[PartInfo]) -> tuple[Run, ...]:
    """Parts, by runs of equal size."""
    runs: list[Run] = []
    for part in parts:
        last = runs[-1] if runs else None
        if last and last.size == part.size and last.first + last.count == part.number:
            runs[-1] = Run(last.first, last.count + 1, last.size)
        else:
            runs.append(Run(part.number, 1, part.size))
    return tuple(runs)


def parts_of(held: Held) -> Sequence[PartInfo]:
    """The parts of an object that was uploaded in parts: their numbers and sizes."""
    return [PartInfo(run.first + at, run.size, "") for run in held.runs for at in range(run.count)]


def google_class(name: str) -> str:
    """Google's storage class for S3's; empty: the bucket's default. Raises: InvalidStorageClass."""
    if name not in CLASSES:
        raise InvalidStorageClass(fields={"StorageClassRequested": name[:200]})
    return CLASSES[name]


def s3_class(google: str, held: Held) -> str:
    """S3's storage class: as it was asked for, unless the object has moved to another since."""
    asked = held.storage_class
    if asked and (not google or CLASSES.get(asked) in (google, "")):
        return asked
    return _SHOWN.get(google, "STANDARD")


def metadata_of(headers: Mapping[str, str], held: Held) -> dict[str, str]:
    """An object's metadata as Google is to keep it: the client's own and ours.

    Raises: MetadataTooLarge, InvalidArgument for one of the reserved names.
    """
    made = {name[len(META) :]: encode_metadata(value) for name, value in headers.items() if name.startswith(META)}
    for name in (FIRST, LATER):
        if name in made:
            raise InvalidArgument(
                f"The metadata name {name} is reserved here.",
                fields={"ArgumentName": META + name, "ArgumentValue": made[name][:200]},
            )
    made[FIRST] = write(held)
    check_size(made)
    return made


def check_size(metadata: Mapping[str, str]) -> None:
    """Raises: MetadataTooLarge."""
    size = sum(len(name) + len(value) for name, value in metadata.items())
    if size > METADATA_BYTES:
        raise MetadataTooLarge(
            "Your metadata and tags exceed the maximum allowed size.",
            fields={"Size": str(size), "MaxSizeAllowed": str(METADATA_BYTES)},
        )


_TOKEN = frozenset("abcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~")


def user_headers(metadata: Mapping[str, str]) -> tuple[dict[str, str], int]:
    """The client's metadata as `x-amz-meta-*` headers, and how many others cannot be a header's name."""
    made: dict[str, str] = {}
    missing = 0
    for name, value in metadata.items():
        if name in (FIRST, LATER):
            continue
        name = name.lower()
        if name and _TOKEN.issuperset(name):
            made[META + name] = decode_metadata(value)
        else:
            missing += 1
    return made, missing


def hex_md5(value: str) -> str:
    """Google's base64 MD5 in hex, as S3's ETags have it; empty where it is none."""
    try:
        digest = binascii.a2b_base64(value, strict_mode=True)
    except ValueError:
        return ""
    return digest.hex() if len(digest) == 16 else ""


def base64_md5(digest: bytes) -> str:
    """An MD5 as Google writes it."""
    return base64.b64encode(digest).decode()

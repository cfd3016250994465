"""What do Google's answers say of objects? Resources of the JSON API and headers of the XML API, as one kind of row.

An ETag is the MD5 of the content in hex, as at S3; that of an object uploaded in parts stands in the reserved metadata;
any other object without an MD5 (somebody composed it) has its generation for an ETag. Times are whole seconds, since
the XML API shows no more.
"""

import json
from collections.abc import Mapping
from typing import Any

from bucketport.backends.remote.gcs import held as helds
from bucketport.backends.remote.gcs.held import Held
from bucketport.errors import BackendError, Trouble
from bucketport.message import HttpAnswer
from bucketport.model import NO_HEADERS, ObjectInfo
from bucketport.record import record
from bucketport.wire import dates
from bucketport.wire.checksums import FULL_OBJECT
from bucketport.wire.headers import from_wire

Resource = Mapping[str, Any]
"""A resource of the JSON API, as parsed."""


def nonsense(what: str) -> BackendError:
    """The error of an answer that cannot be true."""
    return BackendError(Trouble.UNEXPECTED, f"the backend's answer makes no sense: {what}"[:500])


def resource_of(answer: HttpAnswer) -> Resource:
    """The JSON object of an answer. Raises: BackendError."""
    try:
        found = json.loads(answer.content)
    except (ValueError, RecursionError) as error:
        raise nonsense("it is no JSON") from error
    if not isinstance(found, dict):
        raise nonsense("it is no JSON object")
    return found


def text(resource: Resource, name: str) -> str:
    """A text field, empty where it is absent. Raises: BackendError when it is something else."""
    value = resource.get(name, "")
    if not isinstance(value, str):
        raise nonsense(f"{name} is no text")
    return value


def number(resource: Resource, name: str) -> int:
    """A field that is a number, which Google writes as text. Raises: BackendError."""
    value = resource.get(name)
    if type(value) is int and value >= 0:
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 20:
        return int(value)
    raise nonsense(f"{name} is no number")


def rows(resource: Resource, name: str) -> list[Resource]:
    """A field that is a list of objects, empty where it is absent. Raises: BackendError."""
    value = resource.get(name, [])
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise nonsense(f"{name} is no list of objects")
    return value


def texts(resource: Resource, name: str) -> Mapping[str, str]:
    """A field that maps names to texts. Raises: BackendError."""
    value = resource.get(name, NO_HEADERS)
    if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
        raise nonsense(f"{name} is no map of texts")
    return value


def moment(resource: Resource, name: str) -> int:
    """A time in milliseconds, cut to whole seconds. Raises: BackendError."""
    ms = dates.parse_iso(text(resource, name))
    if ms is None:
        raise nonsense(f"{name} is no time")
    return ms // 1000 * 1000


@record
class Facts:
    """What either API tells of an object. `headers` are the fixed ones by S3's names; `md5` is hex, empty: none."""

    key: str
    size: int
    generation: str
    modified_ms: int
    md5: str
    crc32c: str
    google_class: str
    headers: Mapping[str, str]
    metadata: Mapping[str, str]


_FIXED = {
    "contentType": "content-type",
    "cacheControl": "cache-control",
    "contentDisposition": "content-disposition",
    "contentEncoding": "content-encoding",
    "contentLanguage": "content-language",
}
"""Google's names for what has a field of its own there."""


def fixed_fields(headers: Mapping[str, str]) -> dict[str, str]:
    """An object's headers as fields of a resource."""
    return {field: headers[name] for field, name in _FIXED.items() if headers.get(name)}


def facts_of(resource: Resource) -> Facts:
    """The facts in an object's resource. Raises: BackendError."""
    return Facts(
        text(resource, "name"),
        number(resource, "size"),
        str(number(resource, "generation")),
        moment(resource, "updated" if "updated" in resource else "timeCreated"),
        helds.hex_md5(text(resource, "md5Hash")),
        text(resource, "crc32c"),
        text(resource, "storageClass"),
        {name: text(resource, field) for field, name in _FIXED.items() if resource.get(field)},
        texts(resource, "metadata"),
    )


_META = "x-goog-meta-"


def facts_in(key: str, answer: HttpAnswer) -> Facts:
    """The facts in the headers of a read by the XML API. Raises: BackendError."""
    headers = answer.headers
    sums = dict(pair.strip().partition("=")[::2] for pair in headers.get("x-goog-hash", "").split(","))
    generation = headers.get("x-goog-generation", "")
    seconds = dates.parse_http_date(headers.get("last-modified", ""))
    size = headers.get("x-goog-stored-content-length", "")
    if seconds is None or not _is_number(generation) or not _is_number(size):
        raise nonsense("a read without generation, length or time")
    encoding = headers.get("x-goog-stored-content-encoding", "identity")
    fixed = {name: from_wire(headers[name]) for name in _FIXED.values() if headers.get(name)}
    fixed.pop("content-encoding", None)
    if encoding != "identity":
        fixed["content-encoding"] = from_wire(encoding)
    metadata = {name[len(_META) :]: value for name, value in headers.items() if name.startswith(_META)}
    if not helds.read(metadata).cached and helds.FIRST in metadata:
        # Google makes one up for an object that has none.
        fixed.pop("cache-control", None)
    return Facts(
        key,
        int(size),
        generation,
        seconds * 1000,
        helds.hex_md5(sums.get("md5", "")),
        sums.get("crc32c", ""),
        headers.get("x-goog-storage-class", ""),
        fixed,
        metadata,
    )


def _is_number(value: str) -> bool:
    return value.isascii() and value.isdigit() and len(value) <= 20


def etag_of(facts: Facts, held: Held) -> str:
    """The object's ETag here."""
    return held.etag or facts.md5 or f"{int(facts.generation):x}-g"


def checksums_of(facts: Facts, held: Held) -> tuple[Mapping[str, str], str]:
    """Its checksums and their type: what the client asked for, else the CRC32C that Google has of everything."""
    if held.checksums:
        return held.checksums, held.checksum_type or FULL_OBJECT
    if facts.crc32c:
        return {"CRC32C": facts.crc32c}, FULL_OBJECT
    return NO_HEADERS, ""


def info_of(facts: Facts) -> ObjectInfo:
    """The object as everybody here knows it. Its version is its generation."""
    held = helds.read(facts.metadata)
    headers = dict(facts.headers)
    if held.expires:
        headers["expires"] = held.expires
    if held.redirect:
        headers["x-amz-website-redirect-location"] = held.redirect
    user, missing = helds.user_headers(facts.metadata)
    headers.update(user)
    checksums, kind = checksums_of(facts, held)
    return ObjectInfo(
        facts.key,
        facts.size,
        etag_of(facts, held),
        held.modified * 1000 or facts.modified_ms,
        headers,
        held.owner,
        helds.s3_class(facts.google_class, held),
        checksums=checksums,
        checksum_type=kind,
        parts_count=sum(run.count for run in held.runs),
        tags_count=len(held.tags),
        version_id=facts.generation,
        extra={"x-amz-missing-meta": str(missing)} if missing else NO_HEADERS,
    )

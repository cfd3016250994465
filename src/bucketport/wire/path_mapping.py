"""Which bucket do several leading segments of a path name together? `/acme/data/report.csv` may be `report.csv` in
`acme:data`.

To its clients the first segments are the bucket and the rest begins every key; inside it is one bucket with short keys.
Requests are mapped on the way in (path, list prefix, markers, copy source) and names put back on the way out (`Shown`).
What was signed is the path as sent, so this comes after the signature.
"""

import dataclasses
from collections.abc import Mapping

from bucketport.errors import NoSuchBucket
from bucketport.message import Request
from bucketport.record import record
from bucketport.wire.address import Address, Level, copy_source
from bucketport.wire.query import encode, encode_key

_COPY_SOURCE = "x-amz-copy-source"
_POSITIONS = ("marker", "start-after", "key-marker")


@record
class PathMapping:
    """`segments` leading segments form the bucket, joined by `separator`; `shown_segments` of them show as its name."""

    segments: int
    separator: str = ":"
    shown_segments: int = 1


@record
class Shown:
    """What a client sees: the bucket's name (empty: as it is), and what stands before every key."""

    bucket: str = ""
    prefix: str = ""


AS_IT_IS = Shown()


@record
class Mapped:
    """A request as it is meant inside, and the names to answer with."""

    request: Request
    address: Address
    query: Mapping[str, str]
    shown: Shown


def apply(mapping: PathMapping, request: Request, address: Address, query: Mapping[str, str]) -> Mapped:
    """Map a request's names. Raises: NoSuchBucket when path and list prefix name fewer segments than a bucket has."""
    if address.level is Level.SERVICE or address.virtual:
        return Mapped(request, address, query, AS_IT_IS)
    inner, shown, rest = _names(mapping, address.bucket, address.key)
    if rest is None:
        inner, shown, prefix = _names(mapping, address.bucket, query.get("prefix", ""))
        if prefix is None:
            raise NoSuchBucket(fields={"BucketName": address.bucket})
        taken = query.get("prefix", "")[: len(query.get("prefix", "")) - len(prefix)]
        moved = {name: query[name].removeprefix(taken) for name in _POSITIONS if name in query}
        query = {**query, "prefix": prefix, **moved}
        rest = ""
    level = Level.OBJECT if rest else Level.BUCKET
    if _COPY_SOURCE in request.headers:
        request = _map_source(mapping, request)
    return Mapped(request, Address(level, inner, rest, False), query, shown)


def _names(mapping: PathMapping, bucket: str, path: str) -> tuple[str, Shown, str | None]:
    """(bucket inside, what is shown, what of `path` remains), or None as the last when segments are missing."""
    wanted = mapping.segments - 1
    parts = path.split("/", wanted) if wanted else [path]
    segments, rest = [bucket, *parts[:wanted]], parts[wanted] if len(parts) > wanted else ""
    if len(segments) < mapping.segments or not all(segments):
        return "", AS_IT_IS, None
    shown, hidden = segments[: mapping.shown_segments], segments[mapping.shown_segments :]
    return (
        mapping.separator.join(segments),
        Shown("/".join(shown), "".join(segment + "/" for segment in hidden)),
        rest,
    )


def _map_source(mapping: PathMapping, request: Request) -> Request:
    source, version = copy_source(request.headers[_COPY_SOURCE])
    inner, _, rest = _names(mapping, source.bucket, source.key)
    if not rest:
        raise NoSuchBucket(fields={"BucketName": source.bucket})
    text = f"/{encode(inner)}/{encode_key(rest)}" + ("" if version is None else f"?versionId={encode(version)}")
    return dataclasses.replace(request, headers={**request.headers, _COPY_SOURCE: text})

"""How is an object read under S3's ranges and conditions? Azure knows neither its ETags nor suffix ranges.

One request wherever it may do: a range that names its start goes out with the GET, and conditions that mostly hold are
judged by the answer's head. Else a HEAD comes first, and the GET is bound to what that saw by Azure's own ETag.
"""

from collections.abc import Iterable, Mapping
from xml.etree import ElementTree

from bucketport.backends.remote.azure.answers import Blob, blob_of, nonsense
from bucketport.backends.remote.azure.blocks import committed_parts
from bucketport.backends.remote.azure.requests import Requests
from bucketport.backends.remote.dialect import Plan
from bucketport.backends.remote.s3.answers import span_of
from bucketport.errors import (
    BackendError,
    InvalidPartNumber,
    InvalidRange,
    NoSuchKey,
    NoSuchVersion,
    OperationAborted,
)
from bucketport.message import HttpAnswer, HttpRequest, release
from bucketport.model import Attributes, Found, ObjectInfo, ObjectName, PartInfo, Span
from bucketport.options import ReadConditions, Want
from bucketport.wire import ranges
from bucketport.wire.conditions import check_read

ATTEMPTS = 3
"""How often a call begins anew because the blob was overwritten under it."""

_FAR = 1 << 62
_BLOCKS = 64 << 20
"""Bytes of a list of blocks: 100,000 uncommitted ones have some 15 MiB."""


def check_version(name: ObjectName, version: str | None) -> None:
    """An object is its own only version, `null`. Raises: NoSuchVersion."""
    if version not in (None, "null"):
        raise NoSuchVersion(fields={"Key": name.key, "VersionId": str(version)[:200]})


def plain_range(header: str | None) -> tuple[str, bool]:
    """A Range header as Azure takes it (empty: none), and whether the size has to be known first.

    What S3 ignores is ignored here; suffixes and what no object can satisfy are not for Azure to judge.
    """
    if header is None:
        return "", False
    try:
        span = ranges.select(header, _FAR)
    except InvalidRange:
        return "", True
    if span is None:
        return "", False
    if header.partition("=")[2].strip().startswith("-"):
        return "", True
    return f"bytes={span.start}-{'' if span.stop == _FAR else span.stop - 1}", False


def mostly_fails(given: ReadConditions) -> bool:
    """Whether a condition asks if anything is new: mostly there is nothing, so a HEAD does."""
    return given.if_none_match is not None or given.if_modified_since is not None


class Reading(Requests):
    """GET, HEAD, and what is known of parts."""

    def look(self, name: ObjectName) -> Plan[Blob | None]:
        """The blob as it is now; None where there is none. Raises: NoSuchBucket."""
        answer = yield self.blob("HEAD", name)
        if answer.status == 200:
            return blob_of(name.key, answer, self.place.tier)
        error = self.refusal(answer)
        if isinstance(error, NoSuchKey):
            return None
        raise error

    def find(self, name: ObjectName) -> Plan[Blob]:
        """As `look`. Raises: NoSuchKey."""
        blob = yield from self.look(name)
        if blob is None:
            raise NoSuchKey(fields={"Key": name.key})
        return blob

    def head(self, name: ObjectName, want: Want) -> Plan[Found]:
        """Get Blob Properties."""
        blob = yield from self.find(name)
        check_version(name, want.version)
        check_read(want.conditions, blob.info)
        return Found(blob.info, b"", (yield from self._span(name, want, blob)))

    def get(self, name: ObjectName, want: Want) -> Plan[Found]:
        """Get Blob."""
        check_version(name, want.version)
        asked, needs_size = plain_range(want.range)
        if needs_size or want.part_number is not None or mostly_fails(want.conditions):
            return (yield from self._get_known(name, want))
        answer = yield self._get(name, {"x-ms-range": asked} if asked else {})
        if answer.status == 416 or (answer.status == 206 and not _has_range(answer)):
            release(answer.body)
            return (yield from self._get_known(name, want))
        blob = self.read(name, answer)
        check_read(want.conditions, blob.info)
        return Found(blob.info, answer.body, span_of(answer) if answer.status == 206 else None)

    def _get_known(self, name: ObjectName, want: Want) -> Plan[Found]:
        """Read what a HEAD saw: conditions and the range are judged by it."""
        for _ in range(ATTEMPTS):
            blob = yield from self.find(name)
            check_read(want.conditions, blob.info)
            span = yield from self._span(name, want, blob)
            headers = {"if-match": blob.tag}
            if span is not None and span.length < span.size:
                headers["x-ms-range"] = f"bytes={span.start}-{span.stop - 1}"
            answer = yield self._get(name, headers)
            if answer.status not in (404, 412, 416):
                return Found(self.read(name, answer).info, answer.body, span)
        raise OperationAborted

    def _get(self, name: ObjectName, headers: dict[str, str]) -> HttpRequest:
        return self.request("GET", self.path(name), headers=headers, streamed=True)

    def read(self, name: ObjectName, answer: HttpAnswer) -> Blob:
        """The blob that an answer speaks of. Raises: what the answer says instead."""
        if answer.status not in (200, 206):
            raise self.refusal(answer)
        return blob_of(name.key, answer, self.place.tier)

    def _span(self, name: ObjectName, want: Want, blob: Blob) -> Plan[Span | None]:
        """The span that is wanted of a blob. Raises: InvalidRange, InvalidPartNumber."""
        info = blob.info
        if want.part_number is None:
            return ranges.select(want.range, info.size)
        if not info.parts_count:
            if want.part_number != 1:
                raise InvalidPartNumber
            return Span(0, info.size, info.size) if info.size else None
        start = 0
        for number, size in (yield from self._parts(name, info)):
            if number == want.part_number:
                return Span(start, start + size, info.size)
            start += size
        raise InvalidPartNumber

    def _parts(self, name: ObjectName, info: ObjectInfo) -> Plan[list[tuple[int, int]]]:
        """(number, size) of the parts that an object was made of; none where its blocks do not tell."""
        if not info.parts_count:
            return []
        answer = yield self.block_list(name, "committed")
        if answer.status != 200:
            raise self.refusal(answer)
        found = committed_parts(block_rows(answer, "CommittedBlocks"))
        return found if sum(size for _, size in found) == info.size else []

    def attributes(self, name: ObjectName, version: str | None, after: int, limit: int) -> Plan[Attributes]:
        """The object; its parts have numbers and sizes, their ETags and checksums are not kept."""
        blob = yield from self.find(name)
        check_version(name, version)
        parts = yield from self._parts(name, blob.info)
        rest = [PartInfo(number, size, "") for number, size in parts if number > after]
        shown = rest[: max(limit, 0)]
        return Attributes(blob.info, shown, shown[-1].number if shown and len(rest) > len(shown) else 0)

    def block_list(self, name: ObjectName, kind: str) -> HttpRequest:
        """Get Block List."""
        request = self.request("GET", self.path(name), {"comp": "blocklist", "blocklisttype": kind})
        return HttpRequest(request.method, request.endpoint, request.path, request.query, answer_limit=_BLOCKS)

    def tags(self, name: ObjectName, version: str | None) -> Plan[Mapping[str, str]]:
        """Get Blob Tags."""
        check_version(name, version)
        answer = yield self.blob("GET", name, comp="tags")
        if answer.status != 200:
            raise self.refusal(answer)
        return read_tags(answer)


def _has_range(answer: HttpAnswer) -> bool:
    """Whether a 206 says what it holds: an emulator gives one of nothing where the service gives 416."""
    try:
        span_of(answer)
    except BackendError:
        return False
    return True


def read_tags(answer: HttpAnswer) -> dict[str, str]:
    """The tags that an answer lists."""
    return {row.findtext("Key") or "": row.findtext("Value") or "" for row in tree_of(answer, "Tags").iter("Tag")}


def block_rows(answer: HttpAnswer, kind: str) -> Iterable[tuple[str, int]]:
    """(id, size) of the blocks under CommittedBlocks or UncommittedBlocks."""
    for node in tree_of(answer, "BlockList").iterfind(f"{kind}/Block"):
        size = node.findtext("Size") or ""
        if not (size.isascii() and size.isdigit()):
            raise nonsense("a block without a size")
        yield (node.findtext("Name") or "").strip(), int(size)


def tree_of(answer: HttpAnswer, root: str) -> ElementTree.Element:
    """The XML of an answer. No document type is taken, so there are no entities to grow. Raises: BackendError."""
    data = answer.content
    if b"<!DOCTYPE" in data[:4096]:
        raise nonsense("XML with a document type")
    try:
        tree = ElementTree.fromstring(data)  # noqa: S314
    except ElementTree.ParseError:
        raise nonsense(f"no XML: {data[:100]!r}") from None
    if tree.tag != root:
        raise nonsense(f"{tree.tag} is not {root}")
    return tree

"""What do S3's answers say? Headers to an ObjectInfo, small XML to nodes; anything that is none of it is trouble."""

import functools
import re

from bucketport.errors import BackendError, MalformedXML, Trouble
from bucketport.message import HttpAnswer
from bucketport.model import NO_HEADERS, ObjectInfo, Span
from bucketport.wire import dates, etag
from bucketport.wire.checksums import ALGORITHMS
from bucketport.wire.headers import decode_metadata, from_wire, without_aws_chunked
from bucketport.wire.xml import Node, parse

_META = "x-amz-meta-"

_STORED = frozenset(
    {
        "content-type",
        "cache-control",
        "content-disposition",
        "content-language",
        "expires",
        "x-amz-website-redirect-location",
    }
)

_CHECKSUMS = {row.header: name for name, row in ALGORITHMS.items()}

_READ_ELSEWHERE = frozenset(
    {
        "x-amz-storage-class",
        "x-amz-tagging-count",
        "x-amz-version-id",
        "x-amz-delete-marker",
        "x-amz-mp-parts-count",
        "x-amz-checksum-type",
        "x-amz-request-id",
        "x-amz-id-2",
        "x-amz-bucket-region",
        "x-amz-copy-source-version-id",
    }
)
"""x-amz-* headers that are modelled, or that speak of the backend's own request."""

_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})", re.ASCII)


def nonsense(what: str) -> BackendError:
    """An answer that S3 would not give."""
    return BackendError(Trouble.UNEXPECTED, f"the backend's answer makes no sense: {what[:200]}")


def info_of(key: str, answer: HttpAnswer) -> ObjectInfo:
    """The object that an answer to a GET or a HEAD speaks of. Raises: BackendError."""
    headers = answer.headers
    stored: dict[str, str] = {}
    checksums: dict[str, str] = {}
    extra: dict[str, str] = {}
    for name, value in headers.items():
        if name in _STORED:
            stored[name] = value if value.isascii() else from_wire(value)
        elif name.startswith("x-amz-"):
            if name.startswith(_META):
                stored[name] = decode_metadata(value)
            elif name in _CHECKSUMS:
                checksums[_CHECKSUMS[name]] = value
            elif name not in _READ_ELSEWHERE:
                extra[name] = value
        elif name == "content-encoding":
            coding = without_aws_chunked(value)
            if coding:
                stored[name] = coding
    tag = etag.unquote(headers.get("etag", ""))
    return ObjectInfo(
        key,
        size_of(answer),
        tag,
        modified_of(headers.get("last-modified")),
        stored,
        "",
        headers.get("x-amz-storage-class", "STANDARD"),
        "private",
        checksums or NO_HEADERS,
        headers.get("x-amz-checksum-type", "") or checksum_type(checksums),
        parts_count(headers.get("x-amz-mp-parts-count"), tag),
        number(headers.get("x-amz-tagging-count", "0")),
        headers.get("x-amz-version-id"),
        headers.get("x-amz-delete-marker") == "true",
        extra or NO_HEADERS,
    )


def checksum_type(checksums: dict[str, str]) -> str:
    """What a value tells of its own type: a composite one ends in `-N`."""
    if not checksums:
        return ""
    return "COMPOSITE" if any("-" in value for value in checksums.values()) else "FULL_OBJECT"


def size_of(answer: HttpAnswer) -> int:
    """The size of the whole object. Raises: BackendError when the answer does not say."""
    if answer.status == 206:
        return span_of(answer).size
    text = answer.headers.get("content-length", "")
    if not (text.isascii() and text.isdigit()):
        raise nonsense("an object without a Content-Length")
    return int(text)


def span_of(answer: HttpAnswer) -> Span:
    """What a 206 holds. Raises: BackendError."""
    found = _RANGE.fullmatch(answer.headers.get("content-range", ""))
    if not found:
        raise nonsense("a 206 without a Content-Range")
    start, last, size = int(found[1]), int(found[2]), int(found[3])
    if not start <= last < size:
        raise nonsense(f"Content-Range {found[0]}")
    return Span(start, last + 1, size)


def parts_count(header: str | None, tag: str) -> int:
    """Of how many parts an object was made; its ETag tells where no header does."""
    if header is not None:
        return number(header)
    _, mark, count = tag.rpartition("-")
    return number(count) if mark else 0


def number(text: str | None) -> int:
    """A count; 0 for what is none."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= 18 else 0


def modified_of(text: str | None) -> int:
    """A header's date in milliseconds; 0 for what is none."""
    seconds = dates.parse_http_date(text) if text else None
    return 0 if seconds is None else seconds * 1000


def moment(text: str) -> int:
    """A date in XML in milliseconds; 0 for what is none."""
    if len(text) == 24 and text[16] == ":" and text[19] == "." and text[23] == "Z":
        # As Amazon writes it: a page has a thousand of them, in few minutes.
        seconds, ms = text[17:19], text[20:23]
        if seconds.isdigit() and ms.isdigit() and seconds.isascii() and ms.isascii() and seconds < "60":
            minute = _minute(text[:16])
            return 0 if minute is None else minute + int(seconds) * 1000 + int(ms)
    return dates.parse_iso(text) or 0


@functools.lru_cache(maxsize=4096)
def _minute(text: str) -> int | None:
    """`2026-11-21T09:28` in milliseconds; None for what is none."""
    return dates.parse_iso(f"{text}:00Z")


def node_of(answer: HttpAnswer, root: str, other: str = "") -> Node:
    """The XML of an answer. `other` is another name that some store has for the root.

    Raises: BackendError when it is none, or another.
    """
    data = answer.content
    if other and b"<" + other.encode() in data[:500]:
        root = other
    try:
        return parse(data, root)
    except MalformedXML:
        if b"&#" in data:
            found = _odd_node(data, root)
            if found is not None:
                return found
        raise nonsense(f"it is not {root}: {data[:100]!r}") from None


_REFERENCE = re.compile(rb"&#(?:x([0-9A-Fa-f]{1,4})|(\d{1,5}));")
_BASES = (0xE000, 0xE400, 0xE800, 0xEC00, 0xF000)


def _odd_node(data: bytes, root: str) -> Node | None:
    """XML that speaks of keys which XML cannot hold: S3 writes their characters as references that no parser takes.

    Each is read as a character for private use that the document has not, and put back afterwards.
    """
    base = next((base for base in _BASES if chr(base).encode()[:2] not in data), None)
    if base is None:
        return None

    def stand_in(found: re.Match[bytes]) -> bytes:
        code = int(found[1], 16) if found[1] else int(found[2])
        if code < 0x20 and code not in (9, 10, 13):
            return b"&#x%X;" % (base + code)
        return b"&#x%X;" % (base + 0x20 + code - 0xFFFE) if code in (0xFFFE, 0xFFFF) else found[0]

    back = {base + code: code for code in range(0x20)} | {base + 0x20: 0xFFFE, base + 0x21: 0xFFFF}

    def put_back(node: Node) -> Node:
        return Node(node.name, node.text.translate(back), [put_back(child) for child in node.children], node.attributes)

    try:
        return put_back(parse(_REFERENCE.sub(stand_in, data), root))
    except MalformedXML:
        return None


def checksums_in(node: Node) -> dict[str, str]:
    """The Checksum* children of an element."""
    found = {}
    for child in node.children:
        name = child.name.removeprefix("Checksum")
        if name != child.name and name in ALGORITHMS and child.text.strip():
            found[name] = child.text.strip()
    return found


def checksums_of(answer: HttpAnswer) -> dict[str, str]:
    """The x-amz-checksum-* headers of an answer."""
    return {_CHECKSUMS[name]: value for name, value in answer.headers.items() if name in _CHECKSUMS}

"""Which of a request's headers are stored with an object, and which headers does an object answer with?

User metadata is text here: a value's bytes are read as UTF-8 (as latin-1 where they are none), RFC 2047 words are
decoded, and on the way back whatever is not printable ASCII is encoded so again. Answering is on the path of every
GET, hence the plain code.
"""

import binascii
import re
from collections.abc import Mapping, Sequence

from bucketport.errors import InvalidArgument, InvalidStorageClass, InvalidTag, InvalidURI, MetadataTooLarge, S3Error
from bucketport.model import ObjectInfo
from bucketport.wire import dates, query

META = "x-amz-meta-"
"""How the name of every user metadata header begins."""

METADATA_BYTES = 2048
"""How many bytes an object's user metadata may have: names without prefix and values, in UTF-8.
Source: AWS user guide, "Working with object metadata"."""

DEFAULT_CONTENT_TYPE = "binary/octet-stream"
"""The type of an object that was stored without one. Source: AWS PutObject, measured on every S3."""

_NAMES = {
    "content-type": "Content-Type",
    "cache-control": "Cache-Control",
    "content-disposition": "Content-Disposition",
    "content-encoding": "Content-Encoding",
    "content-language": "Content-Language",
    "expires": "Expires",
    "x-amz-website-redirect-location": "x-amz-website-redirect-location",
}
"""What is stored beside metadata, and how S3 writes its name in an answer."""

_FORBIDDEN = re.compile("[\r\n\0]")


def stored(headers: Mapping[str, str]) -> dict[str, str]:
    """What of a request's headers belongs to the object, as `ObjectInfo.headers` holds it.

    Raises: MetadataTooLarge; InvalidArgument for a CR, LF or NUL in a value.
    Source: AWS PutObject and user guide, "Working with object metadata"; `aws-chunked` is a framing, never stored.
    """
    kept = {"content-type": DEFAULT_CONTENT_TYPE}
    size = 0
    for name, value in headers.items():
        if name.startswith(META):
            value = _decoded(_text(name, value))
            size += len(name) - len(META) + len(value.encode())
        elif name not in _NAMES:
            continue
        else:
            value = _text(name, value)
            if name == "content-encoding":
                value = without_aws_chunked(value)
            if not value:
                continue
        kept[name] = value
    if size > METADATA_BYTES:
        raise MetadataTooLarge(fields={"Size": str(size), "MaxSizeAllowed": str(METADATA_BYTES)})
    return kept


def _text(name: str, value: str) -> str:
    """A header's latin-1 text as the text it means."""
    if _FORBIDDEN.search(value):
        raise InvalidArgument(
            "Header values must not contain CR, LF or NUL.",
            fields={"ArgumentName": name[:200], "ArgumentValue": repr(value)[:200]},
        )
    return from_wire(value)


def from_wire(value: str) -> str:
    """A header's latin-1 text as the text it means: UTF-8 where it is that. The inverse of `on_wire`."""
    if value.isascii():
        return value
    try:
        return value.encode("latin-1").decode()
    except UnicodeError:
        return value


def decode_metadata(value: str) -> str:
    """A metadata value as another S3 sends it, as the text it means. The inverse of `encode_metadata`."""
    return value if value.isascii() and "=?" not in value else _decoded(from_wire(value))


def without_aws_chunked(encoding: str) -> str:
    """A Content-Encoding without `aws-chunked`; unchanged where it has none, empty where it was nothing else."""
    if "aws-chunked" not in encoding.lower():
        return encoding
    codings = [coding.strip() for coding in encoding.split(",")]
    return ", ".join(coding for coding in codings if coding and coding.lower() != "aws-chunked")


_WORD = re.compile(r"=\?([A-Za-z0-9_-]{1,40})(?:\*[^?]*)?\?([bBqQ])\?([!-<>@-~=]*?)\?=")
_BETWEEN_WORDS = re.compile(r"(\?=)[ \t]+(?==\?[A-Za-z0-9_-]{1,40}\?[bBqQ]\?)")


def _decoded(value: str) -> str:
    """A value with its RFC 2047 words decoded; as it was when one cannot be, or would hide a CR, LF or NUL."""
    if "=?" not in value:
        return value
    try:
        text = _WORD.sub(_word, _BETWEEN_WORDS.sub(r"\1", value))
    except (LookupError, ValueError):
        return value
    return value if _FORBIDDEN.search(text) else text


def _word(found: re.Match[str]) -> str:
    charset, kind, content = found.groups()
    if charset.lower() not in ("utf-8", "us-ascii", "iso-8859-1"):
        raise LookupError(charset)
    if kind in "bB":
        return binascii.a2b_base64(content, strict_mode=True).decode(charset)
    return binascii.a2b_qp(content, header=True).decode(charset)


def encode_metadata(value: str) -> str:
    """A metadata value as it goes on the wire: itself, or one RFC 2047 word when it is not printable ASCII.

    Source: RFC 2047 section 4.1; AWS user guide, "Working with object metadata" (`=?UTF-8?B?...?=`).
    """
    if value.isascii() and (value.isprintable() or value.replace("\t", " ").isprintable()):
        return value
    return f"=?UTF-8?B?{binascii.b2a_base64(value.encode(), newline=False).decode()}?="


def on_wire(value: str) -> str:
    """A stored value (not metadata) as a header carries it: its UTF-8 bytes, as latin-1 text."""
    return value if value.isascii() else value.encode().decode("latin-1")


def answer(info: ObjectInfo) -> dict[str, str]:
    """The headers that an object answers with, in the case S3 writes them. The caller owns the dict.

    Not here: lengths, ranges, checksums, part counts; they depend on what was asked.
    Source: AWS GetObject and HeadObject, response syntax.
    """
    made = {
        "Last-Modified": dates.http_date(info.modified_ms),
        "ETag": f'"{info.etag}"',
        "Accept-Ranges": "bytes",
    }
    for name, value in info.headers.items():
        known = _NAMES.get(name)
        if known is None:
            made[name] = encode_metadata(value)
        else:
            made[known] = value if value.isascii() else on_wire(value)
    if info.storage_class != "STANDARD":
        made["x-amz-storage-class"] = info.storage_class
    if info.tags_count:
        made["x-amz-tagging-count"] = str(info.tags_count)
    if info.version_id is not None:
        made["x-amz-version-id"] = info.version_id
    if info.extra:
        made.update(info.extra)
    return made


STORAGE_CLASSES = frozenset(
    {
        "STANDARD",
        "REDUCED_REDUNDANCY",
        "STANDARD_IA",
        "ONEZONE_IA",
        "INTELLIGENT_TIERING",
        "GLACIER",
        "DEEP_ARCHIVE",
        "OUTPOSTS",
        "GLACIER_IR",
        "SNOW",
        "EXPRESS_ONEZONE",
        "FSX_OPENZFS",
        "FSX_ONTAP",
        "AWS_BACKUP_WARM",
        "AWS_BACKUP_LOW_COST_WARM",
    }
)
"""Source: the S3 service model in botocore 1.44 (StorageClass)."""


def storage_class(headers: Mapping[str, str]) -> str:
    """The storage class that a request asks for; STANDARD unless it does. Raises: InvalidStorageClass."""
    asked = headers.get("x-amz-storage-class")
    if asked is None or asked == "STANDARD":
        return "STANDARD"
    if asked not in STORAGE_CLASSES:
        raise InvalidStorageClass(fields={"StorageClassRequested": asked[:200]})
    return asked


TAGS = 10
"""How many tags an object may have. Source: AWS user guide, "Categorizing your objects using tags"."""

TAG_KEY, TAG_VALUE = 128, 256
"""How many characters a tag's key and value may have (the same source)."""


def tagging(header: str) -> dict[str, str]:
    """The tags in `x-amz-tagging`, which is written as a query string; `a` alone is `a` with an empty value.

    Raises: InvalidArgument where it is no query string or names a tag twice; InvalidTag as in `check_tags`.
    Source: AWS PutObject, x-amz-tagging.
    """
    try:
        found = [(query.decode(name), query.decode(value)) for name, value in query.pairs(header, 1000)]
    except InvalidURI:
        raise _not_a_query(header) from None
    if len(dict(found)) != len(found):
        raise _not_a_query(header)
    return check_tags(found)


def _not_a_query(header: str) -> S3Error:
    return InvalidArgument(
        "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name "
        "duplicates.",
        fields={"ArgumentName": "x-amz-tagging", "ArgumentValue": header[:200]},
    )


def check_tags(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """The tags as a dict in the order of their keys, once they are found to be what S3 allows.

    At most ten, keys of 1 to 128 and values of at most 256 characters: letters, digits, spaces and `_.:/=+-@`.
    Raises: InvalidTag.
    Source: AWS user guide, "Categorizing your objects using tags"; the order is what Ceph's tests expect.
    """
    if len(pairs) > TAGS:
        raise InvalidTag(f"Object tags cannot be greater than {TAGS}")
    tags: dict[str, str] = {}
    for key, value in pairs:
        if not key or len(key) > TAG_KEY or not _allowed(key):
            raise InvalidTag("The TagKey you have provided is invalid", fields={"TagKey": key[:200]})
        if len(value) > TAG_VALUE or not _allowed(value):
            raise InvalidTag(
                "The TagValue you have provided is invalid", fields={"TagKey": key, "TagValue": value[:300]}
            )
        if key.startswith("aws:"):
            raise InvalidTag("System tags cannot be added/updated by requester", fields={"TagKey": key})
        if key in tags:
            raise InvalidTag("Cannot provide multiple Tags with the same key", fields={"TagKey": key})
        tags[key] = value
    return dict(sorted(tags.items()))


def _allowed(text: str) -> bool:
    """Whether a tag's text has only letters, digits, separators and the few signs. Source: AWS Tag, the pattern."""
    return all(c.isalnum() or c in "_.:/=+-@ " or (c > "\x9f" and c.isspace()) for c in text)

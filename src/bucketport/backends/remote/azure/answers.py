"""What do Azure's answers say of an object, and how is one written? Headers and metadata, both ways.

An object's ETag is S3's: kept in metadata where it is one of parts, else the MD5 that Azure keeps; a blob that somebody
else wrote without one shows Azure's own. Azure's ETag changes with the metadata too; it is what conditions are sent as.
"""

import base64
import binascii
import re
from collections.abc import Mapping

from bucketport.backends.remote.azure import tiers
from bucketport.backends.remote.azure.names import (
    METADATA_BYTES,
    OURS,
    decode_name,
    decode_value,
    encode_name,
    encode_value,
)
from bucketport.backends.remote.s3.answers import modified_of, number, parts_count, span_of
from bucketport.errors import BackendError, InvalidTag, MetadataTooLarge, NotImplemented, Trouble
from bucketport.message import HttpAnswer
from bucketport.model import NO_HEADERS, ObjectInfo
from bucketport.options import PutOptions
from bucketport.record import record
from bucketport.wire.checksums import ALGORITHMS, FULL_OBJECT
from bucketport.wire.etag import unquote
from bucketport.wire.headers import META as USER
from bucketport.wire.headers import from_wire
from bucketport.wire.query import encode

META = "x-ms-meta-"

_NATIVE = {
    "content-type": "x-ms-blob-content-type",
    "cache-control": "x-ms-blob-cache-control",
    "content-disposition": "x-ms-blob-content-disposition",
    "content-encoding": "x-ms-blob-content-encoding",
    "content-language": "x-ms-blob-content-language",
}
"""What a blob has of its own; other headers of an object are kept in metadata."""

_HEADER, _CHECKSUM = OURS + "header_", OURS + "checksum_"
_ETAG, _OWNER, _CLASS, _UPLOAD = OURS + "etag", OURS + "owner", OURS + "class", OURS + "upload"
_TYPE = OURS + "checksumtype"


@record
class Blob:
    """A blob as it is now: the object it is, Azure's own ETag (with quotes) and MD5 (base64), and the upload that made
    it (hex)."""

    info: ObjectInfo
    tag: str
    md5: str = ""
    upload: str = ""


@record
class Facts:
    """What is kept of an object beside what its client said."""

    owner: str
    etag: str = ""
    checksums: Mapping[str, str] = NO_HEADERS
    checksum_type: str = ""
    upload: str = ""


@record
class Row:
    """A blob as Azure tells of it, in headers or in a listing. `native` has S3's names; `tag` is Azure's ETag."""

    key: str
    size: int
    modified_ms: int
    native: Mapping[str, str]
    metadata: Mapping[str, str]
    md5: str
    tag: str
    tier: str
    tags_count: int = 0


def nonsense(what: str) -> BackendError:
    """An answer that Azure would not give."""
    return BackendError(Trouble.UNEXPECTED, f"the backend's answer makes no sense: {what[:200]}")


def blob_of(key: str, answer: HttpAnswer, standard: str) -> Blob:
    """The blob of an answer to a GET or a HEAD; `standard` is the tier of STANDARD. Raises: BackendError."""
    headers = answer.headers
    metadata = {name[len(META) :].lower(): value for name, value in headers.items() if name.startswith(META)}
    tag = headers.get("etag", "")
    inferred = headers.get("x-ms-access-tier-inferred") == "true"
    row = Row(
        key,
        span_of(answer).size if answer.status == 206 else _length(answer),
        modified_of(headers.get("last-modified")),
        {name: from_wire(headers[name]) for name in _NATIVE if name in headers},
        metadata,
        # The answer to a range has the blob's MD5 elsewhere.
        headers.get("x-ms-blob-content-md5") or ("" if answer.status == 206 else headers.get("content-md5", "")),
        tag,
        standard if inferred else headers.get("x-ms-access-tier", ""),
        number(headers.get("x-ms-tag-count", "0")),
    )
    return Blob(info_of(row, standard), tag, row.md5, metadata.get(_UPLOAD, ""))


def info_of(row: Row, standard: str) -> ObjectInfo:
    """The object that a blob is."""
    stored = dict(row.native)
    checksums: dict[str, str] = {}
    for name, value in row.metadata.items():
        if not name.startswith(OURS):
            stored[USER + decode_name(name)] = decode_value(value)
        elif name.startswith(_HEADER):
            stored[decode_name(name[len(_HEADER) :])] = decode_value(value)
        elif name.startswith(_CHECKSUM):
            algorithm = name[len(_CHECKSUM) :].upper()
            if algorithm in ALGORITHMS:
                checksums[algorithm] = value
    tag = row.metadata.get(_ETAG) or hex_of(row.md5) or unquote(row.tag)
    return ObjectInfo(
        row.key,
        row.size,
        tag,
        row.modified_ms,
        stored,
        decode_value(row.metadata.get(_OWNER, "")),
        tiers.class_of(row.tier, row.metadata.get(_CLASS, ""), standard),
        checksums=checksums or NO_HEADERS,
        checksum_type=row.metadata.get(_TYPE, FULL_OBJECT) if checksums else "",
        parts_count=parts_count(None, tag),
        tags_count=row.tags_count,
    )


def shown_in_list(
    metadata: Mapping[str, str], md5: str, tag: str, tier: str, standard: str
) -> tuple[str, str, str, str, str]:
    """(ETag, storage class, owner, checksum algorithm, checksum type) of a blob: what of `info_of` a listing shows."""
    kept = {name.lower(): value for name, value in metadata.items() if name[: len(OURS)].lower() == OURS}
    algorithm = ""
    for name in kept:
        if name.startswith(_CHECKSUM) and (upper := name[len(_CHECKSUM) :].upper()) in ALGORITHMS:
            algorithm = upper
            break
    return (
        kept.get(_ETAG) or hex_of(md5) or unquote(tag),
        tiers.class_of(tier, kept.get(_CLASS, ""), standard),
        decode_value(kept.get(_OWNER, "")),
        algorithm,
        kept.get(_TYPE, FULL_OBJECT) if algorithm else "",
    )


def hex_of(md5: str) -> str:
    """An MD5 as Azure writes it (base64) as S3 does; empty for what is none."""
    try:
        raw = binascii.a2b_base64(md5)
    except ValueError:
        return ""
    return raw.hex() if len(raw) == 16 else ""


def base64_of(md5: bytes) -> str:
    """An MD5 as Azure writes it."""
    return base64.b64encode(md5).decode()


def _length(answer: HttpAnswer) -> int:
    text = answer.headers.get("content-length", "")
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise nonsense("a blob without a Content-Length")
    return int(text)


def put_headers(options: PutOptions, facts: Facts, standard: str) -> dict[str, str]:
    """An object's properties, metadata, tags and tier as a write sends them.

    Raises: NotImplemented for an ACL or a header that would have no effect; InvalidStorageClass, InvalidTag,
    InvalidArgument, MetadataTooLarge.
    """
    check_options(options)
    made = native_headers(options.headers)
    made |= metadata_headers(options.headers, options.storage_class, facts)
    if options.tags:
        made["x-ms-tags"] = tags_header(options.tags)
    tier = tiers.tier_of(options.storage_class, standard)
    if tier:
        made["x-ms-access-tier"] = tier
    return made


def check_options(options: PutOptions) -> None:
    """Refuse what Azure cannot do. Raises: NotImplemented."""
    if options.acl not in ("private", "bucket-owner-full-control", "bucket-owner-read"):
        raise NotImplemented("A header you provided implies functionality that is not implemented: x-amz-acl")
    if options.extra:
        raise NotImplemented(
            f"A header you provided implies functionality that is not implemented: {min(options.extra)[:100]}"
        )


def native_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that a blob has of its own. What is not plain ASCII goes into metadata instead."""
    return {_NATIVE[name]: value for name, value in headers.items() if name in _NATIVE and _plain(value)}


def _plain(value: str) -> bool:
    return encode_value(value) == value


def metadata_headers(headers: Mapping[str, str], storage_class: str, facts: Facts) -> dict[str, str]:
    """A blob's metadata: the client's, and what we keep. Raises: MetadataTooLarge, InvalidArgument."""
    made: dict[str, str] = {}
    for name, value in headers.items():
        if name.startswith(USER):
            made[encode_name(name[len(USER) :])] = encode_value(value)
        elif name not in _NATIVE or not _plain(value):
            made[_HEADER + encode_name(name)] = encode_value(value)
    if facts.owner:
        made[_OWNER] = encode_value(facts.owner)
    if facts.etag:
        made[_ETAG] = facts.etag
    if facts.upload:
        made[_UPLOAD] = facts.upload
    if tiers.kept(storage_class):
        made[_CLASS] = tiers.kept(storage_class)
    for algorithm, value in facts.checksums.items():
        made[_CHECKSUM + algorithm.lower()] = value
    if facts.checksums and facts.checksum_type not in ("", FULL_OBJECT):
        made[_TYPE] = facts.checksum_type
    size = sum(len(name) + len(value) for name, value in made.items())
    if size > METADATA_BYTES:
        raise MetadataTooLarge(fields={"Size": str(size), "MaxSizeAllowed": str(METADATA_BYTES)})
    return {META + name: value for name, value in made.items()}


_TAG = re.compile(r"[A-Za-z0-9 +\-./:=_]*")


def check_tags(tags: Mapping[str, str]) -> None:
    """Refuse tags that a blob's index cannot hold. Raises: InvalidTag.

    Source: https://learn.microsoft.com/rest/api/storageservices/set-blob-tags: ten of them, and these characters.
    """
    if len(tags) > 10:
        raise InvalidTag("Object tags cannot be greater than 10")
    for name, value in tags.items():
        if not name or not _TAG.fullmatch(name) or not _TAG.fullmatch(value):
            raise InvalidTag(
                "Azure's tags have only ASCII letters, digits, spaces and the signs + - . / : = _",
                fields={"TagKey": name[:128], "TagValue": value[:256]},
            )


def tags_header(tags: Mapping[str, str]) -> str:
    """Tags as x-ms-tags has them. Raises: InvalidTag."""
    check_tags(tags)
    return "&".join([f"{encode(name)}={encode(value)}" for name, value in tags.items()])

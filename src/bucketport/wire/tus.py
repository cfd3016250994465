"""What does a tus request say? Its headers, read strictly; and the answers that only tus has.

The protocol is about offsets: where content goes on, how long it will be in all, and how uploads are put together.
Source: https://tus.io/protocols/resumable-upload, version 1.0.0 (read 2026-11).
"""

import binascii
import re
from collections.abc import Mapping, Sequence

from bucketport.errors import InvalidRequest, S3Error, UnsupportedMediaType
from bucketport.record import record
from bucketport.wire import checksums

VERSION = "1.0.0"
"""The one version that is spoken here."""

EXTENSIONS = (
    "creation",
    "creation-with-upload",
    "creation-defer-length",
    "expiration",
    "checksum",
    "termination",
    "concatenation",
)
"""What is offered beyond the core. Not offered: checksum-trailer, concatenation-unfinished."""

ALGORITHMS: Mapping[str, str] = {
    "sha1": "SHA1",
    "sha256": "SHA256",
    "sha512": "SHA512",
    "md5": "MD5",
    "crc32": "CRC32",
    "crc32c": "CRC32C",
    "crc64nvme": "CRC64NVME",
}
"""tus's names of checksum algorithms (no upper case) to ours. CRCs are sent most significant byte first."""

CONTENT_TYPE = "application/offset+octet-stream"
"""The type that content must have."""

_DIGITS = re.compile("[0-9]{1,20}").fullmatch
_METADATA_BYTES = 8192
_METADATA_KEY = re.compile("[!-+\\--~]{1,255}").fullmatch
_URLS = 1000
_NUMBER = re.compile("[0-9]{1,9}").fullmatch


class TusError(S3Error):
    """An answer that only tus has; the class says the status."""

    code = "TusError"
    status = 400
    text = "This is no tus 1.0.0 request."


class UnsupportedVersion(TusError):
    """412: the client speaks another version, or none."""

    code, status, text = "UnsupportedTusVersion", 412, f"Only version {VERSION} of tus is spoken here."

    def __init__(self, reason: str = "") -> None:
        super().__init__(headers={"Tus-Version": VERSION}, reason=reason)


class OffsetConflict(TusError):
    """409: the content would not go on where the upload ends."""

    code, status, text = "UploadOffsetConflict", 409, "Upload-Offset is not where the upload ends."


class UploadInUse(TusError):
    """423: another request is filling the same upload."""

    code, status, text = "UploadInUse", 423, "Another request is sending content to this upload. Try again."


class ChecksumMismatch(TusError):
    """460: the content is not what Upload-Checksum says; none of it was kept."""

    code, status, text = "ChecksumMismatch", 460, "Upload-Checksum does not match the content; nothing was kept."


class NoSuchTusUpload(TusError):
    """404: there is no such upload, or there is none any more."""

    code, status, text = "NoSuchUpload", 404, "There is no such upload."


class UploadGone(TusError):
    """410: the upload's time is up."""

    code, status, text = "UploadExpired", 410, "This upload has expired. Begin a new one."


class FinalUpload(TusError):
    """403: a concatenation takes no content of its own."""

    code, status, text = "FinalUpload", 403, "A final upload is made of partial ones and takes no content."


class UploadTooLarge(TusError):
    """413: longer than it was said to be, or than is allowed."""

    code, status, text = "EntityTooLarge", 413, "The upload is larger than it may be."


@record
class Checksum:
    """What a PATCH's content must hash to: an algorithm of `Digests`, and the digest."""

    algorithm: str
    digest: bytes


@record
class Creation:
    """What a POST asks for. `length` None: it will be told later, or is that of the uploads joined.

    `metadata` is the header as sent, `described` what it says. `joins`: the lane numbers of a final upload's pieces.
    """

    length: int | None
    metadata: str
    described: Mapping[str, bytes]
    partial: bool = False
    joins: tuple[int, ...] = ()
    final: bool = False


@record
class Patch:
    """What a PATCH says of its content. `length`: the whole upload's, where it is told now."""

    offset: int
    length: int | None
    checksum: Checksum | None


def check_version(headers: Mapping[str, str]) -> None:
    """Raises: UnsupportedVersion unless the client speaks our version."""
    said = headers.get("tus-resumable")
    if said != VERSION:
        raise UnsupportedVersion(f"Tus-Resumable is {(said or 'missing')[:40]!r}")


def offers(largest: int | None) -> dict[str, str]:
    """The headers that say what is offered: an OPTIONS' answer. `largest`: bytes that an upload may have."""
    made = {
        "Tus-Resumable": VERSION,
        "Tus-Version": VERSION,
        "Tus-Extension": ",".join(EXTENSIONS),
        "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
    }
    if largest is not None:
        made["Tus-Max-Size"] = str(largest)
    return made


def parse_creation(headers: Mapping[str, str], token: str) -> Creation:
    """What a POST asks for; `token` is the session's in its path, as sent.

    Raises: InvalidRequest that names the header.
    """
    metadata = headers.get("upload-metadata", "")
    described = parse_metadata(metadata)
    concat = headers.get("upload-concat", "")
    if concat[:6] == "final;":
        if "upload-length" in headers or "upload-defer-length" in headers:
            raise InvalidRequest("Upload-Length must not be sent with Upload-Concat: final.")
        return Creation(None, metadata, described, joins=_joined(concat[6:], token), final=True)
    if concat not in ("", "partial"):
        raise _wrong("Upload-Concat", concat, "`partial` or `final;` and URLs")
    return Creation(_length(headers), metadata, described, partial=bool(concat))


def parse_patch(headers: Mapping[str, str]) -> Patch:
    """What a PATCH says. Raises: UnsupportedMediaType; InvalidRequest that names the header."""
    check_content_type(headers)
    if "upload-offset" not in headers:
        raise InvalidRequest("Upload-Offset is missing.")
    length = _number(headers, "Upload-Length") if "upload-length" in headers else None
    return Patch(_number(headers, "Upload-Offset"), length, parse_checksum(headers))


def check_content_type(headers: Mapping[str, str]) -> None:
    """Raises: UnsupportedMediaType unless the content is announced as tus's."""
    said = headers.get("content-type", "").partition(";")[0].strip().lower()
    if said != CONTENT_TYPE:
        raise UnsupportedMediaType(f"Content must come with Content-Type: {CONTENT_TYPE}, not {said[:100]!r}.")


def parse_checksum(headers: Mapping[str, str]) -> Checksum | None:
    """The Upload-Checksum; None when there is none. Raises: InvalidRequest for what is malformed or not offered."""
    header = headers.get("upload-checksum")
    if header is None:
        return None
    name, _, value = header.partition(" ")
    algorithm = ALGORITHMS.get(name)
    if algorithm is None:
        raise _wrong("Upload-Checksum", header, f"one of the algorithms {', '.join(ALGORITHMS)}")
    digest = _decoded(value)
    if digest is None or len(digest) != checksums.ALGORITHMS[algorithm].length:
        raise _wrong("Upload-Checksum", header, f"{name} and its digest in base64")
    return Checksum(algorithm, digest)


def parse_metadata(header: str) -> dict[str, bytes]:
    """The pairs of an Upload-Metadata header, values decoded. Raises: InvalidRequest."""
    if not header:
        return {}
    if len(header) > _METADATA_BYTES:
        raise InvalidRequest(f"Upload-Metadata may have at most {_METADATA_BYTES} bytes.")
    found: dict[str, bytes] = {}
    for pair in header.split(","):
        key, _, value = pair.strip(" ").partition(" ")
        content = _decoded(value)
        if not _METADATA_KEY(key) or key in found or content is None:
            raise _wrong("Upload-Metadata", pair, "a key of ASCII that stands once, a space, and base64")
        found[key] = content
    return found


def concat_header(partial: bool, urls: Sequence[str]) -> str:
    """The Upload-Concat of an upload that is partial, or that joins these; empty for any other."""
    if urls:
        return f"final;{' '.join(urls)}"
    return "partial" if partial else ""


def override(method: str, headers: Mapping[str, str]) -> str:
    """The method that a request means: X-HTTP-Method-Override's where it is there."""
    return headers.get("x-http-method-override", method).upper()


def _length(headers: Mapping[str, str]) -> int | None:
    """How long an upload will be; None: told later. Raises: InvalidRequest unless exactly one is said."""
    deferred = headers.get("upload-defer-length")
    if ("upload-length" in headers) == (deferred is not None):
        raise InvalidRequest("Either Upload-Length or Upload-Defer-Length: 1 must be sent.")
    if deferred is None:
        return _number(headers, "Upload-Length")
    if deferred != "1":
        raise _wrong("Upload-Defer-Length", deferred, "1")
    return None


def _number(headers: Mapping[str, str], name: str) -> int:
    value = headers[name.lower()]
    if not _DIGITS(value):
        raise _wrong(name, value, "a number of bytes")
    return int(value)


def _joined(urls: str, token: str) -> tuple[int, ...]:
    """The numbers of the uploads that these URLs name; they are of the same session.

    A URL is absolute, a path, or relative to the creation URL (`tus/3`).
    """
    listed = urls.split()
    if not 0 < len(listed) <= _URLS:
        raise InvalidRequest(f"Upload-Concat: final must name 1 to {_URLS} uploads.")
    numbers = []
    for url in listed:
        before, mark, number = url.rpartition(f"/-/uploads/{token}/tus/")
        if not mark:
            number = url.removeprefix("./").removeprefix("tus/") if "tus/" in url else ""
        if not _NUMBER(number) or "?" in before or "#" in before:
            raise _wrong("Upload-Concat", url, "the URL of an upload of this session")
        numbers.append(int(number))
    return tuple(numbers)


def _decoded(text: str) -> bytes | None:
    try:
        return binascii.a2b_base64(text, strict_mode=True) if text else b""
    except ValueError:
        return None


def _wrong(header: str, value: str, expected: str) -> S3Error:
    return InvalidRequest(f"{header} must be {expected}, got {value[:200]!r}")

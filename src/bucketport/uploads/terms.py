"""Does content keep a session's terms? Its type, its size, its SHA-256: each judged as soon as it is known. Pure."""

import base64

from bucketport.errors import BadDigest, EntityTooLarge, InvalidRequest, UploadIncomplete
from bucketport.sessions import Terms

_UNSAID = (
    ", and nobody said what type this is: tus says it as filetype, a form with its file; for parts begin the session "
    'with "headers": {"content-type": ...}.'
)


def check_content_type(terms: Terms, content_type: str) -> None:
    """Whether content of that type (its parameters do not matter) is wanted.

    Raises: InvalidRequest that names the types that are.
    """
    if not terms.content_types:
        return
    kind = content_type.partition(";")[0].strip().lower()
    if not any(_matches(pattern.strip().lower(), kind) for pattern in terms.content_types):
        wanted = ", ".join(terms.content_types)
        said = f", not {content_type[:200]}." if content_type else _UNSAID
        raise InvalidRequest(f"The upload takes {wanted}{said}", fields={"ArgumentName": "content-type"})


def _matches(pattern: str, kind: str) -> bool:
    if pattern in ("*", "*/*"):
        return bool(kind)
    if pattern.endswith("/*"):
        return kind.startswith(pattern[:-1]) and len(kind) >= len(pattern)
    return kind == pattern


def room(terms: Terms, used: int = 0) -> int | None:
    """Bytes that may still come when `used` are there; None: no bound but the server's own. Never below 0."""
    bounds = [bound for bound in (terms.size, terms.max_size) if bound is not None]
    return max(min(bounds) - used, 0) if bounds else None


def check_announced(terms: Terms, size: int) -> None:
    """Whether content of that size, of which nothing has come yet, would be taken.

    Raises: EntityTooLarge; InvalidRequest when it is less than it must be.
    """
    check_bound(terms, size)
    if terms.size is not None and size < terms.size:
        raise InvalidRequest(f"The upload is to have {terms.size} bytes, not {size}.")


def check_bound(terms: Terms, size: int) -> None:
    """Whether that many bytes are not too many. Raises: EntityTooLarge."""
    allowed = room(terms)
    if allowed is not None and size > allowed:
        raise EntityTooLarge(
            f"The upload may have {allowed} bytes, not {size}.",
            fields={"ProposedSize": str(size), "MaxSizeAllowed": str(allowed)},
        )


def check_size(terms: Terms, size: int) -> None:
    """Whether this is the size of all the content, at the commit. Raises: EntityTooLarge, UploadIncomplete."""
    check_bound(terms, size)
    if terms.size is not None and size < terms.size:
        raise UploadIncomplete(
            f"The upload is to have {terms.size} bytes; {size} are here.",
            fields={"NumberBytesExpected": str(terms.size), "NumberBytesProvided": str(size)},
        )


def check_sha256(terms: Terms, found: str) -> None:
    """Whether the content has the hash that it is to have; `found` is hex. Raises: BadDigest."""
    if terms.sha256 and terms.sha256 != found:
        raise BadDigest(
            "The upload's SHA-256 is not the one that it was to have.",
            fields={"ExpectedDigest": terms.sha256, "CalculatedDigest": found},
        )


def hex_of(digest: str) -> str:
    """A digest in base64 as hex. Raises: ValueError."""
    return base64.b64decode(digest, validate=True).hex()


def base64_of(digest: bytes) -> str:
    """A digest as S3 writes it."""
    return base64.b64encode(digest).decode()

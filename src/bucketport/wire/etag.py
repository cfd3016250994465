"""How is an ETag written, and does a header's list of them hold one?

Inside, an ETag has no quotes. Clients send them quoted, unquoted, weak, in lists, or as `*`; all are understood, and
weak ones compare as strong ones, as at S3. No ETag here holds a comma.
"""

import hashlib
from collections.abc import Iterable


def unquote(text: str) -> str:
    """An ETag without white space, quotes and `W/`."""
    text = text.strip()
    if text[:2] in ("W/", "w/"):
        text = text[2:]
    if len(text) >= 2 and text[0] == text[-1] == '"':
        text = text[1:-1]
    return text


def quote(etag: str) -> str:
    """An ETag as a header and XML have it."""
    return f'"{etag}"'


def matches(header: str, etag: str) -> bool:
    """Whether the value of If-Match or If-None-Match names this ETag: alone, in a list, or by `*`.

    Source: RFC 9110 sections 13.1.1, 13.1.2 and 8.8.3.2 (weak comparison; S3 makes no weak ETags).
    """
    if "," not in header:
        return unquote(header) in (etag, "*")
    return any(unquote(member) == etag for member in header.split(","))


def multipart(md5_hexes: Iterable[str]) -> str:
    """The ETag of an object made of parts with these MD5s: the MD5 of their digests and `-` and how many.

    Raises: ValueError when one is no hex. Source: AWS user guide, "Checking object integrity", multipart ETags.
    """
    digests = [bytes.fromhex(md5) for md5 in md5_hexes]
    return f"{hashlib.md5(b''.join(digests), usedforsecurity=False).hexdigest()}-{len(digests)}"

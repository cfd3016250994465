"""What does a query string say, and how is text written into a URL?

Raw pairs are for signatures, which cover what was sent; decoded ones are for operations. The encoder is the strict one
of RFC 3986: only unreserved characters stay.
"""

import functools
import re

from bucketport.errors import InvalidRequest, InvalidURI

PAIRS = 1000
"""How many pairs a query may have, unless a caller says otherwise: DeleteObjects is no query, 1,000 is plenty."""


def pairs(raw_query: str, limit: int = PAIRS) -> list[tuple[str, str]]:
    """The pairs as sent, undecoded and in order; a name without `=` has the value "". Empty pairs are left out.

    Raises: InvalidRequest when there are more than `limit`.
    """
    if not raw_query:
        return []
    _check_count(raw_query, limit)
    found = []
    for pair in raw_query.split("&"):
        if pair:
            name, _, value = pair.partition("=")
            found.append((name, value))
    return found


def parse(raw_query: str, limit: int = PAIRS) -> dict[str, str]:
    """The decoded pairs; `+` and `%20` are spaces; the first of repeated names wins. The caller owns the dict.

    Raises: InvalidRequest when there are more than `limit`, InvalidURI for a bad escape or bad UTF-8.
    """
    if not raw_query:
        return {}
    _check_count(raw_query, limit)
    if "%" not in raw_query and "+" not in raw_query and raw_query.isascii():
        return _plain(raw_query)
    found: dict[str, str] = {}
    for pair in raw_query.split("&"):
        if pair:
            name, _, value = pair.partition("=")
            found.setdefault(decode(name), decode(value))
    return found


def _plain(raw_query: str) -> dict[str, str]:
    """`parse` where nothing is encoded: at once, and again pair by pair only where a name repeats."""
    split = [pair.partition("=") for pair in raw_query.split("&") if pair]
    found = {name: value for name, _, value in split}
    if len(found) != len(split):
        found = {}
        for name, _, value in split:
            found.setdefault(name, value)
    return found


def _check_count(raw_query: str, limit: int) -> None:
    count = raw_query.count("&") + 1
    if count > limit:
        raise InvalidRequest(f"The query string has {count} parameters; at most {limit} are allowed.")


def decode(raw: str) -> str:
    """A name or value of a query (latin-1 text) decoded: `+` is a space. Raises: InvalidURI."""
    return unescape(raw.replace("+", " "))


def unescape(raw: str) -> str:
    """`raw` (latin-1 text) percent-decoded once, where `+` is a plus. Raises: InvalidURI for a bad escape or UTF-8."""
    if "%" not in raw and raw.isascii():
        return raw
    if _BAD_ESCAPE(raw):
        raise InvalidURI(fields={"URI": raw[:200]})
    try:
        return _ESCAPE.sub(_byte, raw).encode("latin-1").decode()
    except UnicodeError:
        raise InvalidURI(fields={"URI": raw[:200]}) from None


_BAD_ESCAPE = re.compile("%(?![0-9A-Fa-f]{2})").search
_ESCAPE = re.compile("%([0-9A-Fa-f]{2})")


def _byte(found: re.Match[str]) -> str:
    return chr(int(found[1], 16))


UNRESERVED = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
"""What never needs an escape. Source: RFC 3986 section 2.3."""


@functools.lru_cache(maxsize=16)
def _table(safe: str) -> list[str]:
    """By byte: itself where it may stay, else its escape."""
    kept = UNRESERVED + safe
    return [chr(byte) if chr(byte) in kept else f"%{byte:02X}" for byte in range(256)]


def encode(text: str, safe: str = "") -> str:
    """`text` as UTF-8, percent-encoded: only unreserved characters and those in `safe` (ASCII) stay; upper-case hex.

    Source: RFC 3986 section 2.1; AWS, "Create a signed AWS API request" (UriEncode).
    """
    if text.isalnum() and text.isascii():
        return text
    if not text.isascii():
        text = text.encode().decode("latin-1")
    return text.translate(_table(safe))


def encode_key(key: str) -> str:
    """A key as it stands in a path: slashes stay, so do dot segments; everything else as in `encode`."""
    return encode(key, "/")

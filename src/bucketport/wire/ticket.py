"""Is this URL one that we made? A ticket: one method on one object until a time, and what its content must be.

A ticket is a query of `expires` (seconds since 1970) and `sig`, and of the terms that it binds: `max_size`,
`content_types` (parted by commas, an asterisk for any subtype) and `sha256` (hex). All of it is signed, with the
method, the bucket and the key, by HMAC-SHA256. The path is not: one ticket is good in either form of it. Other
parameters are not signed, and nobody may read them.
"""

import binascii
import hmac
import re
from collections.abc import Sequence

from bucketport.errors import AccessDenied, InvalidRequest, InvalidURI, S3Error
from bucketport.model import Secret
from bucketport.record import record
from bucketport.wire.query import encode, unescape

_VERSION = "bucketport-ticket-1"
_NAMES = frozenset({"expires", "max_size", "content_types", "sha256"})
_DIGITS = re.compile(r"[0-9]{1,18}", re.ASCII)
_TYPES = re.compile(r"[!-+\--~]+/[!-+\--~]+(,[!-+\--~]+/[!-+\--~]+)*", re.ASCII)
_HEX = re.compile(r"[0-9a-f]{64}", re.ASCII)


@record
class Bound:
    """What a ticket says that content must be; the texts as they are signed, empty: anything goes."""

    max_size: str = ""
    content_types: str = ""
    sha256: str = ""

    def check(self) -> None:
        """Raises: InvalidRequest when one of them is malformed."""
        for name, pattern, expected in (
            ("max_size", _DIGITS, "a number of bytes"),
            ("content_types", _TYPES, "types such as image/png or image/*, parted by commas"),
            ("sha256", _HEX, "64 hex digits in lower case"),
        ):
            value = getattr(self, name)
            if value and not pattern.fullmatch(value):
                raise InvalidRequest(f"{name} must be {expected}", fields={"member": name, "value": value[:200]})


FREE = Bound()


@record
class Ticket:
    """A ticket as a query says it. `signature` is the digest that it bears."""

    expires: int
    signature: bytes
    bound: Bound = FREE


def signature(secret: Secret, method: str, name: tuple[str, str], expires: int, bound: Bound) -> bytes:
    """The digest that a ticket bears. `name` is bucket and key, decoded; the method of a HEAD is GET.

    The key comes last and no line before it can hold a line's end, so no two tickets are signed by the same text.
    """
    text = (
        f"{_VERSION}\n{method}\n{expires}\n{bound.max_size}\n{bound.content_types}\n{bound.sha256}\n{name[0]}/{name[1]}"
    )
    return hmac.digest(secret.reveal().encode(), text.encode(), "sha256")


def query(secret: Secret, method: str, name: tuple[str, str], expires: int, bound: Bound = FREE) -> str:
    """The query of a URL that bears a ticket, percent-encoded."""
    made = signature(secret, method, name, expires, bound)
    text = binascii.b2a_base64(made, newline=False).decode()
    if "+" in text or "/" in text:
        text = text.replace("+", "%2B").replace("/", "%2F")
    terms = "" if bound is FREE else _terms(bound)
    return f"expires={expires}{terms}&sig={text[:-1]}%3D"


def _terms(bound: Bound) -> str:
    pairs = (("max_size", bound.max_size), ("content_types", bound.content_types), ("sha256", bound.sha256))
    return "".join(f"&{name}={encode(value)}" for name, value in pairs if value)


_PLAIN = re.compile(r"expires=([0-9]{1,18})&sig=([^&]*)", re.ASCII).fullmatch
"""A ticket as we write one that binds nothing."""


def read(raw_query: str) -> Ticket:
    """The ticket in a query. A signature that was pasted by hand may bear `+`, `/` and `=` as they are.

    Raises: AccessDenied when a part of it is missing, malformed or there twice.
    """
    plain = _PLAIN(raw_query)
    if plain is not None:
        return Ticket(int(plain[1]), _decoded(plain[2]))
    found: dict[str, str] = {}
    sent = ""
    for pair in raw_query.split("&"):
        name, _, value = pair.partition("=")
        if name == "sig":
            if sent:
                raise refused("two signatures")
            sent = value
        elif name in _NAMES:
            if name in found:
                raise refused(f"two values of {name}")
            found[name] = value
    expires = found.pop("expires", "")
    if not _DIGITS.fullmatch(expires):
        raise refused("expires is no time")
    return Ticket(int(expires), _decoded(sent), _bound(found) if found else FREE)


def bound_of(raw_query: str) -> Bound:
    """What a ticket binds, once `verify` let it pass. Raises: AccessDenied."""
    return FREE if raw_query.count("&") == 1 else read(raw_query).bound


def _decoded(text: str) -> bytes:
    """A signature's digest, however it was written."""
    if "%" in text:
        text = text.replace("%2B", "+").replace("%2F", "/").replace("%3D", "=")
        if "%" in text:
            text = _unescape(text)
    if " " in text:
        text = text.replace(" ", "+")
    try:
        return binascii.a2b_base64(text + "=" if len(text) % 4 == 3 else text, strict_mode=True)
    except ValueError as error:
        raise refused("sig is no base64") from error


def _bound(found: dict[str, str]) -> Bound:
    bound = Bound(**{name: _unescape(value) for name, value in found.items()})
    try:
        bound.check()
    except InvalidRequest as error:
        raise refused("malformed terms") from error
    return bound


def _unescape(text: str) -> str:
    try:
        return unescape(text)
    except InvalidURI as error:
        raise refused("a bad escape") from error


def verify(ticket: Ticket, secrets: Sequence[Secret], method: str, name: tuple[str, str], now: float) -> None:
    """Let the ticket pass. Every secret is tried, and a refusal costs the same whatever is wrong.

    Raises: AccessDenied: the signature is another, or its time is over.
    """
    good = False
    for secret in secrets:
        good |= hmac.compare_digest(
            signature(secret, method, name, ticket.expires, ticket.bound), ticket.signature
        )  # fmt: skip
    if not good:
        raise refused("the signature is another")
    if now >= ticket.expires:
        raise AccessDenied("This URL has expired.", reason="expired ticket")


def refused(reason: str) -> S3Error:
    """The answer to whatever is no ticket of ours; `reason` is for the log."""
    return AccessDenied("The URL's signature is not valid for this request.", reason=f"ticket: {reason}")

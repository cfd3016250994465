"""What does an application ask of an upload session? The members of its JSON, each checked and named if it is wrong."""

import base64
import binascii
import difflib
import re
from collections.abc import Callable, Mapping

from bucketport.api.uploads.presign import wrong
from bucketport.errors import S3Error
from bucketport.record import record
from bucketport.sessions import Terms
from bucketport.wire.headers import on_wire, stored

DEFAULT_SECONDS = 24 * 3600

LARGEST = 10**15
"""Bytes that a session may speak of: more than any storage takes, and safe as a number in every JSON reader."""

HEADERS = ("content-type", "cache-control", "content-disposition", "content-encoding", "content-language", "expires")
"""Headers that an object keeps."""

_HEX = re.compile("[0-9A-Fa-f]{64}").fullmatch
_TYPE = re.compile(r"(\*|[\w!#$&^.+-]{1,127})/(\*|[\w!#$&^.+-]{1,127})", re.ASCII).fullmatch
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}", re.ASCII).fullmatch
_CONTROL = re.compile("[\x00-\x1f\x7f]")

MEMBERS = frozenset(
    {
        "bucket", "key", "key_prefix", "size", "max_size", "content_types", "sha256", "metadata", "headers",
        "expires_in", "on_commit", "direct", "auto_commit", "replace",
    }
)  # fmt: skip


@record
class Wanted:
    """A session as it is asked for. `direct` None: as the server likes. Which key it is said by `key` or `prefix`."""

    terms: Terms
    headers: Mapping[str, str]
    seconds: int
    webhook: str
    direct: bool | None
    auto_commit: bool


def check_members(asked: Mapping[str, object], known: frozenset[str]) -> None:
    """Raises: InvalidRequest for a member that nothing here reads, with the one that was probably meant."""
    for name in asked:
        if name not in known:
            near = difflib.get_close_matches(name.lower(), known, 1)
            meant = f"{near[0]} (or another of " if near else "one of ("
            raise wrong("member", f"{meant}{', '.join(sorted(known))})", name)


def read(asked: Mapping[str, object], longest_seconds: int) -> Wanted:
    """The session that a JSON object asks for, but for its bucket and key. Raises: InvalidRequest, MetadataTooLarge."""
    check_members(asked, MEMBERS)
    size, largest = number(asked, "size", 0, LARGEST), number(asked, "max_size", 0, LARGEST)
    if size is not None and largest is not None and size > largest:
        raise wrong("size", f"at most max_size, {largest}", size)
    terms = Terms(size, largest, _types(asked.get("content_types")), _sha256(asked), _truth(asked, "replace", True))
    seconds = number(asked, "expires_in", 1, longest_seconds)
    return Wanted(
        terms,
        _headers(asked),
        min(DEFAULT_SECONDS, longest_seconds) if seconds is None else seconds,
        text(asked, "on_commit"),
        None if asked.get("direct") is None else _truth(asked, "direct", False),
        _truth(asked, "auto_commit", False),
    )


def number(asked: Mapping[str, object], member: str, least: int, most: int) -> int | None:
    """A number, or None where there is none. Raises: InvalidRequest unless it is whole and from `least` to `most`."""
    value = asked.get(member)
    if value is None:
        return None
    if type(value) is not int or not least <= value <= most:
        raise wrong(member, f"a whole number from {least} to {most}", value)
    return value


def text(asked: Mapping[str, object], member: str) -> str:
    """A text, empty where there is none. Raises: InvalidRequest."""
    value = asked.get(member)
    if value is None:
        return ""
    if not isinstance(value, str) or not value:
        raise wrong(member, "a text", value)
    return value


def _truth(asked: Mapping[str, object], member: str, otherwise: bool) -> bool:
    value = asked.get(member)
    if value is None:
        return otherwise
    if not isinstance(value, bool):
        raise wrong(member, "true or false", value)
    return value


def _types(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > 100:
        raise wrong("content_types", "a list of at most 100 media types (image/png, image/*)", value)
    for each in value:
        if not isinstance(each, str) or not _TYPE(each):
            raise wrong("content_types", "a list of media types (image/png, image/*)", each)
    return tuple(each.lower() for each in value)


def _sha256(asked: Mapping[str, object]) -> str:
    value = text(asked, "sha256")
    if not value:
        return ""
    if _HEX(value):
        return value.lower()
    try:
        digest = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if len(digest) != 32:
        raise wrong("sha256", "a SHA-256, in 64 hex digits or in base64", value)
    return digest.hex()


def _headers(asked: Mapping[str, object]) -> Mapping[str, str]:
    """What describes the object, as an S3 client's PUT would say it."""
    sent: dict[str, str] = {}
    _lay(asked, "headers", sent, _known_header)
    typed = "content-type" in sent
    _lay(asked, "metadata", sent, lambda name: f"x-amz-meta-{name}")
    kept = stored(sent)
    if not typed:
        # Whoever sends the content may still tell.
        del kept["content-type"]
    return kept


def _known_header(name: str) -> str:
    if name not in HEADERS:
        raise wrong("headers", f"an object of {', '.join(HEADERS)}", name)
    return name


def _lay(asked: Mapping[str, object], member: str, sent: dict[str, str], called: Callable[[str], str]) -> None:
    """Put the pairs of a member into `sent`, as headers on the wire."""
    pairs = asked.get(member)
    if pairs is None:
        return
    if not isinstance(pairs, dict):
        raise wrong(member, "an object of texts", pairs)
    for name, value in pairs.items():
        if not _NAME(name):
            raise wrong(member, "an object whose names are names of headers", name)
        if not isinstance(value, str) or _CONTROL.search(value) or not _is_text(value):
            raise _bad_value(member, name, value)
        sent[called(name.lower())] = on_wire(value)


def _is_text(value: str) -> bool:
    """Whether it can be written in UTF-8: JSON can say halves of surrogate pairs."""
    return not any("\ud800" <= character <= "\udfff" for character in value)


def _bad_value(member: str, name: str, value: object) -> S3Error:
    return wrong(f"{member}.{name}", "a text without control characters", value)

"""Under which conditions does a request want to be carried out, and do they hold?

Parsing makes values; checking is a function of a value and an object, so a backend can call it inside its commit.
"""

from collections.abc import Mapping

from bucketport.errors import InvalidArgument, NoSuchKey, NotImplemented, NotModified, PreconditionFailed, S3Error
from bucketport.model import ObjectInfo
from bucketport.options import NO_CONDITIONS, UNCONDITIONAL, ReadConditions
from bucketport.options import WriteConditions as WriteConditions
from bucketport.wire import dates, etag
from bucketport.wire.headers import on_wire


def parse_read(headers: Mapping[str, str]) -> ReadConditions:
    """The conditions of a GET or HEAD. Dates that are none are ignored, as RFC 9110 asks."""
    return _read(
        headers.get("if-match"),
        headers.get("if-none-match"),
        headers.get("if-modified-since"),
        headers.get("if-unmodified-since"),
    )


def parse_copy(headers: Mapping[str, str]) -> ReadConditions:
    """The conditions on the source of a copy (`x-amz-copy-source-if-*`)."""
    return _read(
        headers.get("x-amz-copy-source-if-match"),
        headers.get("x-amz-copy-source-if-none-match"),
        headers.get("x-amz-copy-source-if-modified-since"),
        headers.get("x-amz-copy-source-if-unmodified-since"),
    )


def _read(match: str | None, none_match: str | None, modified: str | None, unmodified: str | None) -> ReadConditions:
    if match is None and none_match is None and modified is None and unmodified is None:
        return UNCONDITIONAL
    return ReadConditions(
        match,
        none_match,
        None if modified is None else dates.parse_http_date(modified),
        None if unmodified is None else dates.parse_http_date(unmodified),
    )


def parse_write(headers: Mapping[str, str]) -> WriteConditions:
    """The conditions of a PUT, a copy's target or a Complete: If-Match an ETag or `*`, If-None-Match only `*`.

    Raises: NotImplemented for If-None-Match with an ETag.
    Source: AWS PutObject, If-Match and If-None-Match (2026-11).
    """
    match, none_match = headers.get("if-match"), headers.get("if-none-match")
    if match is None and none_match is None:
        return NO_CONDITIONS
    if none_match is not None and etag.unquote(none_match) != "*":
        raise NotImplemented(
            "A header you provided implies functionality that is not implemented",
            fields={"Header": "If-None-Match", "additionalMessage": "Only * is supported for If-None-Match on a write"},
        )
    return WriteConditions(None if match is None else etag.unquote(match), None if none_match is None else "*")


def parse_delete(headers: Mapping[str, str]) -> WriteConditions:
    """The conditions of a DELETE: If-Match, and the object's size and last-modified time.

    Raises: InvalidArgument for a size that is no number of bytes or a time that is none.
    Source: AWS DeleteObject, If-Match, x-amz-if-match-size, x-amz-if-match-last-modified-time (2026-11).
    """
    match = headers.get("if-match")
    size = headers.get("x-amz-if-match-size")
    modified = headers.get("x-amz-if-match-last-modified-time")
    if match is None and size is None and modified is None:
        return NO_CONDITIONS
    return WriteConditions(
        if_match=None if match is None else etag.unquote(match),
        if_match_size=None if size is None else _size(size),
        if_match_modified=None if modified is None else _time(modified),
    )


def _size(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise _invalid("x-amz-if-match-size", text)
    return int(text)


def _time(text: str) -> int:
    seconds = dates.parse_http_date(text)
    if seconds is None:
        ms = dates.parse_iso(text)
        if ms is None:
            raise _invalid("x-amz-if-match-last-modified-time", text)
        seconds = ms // 1000
    return seconds


def _invalid(name: str, value: str) -> S3Error:
    return InvalidArgument(
        f"The {name} header is not valid.",
        fields={"ArgumentName": name, "ArgumentValue": value[:200]},
    )


def check_read(conditions: ReadConditions, info: ObjectInfo) -> None:
    """Let the read pass, or say why not.

    Raises: PreconditionFailed (412); NotModified (304, with the headers that RFC 9110 wants on it).
    Source: RFC 9110 section 13.2.2 (the order); times are compared in whole seconds.
    """
    failed = _failing(conditions, info)
    if not failed:
        return
    if failed in ("If-Match", "If-Unmodified-Since"):
        raise PreconditionFailed(fields={"Condition": failed})
    headers = {"ETag": etag.quote(info.etag), "Last-Modified": dates.http_date(info.modified_ms)}
    for name in ("Cache-Control", "Expires"):
        value = info.headers.get(name.lower())
        if value is not None:
            headers[name] = on_wire(value)
    if info.version_id is not None:
        headers["x-amz-version-id"] = info.version_id
    raise NotModified(headers=headers)


def check_copy(conditions: ReadConditions, info: ObjectInfo) -> None:
    """Let the copy pass. Raises: PreconditionFailed, also where a read would be told 304.

    Source: AWS CopyObject, x-amz-copy-source-if-*.
    """
    failed = _failing(conditions, info)
    if failed:
        raise PreconditionFailed(fields={"Condition": f"x-amz-copy-source-{failed}"})


def _failing(conditions: ReadConditions, info: ObjectInfo) -> str:
    """The first condition that does not hold, by its header's name; empty when all do."""
    if conditions is UNCONDITIONAL:
        return ""
    if conditions.if_match is not None:
        if not etag.matches(conditions.if_match, info.etag):
            return "If-Match"
    elif conditions.if_unmodified_since is not None and info.modified_ms // 1000 > conditions.if_unmodified_since:
        return "If-Unmodified-Since"
    if conditions.if_none_match is not None:
        if etag.matches(conditions.if_none_match, info.etag):
            return "If-None-Match"
    elif conditions.if_modified_since is not None and info.modified_ms // 1000 <= conditions.if_modified_since:
        return "If-Modified-Since"
    return ""


def check_write(conditions: WriteConditions, current: ObjectInfo | None) -> None:
    """Let the write or delete pass over what is there now; None and a delete marker are nothing.

    Raises: NoSuchKey for If-Match where there is nothing; PreconditionFailed for every other mismatch. Size and time
    (DeleteObject's) hold where there is nothing, as AWS says of them.
    Source: AWS user guide, "Conditional writes" and "Conditional deletes" (2026-11).
    """
    if conditions is NO_CONDITIONS:
        return
    if current is not None and current.delete_marker:
        current = None
    match, none_match = conditions.if_match, conditions.if_none_match
    if current is None:
        if match is not None:
            raise NoSuchKey
        return
    if match is not None and match != "*" and match != current.etag:
        raise PreconditionFailed(fields={"Condition": "If-Match"})
    if none_match is not None and none_match in ("*", current.etag):
        raise PreconditionFailed(fields={"Condition": "If-None-Match"})
    if conditions.if_match_size is not None and conditions.if_match_size != current.size:
        raise PreconditionFailed(fields={"Condition": "x-amz-if-match-size"})
    modified = conditions.if_match_modified
    if modified is not None and modified != current.modified_ms // 1000:
        raise PreconditionFailed(fields={"Condition": "x-amz-if-match-last-modified-time"})

"""Promises of wire/conditions.py."""

import pytest

from bucketport.errors import InvalidArgument, NoSuchKey, NotImplemented, NotModified, PreconditionFailed
from bucketport.model import ObjectInfo
from bucketport.options import NO_CONDITIONS, UNCONDITIONAL, ReadConditions, WriteConditions
from bucketport.wire import conditions

INFO = ObjectInfo(
    "k",
    3,
    "abc",
    1795253281999,
    {"cache-control": "max-age=1", "expires": "é", "content-type": "text/plain"},
)
NOW = "Sat, 21 Nov 2026 09:28:01 GMT"
BEFORE = "Sat, 21 Nov 2026 09:28:00 GMT"
AFTER = "Sat, 21 Nov 2026 09:28:02 GMT"


def test_no_headers_are_no_conditions() -> None:
    assert conditions.parse_read({}) is UNCONDITIONAL
    assert conditions.parse_copy({"if-match": "x"}) is UNCONDITIONAL
    assert conditions.parse_write({}) is NO_CONDITIONS
    assert conditions.parse_delete({"if-none-match": "*"}) is NO_CONDITIONS


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"if-match": '"abc"'},
        {"if-match": "*"},
        {"if-none-match": '"x"'},
        {"if-unmodified-since": NOW},
        {"if-modified-since": BEFORE},
        {"if-match": "abc", "if-unmodified-since": BEFORE},
        {"if-none-match": "x", "if-modified-since": AFTER},
        {"if-modified-since": "not a date"},
        {"if-unmodified-since": "0"},
    ],
)
def test_read_passes(headers: dict[str, str]) -> None:
    conditions.check_read(conditions.parse_read(headers), INFO)


@pytest.mark.parametrize(
    ("headers", "condition"),
    [
        ({"if-match": '"x"'}, "If-Match"),
        ({"if-match": ""}, "If-Match"),
        ({"if-unmodified-since": BEFORE}, "If-Unmodified-Since"),
        ({"if-match": "x", "if-none-match": "abc"}, "If-Match"),
        ({"if-unmodified-since": BEFORE, "if-none-match": "abc"}, "If-Unmodified-Since"),
    ],
)
def test_read_that_may_not_happen_is_412(headers: dict[str, str], condition: str) -> None:
    with pytest.raises(PreconditionFailed) as caught:
        conditions.check_read(conditions.parse_read(headers), INFO)
    assert caught.value.fields == {"Condition": condition}


@pytest.mark.parametrize(
    "headers",
    [
        {"if-none-match": '"abc"'},
        {"if-none-match": 'W/"abc"'},
        {"if-none-match": "*"},
        {"if-modified-since": NOW},
        {"if-modified-since": AFTER},
        {"if-none-match": "abc", "if-modified-since": BEFORE},
        {"if-match": "abc", "if-none-match": "abc"},
    ],
)
def test_read_of_what_the_client_has_is_304_with_its_headers(headers: dict[str, str]) -> None:
    with pytest.raises(NotModified) as caught:
        conditions.check_read(conditions.parse_read(headers), INFO)
    assert caught.value.headers == {
        "ETag": '"abc"',
        "Last-Modified": NOW,
        "Cache-Control": "max-age=1",
        "Expires": "Ã©",
    }


def test_304_names_the_version() -> None:
    info = ObjectInfo("k", 3, "abc", 0, version_id="v1")
    with pytest.raises(NotModified) as caught:
        conditions.check_read(ReadConditions(if_none_match="*"), info)
    assert caught.value.headers["x-amz-version-id"] == "v1"


@pytest.mark.parametrize(
    ("headers", "passes"),
    [
        ({"x-amz-copy-source-if-match": "abc"}, True),
        ({"x-amz-copy-source-if-match": "abc", "x-amz-copy-source-if-unmodified-since": BEFORE}, True),
        ({"x-amz-copy-source-if-none-match": "abc"}, False),
        ({"x-amz-copy-source-if-none-match": "abc", "x-amz-copy-source-if-modified-since": BEFORE}, False),
        ({"x-amz-copy-source-if-modified-since": NOW}, False),
        ({"x-amz-copy-source-if-match": "x"}, False),
    ],
)
def test_copy_condition_is_never_304(headers: dict[str, str], passes: bool) -> None:
    asked = conditions.parse_copy(headers)
    if passes:
        conditions.check_copy(asked, INFO)
        return
    with pytest.raises(PreconditionFailed) as caught:
        conditions.check_copy(asked, INFO)
    assert caught.value.fields["Condition"].startswith("x-amz-copy-source-If-")


def test_write_conditions_lose_their_quotes() -> None:
    assert conditions.parse_write({"if-match": '"abc"'}) == WriteConditions(if_match="abc")
    assert conditions.parse_write({"if-none-match": "*"}) == WriteConditions(if_none_match="*")
    assert conditions.parse_write({"if-match": "*", "if-none-match": '"*"'}) == WriteConditions("*", "*")


def test_write_if_none_match_takes_only_a_star() -> None:
    with pytest.raises(NotImplemented) as caught:
        conditions.parse_write({"if-none-match": '"abc"'})
    assert caught.value.fields["Header"] == "If-None-Match"


def test_delete_conditions_are_read() -> None:
    headers = {"if-match": '"a"', "x-amz-if-match-size": "3", "x-amz-if-match-last-modified-time": NOW}
    expected = WriteConditions(if_match="a", if_match_size=3, if_match_modified=1795253281)
    assert conditions.parse_delete(headers) == expected
    headers["x-amz-if-match-last-modified-time"] = "2026-11-21T09:28:01.5Z"
    assert conditions.parse_delete(headers) == expected


@pytest.mark.parametrize(
    "headers",
    [
        {"x-amz-if-match-size": "-1"},
        {"x-amz-if-match-size": ""},
        {"x-amz-if-match-size": "٣"},
        {"x-amz-if-match-size": "9" * 30},
        {"x-amz-if-match-last-modified-time": "soon"},
    ],
)
def test_malformed_delete_condition_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(InvalidArgument) as caught:
        conditions.parse_delete(headers)
    assert caught.value.fields["ArgumentName"] in headers


MARKER = ObjectInfo("k", 0, "", 0, delete_marker=True)


@pytest.mark.parametrize("current", [None, MARKER])
def test_if_match_on_nothing_is_no_such_key(current: ObjectInfo | None) -> None:
    for etag in ("abc", "*"):
        with pytest.raises(NoSuchKey):
            conditions.check_write(WriteConditions(if_match=etag), current)


@pytest.mark.parametrize("current", [None, MARKER])
def test_other_conditions_hold_over_nothing(current: ObjectInfo | None) -> None:
    for asked in (NO_CONDITIONS, WriteConditions(if_none_match="*"), WriteConditions(if_match_size=5)):
        conditions.check_write(asked, current)


@pytest.mark.parametrize(
    "asked",
    [
        WriteConditions(if_match="x"),
        WriteConditions(if_none_match="*"),
        WriteConditions(if_none_match="abc"),
        WriteConditions(if_match="abc", if_match_size=4),
        WriteConditions(if_match_modified=1795253282),
    ],
)
def test_mismatch_is_412(asked: WriteConditions) -> None:
    with pytest.raises(PreconditionFailed) as caught:
        conditions.check_write(asked, INFO)
    assert caught.value.fields["Condition"]


def test_match_lets_the_write_pass() -> None:
    for asked in (
        NO_CONDITIONS,
        WriteConditions(if_match="*"),
        WriteConditions(if_none_match="x"),
        WriteConditions(if_match="abc", if_match_size=3, if_match_modified=1795253281),
    ):
        conditions.check_write(asked, INFO)

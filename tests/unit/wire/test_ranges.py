"""Promises of wire/ranges.py."""

import pytest

from bucketport.errors import InvalidArgument, InvalidRange
from bucketport.model import Span
from bucketport.wire.ranges import parse_copy_range, select


@pytest.mark.parametrize(
    ("header", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=4-7", 4, 8),
        ("bytes=4-", 4, 10),
        ("bytes=-3", 7, 10),
        ("bytes=9-9", 9, 10),
        ("bytes=0-99999999999999999999", 0, 10),
        ("Bytes=0-1", 0, 2),
        (" bytes=0-1 ", 0, 2),
    ],
)
def test_one_range_is_selected(header: str, start: int, stop: int) -> None:
    assert select(header, 10) == Span(start, stop, 10)


def test_suffix_longer_than_object_selects_all() -> None:
    assert select("bytes=-11", 10) == Span(0, 10, 10)


@pytest.mark.parametrize(
    "header",
    [None, "", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=5-4", "bytes=--5", "bytes=1 - 2", "items=0-1", "0-1"],
)
def test_malformed_range_sends_the_whole_object(header: str | None) -> None:
    assert select(header, 10) is None


def test_two_ranges_send_the_whole_object() -> None:
    assert select("bytes=0-1,4-5", 10) is None


@pytest.mark.parametrize(
    ("header", "size"),
    [("bytes=10-", 10), ("bytes=10-20", 10), ("bytes=-0", 10), ("bytes=0-", 0), ("bytes=40-50", 0), ("bytes=-5", 0)],
)
def test_range_starting_at_or_after_the_end_is_refused(header: str, size: int) -> None:
    with pytest.raises(InvalidRange) as caught:
        select(header, size)
    assert caught.value.fields == {"RangeRequested": header, "ActualObjectSize": str(size)}
    assert caught.value.headers["Content-Range"] == f"bytes */{size}"


def test_copy_range_is_inclusive() -> None:
    assert parse_copy_range("bytes=0-0") == (0, 0)
    assert parse_copy_range("bytes=5-9") == (5, 9)


@pytest.mark.parametrize(
    "text",
    ["0-2", "bytes=0", "bytes=0-", "bytes=-5", "bytes=hello-world", "bytes=0-bar", "bytes=0-2,3-5", "bytes=3-2", ""],
)
def test_copy_range_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument):
        parse_copy_range(text)

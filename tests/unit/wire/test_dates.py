"""Promises of wire/dates.py."""

import pytest

from bucketport.wire import dates

MS = 1795253281123  # 2026-11-21T09:28:01.123Z


def test_iso_has_milliseconds() -> None:
    assert dates.iso(MS) == "2026-11-21T09:28:01.123Z"
    assert dates.iso(0) == "1970-01-01T00:00:00.000Z"
    assert dates.iso(951782399999) == "2000-02-28T23:59:59.999Z"
    assert dates.iso(951782400000) == "2000-02-29T00:00:00.000Z"


def test_http_date_is_cut_to_the_second() -> None:
    assert dates.http_date(MS) == "Sat, 21 Nov 2026 09:28:01 GMT"
    assert dates.http_date(784111777000) == "Sun, 06 Nov 1994 08:49:37 GMT"


@pytest.mark.parametrize(
    "text",
    [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        " sun, 06 nov 1994 08:49:37 GMT ",
    ],
)
def test_all_three_forms_of_a_date_are_read(text: str) -> None:
    assert dates.parse_http_date(text) == 784111777


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "Sun, 31 Feb 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 06 Foo 1994 08:49:37 GMT",
        "Sun, 06 Nov 0000 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 CET",
        "Sun, ٠6 Nov 1994 08:49:37 GMT",
        "784111777",
        "Sun, 06 Nov 1994 08:49:37 GMT" + " " * 100,
    ],
)
def test_what_is_no_date_is_none(text: str) -> None:
    assert dates.parse_http_date(text) is None


def test_two_digit_years_span_1970_to_2069() -> None:
    assert dates.parse_http_date("Thursday, 01-Jan-70 00:00:00 GMT") == 0
    assert dates.parse_http_date("Tuesday, 01-Jan-69 00:00:00 GMT") == 3124224000


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("2026-11-21T09:28:01.123Z", MS),
        ("2026-11-21T09:28:01.123999Z", MS),
        ("2026-11-21T09:28:01.1Z", MS - 23),
        ("2026-11-21T09:28:01Z", MS - 123),
        ("2026-11-21T10:28:01.123+01:00", MS),
        ("2026-11-21T05:58:01.123-0330", MS),
        ("2026-11-21T09:28:01", None),
        ("2026-11-21", None),
        ("2026-13-21T09:28:01Z", None),
        ("2026-11-21T09:28:01+24:00", None),
        ("", None),
    ],
)
def test_iso_moments_are_read(text: str, ms: int | None) -> None:
    assert dates.parse_iso(text) == ms


def test_stamp_and_back() -> None:
    assert dates.stamp(MS / 1000) == "20261121T092801Z"
    assert dates.parse_stamp("20261121T092801Z") == MS // 1000
    for text in ("20261121T092801", "20261321T092801Z", "20261121T252801Z", "2026-11-21T09:28", "20261121T09280١Z", ""):
        assert dates.parse_stamp(text) is None

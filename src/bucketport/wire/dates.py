"""How are moments written and read? ISO 8601 in XML, IMF-fixdate in headers, a compact stamp in signatures.

A listing writes a thousand of them, so nothing is formatted twice: days, minutes and seconds come from tables and small
caches. All moments are UTC; no clock is read here.
"""

import datetime
import functools
import re

_EPOCH_DAY = datetime.date(1970, 1, 1).toordinal()
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH_NUMBER = {name: number for number, name in enumerate(_MONTHS, 1)}
_SECONDS = tuple(f"{second:02d}" for second in range(60))
_MILLISECONDS = tuple(f".{ms:03d}Z" for ms in range(1000))


@functools.lru_cache(maxsize=4096)
def _iso_day(day: int) -> str:
    return datetime.date.fromordinal(_EPOCH_DAY + day).isoformat()


@functools.lru_cache(maxsize=8192)
def _iso_minute(minute: int) -> str:
    """A minute since 1970 as `2026-11-21T09:28:`."""
    day, rest = divmod(minute, 1440)
    return f"{_iso_day(day)}T{_SECONDS[rest // 60]}:{_SECONDS[rest % 60]}:"


def iso(ms: int) -> str:
    """Milliseconds since 1970 as S3's XML has it: `2026-11-21T09:28:01.123Z`."""
    minute, rest = divmod(ms, 60_000)
    return _iso_minute(minute) + _SECONDS[rest // 1000] + _MILLISECONDS[rest % 1000]


@functools.lru_cache(maxsize=8192)
def _http_second(seconds: int) -> str:
    day, rest = divmod(seconds, 86_400)
    date = datetime.date.fromordinal(_EPOCH_DAY + day)
    hour, rest = divmod(rest, 3600)
    return (
        f"{_DAYS[date.weekday()]}, {date.day:02d} {_MONTHS[date.month - 1]} {date.year:04d} "
        f"{hour:02d}:{rest // 60:02d}:{rest % 60:02d} GMT"
    )


def http_date(ms: int) -> str:
    """Milliseconds since 1970 as a header has it, cut to the second: `Sat, 21 Nov 2026 09:28:01 GMT`.

    Source: RFC 9110 section 5.6.7 (IMF-fixdate).
    """
    return _http_second(ms // 1000)


_TIME = r"(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)"
_HTTP_FORMS = (
    re.compile(rf"[A-Za-z]{{3}}, (?P<day>\d\d) (?P<month>[A-Za-z]{{3}}) (?P<year>\d{{4}}) {_TIME} (?:GMT|UTC)", re.A),
    re.compile(rf"[A-Za-z]{{6,9}}, (?P<day>\d\d)-(?P<month>[A-Za-z]{{3}})-(?P<year>\d\d) {_TIME} GMT", re.A),
    re.compile(rf"[A-Za-z]{{3}} (?P<month>[A-Za-z]{{3}}) (?P<day>[ \d]\d) {_TIME} (?P<year>\d{{4}})", re.A),
)


LONGEST = 64
"""Characters of the longest text that may be a date; what is longer is none, and never gets into a cache."""


def parse_http_date(text: str) -> int | None:
    """A header's date in seconds since 1970, in any of the three forms of RFC 9110; None when it is none of them.

    Two-digit years below 70 are of this century (no clock is at hand to apply the RFC's sliding rule).
    Source: RFC 9110 section 5.6.7.
    """
    return _parse_http_date(text.strip()) if len(text) <= LONGEST else None


@functools.lru_cache(maxsize=1024)
def _parse_http_date(text: str) -> int | None:
    for form in _HTTP_FORMS:
        found = form.fullmatch(text)
        if found:
            break
    else:
        return None
    year = int(found["year"])
    if len(found["year"]) == 2:
        year += 2000 if year < 70 else 1900
    month = _MONTH_NUMBER.get(found["month"].capitalize(), 0)
    return _seconds(year, month, *map(int, found.group("day", "hour", "minute", "second")))


def _seconds(*fields: int) -> int | None:
    """Seconds since 1970 of (year, month, day, hour, minute, second); None when there is no such moment.

    A leap second counts as the one after it.
    """
    year, month, day, hour, minute, second = fields
    if hour > 23 or minute > 59 or second > 60:
        return None
    try:
        date = datetime.date(year, month, day)
    except ValueError:
        return None
    return (date.toordinal() - _EPOCH_DAY) * 86_400 + hour * 3600 + minute * 60 + second


_ISO_FORM = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:Z|([+-])(\d\d):?(\d\d))",
    re.ASCII,
)


def parse_iso(text: str) -> int | None:
    """An ISO 8601 moment (`2026-11-21T09:28:01.123Z`, the fraction optional, or an offset) in ms since 1970.

    None when it is none. Digits below the millisecond are dropped.
    """
    found = _ISO_FORM.fullmatch(text.strip())
    if not found:
        return None
    fraction, sign, hours, minutes = found.group(7, 8, 9, 10)
    seconds = _seconds(*map(int, found.group(1, 2, 3, 4, 5, 6)))
    if seconds is None:
        return None
    if sign:
        if int(hours) > 23 or int(minutes) > 59:
            return None
        offset = int(hours) * 3600 + int(minutes) * 60
        seconds += offset if sign == "-" else -offset
    return seconds * 1000 + (int(fraction[:3].ljust(3, "0")) if fraction else 0)


_STAMP_FORM = re.compile(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z", re.ASCII)


def parse_stamp(text: str) -> int | None:
    """An `X-Amz-Date` (`20261121T092801Z`) in seconds since 1970; None when it is none."""
    return _parse_stamp(text) if len(text) == 16 else None


@functools.lru_cache(maxsize=1024)
def _parse_stamp(text: str) -> int | None:
    found = _STAMP_FORM.fullmatch(text)
    return _seconds(*map(int, found.groups())) if found else None


def stamp(seconds: float) -> str:
    """Seconds since 1970 as an `X-Amz-Date`: `20261121T092801Z`."""
    day, rest = divmod(int(seconds), 86_400)
    return f"{_iso_day(day).replace('-', '')}T{rest // 3600:02d}{rest // 60 % 60:02d}{rest % 60:02d}Z"

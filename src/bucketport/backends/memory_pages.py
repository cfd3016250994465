"""Which of these keys are on the page that a listing asks for? Pure, over a sorted list: no cost beyond the page's own.

Text sorts by code points here, which is the order of its UTF-8.
"""

import bisect
from collections.abc import Sequence

from bucketport.options import ListQuery
from bucketport.record import record


@record
class KeyPage:
    """Where in the list the page's own keys stand, its common prefixes, and the last of either when more follow."""

    places: list[int]
    prefixes: list[str]
    truncated: bool
    last: str


def page(keys: Sequence[str], query: ListQuery, begin: int) -> KeyPage:
    """The page of sorted `keys` (one may be there repeatedly) that begins at place `begin`, see `begin`."""
    at = max(begin, bisect.bisect_left(keys, query.prefix))
    places: list[int] = []
    prefixes: list[str] = []
    last = ""
    while query.limit > 0 and at < len(keys) and keys[at].startswith(query.prefix):
        if len(places) + len(prefixes) == query.limit:
            return KeyPage(places, prefixes, True, last)
        group = group_of(keys[at], query)
        if group:
            prefixes.append(group)
            last, at = group, _past(keys, group, at)
        else:
            places.append(at)
            last, at = keys[at], at + 1
    return KeyPage(places, prefixes, False, "")


def begin(keys: Sequence[str], query: ListQuery) -> int:
    """The place of the first key behind `query.after`: behind everything under it when it is a common prefix."""
    after = query.after
    if after and group_of(after, query) == after:
        return _past(keys, after, bisect.bisect_left(keys, after))
    return bisect.bisect_right(keys, after)


def group_of(key: str, query: ListQuery) -> str:
    """The common prefix that stands for `key`; empty when it stands for itself."""
    if not query.delimiter or not key.startswith(query.prefix):
        return ""
    head, delimiter, _ = key[len(query.prefix) :].partition(query.delimiter)
    return query.prefix + head + delimiter if delimiter else ""


def _past(keys: Sequence[str], group: str, at: int) -> int:
    """The place of the first key from `at` on that does not begin with `group`, where all of those stand together."""
    return bisect.bisect_left(keys, True, lo=at, key=lambda key: not key.startswith(group))

"""Promises of wire/etag.py."""

import hashlib

import pytest

from bucketport.wire import etag

ETAG = "d41d8cd98f00b204e9800998ecf8427e"


@pytest.mark.parametrize("text", [ETAG, f'"{ETAG}"', f'W/"{ETAG}"', f' "{ETAG}" '])
def test_unquote_takes_off_quotes_and_weakness(text: str) -> None:
    assert etag.unquote(text) == ETAG
    assert etag.unquote(etag.quote(ETAG)) == ETAG


def test_unquote_leaves_a_lone_quote() -> None:
    assert etag.unquote('"') == '"'
    assert etag.unquote("") == ""


@pytest.mark.parametrize(
    "header",
    [ETAG, f'"{ETAG}"', "*", " * ", '"*"', f'"x", "{ETAG}"', f'W/"{ETAG}","x"', f"x,{ETAG} ", f'x , W/"{ETAG}"'],
)
def test_header_that_names_the_etag_matches(header: str) -> None:
    assert etag.matches(header, ETAG)


@pytest.mark.parametrize("header", ["", '"x"', f'"{ETAG}-2"', f'"{ETAG}', "x,y", '"x", "y"', ","])
def test_header_that_names_others_does_not_match(header: str) -> None:
    assert not etag.matches(header, ETAG)


def test_long_hostile_list_is_judged_at_once() -> None:
    assert not etag.matches(" " * 60_000 + "," + '"' * 4_000, ETAG)


def test_multipart_etag_counts_its_parts() -> None:
    parts = [hashlib.md5(letter * (5 << 20)).hexdigest() for letter in (b"A", b"B", b"C")]
    assert etag.multipart(parts) == "b2add96cc9702bbf4efb0ccdfc6b7747-3"
    with pytest.raises(ValueError, match="hex"):
        etag.multipart(["zz"])

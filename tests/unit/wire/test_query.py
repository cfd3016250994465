"""Promises of wire/query.py."""

import pytest

from bucketport.errors import InvalidRequest, InvalidURI
from bucketport.wire import query


def test_pairs_stay_as_sent_and_in_order() -> None:
    assert query.pairs("b=%2f&a&a=1=2&&c=+") == [("b", "%2f"), ("a", ""), ("a", "1=2"), ("c", "+")]
    assert query.pairs("") == []


def test_parse_decodes_plus_and_percent() -> None:
    assert query.parse("prefix=a%2Fb+c%20d&del%69miter=%2B&uploads") == {
        "prefix": "a/b c d",
        "delimiter": "+",
        "uploads": "",
    }
    assert query.parse("p=%F0%9F%98%80") == {"p": "😀"}
    assert query.parse("p=Ã©") == {"p": "é"}


@pytest.mark.parametrize("raw", ["a=1&a=2", "a=1&%61=2", "a=1&b=+&a=2"])
def test_first_of_repeated_names_wins(raw: str) -> None:
    assert query.parse(raw)["a"] == "1"


def test_each_answer_belongs_to_its_caller() -> None:
    query.parse("")["a"] = "b"
    assert query.parse("") == {}


@pytest.mark.parametrize("raw", ["a=%", "a=%1", "%zz=1", "a=%ff", "a=\xff", "a=%ED%A0%80"])
def test_bad_escape_is_refused(raw: str) -> None:
    with pytest.raises(InvalidURI):
        query.parse(raw)


def test_too_many_pairs_are_refused() -> None:
    assert len(query.pairs("&".join(f"a{i}" for i in range(1000)))) == 1000
    for read in (query.pairs, query.parse):
        with pytest.raises(InvalidRequest):
            read("&".join(f"a{i}" for i in range(1001)))
        with pytest.raises(InvalidRequest):
            read("a&b&c", 2)


@pytest.mark.parametrize(
    ("text", "encoded"),
    [
        ("abcXYZ019-._~", "abcXYZ019-._~"),
        ("a b+c/d", "a%20b%2Bc%2Fd"),
        ("é😀", "%C3%A9%F0%9F%98%80"),
        ("%2F", "%252F"),
        ("\0\n\x7f", "%00%0A%7F"),
        ("!'()*", "%21%27%28%29%2A"),
        ("", ""),
    ],
)
def test_encode_keeps_unreserved_characters_alone(text: str, encoded: str) -> None:
    assert query.encode(text) == encoded


def test_encode_key_keeps_slashes_and_dots() -> None:
    assert query.encode_key("a//../b c/é") == "a//../b%20c/%C3%A9"
    assert query.encode("a=b&c", safe="=&") == "a=b&c"

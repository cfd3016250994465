"""Does everything that S3 can name fit into Azure's metadata and come back as it was?"""

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucketport.backends.remote.azure.names import (
    OURS,
    check_container,
    check_key,
    decode_name,
    decode_value,
    encode_name,
    encode_value,
)
from bucketport.errors import InvalidArgument, InvalidBucketName, InvalidURI

TOKEN = string.ascii_lowercase + string.digits + "!#$%&'*+-.^_`|~"


@given(st.text(TOKEN, max_size=40))
def test_any_name_of_a_header_comes_back(name):
    assert decode_name(encode_name(name)) == name


@given(st.text("_0123456789abcdefgz-" + OURS, max_size=20))
def test_names_that_look_encoded_come_back(name):
    assert decode_name(encode_name(name)) == name


@given(st.text(TOKEN, max_size=40), st.text(TOKEN, max_size=40))
def test_two_names_never_meet(one, other):
    assert (encode_name(one) == encode_name(other)) == (one == other)


@given(st.text(TOKEN, max_size=40))
def test_encoded_name_is_one_of_azures(name):
    made = encode_name(name)
    assert re.fullmatch("[a-z_][a-z0-9_]*", made)
    assert not made.startswith(OURS)


@pytest.mark.parametrize(
    ("name", "held"),
    [
        ("plain", "plain"),
        ("snake_case", "snake_case"),
        ("last-modified", "last_2dmodified"),
        ("a.b", "a_2eb"),
        ("1st", "_31st"),
        ("_5f", "_5f5f"),
        ("a_2d", "a_5f2d"),
        ("a_31", "a_31"),
        ("Upper", "upper"),
        ("", "_00"),
        ("_00", "_5f00"),
        (OURS + "etag", "_62" + OURS[1:] + "etag"),
    ],
)
def test_name_is_held_as(name, held):
    assert encode_name(name) == held


@pytest.mark.parametrize("name", ["my_name", "a_bad", "MixedCase", "_hidden", "x_1", "a_ff"])
def test_names_that_others_gave_stay(name):
    assert decode_name(name) == name.lower()


@pytest.mark.parametrize("name", ["a b", "\u00e9", "a:b", "a\nb", "(a)"])
def test_what_is_no_name_is_refused(name):
    with pytest.raises(InvalidArgument):
        encode_name(name)


@given(st.text(st.characters(blacklist_characters="\r\n\0", blacklist_categories=["Cs"]), max_size=60))
def test_any_value_comes_back(value):
    assert decode_value(encode_value(value)) == value


@given(st.text(max_size=40))
def test_held_value_is_plain(value):
    made = encode_value(value)
    assert made
    assert made.isascii()
    assert made.isprintable()
    assert made == made.strip()
    assert "  " not in made


@pytest.mark.parametrize("value", ["", " a", "a ", "in  between", "=?UTF-8?B?YQ==?=", "a\tb", "gr\u00fc\u00dfe"])
def test_what_azure_would_change_is_encoded(value):
    assert encode_value(value) != value
    assert decode_value(encode_value(value)) == value


@pytest.mark.parametrize(
    "key", [".", "..", "a/../b", "./a", "a/.", "end.", "a./b", "a\\b", "a\0", "\x01", "\x7f", "\x85"]
)
def test_key_that_azure_may_not_keep_apart_is_refused(key):
    with pytest.raises(InvalidURI):
        check_key(key)


@pytest.mark.parametrize("key", ["a", "/", "//", "a//b", "dir/", ".hidden", "a.b/c.d", "%2F", "?x#y", "\U0001f600"])
def test_other_keys_are_fine(key):
    check_key(key)


@pytest.mark.parametrize("name", ["ab", "a" * 64, "a.b.c", "-abc", "abc-", "a--b", "Abc", "a_b", ""])
def test_what_no_container_is_called_is_refused(name):
    with pytest.raises(InvalidBucketName):
        check_container(name)


@pytest.mark.parametrize("name", ["abc", "a-b", "0-9", "a" * 63])
def test_containers_names(name):
    check_container(name)

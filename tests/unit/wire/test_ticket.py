"""Tickets: what they bind, how they are written, and what breaks them."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucketport.errors import AccessDenied, InvalidRequest
from bucketport.model import Secret
from bucketport.wire.query import unescape
from bucketport.wire.ticket import FREE, Bound, bound_of, query, read, signature, verify

SECRET = Secret("a secret")
NAME = ("pictures", "a/b c.png")
NOW = 1_000_000.0
EXPIRES = 1_000_900
BOUND = Bound("1024", "image/*,text/plain", "0" * 64)


def passes(text: str, method: str = "GET", name: tuple[str, str] = NAME, now: float = NOW) -> None:
    verify(read(text), [SECRET], method, name, now)


def test_a_ticket_is_good_for_what_it_was_made_for() -> None:
    passes(query(SECRET, "GET", NAME, EXPIRES))
    passes(query(SECRET, "GET", NAME, EXPIRES, BOUND))
    assert read(query(SECRET, "GET", NAME, EXPIRES, BOUND)).bound == BOUND
    assert bound_of(query(SECRET, "GET", NAME, EXPIRES)) is FREE


@pytest.mark.parametrize(
    ("method", "name"),
    [("PUT", NAME), ("HEAD", NAME), ("GET", ("pictures", "a/b")), ("GET", ("picture", "s/a/b c.png"))],
)
def test_another_method_or_object_is_refused(method: str, name: tuple[str, str]) -> None:
    with pytest.raises(AccessDenied):
        passes(query(SECRET, "GET", NAME, EXPIRES), method, name)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("expires=1000900", "expires=9000900"),
        lambda text: text.replace("max_size=1024", "max_size=9024"),
        lambda text: text.replace("max_size=1024&", ""),
        lambda text: text.replace("image%2F%2A", "audio%2F%2A"),
        lambda text: text.replace("sha256=0", "sha256=1"),
        lambda text: text + "&max_size=5000",
        lambda text: text + "&expires=9000900",
        lambda text: text + "&sig=AAAA",
        lambda text: text.replace("sig=", "sig=A"),
        lambda text: text.replace("sig=", "sig=%zz"),
        lambda text: text.replace("expires=1000900", "expires=1e9"),
        lambda text: text.replace("expires=1000900&", ""),
        lambda text: text.partition("sig=")[0] + "sig=",
        lambda text: text.partition("sig=")[0] + "sig=é",
    ],
)
def test_a_change_is_refused(change) -> None:
    made = query(SECRET, "GET", NAME, EXPIRES, BOUND)
    assert change(made) != made
    with pytest.raises(AccessDenied) as refused:
        passes(change(made))
    assert refused.value.message == "The URL's signature is not valid for this request."


def test_terms_that_nobody_signed_cannot_be_added() -> None:
    with pytest.raises(AccessDenied):
        passes(query(SECRET, "GET", NAME, EXPIRES) + "&content_types=text/html")


def test_a_parameter_of_somebody_else_changes_nothing() -> None:
    passes(query(SECRET, "GET", NAME, EXPIRES) + "&utm_source=mail&versionId=7")


def test_its_time_ends() -> None:
    made = query(SECRET, "GET", NAME, EXPIRES)
    passes(made, now=EXPIRES - 0.001)
    with pytest.raises(AccessDenied) as refused:
        passes(made, now=EXPIRES)
    assert refused.value.message == "This URL has expired."


def test_a_wrong_signature_is_not_told_that_its_time_is_over() -> None:
    with pytest.raises(AccessDenied) as refused:
        passes(query(Secret("another"), "GET", NAME, EXPIRES), now=EXPIRES + 1)
    assert refused.value.message == "The URL's signature is not valid for this request."


def test_every_secret_verifies_and_the_first_signs() -> None:
    for secret in ("one", "two", "three"):
        ticket = read(query(Secret(secret), "PUT", NAME, EXPIRES))
        verify(ticket, [Secret("one"), Secret("two"), Secret("three")], "PUT", NAME, NOW)
        with pytest.raises(AccessDenied):
            verify(ticket, [Secret("four")], "PUT", NAME, NOW)


def with_plus_and_slash() -> int:
    """A time for which the signature has both a plus and a slash."""
    for expires in range(EXPIRES, EXPIRES + 1000):
        text = base64.b64encode(signature(SECRET, "GET", NAME, expires, FREE)).decode()
        if "+" in text and "/" in text:
            return expires
    raise AssertionError


@pytest.mark.parametrize(
    "written",
    [
        lambda text: text,
        lambda text: text.replace("%2B", "+"),
        lambda text: text.replace("%2B", "%20"),
        lambda text: text.replace("%2B", " "),
        lambda text: text.replace("%2F", "/"),
        lambda text: text.replace("%3D", "="),
        lambda text: text.replace("%3D", ""),
        lambda text: text.lower().replace(text.lower(), text.replace("%2F", "%2f").replace("%2B", "%2b")),
        lambda text: text.replace("%2B", "+").replace("%2F", "/").replace("%3D", "="),
    ],
)
def test_a_signature_may_be_pasted_in_any_form(written) -> None:
    passes(written(query(SECRET, "GET", NAME, with_plus_and_slash())))


@pytest.mark.parametrize(
    "bound",
    [
        Bound(max_size="-1"),
        Bound(max_size="1e3"),
        Bound(max_size="٣"),
        Bound(content_types="image"),
        Bound(content_types="image/png\ntext/html"),
        Bound(content_types="a/b,,c/d"),
        Bound(sha256="A" * 64),
        Bound(sha256="0" * 63),
    ],
)
def test_malformed_terms_are_refused(bound: Bound) -> None:
    with pytest.raises(InvalidRequest):
        bound.check()
    with pytest.raises(AccessDenied):
        passes(query(SECRET, "GET", NAME, EXPIRES, bound))


TEXTS = st.text(max_size=12)
BUCKETS = st.text(alphabet="ab\n0", min_size=1, max_size=4)


@given(BUCKETS, TEXTS, BUCKETS, TEXTS, st.integers(0, 99), st.integers(0, 99))
def test_no_two_tickets_are_signed_by_the_same_text(
    bucket: str, key: str, other_bucket: str, other_key: str, expires: int, other_expires: int
) -> None:
    one = (bucket, key, expires), signature(SECRET, "GET", (bucket, key), expires, FREE)
    two = (
        (other_bucket, other_key, other_expires),
        signature(SECRET, "GET", (other_bucket, other_key), other_expires, FREE),
    )
    assert (one[0] == two[0]) == (one[1] == two[1])


@given(TEXTS.filter(bool), st.integers(0, 10**12))
def test_what_is_made_is_read(key: str, expires: int) -> None:
    made = query(SECRET, "DELETE", ("b", key), expires, BOUND)
    assert made.isascii()
    verify(read(made), [SECRET], "DELETE", ("b", key), expires - 1)
    assert unescape(made.partition("sig=")[2]).endswith("=")

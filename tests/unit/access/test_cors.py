"""What a browser is told about pages of other origins."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucketport.access.cors import ASKED, PUBLIC, VARY, Cors, applying
from bucketport.backends.memory import Memory
from bucketport.crypto.digests import WheelDigests
from bucketport.mounts import Mount
from bucketport.testing.fakes import FakeClock, FakeIds
from bucketport.wire.cors import Rule, to_json

RULES = Cors(
    (
        Rule(
            ("https://app.example", "https://*.example.org"), ("GET", "PUT"), ("content-type", "x-amz-*"), ("ETag",), 60
        ),
    )
)
ANYBODY = Cors((Rule(("*",), ("GET",)),))


def asked(origin: str = "https://app.example", method: str = "PUT", names: str = "") -> dict[str, str]:
    made = {"origin": origin, "access-control-request-method": method}
    return made | ({"access-control-request-headers": names} if names else {})


def test_a_preflight_of_what_is_allowed_says_so() -> None:
    assert RULES.preflight(asked(names="Content-Type, X-Amz-Date")) == {
        "Access-Control-Allow-Origin": "https://app.example",
        "Access-Control-Allow-Credentials": "true",
        "Vary": VARY,
        "Access-Control-Expose-Headers": "ETag",
        "Access-Control-Allow-Methods": "GET, PUT",
        "Access-Control-Allow-Headers": "Content-Type, X-Amz-Date",
        "Access-Control-Max-Age": "60",
    }


@pytest.mark.parametrize(
    "headers",
    [
        asked(origin="https://evil.example"),
        asked(origin="https://app.example.evil"),
        asked(origin="http://app.example"),
        asked(origin="https://app.example\n"),
        asked(method="DELETE"),
        asked(method="put"),
        asked(names="authorization"),
        asked(names="content-type, authorization"),
        asked(names=",".join(f"x-amz-{number}" for number in range(ASKED + 1))),
        {"origin": "https://app.example"},
        {},
    ],
)
def test_a_preflight_of_anything_else_is_refused(headers: dict[str, str]) -> None:
    assert RULES.preflight(headers) is None


def test_the_first_rule_that_matches_origin_method_and_headers_speaks() -> None:
    rules = Cors(
        (
            Rule(("https://a.example",), ("PUT",), ("x-one",), max_age=1),
            Rule(("https://*.example",), ("PUT",), ("*",), max_age=2),
            Rule(("*",), ("GET",), max_age=3),
        )
    )

    def age(*what: str) -> str:
        allowed = rules.preflight(asked(*what))
        return allowed["Access-Control-Max-Age"] if allowed else ""

    assert age("https://a.example", "PUT", "x-one") == "1"
    assert age("https://a.example", "PUT", "x-two") == "2"
    assert age("https://b.example", "PUT") == "2"
    assert age("https://a.example", "GET") == "3"
    assert age("https://a.example", "GET", "x-one") == ""
    assert rules.answer("https://a.example", "DELETE") == {}
    assert rules.answer("https://a.example")["Access-Control-Max-Age"] == "1"


def test_a_star_within_an_origin_is_any_text() -> None:
    assert RULES.answer("https://a.example.org", "GET")["Access-Control-Allow-Origin"] == "https://a.example.org"
    assert RULES.answer("https://example.org", "GET") == {}


def test_a_star_alone_allows_every_origin_and_no_credentials() -> None:
    assert ANYBODY.answer("null") == {
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Allow-Methods": "GET",
        "Vary": VARY,
    }


@pytest.mark.parametrize("origin", ["https://a?example", "https://[ab].example", "https://a.b|c"])
def test_nothing_but_the_star_has_a_meaning(origin: str) -> None:
    rules = Cors((Rule((origin,), ("GET",)),))
    assert not rules.answer("https://axexample")
    assert not rules.answer("https://a.example")
    assert not rules.answer("https://axb")
    assert rules.answer(origin)


@given(st.text(max_size=8), st.text(max_size=8), st.text(max_size=20))
def test_one_star_is_a_prefix_and_a_suffix(start: str, end: str, origin: str) -> None:
    pattern = start.replace("*", "") + "*" + end.replace("*", "")
    head, _, tail = pattern.partition("*")
    expected = (
        bool(origin)
        and len(origin) >= len(head) + len(tail)
        and origin.startswith(head)
        and origin.endswith(tail)
        and "\n" not in origin
    )
    assert bool(Cors((Rule((pattern,), ("GET",)),)).answer(origin)) == expected


def test_a_protocol_may_need_more_methods_and_headers_than_rules_name() -> None:
    wide = RULES.widened(("PATCH", "PUT"), ("Location",))
    allowed = wide.preflight(asked(method="PATCH"))
    assert allowed is not None
    assert allowed["Access-Control-Allow-Methods"] == "GET, PUT, PATCH"
    assert allowed["Access-Control-Expose-Headers"] == "ETag, Location"
    assert wide.answer("https://evil.example") == {}


def mount(**known: object) -> Mount:
    return Mount("data", Memory(now=FakeClock(), new_id=FakeIds(), digests=WheelDigests()), **known)  # type: ignore[arg-type]


def test_a_buckets_own_rules_stand_before_the_servers_and_those_before_what_is_built_in() -> None:
    own = to_json((Rule(("https://own.example",), ("GET",)),))
    for known in ({}, {"anonymous_read": True}, {"acl": "public-read"}):
        found = applying(mount(cors=own, **known), ANYBODY)
        assert found is not None
        assert found.rules[0].origins == ("https://own.example",)
        assert applying(mount(**known), ANYBODY) is ANYBODY
    assert applying(mount(anonymous_read=True), None) is PUBLIC
    assert applying(mount(acl="public-read"), None) is PUBLIC


@pytest.mark.parametrize("acl", ["private", "authenticated-read", "log-delivery-write"])
def test_what_not_everybody_may_read_has_no_rules_unless_they_are_made(acl: str) -> None:
    assert applying(mount(acl=acl), None) is None
    assert applying(None, None) is None
    assert applying(None, ANYBODY) is ANYBODY


@pytest.mark.parametrize("names", ["range", "range, if-match", "range, if-none-match, x-anything", ""])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_readers_of_public_buckets_may_ask_for_ranges_and_read_what_they_need(method: str, names: str) -> None:
    allowed = PUBLIC.preflight(asked("https://viewer.example", method, names))
    assert allowed is not None
    assert allowed["Access-Control-Allow-Origin"] == "*"
    assert allowed.get("Access-Control-Allow-Headers", "") == names
    exposed = PUBLIC.answer("https://viewer.example", method)["Access-Control-Expose-Headers"].split(", ")
    assert {"ETag", "Content-Range", "Content-Length", "Accept-Ranges", "*"} <= set(exposed)
    assert PUBLIC.preflight(asked("https://viewer.example", "PUT", names)) is None

"""What a browser is told about pages of other origins."""

import pytest

from bucketport.access.cors import Cors

RULES = Cors(
    ("https://app.example", "https://*.example.org"), ("GET", "PUT"), ("content-type", "x-amz-*"), ("ETag",), 60
)


def asked(origin: str = "https://app.example", method: str = "PUT", names: str = "") -> dict[str, str]:
    made = {"origin": origin, "access-control-request-method": method}
    return made | ({"access-control-request-headers": names} if names else {})


def test_a_preflight_of_what_is_allowed_says_so() -> None:
    assert RULES.preflight(asked(names="Content-Type, X-Amz-Date")) == {
        "Access-Control-Allow-Origin": "https://app.example",
        "Vary": "Origin",
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
        asked(method="DELETE"),
        asked(names="authorization"),
        {"origin": "https://app.example"},
        {},
    ],
)
def test_a_preflight_of_anything_else_is_refused(headers: dict[str, str]) -> None:
    assert RULES.preflight(headers) is None


def test_a_star_within_an_origin_is_any_text() -> None:
    assert RULES.answer("https://a.example.org")["Access-Control-Allow-Origin"] == "https://a.example.org"
    assert RULES.answer("https://example.org") == {}


def test_a_star_alone_allows_every_origin() -> None:
    assert Cors(("*",)).answer("null") == {"Access-Control-Allow-Origin": "*", "Vary": "Origin"}


@pytest.mark.parametrize("origin", ["https://a?example", "https://[ab].example"])
def test_nothing_but_the_star_has_a_meaning(origin: str) -> None:
    assert not Cors((origin,)).answer("https://axexample")
    assert not Cors((origin,)).answer("https://a.example")
    assert Cors((origin,)).answer(origin)

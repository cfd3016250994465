"""Pages of other origins at URLs of a bucket that has CORS rules of its own: those decide, and nothing else does."""

import asyncio
import json
from typing import Any

import pytest

from bucketport.access.cors import VARY
from bucketport.errors import BackendError, Trouble
from bucketport.wire.cors import Rule, to_json

EVERYWHERE = "https://app.example"
"""Who may use the surface as a whole; see conftest."""

OWN = "https://own.example"
RULES = (
    Rule((OWN,), ("GET", "POST"), ("content-type",), ("ETag",), 60),
    Rule(("*",), ("HEAD",)),
)


@pytest.fixture(params=[True, False], ids=["others may", "no others"])
def ruled(request: pytest.FixtureRequest, make_world: Any) -> Any:
    """A world whose bucket `pictures` has rules; the surface has some, or none."""
    world = make_world() if request.param else make_world(cors=None)
    world.make_bucket("pictures")
    asyncio.run(world.backend.put_bucket_cors("pictures", to_json(RULES)))
    return world


def asked(origin: str, method: str, headers: str = "") -> dict[str, str]:
    named = {"origin": origin, "access_control_request_method": method}
    return named | ({"access_control_request_headers": headers} if headers else {})


def allowed(answer: Any) -> str | None:
    return answer.headers.get("Access-Control-Allow-Origin")


def test_a_preflight_is_judged_by_the_buckets_rules(ruled: Any) -> None:
    target = ruled.url(bucket="pictures", blob_id="one")
    answer = ruled.ask("OPTIONS", target, **asked(OWN, "POST", "content-type"))
    assert (answer.status, allowed(answer)) == (200, OWN)
    assert answer.headers["Access-Control-Max-Age"] == "60"
    for refused in (asked(EVERYWHERE, "POST"), asked(OWN, "DELETE"), asked(OWN, "POST", "x-chunk-index")):
        answer = ruled.ask("OPTIONS", target, **refused)
        assert (answer.status, json.loads(answer.body)["code"]) == (403, "AccessForbidden")
        assert answer.headers["Vary"] == VARY
        assert allowed(answer) is None


def test_answers_and_errors_are_too(ruled: Any) -> None:
    target = ruled.url(bucket="pictures", blob_id="one")
    uploaded = ruled.ask("POST", target, b"hello", origin=OWN)
    assert (uploaded.status, allowed(uploaded)) == (200, OWN)
    again = ruled.ask("POST", target, b"hello", origin=OWN)
    assert (again.status, allowed(again)) == (409, OWN)
    got = ruled.url("download", bucket="pictures", blob_id="one")
    assert allowed(ruled.ask("GET", got, origin=OWN)) == OWN
    assert allowed(ruled.ask("HEAD", got, origin=EVERYWHERE)) == "*"
    elsewhere = ruled.ask("GET", got, origin=EVERYWHERE)
    assert (elsewhere.status, allowed(elsewhere), elsewhere.headers["Vary"]) == (200, None, VARY)
    assert allowed(ruled.ask("GET", "/pictures/one?sig=wrong&expires=1", origin=OWN)) == OWN


def test_what_a_cache_keeps_without_an_origin_depends_on_it(ruled: Any) -> None:
    ruled.ask("POST", ruled.url(bucket="pictures", blob_id="one"), b"hello")
    assert ruled.ask("GET", ruled.url("download", bucket="pictures", blob_id="one")).headers["Vary"] == VARY


def test_the_short_form_follows_the_rules_of_the_default_bucket(ruled: Any) -> None:
    ruled.make_bucket("default")
    asyncio.run(ruled.backend.put_bucket_cors("default", to_json(RULES)))
    target = "/upload" + ruled.url(blob_id="one").removeprefix("/default")
    assert ruled.ask("OPTIONS", target, **asked(OWN, "POST")).status == 200


def test_other_buckets_and_paths_keep_to_the_surfaces_rules(world: Any) -> None:
    world.make_bucket("pictures")
    asyncio.run(world.backend.put_bucket_cors("pictures", to_json(RULES)))
    for target in (world.url(blob_id="one"), "/presign", "/-/uploads/t/tus/1", "/b?sig=x&expires=1"):
        assert world.ask("OPTIONS", target, **asked(EVERYWHERE, "POST")).status == 200
        assert world.ask("OPTIONS", target, **asked(OWN, "POST")).status == 403


def test_who_asks_without_an_origin_pays_for_no_rules(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    target = world.url("download", blob_id="one")
    world.upload(b"hello")
    calls = []
    find = world.backend.bucket

    async def counted(bucket: str) -> Any:
        calls.append(bucket)
        return await find(bucket)

    monkeypatch.setattr(world.backend, "bucket", counted)
    assert world.ask("GET", target).status == 200
    assert calls == ["default"]


def test_a_backend_that_is_away_is_told_as_such(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: object) -> None:
        raise BackendError(Trouble.UNREACHABLE, "away")

    target = world.url(blob_id="one")
    monkeypatch.setattr(world.backend, "bucket", away)
    answer = world.ask("POST", target, b"hello", origin=EVERYWHERE)
    assert (answer.status, allowed(answer)) == (503, EVERYWHERE)
    assert world.bugs == ["ID UploadBlob unreachable: away"]
    world.bugs.clear()

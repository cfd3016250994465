"""Which requests come here, how they are refused, and what browsers are told."""

import json
from typing import Any

import pytest

from bucketport.errors import BackendError, Trouble
from bucketport.message import NoBody, Request

ORIGIN = "https://app.example"


def wants(world: Any, target: str, method: str = "GET", **headers: str) -> bool:
    path, _, query = target.partition("?")
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return world.app._apis[0].wants(Request(method, path, query, named, NoBody()))


@pytest.mark.parametrize(
    "target",
    [
        "/presign",
        "/healthz",
        "/admin",
        "/admin/presign",
        "/admin/buckets/x",
        "/-/uploads",
        "/-/uploads/token/tus/3",
        "/b/k?sig=x&expires=1",
        "/upload/k?expires=1&sig=x",
        "/b/k?a=b&expires=1&sig=x",
    ],
)
def test_its_paths_and_tickets_come_here_unless_aws_signed_them(world: Any, target: str) -> None:
    assert wants(world, target)
    assert wants(world, target, "OPTIONS", access_control_request_method="PUT")
    assert wants(world, target, authorization="Bearer x")
    assert not wants(world, target, authorization="AWS4-HMAC-SHA256 Credential=x")
    assert not wants(world, target, authorization="AWS key:signature")
    mark = "&" if "?" in target else "?"
    for signed in ("X-Amz-Signature=0&X-Amz-Algorithm=AWS4-HMAC-SHA256", "Signature=x&AWSAccessKeyId=y&Expires=1"):
        assert not wants(world, target + mark + signed)


@pytest.mark.parametrize(
    "target",
    [
        "/",
        "/b",
        "/b/k",
        "/presign/x",
        "/presignx",
        "/healthz/x",
        "/administration",
        "/-/health/live",
        "/-/uploadsx",
        "/b/k?sig=x",
        "/b/k?expires=1",
        "/b/k?notsig=x&expires=1",
        "/b/k?list-type=2&prefix=sig=&x-expires=1",
    ],
)
def test_the_rest_is_left_to_s3(world: Any, target: str) -> None:
    assert not wants(world, target)


def test_a_bucket_in_the_host_name_is_s3s(make_world: Any) -> None:
    world = make_world(domains=("s3.example",))
    assert wants(world, "/presign", host="s3.example")
    assert wants(world, "/presign", host="elsewhere.example")
    assert not wants(world, "/presign", host="bucket.s3.example")


def test_what_is_uploaded_here_is_an_object_of_s3(world: Any) -> None:
    assert world.upload(b"hello", content_type="text/plain").status == 200
    got = world.ask("GET", "/default/one", user="admin")
    assert (got.status, got.body, got.headers["Content-Type"]) == (200, b"hello", "text/plain")


def test_a_signed_request_to_a_path_of_ours_is_an_s3_request(world: Any) -> None:
    answer = world.ask("GET", "/presign", authorization="AWS4-HMAC-SHA256 Credential=nobody")
    assert answer.headers["Content-Type"] == "application/xml"


@pytest.mark.parametrize(
    ("method", "target", "status", "code"),
    [
        ("GET", "/presign", 405, "MethodNotAllowed"),
        ("PATCH", "/b/k?sig=x&expires=1", 405, "MethodNotAllowed"),
        ("GET", "/admin", 404, "NoSuchKey"),
        ("GET", "/admin/nothing", 404, "NoSuchKey"),
        ("GET", "/-/uploads/a/b/c/d", 404, "NoSuchKey"),
        ("GET", "/b/k?sig=x&expires=1", 403, "AccessDenied"),
        ("GET", "/b?sig=x&expires=1", 403, "AccessDenied"),
        ("GET", "/b/%zz?sig=x&expires=1", 403, "AccessDenied"),
        ("POST", "/presign", 401, "Unauthorized"),
        ("GET", "/admin/stats", 401, "Unauthorized"),
        ("DELETE", "/admin/buckets/x", 401, "Unauthorized"),
    ],
)
def test_refusals_are_json(world: Any, method: str, target: str, status: int, code: str) -> None:
    answer = world.ask(method, target)
    said = json.loads(answer.body)
    assert (answer.status, said["success"], said["code"], said["request_id"]) == (status, False, code, "ID")
    assert answer.headers["Content-Type"] == "application/json"
    assert said["message"]
    assert world.exchange.code == code


def test_a_405_says_what_is_allowed(world: Any) -> None:
    assert world.ask("GET", "/presign").headers["Allow"] == "POST"
    assert "HEAD" in world.ask("PATCH", "/b/k?sig=x&expires=1").headers["Allow"]


def test_it_is_alive(world: Any) -> None:
    assert world.ask("GET", "/healthz").status == 200
    assert world.ask("HEAD", "/healthz").status == 200
    assert world.ask("GET", "/healthz", origin=ORIGIN).headers["Access-Control-Allow-Origin"] == ORIGIN


def test_a_page_may_ask_before_it_uploads(world: Any) -> None:
    asked = {
        "origin": ORIGIN,
        "access_control_request_method": "POST",
        "access_control_request_headers": "x-chunk-index",
    }
    for target in (world.url(blob_id="one"), "/presign", "/-/uploads/t/tus/1"):
        answer = world.ask("OPTIONS", target, **asked)
        assert answer.status == 200
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
        assert answer.headers["Access-Control-Allow-Headers"] == "x-chunk-index"
    assert world.exchange.operation == "Preflight"


def test_a_page_of_another_origin_may_not(world: Any) -> None:
    answer = world.ask("OPTIONS", "/presign", origin="https://evil.example", access_control_request_method="POST")
    assert answer.status == 403
    assert json.loads(answer.body)["code"] == "AccessForbidden"
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert "Access-Control-Allow-Origin" not in world.ask("GET", "/healthz", origin="https://evil.example").headers


def test_a_page_reads_errors_too_and_those_of_backends(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = world.ask("POST", "/presign", b"{}", origin=ORIGIN)
    assert (refused.status, refused.headers["Access-Control-Allow-Origin"]) == (401, ORIGIN)

    async def fails(*_: object) -> None:
        raise BackendError(Trouble.UNREACHABLE, "/a/secret/path")

    monkeypatch.setattr(world.backend, "get", fails)
    world.make_bucket("default")
    answer = world.ask("GET", world.url("download", blob_id="x"), origin=ORIGIN)
    assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (503, ORIGIN)
    assert b"secret" not in answer.body
    world.bugs.clear()


def test_caches_are_told_that_pages_get_more(world: Any) -> None:
    world.upload(b"x")
    url = world.url("download", blob_id="one")
    for headers in ({}, {"origin": ORIGIN}, {"origin": "https://evil.example"}):
        assert "Origin" in world.ask("GET", url, **headers).headers["Vary"]


def test_without_rules_no_header_speaks_of_origins(make_world: Any) -> None:
    world = make_world(cors=None)
    assert "Access-Control-Allow-Origin" not in world.ask("GET", "/healthz", origin=ORIGIN).headers
    assert world.ask("OPTIONS", "/presign", origin=ORIGIN, access_control_request_method="POST").status == 403


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ("expires=", "expired="),
        ("sig=", "%73ig="),
        ("sig=", "Sig="),
        ("&sig=", ";sig="),
        ("&sig=", "&X-Amz-Signature="),
        ("&sig=", "&X-Amz-Algorithm=AWS4-HMAC-SHA256&sig="),
        ("&sig=", "&AWSAccessKeyId=admin&Expires=9999999999&Signature="),
        ("&sig=", "&uploads&%73ig="),
    ],
)
@pytest.mark.parametrize("action", ["upload", "update", "download", "delete"])
def test_a_ticket_that_was_altered_is_worth_nothing_at_s3(world: Any, action: str, was: str, becomes: str) -> None:
    world.upload(b"hello")
    made = world.presign(action, blob_id="one")
    target = made["url"].removeprefix(world.services.settings.public_url)
    assert was in target
    answer = world.ask(made["method"], target.replace(was, becomes, 1), b"" if action == "download" else b"other")
    assert answer.status >= 400
    assert b"hello" not in answer.body
    assert world.ask("GET", "/default/one", user="admin").body == b"hello"


def test_a_ticket_does_not_work_where_the_host_names_the_bucket(make_world: Any) -> None:
    world = make_world(domains=("s3.example",))
    world.upload(b"hello")
    query = world.url("download", blob_id="one").partition("?")[2]
    assert world.ask("GET", f"/one?{query}", host="default.s3.example").status >= 400

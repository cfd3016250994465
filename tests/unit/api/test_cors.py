"""Pages of other origins: what the main flow tells a browser, whatever the answer is."""

import re

import pytest

from bucketport.access.cors import VARY, Cors
from bucketport.api.s3 import S3Api, Settings
from bucketport.backends.memory import Memory
from bucketport.crypto.digests import WheelDigests
from bucketport.errors import BackendError, Trouble
from bucketport.message import Response
from bucketport.model import Offer
from bucketport.options import RelayedCall
from bucketport.registry.embedded import EmbeddedBuckets
from bucketport.testing.asking import Asker, Says
from bucketport.testing.fakes import FakeClock, FakeIds
from bucketport.wire.cors import Rule

DIGESTS = WheelDigests()
PAGE = "https://app.example"
ONE_ORIGIN = Cors((Rule((PAGE,), ("GET", "PUT"), ("*",), ("ETag",), 60),))
RULES = b"""<CORSConfiguration>
<CORSRule><AllowedOrigin>https://*.own.example</AllowedOrigin><AllowedMethod>GET</AllowedMethod>
<ExposeHeader>ETag</ExposeHeader></CORSRule>
<CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>HEAD</AllowedMethod></CORSRule>
</CORSConfiguration>"""


class World(Asker):
    """A server's core without a server; everybody may read the bucket `public`."""

    def __init__(self, cors: Cors | None = None, parts_cors: tuple[str, Cors] | None = None) -> None:
        self.backend = Memory(now=FakeClock(), new_id=FakeIds(), digests=DIGESTS)
        settings = Settings(("s3.example",), cors=cors, parts_cors=parts_cors)
        api = S3Api(EmbeddedBuckets(self.backend, ["public"]), [Says()], DIGESTS, FakeClock(), settings)
        super().__init__([api], user="alice")
        for bucket in ("data", "public"):
            assert self.ask("PUT", f"/{bucket}").status == 200
            assert self.ask("PUT", f"/{bucket}/k", b"0123456789").status == 200

    def preflight(self, target: str, origin: str = PAGE, method: str = "GET", **headers: str) -> Response:
        return self.ask("OPTIONS", target, user="", origin=origin, access_control_request_method=method, **headers)


@pytest.fixture
def world() -> World:
    return World()


def allowed(answer: Response) -> str:
    return answer.headers.get("Access-Control-Allow-Origin", "")


def message(answer: Response) -> tuple[str, str]:
    assert isinstance(answer.body, bytes)
    found = re.search("<Code>(.*)</Code><Message>(.*?)</Message>", answer.body.decode())
    return (found[1], found[2]) if found else ("", "")


def test_a_page_may_read_ranges_of_a_public_bucket_out_of_the_box(world: World) -> None:
    asked = world.preflight("/public/k", access_control_request_headers="range, if-match")
    assert (asked.status, allowed(asked)) == (200, "*")
    assert asked.headers["Access-Control-Allow-Headers"] == "range, if-match"
    got = world.ask("GET", "/public/k", user="", origin=PAGE, range="bytes=2-4")
    assert (got.status, got.body, allowed(got)) == (206, b"234", "*")
    assert "Content-Range" in got.headers["Access-Control-Expose-Headers"]
    assert "Access-Control-Allow-Credentials" not in got.headers
    listing = world.ask("GET", "/public?list-type=2", user="", origin=PAGE)
    assert (listing.status, allowed(listing)) == (200, "*")
    assert message(world.preflight("/public/k", method="PUT"))[0] == "AccessForbidden"


@pytest.mark.parametrize(
    ("method", "target", "status", "sent"),
    [
        ("GET", "/public/absent", 404, {}),
        ("HEAD", "/public/absent", 404, {}),
        ("GET", "/public/k", 416, {"range": "bytes=99-"}),
        ("GET", "/public/k", 412, {"if_match": '"other"'}),
        ("GET", "/public/k", 304, {"if_none_match": '"781e5e245d69b566979b86e28d23f2c7"'}),
        ("GET", "/public/k?acl", 403, {}),
    ],
)
def test_a_page_may_read_errors_too(world: World, method: str, target: str, status: int, sent: dict[str, str]) -> None:
    answer = world.ask(method, target, user="", origin=PAGE, **sent)
    assert (answer.status, allowed(answer)) == (status, "*")


def test_a_page_may_read_that_a_backend_is_away(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: object) -> None:
        raise BackendError(Trouble.UNREACHABLE, "away")

    monkeypatch.setattr(world.backend, "get", away)
    answer = world.ask("GET", "/public/k", user="", origin=PAGE)
    assert (answer.status, allowed(answer)) == (503, "*")


def test_a_private_bucket_says_nothing_to_pages_until_it_has_rules(world: World) -> None:
    got = world.ask("GET", "/data/k", origin=PAGE)
    assert got.status == 200
    assert not [name for name in got.headers if name.startswith("Access-Control") or name == "Vary"]
    refused = world.preflight("/data/k")
    assert (refused.status, allowed(refused)) == (403, "")
    assert message(refused) == ("AccessForbidden", "CORSResponse: CORS is not enabled for this bucket.")


def test_an_acl_that_lets_everybody_read_makes_a_bucket_public(world: World) -> None:
    assert world.ask("PUT", "/data?acl", x_amz_acl="public-read").status == 200
    assert allowed(world.preflight("/data/k")) == "*"
    assert world.ask("PUT", "/data?acl", x_amz_acl="private").status == 200
    assert world.preflight("/data/k").status == 403


def test_a_buckets_own_rules_hold_and_nothing_else(world: World) -> None:
    assert world.ask("PUT", "/public?cors", RULES).status == 200
    got = world.ask("GET", "/public/k", user="", origin="https://a.own.example")
    assert allowed(got) == "https://a.own.example"
    assert got.headers["Access-Control-Allow-Credentials"] == "true"
    assert (got.headers["Access-Control-Allow-Methods"], got.headers["Vary"]) == ("GET", VARY)
    other = world.ask("GET", "/public/k", user="", origin=PAGE)
    assert (other.status, allowed(other), other.headers["Vary"]) == (200, "", VARY)
    assert allowed(world.ask("HEAD", "/public/k", user="", origin=PAGE)) == "*"
    refused = world.preflight("/public/k")
    assert (refused.status, refused.headers["Vary"]) == (403, VARY)
    assert message(refused)[1].startswith("CORSResponse: This CORS request is not allowed.")
    assert world.ask("DELETE", "/public?cors").status == 204
    assert world.preflight("/public/k").status == 200


def test_an_answer_to_nobodys_page_tells_caches_that_a_page_may_get_another(world: World) -> None:
    assert world.ask("GET", "/public/k", user="").headers["Vary"] == VARY
    assert "Vary" not in world.ask("GET", "/data/k").headers
    assert World(ONE_ORIGIN).ask("GET", "/data/k").headers["Vary"] == VARY


def test_rules_for_the_whole_server_stand_before_what_is_built_in() -> None:
    world = World(ONE_ORIGIN)
    put = world.ask("PUT", "/data/k", b"x", origin=PAGE)
    assert allowed(put) == PAGE
    refused = world.ask("GET", "/data/k", user="", origin=PAGE)
    assert (refused.status, allowed(refused)) == (403, PAGE)
    asked = world.preflight("/data/k", method="PUT")
    assert (asked.status, asked.headers["Access-Control-Max-Age"]) == (200, "60")
    assert allowed(world.ask("GET", "/public/k", user="", origin="https://other.example")) == ""
    assert world.preflight("/").status == 200
    assert world.preflight("/no-such-bucket/k").status == 200
    assert allowed(world.ask("GET", "/no-such-bucket/k", origin=PAGE)) == PAGE


def test_a_preflight_needs_no_signature_and_minds_none(world: World) -> None:
    assert world.preflight("/public/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=00").status == 200
    assert world.ask("OPTIONS", "/public/k", user="").status == 400
    assert world.ask("OPTIONS", "/public/k", user="", origin=PAGE).status == 400
    assert world.preflight("/public/k", method="PATCH").status == 400


def test_only_who_may_reads_and_sets_rules(world: World) -> None:
    for method in ("GET", "PUT", "DELETE"):
        assert world.ask(method, "/data?cors", RULES if method == "PUT" else b"", user="bob").status == 403
    assert message(world.ask("GET", "/data?cors"))[0] == "NoSuchCORSConfiguration"
    assert message(world.ask("PUT", "/data?cors", b"<CORSConfiguration/>"))[0] == "MalformedXML"
    assert world.ask("PUT", "/data?cors", RULES + b" " * 65536).status == 400


def test_a_backend_that_keeps_no_rules_and_relays_nothing_says_so(world: World) -> None:
    world.backend.offers = world.backend.offers - {Offer.CORS}
    answer = world.ask("GET", "/data?cors")
    assert (answer.status, message(answer)) == (501, ("NotImplemented", "GetBucketCors is not implemented"))


def test_a_part_of_an_upload_session_may_be_sent_to_a_private_bucket() -> None:
    world = World(parts_cors=("BPUP", ONE_ORIGIN))
    url = "/data/k?partNumber=1&uploadId=x&X-Amz-Credential=BPUP123%2F20261121"
    assert allowed(world.preflight(url, method="PUT")) == PAGE
    assert allowed(world.ask("PUT", url, b"x", user="", origin=PAGE)) == PAGE
    assert world.preflight("/data/k?partNumber=1&X-Amz-Credential=OTHER", method="PUT").status == 403


def test_where_a_bucket_lies_in_s3_its_rules_are_set_there_and_preflights_answered_here(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(ONE_ORIGIN)
    relayed: list[str] = []

    async def relay(call: RelayedCall) -> Response:
        relayed.append(call.name)
        return Response(200, {})

    monkeypatch.setattr(world.backend, "relay", relay, raising=False)
    world.backend.offers = (world.backend.offers - {Offer.CORS}) | {Offer.RELAY}
    for method in ("GET", "PUT", "DELETE"):
        assert world.ask(method, "/data?cors", RULES if method == "PUT" else b"").status == 200
    assert world.preflight("/data/k").status == 200
    assert world.preflight("/data/k", "https://other.example").status == 403
    assert relayed == ["GetBucketCors", "PutBucketCors", "DeleteBucketCors"]
    assert world.ask("PUT", "/data?cors", RULES, user="bob").status == 403

"""A reverse proxy that serves this under a path of its own, and leaves that path on or takes it off."""

import ipaddress
import json
from typing import Any

import pytest

from bucketport.message import NoBody, Request
from bucketport.wire.forwarded import Proxies, parse_public_url

PUBLIC = "https://up.example/store"
PROXIES = Proxies((), (parse_public_url(PUBLIC),))


@pytest.fixture
def behind(make_world: Any) -> Any:
    return make_world(public_url=PUBLIC, proxies=PROXIES)


@pytest.mark.parametrize("seen", ["/store", ""])
def test_everything_works_whether_the_proxy_leaves_its_path_on_or_takes_it_off(behind: Any, seen: str) -> None:
    made = json.loads(behind.ask("POST", f"{seen}/presign", b'{"action": "upload"}', authorization="Bearer key-1").body)
    assert made["url"].startswith(f"{PUBLIC}/default/")
    target = made["url"].removeprefix(PUBLIC)
    assert behind.ask("POST", seen + target, b"hello").status == 200
    url = behind.presign("download", blob_id=made["blob_id"])["url"].removeprefix(PUBLIC)
    assert behind.ask("GET", seen + url).body == b"hello"
    assert behind.ask("GET", f"{seen}/healthz").status == 200


def test_the_short_form_of_a_ticket_works_there(behind: Any) -> None:
    url = behind.presign(blob_id="one")["url"].removeprefix(f"{PUBLIC}/default")
    assert behind.ask("POST", f"/store/upload{url}", b"hello").status == 200


def test_a_page_may_ask_there(behind: Any) -> None:
    asked = {"origin": "https://app.example", "access_control_request_method": "POST"}
    assert behind.ask("OPTIONS", "/store/presign", **asked).status == 200


def test_a_ticket_for_a_bucket_of_the_paths_name_is_not_taken_for_another(behind: Any) -> None:
    url = behind.presign(bucket="store", blob_id="store/x")["url"].removeprefix(PUBLIC)
    assert url.startswith("/store/store/x?")
    assert behind.ask("POST", f"/store{url}", b"hello").status == 200
    assert behind.ask("GET", "/store/store/x", user="admin").body == b"hello"


def test_a_path_that_nobody_is_known_by_is_left_to_s3(world: Any, behind: Any) -> None:
    def wants(of: Any, path: str, client: str = "", **headers: str) -> bool:
        named = {"host": "up.example"} | {name.replace("_", "-"): value for name, value in headers.items()}
        return bool(of.app._apis[0].wants(Request("POST", path, "", named, NoBody(), client)))

    assert not wants(world, "/store/presign", x_forwarded_prefix="/store")
    assert not wants(behind, "/storehouse/presign")
    assert not wants(behind, "/other/presign", x_forwarded_prefix="/other")
    assert not wants(behind, "/store/presign", host="inside")


def test_a_trusted_proxys_word_for_its_path_is_believed(make_world: Any) -> None:
    world = make_world(proxies=Proxies((ipaddress.ip_network("10.0.0.0/8"),)))
    api = world.app._apis[0]
    request = Request("POST", "/a/b/presign", "", {"host": "x", "x-forwarded-prefix": "/a/b"}, NoBody(), "10.0.0.1")
    assert api.wants(request)
    request = Request("POST", "/a/b/presign", "", {"host": "x", "x-forwarded-prefix": "/a/b"}, NoBody(), "192.0.2.1")
    assert not api.wants(request)


def test_a_bucket_in_the_host_name_that_a_trusted_proxy_tells_is_s3s(make_world: Any) -> None:
    world = make_world(proxies=Proxies((ipaddress.ip_network("10.0.0.0/8"),)), domains=("s3.example",))
    for told, ours in (("bucket.s3.example", False), ("s3.example", True)):
        headers = {"host": "inside", "x-forwarded-host": told}
        assert world.app._apis[0].wants(Request("POST", "/presign", "", headers, NoBody(), "10.0.0.1")) is ours

"""Behind a reverse proxy: the request as its client signed it."""

import ipaddress

import pytest

from bucketport.message import NoBody, Request
from bucketport.wire.forwarded import Proxies, as_sent, parse_public_url, without_base

TRUSTED = (ipaddress.ip_network("10.0.0.0/8"),)


def request(path: str = "/b/k", client: str = "10.1.2.3", **headers: str) -> Request:
    named = {"host": "inner:9000"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return Request("GET", path, "", named, NoBody(), client)


def seen(asked: Request, proxies: Proxies) -> tuple[str, str, str, str]:
    sent = as_sent(asked, proxies)
    return sent.scheme, sent.headers["host"], sent.raw_path, sent.base


def test_a_trusted_proxy_is_believed() -> None:
    asked = request(x_forwarded_host="data.example.org", x_forwarded_proto="https", x_forwarded_prefix="/s3/")
    assert seen(asked, Proxies(TRUSTED)) == ("https", "data.example.org", "/s3/b/k", "/s3")


def test_a_stranger_is_not_believed() -> None:
    asked = request(client="192.0.2.1", x_forwarded_host="data.example.org", x_forwarded_prefix="/s3")
    assert seen(asked, Proxies(TRUSTED)) == ("http", "inner:9000", "/b/k", "")


def test_a_peer_without_an_address_is_not_believed() -> None:
    assert seen(request(client="", x_forwarded_host="x"), Proxies(TRUSTED))[1] == "inner:9000"


def test_the_first_of_several_hosts_is_the_clients() -> None:
    assert seen(request(x_forwarded_host="a.example, b.example"), Proxies(TRUSTED))[1] == "a.example"


def test_a_public_url_puts_back_the_path_that_a_proxy_took_off() -> None:
    proxies = Proxies((), (parse_public_url("https://data.example.org/s3/"),))
    assert seen(request(host="data.example.org"), proxies) == ("https", "data.example.org", "/s3/b/k", "/s3")


def test_a_public_url_leaves_a_path_that_is_still_there() -> None:
    proxies = Proxies((), (parse_public_url("https://data.example.org/s3"),))
    asked = request("/s3/b/k", host="Data.example.org")
    assert seen(asked, proxies) == ("https", "Data.example.org", "/s3/b/k", "/s3")


def test_the_first_public_url_stands_in_when_a_trusted_proxy_says_no_host() -> None:
    proxies = Proxies(TRUSTED, (parse_public_url("https://data.example.org"),))
    assert seen(request(), proxies) == ("https", "data.example.org", "/b/k", "")


@pytest.mark.parametrize("text", ["data.example.org", "ftp://x", "https://", "https://u@x", "https://x?q"])
def test_what_is_no_url_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="looks like"):
        parse_public_url(text)


@pytest.mark.parametrize(
    ("path", "left"),
    [("/s3/b/k", "/b/k"), ("/s3", "/"), ("/s3/", "/"), ("/s3x/k", "/s3x/k"), ("/b/k", "/b/k"), ("/s3/s3/k", "/s3/k")],
)
def test_the_path_that_a_proxy_left_on_can_be_taken_off(path: str, left: str) -> None:
    proxies = Proxies((), (parse_public_url("https://data.example.org/s3"),))
    asked = request(path, host="data.example.org")
    assert without_base(asked, proxies).raw_path == left
    assert without_base(asked, proxies).headers == asked.headers
    assert without_base(asked, Proxies()) is asked


def test_whether_a_path_may_be_a_proxys_is_known_beforehand() -> None:
    assert Proxies(TRUSTED).any_base
    assert Proxies((), (parse_public_url("https://data.example.org/s3"),)).any_base
    assert not Proxies((), (parse_public_url("https://data.example.org"),)).any_base

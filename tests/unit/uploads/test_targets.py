"""Is a webhook told at public addresses only, however its URL writes another one?"""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucketport.errors import InvalidArgument
from bucketport.uploads.targets import TargetRules, check_target, may_reach

NOT_PUBLIC = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200", "100.127.255.255",
    "127.0.0.1", "127.255.255.254", "168.63.129.16", "169.254.0.1", "169.254.169.254", "172.16.0.1", "172.31.255.255",
    "192.0.0.1", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.0.1", "198.18.0.1", "198.51.100.7",
    "203.0.113.7", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::7f00:1", "::10.0.0.1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1",
    "fec0::1", "100::1", "2001::1", "2001:0:7f00:1::1", "2001:db8::1", "3fff::1", "4000::1", "5f00::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:a9fe:a9fe", "2002:7f00:1::1", "2002:a9fe:a9fe::", "2002:c0a8:1::1",
    "64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1",
    "", "localhost", "127.1", "0x7f.0.0.1", "2130706433", "2606:4700::1%1",
]  # fmt: skip

PUBLIC = [
    "1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.1", "172.15.0.1", "172.32.0.1", "223.255.255.255",
    "2606:4700:4700::1111", "2a00::1", "::ffff:8.8.8.8", "2002:808:808::1", "64:ff9b::8.8.8.8",
]  # fmt: skip


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_an_address_that_is_not_public_may_not_be_reached(address):
    assert not may_reach(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_may_be_reached(address):
    assert may_reach(address)


@pytest.mark.parametrize("address", ["10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::10.1.2.3", "fd00::7"])
def test_a_network_that_is_allowed_may_be_reached(address):
    networks = (ipaddress.ip_network("10.1.0.0/16"), ipaddress.ip_network("fd00::/64"))
    assert may_reach(address, TargetRules(networks=networks))
    assert not may_reach("10.2.0.1", TargetRules(networks=networks))
    assert not may_reach("169.254.169.254", TargetRules(networks=networks))


@pytest.mark.parametrize(
    "url",
    [
        "", "example.org/hook", "//example.org/", "ftp://example.org/", "file:///etc/passwd", "gopher://example.org/",
        "http://example.org/hook", "https://", "https:///hook", "https://user@example.org/",
        "https://user:word@example.org/", "https://example.org@10.0.0.1/", "https://example.org/#part",
        "https://example.org\\@10.0.0.1/", "https://example.org/a\\b", "https://example.org:0/",
        "https://example.org:65536/", "https://example.org:/", "https://example.org:-1/", "https://example.org:４43/",
        "https://example.org:443:80/", "https://exa mple.org/",
        "https://example.org/a b", "https://example.org/\r\nX: 1",
        "https://example.org/\u00fc", "https://ex\u00e4mple.org/", "https://%31%32%37.0.0.1/", "https://.example.org/",
        "https://example..org/", "https://example.org./", "https://-a.org/", "https://" + "a" * 64 + ".org/",
        "https://" + "a." * 130 + "org/", "https://example.org/" + "a" * 2048,
        "https://127.0.0.1/", "https://127.1/", "https://0x7f000001/", "https://2130706433/", "https://0177.0.0.1/",
        "https://0x7f.0.0.0x1/", "https://1.2.3.4.5/", "https://a.0x/", "https://[::1]/", "https://[::ffff:10.0.0.1]/",
        "https://[fe80::1%25eth0]/", "https://[fe80::1", "https://::1/", "https://[1.2.3.4]x/",
        "https://169.254.169.254/latest/meta-data/",
    ],
)  # fmt: skip
def test_a_url_that_a_webhook_may_not_have_is_refused(url):
    with pytest.raises(InvalidArgument, match="webhook"):
        check_target(url)


@pytest.mark.parametrize(
    ("url", "host", "port", "authority", "path"),
    [
        ("https://example.org", "example.org", 443, "example.org", "/"),
        ("HTTPS://Example.ORG:443/Hook?a=b", "example.org", 443, "example.org", "/Hook?a=b"),
        ("https://example.org:8443?a=%2F", "example.org", 8443, "example.org:8443", "/?a=%2F"),
        ("https://a_b.xn--exmple-cua.org/", "a_b.xn--exmple-cua.org", 443, "a_b.xn--exmple-cua.org", "/"),
        ("https://[2606:4700::1111]:9/x", "2606:4700::1111", 9, "[2606:4700::1111]:9", "/x"),
        ("https://8.8.8.8/x", "8.8.8.8", 443, "8.8.8.8", "/x"),
    ],
)
def test_a_url_is_read(url, host, port, authority, path):
    target = check_target(url)
    assert (target.host, target.port, target.authority, target.path) == (host, port, authority, path)


def test_http_is_taken_where_it_is_allowed():
    target = check_target("http://example.org/hook", TargetRules(allow_http=True))
    assert (target.scheme, target.port, target.authority) == ("http", 80, "example.org")
    assert check_target("http://example.org:443/", TargetRules(allow_http=True)).authority == "example.org:443"


@given(st.ip_addresses(v=4))
def test_an_ipv6_form_of_an_address_is_judged_as_that_address(address):
    number = int(address)
    forms = (0xFFFF << 32 | number, 0x2002 << 112 | number << 80, 0x64FF9B << 96 | number)
    assert {may_reach(str(ipaddress.IPv6Address(form))) for form in forms} == {may_reach(str(address))}
    assert not may_reach(str(address)) or address.is_global


@given(st.ip_addresses())
def test_what_python_calls_private_is_never_reached(address):
    if not address.is_global and not isinstance(address, ipaddress.IPv6Address):
        assert not may_reach(str(address))


@given(st.text())
def test_any_text_is_read_or_refused(text):
    for url in (text, "https://" + text, "https://example.org/" + text):
        try:
            target = check_target(url)
        except InvalidArgument:
            continue
        assert target.path.startswith("/")
        assert (target.path + target.authority).isprintable()
        assert (target.path + target.authority).isascii()

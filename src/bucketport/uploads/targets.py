"""Where may a webhook be told? At addresses that everybody may reach: never in this machine's own network.

Who asks for a session names the target, and we send the request: without these checks it would reach what only we can
(other services, the cloud's metadata). A name is judged by the addresses that it has when it is about to be called.
"""

import ipaddress
import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from bucketport.errors import InvalidArgument
from bucketport.record import record

Network = IPv4Network | IPv6Network

LONGEST_URL = 2048
"""Characters of a target's URL at most."""


@record
class TargetRules:
    """What is allowed beyond https to public addresses: http, and these networks."""

    allow_http: bool = False
    networks: tuple[Network, ...] = ()


PUBLIC_ONLY = TargetRules()


@record
class Target:
    """A URL that was read: `host` is a name in lower case or an address (IPv6 without brackets), `path` holds the
    query, `authority` is what the Host header says."""

    scheme: str
    host: str
    port: int
    authority: str
    path: str

    @property
    def address(self) -> str:
        """The address that stands in the place of a name; empty when it is a name."""
        return self.host if _literal(self.host) is not None else ""


_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{1,5}))?(?P<path>/[!-~]*|\?[!-~]*|)",
    re.IGNORECASE,
)
_NAME = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


def check_target(url: str, rules: TargetRules = PUBLIC_ONLY) -> Target:
    """What a webhook's URL says, if a webhook may be there as far as the URL itself tells.

    Raises: InvalidArgument, which says what is wrong with it.
    """
    if len(url) > LONGEST_URL:
        raise InvalidArgument(f"A webhook's URL has at most {LONGEST_URL} characters.")
    found = _URL.fullmatch(url)
    if not found or "#" in url or "\\" in url:
        raise InvalidArgument("A webhook is an absolute https URL without a user name, a password and a fragment.")
    scheme, host = found["scheme"].lower(), found["host"].lower().strip("[]")
    if scheme == "http" and not rules.allow_http:
        raise InvalidArgument("A webhook has to be an https URL.")
    own_port = 443 if scheme == "https" else 80
    port = int(found["port"] or own_port)
    if not 1 <= port <= 65_535:
        raise InvalidArgument("A webhook's port is from 1 to 65535.")
    literal = _literal(host)
    if literal is None and (":" in host or not _NAME.fullmatch(host) or len(host) > 253 or _is_number(host)):
        raise InvalidArgument("A webhook's host is a name or an address.")
    if literal is not None and not may_reach(host, rules):
        raise InvalidArgument("A webhook's address has to be a public one.")
    shown = f"[{host}]" if ":" in host else host
    path = found["path"]
    return Target(
        scheme,
        host,
        port,
        shown if port == own_port else f"{shown}:{port}",
        path if path.startswith("/") else f"/{path}",
    )


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    """The address that a host is, in the one usual way to write it."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _is_number(host: str) -> bool:
    """Whether a system's resolver may take it for an address in one of the old ways: 127.1, 0x7f000001, 2130706433.

    Source: https://url.spec.whatwg.org/#ends-in-a-number-checker
    """
    return _NUMBER.fullmatch(host.rpartition(".")[2]) is not None


def may_reach(address: str, rules: TargetRules = PUBLIC_ONLY) -> bool:
    """Whether a webhook may be at that address: it is a public one, or in a network that is allowed.

    An IPv6 address that stands for an IPv4 one (mapped, 6to4, NAT64) is judged as that one. What is no address, or one
    with a zone, may not.
    """
    found = _literal(address)
    if found is None or "%" in address:
        return False
    meant = _within(found)
    if any(each in network for network in rules.networks for each in (found, meant)):
        return True
    if isinstance(meant, IPv4Address):
        return not any(meant in network for network in _NOT_PUBLIC)
    return meant in _UNICAST and not any(meant in network for network in _NOT_PUBLIC)


def _within(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that an IPv6 address stands for, else the address itself."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    return IPv4Address(int(address) & 0xFFFF_FFFF) if address in _NAT64 else address


_NAT64 = IPv6Network("64:ff9b::/96")
_UNICAST = IPv6Network("2000::/3")
"""What IPv6 has given to the public; all else of it (::1, fc00::/7, fe80::/10, ff00::/8) is not."""

_NOT_PUBLIC: tuple[Network, ...] = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8",  # this host
        "10.0.0.0/8",
        "100.64.0.0/10",  # carriers' NAT; Alibaba's metadata is 100.100.100.200
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's wire server, reachable from its machines only
        "169.254.0.0/16",  # link-local; the clouds' metadata is 169.254.169.254
        "172.16.0.0/12",
        "192.0.0.0/24",  # protocol assignments; Oracle's metadata is 192.0.0.192
        "192.0.2.0/24",  # documentation, as 198.51.100 and 203.0.113
        "192.88.99.0/24",  # the relays of 6to4
        "192.168.0.0/16",
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
        "2001::/23",  # protocol assignments; Teredo hides an IPv4 address in it
        "2001:db8::/32",  # documentation, as 3fff::/20
        "3fff::/20",
    )
)
"""Source: https://www.iana.org/assignments/iana-ipv4-special-registry/ and iana-ipv6-special-registry/. Written down
here because what `ipaddress` calls global differs among the releases of Python."""

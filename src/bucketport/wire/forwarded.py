"""What did the client send, when a reverse proxy stands between? Its host, scheme and path, which are what it signed.

A proxy may change the Host, end TLS, and take a path prefix off. What it says of that (`X-Forwarded-*`) is believed
only when it is trusted; otherwise the public URLs of the configuration say under which names we are known.
"""

import dataclasses
import ipaddress
from collections.abc import Sequence

from bucketport.message import Request
from bucketport.record import record

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@record
class PublicUrl:
    """`https://data.example.org/s3` as scheme, host (with its port, lower case) and path without a slash at its end."""

    scheme: str
    host: str
    path: str


@record
class Proxies:
    """Who is believed, and under which URLs we are known."""

    trusted: Sequence[Network] = ()
    public: Sequence[PublicUrl] = ()

    @property
    def any_base(self) -> bool:
        """Whether a request's path may begin with a part that a proxy put there."""
        return bool(self.trusted) or any(url.path for url in self.public)

    def trusts(self, client: str) -> bool:
        """Whether that peer's forwarding headers are believed. A Unix socket's peer (no address) is not."""
        try:
            address = ipaddress.ip_address(client)
        except ValueError:
            return False
        return any(address in network for network in self.trusted)


def parse_public_url(text: str) -> PublicUrl:
    """Read one. Raises: ValueError with a sentence that says what was expected."""
    scheme, mark, rest = text.partition("://")
    host, slash, path = rest.partition("/")
    if not mark or scheme not in ("http", "https") or not host or any(c in text for c in "?#@ "):
        raise ValueError(f"a public URL looks like https://data.example.org/s3, got {text[:200]!r}")
    return PublicUrl(scheme, host.lower(), (slash + path).rstrip("/"))


def as_sent(request: Request, proxies: Proxies) -> Request:
    """The request as its client sent and signed it; `base` is the part of its path that stands before the bucket."""
    host, scheme, base = _called(request, proxies)
    path = request.raw_path
    if base and not _begins(path, base):
        path = base + path
    return dataclasses.replace(
        request, raw_path=path, headers={**request.headers, "host": host}, scheme=scheme, base=base
    )  # fmt: skip


def without_base(request: Request, proxies: Proxies) -> Request:
    """The request as a proxy passes it on that takes its path off: for what is not signed with its path."""
    base = _called(request, proxies)[2]
    if not base or not _begins(request.raw_path, base):
        return request
    return dataclasses.replace(request, raw_path=request.raw_path[len(base) :] or "/")


def _called(request: Request, proxies: Proxies) -> tuple[str, str, str]:
    """Host, scheme, and the start of the path that belongs to the proxy, as the client called us."""
    headers = request.headers
    host, scheme, prefix = headers.get("host", ""), request.scheme, ""
    trusted = bool(proxies.trusted) and proxies.trusts(request.client)
    if trusted:
        host = _first(headers.get("x-forwarded-host", "")) or host
        scheme = _first(headers.get("x-forwarded-proto", "")).lower() or scheme
        prefix = _first(headers.get("x-forwarded-prefix", "")).rstrip("/")
    url = _public(proxies.public, host, fallback=trusted and "x-forwarded-host" not in headers)
    if url is not None:
        host, scheme, prefix = (host if host.lower() == url.host else url.host), url.scheme, prefix or url.path
    if prefix and not prefix.startswith("/"):
        prefix = "/" + prefix
    return host, scheme, prefix


def _begins(path: str, base: str) -> bool:
    return path == base or path.startswith(base + "/")


def _first(header: str) -> str:
    """The value that the client's own side added first."""
    return header.partition(",")[0].strip()


def _public(urls: Sequence[PublicUrl], host: str, *, fallback: bool) -> PublicUrl | None:
    for url in urls:
        if url.host == host.lower():
            return url
    return urls[0] if urls and fallback else None

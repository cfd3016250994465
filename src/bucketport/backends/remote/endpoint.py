"""Where is a cloud? The URL of an endpoint, read once."""

from urllib.parse import urlsplit

from bucketport.message import Endpoint

_PORTS = {"http": 80, "https": 443}


def parse_endpoint(url: str) -> Endpoint:
    """The Endpoint of a URL such as `https://s3.eu-west-1.amazonaws.com` or `http://127.0.0.1:9000/base`.

    Raises: ValueError that says what is wrong with it; user names and queries have no place in it.
    """
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError(f"an endpoint is http://HOST[:PORT] or https://HOST[:PORT], not {url[:200]!r}")
    if parts.query or parts.fragment or parts.username is not None:
        raise ValueError(f"an endpoint has no query, fragment or user name: {parts.scheme}://{parts.hostname}")
    host = parts.hostname
    port = parts.port or _PORTS[parts.scheme]
    shown = f"[{host}]" if ":" in host else host
    authority = shown if port == _PORTS[parts.scheme] else f"{shown}:{port}"
    return Endpoint(parts.scheme, host, port, authority, parts.path.rstrip("/"))

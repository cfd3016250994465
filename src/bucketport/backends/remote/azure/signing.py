"""How does Azure know that a request is ours? A signature with the account's key, a signed URL's query, or a token.

Pure, given the time. Source: https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key (2026-11)
"""

import base64
import functools
import hashlib
import hmac
from collections.abc import Mapping

from bucketport.backends.remote.credentials_azure import AzureKey, Bearer, Sas, SharedKey
from bucketport.message import HttpRequest
from bucketport.model import Secret
from bucketport.wire import dates, query

VERSION = "2025-11-05"
"""The version of the service's protocol that is asked for. Source: the newest one that Azurite 3.35 speaks."""

_SIGNED = (
    "content-encoding",
    "content-language",
    "content-length",
    "content-md5",
    "content-type",
    "date",
    "if-modified-since",
    "if-match",
    "if-none-match",
    "if-unmodified-since",
    "range",
)
"""Standard headers in the order of the string to sign."""


def sign(request: HttpRequest, key: AzureKey | None, now: float) -> HttpRequest:
    """The request as it goes out; `now` is seconds since 1970. `key` None: a public container."""
    headers = dict(request.headers)
    headers.setdefault("x-ms-version", VERSION)
    text = request.query
    if isinstance(key, Sas):
        token = key.query.reveal().lstrip("?")
        text = f"{text}&{token}" if text else token
        if "x-ms-copy-source" in headers:
            headers["x-ms-copy-source"] += f"?{token}"
    elif key is not None:
        headers["x-ms-date"] = dates.http_date(int(now) * 1000)
        if isinstance(key, Bearer):
            headers["authorization"] = f"Bearer {key.token.reveal()}"
        else:
            headers["authorization"] = f"SharedKey {key.account}:{signature(request, headers, key)}"
    # Not dataclasses.replace: that costs 2 microseconds, and every request comes by here.
    return HttpRequest(
        request.method, request.endpoint, request.path, text, headers, request.body, request.idempotent,
        request.streamed, request.answer_limit,
    )  # fmt: skip


def signature(request: HttpRequest, headers: Mapping[str, str], key: SharedKey) -> str:
    """The signature of a request that goes out with these headers, in base64."""
    text = string_to_sign(request, headers, key.account)
    made = hmac.digest(key_bytes(key), text.encode("utf-8", "surrogateescape"), "sha256")
    return base64.b64encode(made).decode()


def string_to_sign(request: HttpRequest, headers: Mapping[str, str], account: str) -> str:
    """What is signed: the method, standard headers, every x-ms-* header, the path and the query."""
    body = request.body
    length = len(body) if isinstance(body, bytes) else body.length
    known = {**headers, "content-length": str(length or "")}
    lines = [request.method, *[known.get(name, "") for name in _SIGNED]]
    names = sorted([name for name in headers if name.startswith("x-ms-")], key=_place)
    lines += [f"{name}:{headers[name]}" for name in names]
    # Where the account's name is part of the path (emulators), it is there twice; so it is wanted.
    lines.append(f"/{account}{request.path}")
    pairs = sorted((name.lower(), value) for name, value in query.parse(request.query).items())
    lines += [f"{name}:{value}" for name, value in pairs]
    return "\n".join(lines)


def _place(name: str) -> str:
    """Where a header's name stands: hyphens do not count, and an underscore comes before digits and letters.

    Source: the sorting tables in Microsoft's own client, azure-storage-blob 12.31, which follow the service.
    """
    return name.replace("-", "").replace("_", "!")


def key_bytes(key: SharedKey) -> bytes:
    """The bytes that an account's key signs with."""
    return _decoded(key.key.reveal())


@functools.lru_cache(maxsize=64)
def _decoded(secret: str) -> bytes:
    """The key's bytes. What is no base64 signs nothing that Azure would believe: that is Azure's to say."""
    try:
        return base64.b64decode(secret, validate=True)
    except ValueError:
        return secret.encode()


def sealing_key(key: AzureKey | None, given: Secret | None = None) -> Secret:
    """The secret that upload ids are sealed with: it follows from `given`, or from the account's key or signature.

    Raises: ValueError without either: what would follow from a token changes with it, and nothing follows from nothing.
    """
    if given is not None and given.reveal():
        source = given.reveal()
    elif isinstance(key, SharedKey):
        source = key.key.reveal()
    elif isinstance(key, Sas):
        source = key.query.reveal()
    else:
        raise ValueError("without an account's key or a shared access signature, upload ids need a secret of their own")
    return Secret(hashlib.sha256(b"bucketport upload ids:" + source.encode()).hexdigest())

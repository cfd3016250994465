"""How is a request signed, so that an S3 server believes it? Our side as a client: headers, and presigned URLs.

What is signed is what is sent: both functions take the path and query as they go out, percent-encoded. They share
their arithmetic with `wire.sigv4`, so whatever they make, `wire.authorization` reads.
"""

from collections.abc import Mapping, Sequence

from bucketport.model import NO_HEADERS, Credential
from bucketport.record import record
from bucketport.wire.authorization import MAX_EXPIRES
from bucketport.wire.query import encode
from bucketport.wire.sigv4 import (
    ALGORITHM,
    UNSIGNED_PAYLOAD,
    canonical_headers,
    canonical_pairs,
    canonical_path,
    canonical_query,
    scope,
    signing_key,
    string_to_sign,
)

_NOT_SIGNED = frozenset(("authorization", "connection", "expect", "transfer-encoding", "user-agent", "x-amzn-trace-id"))
"""Headers that a transport or a proxy may change on the way. Source: botocore's signers leave out the same."""


@record
class Target:
    """Where a request goes: `raw_path` (begins with `/`) and `raw_query` (without `?`) as they are sent."""

    host: str
    raw_path: str
    raw_query: str = ""
    scheme: str = "https"


@record
class Key:
    """Who signs, for which region, and when: `stamp` is the time as `20261121T092801Z` (`wire.dates.stamp`).

    `token` is the session token of temporary credentials, empty for lasting ones.
    """

    credential: Credential
    region: str
    stamp: str
    token: str = ""
    service: str = "s3"


def sign_headers(method: str, target: Target, headers: Mapping[str, str], payload: str, key: Key) -> dict[str, str]:
    """`headers` (any case, latin-1 values) with lower-case names, and with all that makes the request a signed one.

    `payload` is the payload's SHA-256 in hex or a word that stands for it. Added are host, x-amz-date,
    x-amz-content-sha256, x-amz-security-token where there is one, and authorization; its last 64 characters are the
    signature, with which the chain of a streamed payload begins (`ChunkSigner`).
    """
    sent = {name.lower(): value.strip(" \t") for name, value in headers.items()}
    sent |= {"host": target.host, "x-amz-date": key.stamp, "x-amz-content-sha256": payload}
    if key.token:
        sent["x-amz-security-token"] = key.token
    names = sorted(name for name in sent if name not in _NOT_SIGNED)
    made_for = scope(key.stamp[:8], key.region, key.service)
    query = canonical_query(canonical_pairs(target.raw_query))
    head = f"{method}\n{canonical_path(target.raw_path)}\n{query}"
    signature = _sign(head, sent, names, payload, key)
    sent["authorization"] = (
        f"{ALGORITHM} Credential={key.credential.access_key}/{made_for.text}, "
        f"SignedHeaders={';'.join(names)}, Signature={signature}"
    )
    return sent


def presign_url(method: str, target: Target, key: Key, expires: int, headers: Mapping[str, str] = NO_HEADERS) -> str:
    """A URL that lets whoever holds it make this one request for `expires` seconds (1 to 604,800).

    `headers` are those that the holder must send along, exactly so; the payload is not signed unless
    x-amz-content-sha256 is one of them.

    Raises: ValueError when `expires` is out of range.
    """
    if not 1 <= expires <= MAX_EXPIRES:
        raise ValueError(f"a presigned URL lives 1 to {MAX_EXPIRES} seconds, not {expires}")
    sent = {name.lower(): value.strip(" \t") for name, value in headers.items()} | {"host": target.host}
    names = sorted(sent)
    made_for = scope(key.stamp[:8], key.region, key.service)
    found = canonical_pairs(target.raw_query)
    found += [
        ("X-Amz-Algorithm", ALGORITHM),
        ("X-Amz-Credential", encode(f"{key.credential.access_key}/{made_for.text}")),
        ("X-Amz-Date", key.stamp),
        ("X-Amz-Expires", str(expires)),
        ("X-Amz-SignedHeaders", encode(";".join(names))),
    ]
    if key.token:
        found.append(("X-Amz-Security-Token", encode(key.token)))
    path, query = canonical_path(target.raw_path), canonical_query(found)
    payload = sent.get("x-amz-content-sha256", UNSIGNED_PAYLOAD)
    signature = _sign(f"{method}\n{path}\n{query}", sent, names, payload, key)
    return f"{target.scheme}://{target.host}{path}?{query}&X-Amz-Signature={signature}"


def _sign(head: str, headers: Mapping[str, str], names: Sequence[str], payload: str, key: Key) -> str:
    """The signature of the canonical request that begins with `head` (method, path and query)."""
    lines = canonical_headers(headers, names)
    canonical = f"{head}\n{lines}\n{';'.join(names)}\n{payload}".encode("latin-1")
    made_for = scope(key.stamp[:8], key.region, key.service)
    return signing_key(key.credential.secret, made_for).sign(string_to_sign(key.stamp, made_for, canonical))

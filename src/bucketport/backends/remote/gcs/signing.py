"""How does a URL say that its holder may do this one thing at Google? By a V4 signature with a service account's key.

Pure, given the time. The whole query is signed, so leave to send one part is leave for that part alone.
Source: https://cloud.google.com/storage/docs/authentication/canonical-requests (2026-11); it makes the signatures of
Google's own conformance tests (storage/v1/v4_signatures.json: simple PUT and GET, encoding and order of the query).
"""

import hashlib
from collections.abc import Callable

from bucketport.errors import NotImplemented
from bucketport.message import HttpRequest
from bucketport.record import record
from bucketport.wire import dates
from bucketport.wire.query import encode

LONGEST = 604_800
"""Seconds that a signed URL may serve at most."""

_ALGORITHM = "GOOG4-RSA-SHA256"


@record
class UrlSigner:
    """A service account: its address, and the RS256 signature of a message by its key."""

    email: str
    sign: Callable[[bytes], bytes]


def presign(request: HttpRequest, signer: UrlSigner | None, seconds: int, now: float) -> HttpRequest:
    """The request as one that anybody can send within that time (at most a week), with any content.

    Raises: NotImplemented where the credentials have no key of a service account.
    """
    if signer is None:
        raise NotImplemented("Only a service account's key can give others leave, and this bucket has none.")
    stamp = dates.stamp(int(now))
    scope = f"{stamp[:8]}/auto/storage/goog4_request"
    pairs = [pair for pair in request.query.split("&") if pair]
    pairs += [
        f"X-Goog-Algorithm={_ALGORITHM}",
        f"X-Goog-Credential={encode(f'{signer.email}/{scope}')}",
        f"X-Goog-Date={stamp}",
        f"X-Goog-Expires={min(max(seconds, 1), LONGEST)}",
        "X-Goog-SignedHeaders=host",
    ]
    query = "&".join(sorted(pairs))
    host = request.endpoint.authority
    canonical = f"{request.method}\n{request.path}\n{query}\nhost:{host}\n\nhost\nUNSIGNED-PAYLOAD"
    text = f"{_ALGORITHM}\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode('latin-1')).hexdigest()}"
    signature = signer.sign(text.encode()).hex()
    return HttpRequest(request.method, request.endpoint, request.path, f"{query}&X-Goog-Signature={signature}")

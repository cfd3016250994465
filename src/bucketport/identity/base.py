"""Who asks? One door: exactly one way to say so is tried, and it proves it or raises.

A request that tries none is ANONYMOUS, a value like any other; whether anonymous may is decided elsewhere.
"""

import contextlib
import functools
from collections.abc import Callable, Sequence
from typing import NoReturn

from bucketport.errors import (
    InvalidAccessKeyId,
    InvalidArgument,
    InvalidRequest,
    InvalidToken,
    S3Error,
    SignatureDoesNotMatch,
)
from bucketport.message import Request
from bucketport.model import ANONYMOUS, Credential, Identity, Secret
from bucketport.ports import Credentials, Method, Proof
from bucketport.wire.authorization import SIGNED_STREAMS, check_time
from bucketport.wire.sigv4 import ALGORITHM, ChunkSigner, Signed, verify

_NOBODY = Proof(ANONYMOUS)
_NO_SECRET = Secret("")
"""What a signature is checked against when there is no key, so that refusing takes the same work."""

_SHA256_HEX = 64
"""A payload of this length is a hash in hex; its case is the client's, and whoever compares it has lower case."""


async def authenticate(request: Request, methods: Sequence[Method], now: float) -> Proof:
    """Who asks. `now` is seconds since 1970.

    Raises: InvalidArgument when two ways are tried at once or an unknown one is, InvalidRequest for a header
    of Signature Version 2, and whatever the one method finds wrong.
    """
    chosen: Method | None = None
    for method in methods:
        if method.recognizes(request):
            if chosen is not None:
                raise two_mechanisms(request)
            chosen = method
    if chosen is None:
        return _nobody(request)
    return await chosen.authenticate(request, now)


def _nobody(request: Request) -> Proof:
    """Anonymous; but a request that tried a way which we do not know is told so, not treated as a stranger's."""
    text = request.headers.get("authorization", "")
    if not text:
        return _NOBODY
    scheme, _, rest = text.partition(" ")
    if scheme == "AWS" and ":" in rest:
        raise InvalidRequest(
            f"The authorization mechanism you have provided is not supported. Please use {ALGORITHM}.",
            reason="a header of Signature Version 2, which is accepted in presigned URLs only",
        )
    if scheme == "AWS":
        raise _argument("AWS authorization header is invalid.  Expected AwsAccessKeyId:signature", text)
    raise _argument("Unsupported Authorization Type", text)


def two_mechanisms(request: Request) -> S3Error:
    """The refusal of a request that says in two ways who asks."""
    return _argument(
        "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter "
        "or the Authorization header should be specified",
        request.headers.get("authorization", ""),
    )


def _argument(message: str, authorization: str) -> S3Error:
    """Only the scheme is repeated: what follows it may be a password, and answers get pasted into tickets."""
    scheme = authorization.partition(" ")[0][:200]
    return InvalidArgument(message, fields={"ArgumentName": "Authorization", "ArgumentValue": scheme})


async def prove(signed: Signed, credentials: Credentials, now: float) -> Proof:
    """Look the key up, verify the signature, then the time. What both ways of Signature Version 4 end in.

    Raises: InvalidAccessKeyId, InvalidToken, SignatureDoesNotMatch, RequestTimeTooSkewed, AccessDenied.
    """
    if signed.token:
        refuse_token(signed.token)
    credential = await find_key(signed.access_key, functools.partial(verify, signed), credentials, now)
    check_time(signed, now)
    identity = Identity(credential.user, credential.access_key, credential.scopes)
    presigned = signed.expires is not None
    if signed.payload in SIGNED_STREAMS:
        signer = ChunkSigner(credential.secret, signed.scope, signed.stamp, signed.signature)
        return Proof(identity, signed.payload, signer, presigned)
    payload = signed.payload.lower() if len(signed.payload) == _SHA256_HEX else signed.payload
    return Proof(identity, payload, None, presigned)


async def find_key(
    access_key: str, check: Callable[[Secret], None], credentials: Credentials, now: float
) -> Credential:
    """The credential of a key that may be used now, once `check` found the signature right for its secret.

    An unknown, a disabled and an expired key answer alike and cost alike; only the log tells them apart.

    Raises: InvalidAccessKeyId, and what `check` raises.
    """
    credential = await credentials.find(access_key)
    trouble = "unknown access key" if credential is None else _trouble(credential, now)
    if credential is None or trouble:
        with contextlib.suppress(SignatureDoesNotMatch):
            check(_NO_SECRET)
        raise InvalidAccessKeyId(fields={"AWSAccessKeyId": access_key}, reason=trouble)
    check(credential.secret)
    return credential


def refuse_token(token: str) -> NoReturn:
    """The place where a session token will be opened; this server issues none, so none is good.

    Raises: InvalidToken.
    """
    raise InvalidToken(fields={"Token-0": token[:200]}, reason="a session token was sent, but sessions are not offered")


def _trouble(credential: Credential, now: float) -> str:
    """Why this key may not be used now, for the log; empty when it may."""
    if not credential.enabled:
        return "disabled access key"
    if credential.expires_at is not None and now >= credential.expires_at:
        return "expired access key"
    return ""

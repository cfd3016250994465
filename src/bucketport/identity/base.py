"""Who asks? One door: exactly one way to say so is tried, and it proves it or raises.

A request that tries none is ANONYMOUS, a value like any other; whether anonymous may is decided elsewhere.
"""

import contextlib
from collections.abc import Sequence
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
from bucketport.wire.authorization import SIGNED_STREAMS, check_time, has_parameter
from bucketport.wire.sigv4 import ALGORITHM, ChunkSigner, Signed, verify

_NOBODY = Proof(ANONYMOUS)
_NO_SECRET = Secret("")
"""What a signature is checked against when there is no key, so that refusing takes the same work."""

_SHA256_HEX = 64
"""A payload of this length is a hash in hex; its case is the client's, and whoever compares it has lower case."""

_VERSION_2 = frozenset(("Signature",))


async def authenticate(request: Request, methods: Sequence[Method], now: float) -> Proof:
    """Who asks. `now` is seconds since 1970.

    Raises: InvalidArgument when two ways are tried at once or an unknown one is, InvalidRequest for Signature
    Version 2, and whatever the one method finds wrong.
    """
    chosen: Method | None = None
    for method in methods:
        if method.recognizes(request):
            if chosen is not None:
                raise _two_mechanisms(request)
            chosen = method
    version_2 = "Signature=" in request.raw_query and has_parameter(request.raw_query, _VERSION_2)
    if chosen is None:
        return _nobody(request, version_2)
    if version_2:
        raise _two_mechanisms(request)
    return await chosen.authenticate(request, now)


def _nobody(request: Request, version_2: bool) -> Proof:
    """Anonymous; but a request that tried a way which we do not know is told so, not treated as a stranger's."""
    text = request.headers.get("authorization", "")
    if not text and not version_2:
        return _NOBODY
    if text and version_2:
        raise _two_mechanisms(request)
    scheme, _, rest = text.partition(" ")
    if version_2 or (scheme == "AWS" and ":" in rest):
        raise InvalidRequest(
            f"The authorization mechanism you have provided is not supported. Please use {ALGORITHM}.",
            reason="Signature Version 2; boto3 presigns with it in us-east-1 unless signature_version is s3v4",
        )
    if scheme == "AWS":
        raise _argument("AWS authorization header is invalid.  Expected AwsAccessKeyId:signature", text)
    raise _argument("Unsupported Authorization Type", text)


def _two_mechanisms(request: Request) -> S3Error:
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

    An unknown, a disabled and an expired key answer alike and cost alike; only the log tells them apart.

    Raises: InvalidAccessKeyId, InvalidToken, SignatureDoesNotMatch, RequestTimeTooSkewed, AccessDenied.
    """
    if signed.token:
        refuse_token(signed.token)
    credential = await credentials.find(signed.access_key)
    if credential is None or (trouble := _trouble(credential, now)):
        _refuse_key(signed, trouble if credential else "unknown access key")
    verify(signed, credential.secret)
    check_time(signed, now)
    identity = Identity(credential.user, credential.access_key, credential.scopes)
    presigned = signed.expires is not None
    if signed.payload in SIGNED_STREAMS:
        signer = ChunkSigner(credential.secret, signed.scope, signed.stamp, signed.signature)
        return Proof(identity, signed.payload, signer, presigned)
    payload = signed.payload.lower() if len(signed.payload) == _SHA256_HEX else signed.payload
    return Proof(identity, payload, None, presigned)


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


def _refuse_key(signed: Signed, trouble: str) -> NoReturn:
    with contextlib.suppress(SignatureDoesNotMatch):
        verify(signed, _NO_SECRET)
    raise InvalidAccessKeyId(fields={"AWSAccessKeyId": signed.access_key}, reason=trouble)

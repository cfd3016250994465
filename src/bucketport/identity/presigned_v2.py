"""Who made this presigned URL? The AWSAccessKeyId, Expires and Signature parameters of Signature Version 2.

Only URLs: boto3 and aws-cli 1 make them so for us-east-1 when nobody tells them otherwise. A header of that version is
refused, for no client of today sends one.
"""

import functools
from collections.abc import Sequence

from bucketport.identity.base import find_key, refuse_token, two_mechanisms
from bucketport.message import Request
from bucketport.model import Identity
from bucketport.ports import Credentials, Proof
from bucketport.wire import sigv2
from bucketport.wire.sigv4 import UNSIGNED_PAYLOAD


class PresignedUrlV2:
    """A Method: a URL of the old kind, good until a moment that it names.

    `domains` are those below which a host names a bucket: the bucket is signed wherever it stands. `mapped`: leading
    segments of a path form the bucket; then a host cannot name one.
    """

    def __init__(self, credentials: Credentials, domains: Sequence[str] = (), *, mapped: bool = False) -> None:
        self._credentials, self._domains, self._mapped = credentials, tuple(domains), mapped

    def recognizes(self, request: Request) -> bool:
        """Also an incomplete one, so that what is missing is named."""
        return sigv2.is_presigned(request.raw_query)

    async def authenticate(self, request: Request, now: float) -> Proof:
        """Who signed.

        Raises: InvalidArgument when there is an Authorization header too, the S3Errors of `read_query`, InvalidToken,
        InvalidAccessKeyId, SignatureDoesNotMatch, AccessDenied.
        """
        if request.headers.get("authorization"):
            raise two_mechanisms(request)
        signed = sigv2.read_query(request, self._domains, mapped=self._mapped)
        if signed.token:
            refuse_token(signed.token)
        check = functools.partial(sigv2.verify, signed)
        credential = await find_key(signed.access_key, check, self._credentials, now)
        sigv2.check_unsigned(signed)
        sigv2.check_time(signed, now)
        identity = Identity(credential.user, credential.access_key, credential.scopes)
        return Proof(identity, UNSIGNED_PAYLOAD, None, presigned=True)

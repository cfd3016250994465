"""Who made this presigned URL? The X-Amz-* query parameters of Signature Version 4."""

from bucketport.identity.base import prove, two_mechanisms
from bucketport.message import Request
from bucketport.ports import Credentials, Proof
from bucketport.wire.authorization import is_presigned, read_query


class PresignedUrl:
    """A Method: a URL that carries its own signature and a lifetime, made by somebody who has the key.

    `region` is the one that signatures must be made for; empty: any.
    """

    def __init__(self, credentials: Credentials, region: str = "") -> None:
        self._credentials, self._region = credentials, region

    def recognizes(self, request: Request) -> bool:
        """Also an incomplete one, so that what is missing is named."""
        return is_presigned(request.raw_query)

    async def authenticate(self, request: Request, now: float) -> Proof:
        """Who signed. Raises: the S3Errors of `read_query` and `prove`; InvalidArgument for an Authorization beside."""
        if request.headers.get("authorization"):
            raise two_mechanisms(request)
        return await prove(read_query(request, self._region), self._credentials, now)

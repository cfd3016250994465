"""Who signed this request? The Authorization header of Signature Version 4."""

from bucketport.identity.base import prove
from bucketport.message import Request
from bucketport.ports import Credentials, Proof
from bucketport.wire.authorization import read_header


class HeaderSignature:
    """A Method: `Authorization: AWS4-HMAC-SHA256 Credential=..., SignedHeaders=..., Signature=...`.

    `region` is the one that signatures must be made for; empty: any.
    """

    def __init__(self, credentials: Credentials, region: str = "") -> None:
        self._credentials, self._region = credentials, region

    def recognizes(self, request: Request) -> bool:
        """Any kind of Signature Version 4 in the header, so that one we lack is refused by its name."""
        return request.headers.get("authorization", "").startswith("AWS4-")

    async def authenticate(self, request: Request, now: float) -> Proof:
        """Who signed. Raises: the S3Errors of `read_header` and `prove`."""
        return await prove(read_header(request, self._region), self._credentials, now)

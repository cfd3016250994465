"""May a browser's page ask this? No bucket has CORS rules yet, so a preflight is refused as S3 refuses it then."""

from typing import Self

from bucketport.errors import AccessForbidden, BadRequest
from bucketport.message import Request, Response
from bucketport.model import Claim
from bucketport.operations.base import BUCKET, OBJECT, Context, Query, operation
from bucketport.record import record
from bucketport.wire.address import Address


@operation("PreflightObject", "OPTIONS", OBJECT)
@operation("PreflightBucket", "OPTIONS", BUCKET)
@record
class Preflight:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/RESTOPTIONSobject.html"""

    method: str

    @classmethod
    def parse(cls, address: Address, request: Request, query: Query) -> Self:
        """Raises: BadRequest without the headers that a preflight has."""
        if "origin" not in request.headers:
            raise BadRequest("Insufficient information. Origin request header needed.")
        method = request.headers.get("access-control-request-method", "")
        if method not in ("GET", "HEAD", "PUT", "POST", "DELETE"):
            raise BadRequest(f"Invalid Access-Control-Request-Method: {method[:50]}")
        return cls(method)

    def claims(self) -> tuple[Claim, ...]:
        """None: a preflight bears no signature, and its answer says nothing of the bucket."""
        return ()

    async def run(self, context: Context) -> Response:
        """Raises: AccessForbidden."""
        raise AccessForbidden(fields={"Method": self.method, "ResourceType": "OBJECT"})

"""May a browser's page ask this? What a preflight says, and the answer where no rule allows it.

What allows is found in `access.cors`; a preflight is never relayed, and bears no signature of its own.
"""

from typing import Self

from bucketport.errors import AccessForbidden, BadRequest, S3Error
from bucketport.message import Request, Response
from bucketport.model import Claim
from bucketport.operations.base import BUCKET, OBJECT, SERVICE, Context, Query, operation
from bucketport.record import record
from bucketport.wire.address import Address
from bucketport.wire.cors import METHODS

_NOT_ALLOWED = (
    "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request method / "
    "Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS spec."
)
"""As S3 words it, its spelling included."""


@operation("PreflightObject", "OPTIONS", OBJECT)
@operation("PreflightBucket", "OPTIONS", BUCKET)
@operation("PreflightService", "OPTIONS", SERVICE)
@record
class Preflight:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/RESTOPTIONSobject.html"""

    method: str
    level: str

    @classmethod
    def parse(cls, address: Address, request: Request, query: Query) -> Self:
        """Raises: BadRequest without the headers that a preflight has."""
        if "origin" not in request.headers:
            raise BadRequest("Insufficient information. Origin request header needed.")
        method = request.headers.get("access-control-request-method", "")
        if method not in METHODS:
            raise BadRequest(f"Invalid Access-Control-Request-Method: {method[:50]}")
        return cls(method, address.level.value.upper())

    def claims(self) -> tuple[Claim, ...]:
        """None: a preflight bears no signature, and its answer says nothing of the bucket."""
        return ()

    def refusal(self, *, ruled: bool) -> S3Error:
        """Why it is not allowed. `ruled`: there are rules, and none of them matches."""
        message = _NOT_ALLOWED if ruled else None
        return AccessForbidden(message, fields={"Method": self.method, "ResourceType": self.level})

    async def run(self, context: Context) -> Response:
        """Raises: AccessForbidden: what allows a preflight is asked before."""
        raise self.refusal(ruled=False)

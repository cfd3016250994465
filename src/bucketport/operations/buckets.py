"""Which buckets are there, and how are they made and removed?"""

import base64
import binascii
from typing import Self

from bucketport.errors import (
    BucketAlreadyOwnedByYou,
    InvalidArgument,
    InvalidLocationConstraint,
)
from bucketport.message import Request, Response
from bucketport.model import BucketInfo, Claim, Offer
from bucketport.operations.base import BUCKET, SERVICE, XML_LIMIT, Body, Context, Query, integer, operation
from bucketport.operations.documents import document, element, optional, owner_element
from bucketport.record import record
from bucketport.wire.acl import check_canned
from bucketport.wire.address import Address, check_bucket_name
from bucketport.wire.dates import iso
from bucketport.wire.xml import parse

BUCKETS = 10_000
"""Most buckets a page. Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBuckets.html"""

_FIRST_REGION = "us-east-1"


@operation("ListBuckets", "GET", SERVICE)
@record
class ListBuckets:
    """The caller's buckets. https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBuckets.html"""

    prefix: str
    after: str
    limit: int

    @classmethod
    def parse(cls, address: Address, request: Request, query: Query) -> Self:
        """Raises: InvalidArgument."""
        limit = integer(query, "max-buckets", BUCKETS, BUCKETS)
        if limit == 0:
            raise InvalidArgument(fields={"ArgumentName": "max-buckets", "ArgumentValue": query["max-buckets"][:20]})
        return cls(query.get("prefix", ""), _read_token(query.get("continuation-token", "")), limit)

    def claims(self) -> tuple[Claim, ...]:
        """To list buckets at all; which ones is the registry's answer."""
        return (Claim("list_buckets"),)

    async def run(self, context: Context) -> Response:
        """A page of buckets, by name."""
        page = await context.buckets.list(context.caller, self.prefix, self.after, self.limit)
        buckets = "".join(
            f"<Bucket>{element('Name', info.name)}<CreationDate>{iso(info.created_ms)}</CreationDate>"
            f"{element('BucketRegion', info.region)}</Bucket>"
            for info in page.buckets
        )
        token = base64.urlsafe_b64encode(page.next_after.encode()).decode()
        inner = f"{owner_element(context.account_shown)}<Buckets>{buckets}</Buckets>"
        return document(
            "ListAllMyBucketsResult",
            inner + optional("Prefix", self.prefix) + optional("ContinuationToken", token),
        )


def _read_token(token: str) -> str:
    try:
        return base64.b64decode(token.encode(), altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeError) as malformed:
        raise InvalidArgument(
            "The continuation token provided is incorrect",
            fields={"ArgumentName": "continuation-token", "ArgumentValue": token[:200]},
        ) from malformed


@operation("CreateBucket", "PUT", BUCKET, body=Body.BUFFER, needs=Offer.BUCKETS, limit=XML_LIMIT)
@record
class CreateBucket:
    """Make a bucket; making one's own again is no error, as in us-east-1.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html"""

    bucket: str
    acl: str

    @classmethod
    def parse(cls, address: Address, request: Request, query: Query) -> Self:
        """Raises: InvalidBucketName, InvalidArgument."""
        check_bucket_name(address.bucket)
        return cls(address.bucket, check_canned(request.headers.get("x-amz-acl", "private")))

    def claims(self) -> tuple[Claim, ...]:
        """To make a bucket of that name."""
        return (Claim("create_bucket", self.bucket),)

    async def run(self, context: Context) -> Response:
        """Where it is. Raises: BucketAlreadyExists, InvalidLocationConstraint."""
        region = _location(context.body) or context.region or _FIRST_REGION
        if context.region and region != context.region:
            raise InvalidLocationConstraint(fields={"LocationConstraint": region[:64]})
        info = BucketInfo(self.bucket, context.caller.user, int(context.now() * 1000), region, self.acl)
        try:
            await context.buckets.create(info, context.caller)
        except BucketAlreadyOwnedByYou:
            if region != _FIRST_REGION:
                raise
        return Response(200, {"Location": f"/{self.bucket}"})


def _location(body: bytes) -> str:
    """The LocationConstraint of a body, empty when there is none. Raises: MalformedXML, InvalidRequest."""
    if not body.strip():
        return ""
    region = parse(body, "CreateBucketConfiguration").value("LocationConstraint").strip()
    if not all(c.isalnum() or c == "-" for c in region) or len(region) > 64 or not region.isascii():
        raise InvalidLocationConstraint(fields={"LocationConstraint": region[:64]})
    return region


@operation("HeadBucket", "HEAD", BUCKET)
@record
class HeadBucket:
    """Whether a bucket is there and may be used. https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html"""

    bucket: str

    @classmethod
    def parse(cls, address: Address, request: Request, query: Query) -> Self:
        """Nothing can be malformed here."""
        return cls(address.bucket)

    def claims(self) -> tuple[Claim, ...]:
        """To see that the bucket is there."""
        return (Claim("head_bucket", self.bucket),)

    async def run(self, context: Context) -> Response:
        """Its region. Raises: NoSuchBucket."""
        return Response(
            200,
            {
                "x-amz-bucket-region": await _region(context),
                "x-amz-access-point-alias": "false",
                "Content-Type": "application/xml",
            },
        )


async def _region(context: Context) -> str:
    """Where the bucket is. A whole account behind one address is asked, for its buckets are not known beforehand."""
    if Offer.BUCKETS in context.backend.offers:
        return (await context.backend.bucket(context.place.bucket)).region
    return context.place.region


@operation("GetBucketLocation", "GET", BUCKET, "location")
@record
class GetBucketLocation:
    """A bucket's region; empty for us-east-1, as S3 says it.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLocation.html"""

    bucket: str

    @classmethod
    def parse(cls, address: Address, request: Request, query: Query) -> Self:
        """Nothing can be malformed here."""
        return cls(address.bucket)

    def claims(self) -> tuple[Claim, ...]:
        """To see where the bucket is."""
        return (Claim("get_bucket_location", self.bucket),)

    async def run(self, context: Context) -> Response:
        """The region."""
        region = await _region(context)
        return document("LocationConstraint", "" if region == _FIRST_REGION else region)


@operation("DeleteBucket", "DELETE", BUCKET, needs=Offer.BUCKETS)
@record
class DeleteBucket:
    """Remove a bucket that holds no object; unfinished uploads go with it.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucket.html"""

    bucket: str

    @classmethod
    def parse(cls, address: Address, request: Request, query: Query) -> Self:
        """Nothing can be malformed here."""
        return cls(address.bucket)

    def claims(self) -> tuple[Claim, ...]:
        """To remove the bucket."""
        return (Claim("delete_bucket", self.bucket),)

    async def run(self, context: Context) -> Response:
        """204. Raises: BucketNotEmpty."""
        await context.backend.delete_bucket(self.bucket)
        return Response(204, {})

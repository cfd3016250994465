"""Which rules for pages of other origins does a bucket have? See, set, remove.

Where a bucket lies in S3 itself, these are relayed: its rules then hold for those who go there, and never here.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/cors.html"""

from typing import Self, cast

from bucketport.errors import NoSuchCORSConfiguration
from bucketport.message import Request, Response
from bucketport.model import Claim, Offer
from bucketport.operations.base import BUCKET, XML_LIMIT, Body, Context, Query, operation
from bucketport.operations.documents import document
from bucketport.ports import CorsBackend
from bucketport.record import record
from bucketport.wire.address import Address
from bucketport.wire.cors import read_json, read_xml, to_json, to_xml


def _backend(context: Context) -> CorsBackend:
    return cast(CorsBackend, context.backend)


@operation("GetBucketCors", "GET", BUCKET, "cors", needs=Offer.CORS, relays=True)
@record
class GetBucketCors:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketCors.html"""

    bucket: str

    @classmethod
    def parse(cls, address: Address, request: Request, query: Query) -> Self:
        """Nothing can be malformed here."""
        return cls(address.bucket)

    def claims(self) -> tuple[Claim, ...]:
        """To see the bucket's rules."""
        return (Claim("get_bucket_cors", self.bucket),)

    async def run(self, context: Context) -> Response:
        """The rules. Raises: NoSuchCORSConfiguration."""
        rules = context.place.cors
        if not rules:
            raise NoSuchCORSConfiguration(fields={"BucketName": context.bucket_shown})
        return document("CORSConfiguration", to_xml(read_json(rules)))


@operation("PutBucketCors", "PUT", BUCKET, "cors", body=Body.BUFFER, needs=Offer.CORS, limit=XML_LIMIT, relays=True)
@record
class PutBucketCors:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketCors.html"""

    bucket: str

    @classmethod
    def parse(cls, address: Address, request: Request, query: Query) -> Self:
        """Nothing can be malformed here; the body is read later."""
        return cls(address.bucket)

    def claims(self) -> tuple[Claim, ...]:
        """To set the bucket's rules."""
        return (Claim("put_bucket_cors", self.bucket),)

    async def run(self, context: Context) -> Response:
        """200. Raises: MalformedXML, InvalidRequest, InvalidArgument."""
        await _backend(context).put_bucket_cors(self.bucket, to_json(read_xml(context.body)))
        return Response(200, {})


@operation("DeleteBucketCors", "DELETE", BUCKET, "cors", needs=Offer.CORS, relays=True)
@record
class DeleteBucketCors:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucketCors.html"""

    bucket: str

    @classmethod
    def parse(cls, address: Address, request: Request, query: Query) -> Self:
        """Nothing can be malformed here."""
        return cls(address.bucket)

    def claims(self) -> tuple[Claim, ...]:
        """To remove the bucket's rules."""
        return (Claim("delete_bucket_cors", self.bucket),)

    async def run(self, context: Context) -> Response:
        """204, also where there were none."""
        await _backend(context).put_bucket_cors(self.bucket, "")
        return Response(204, {})

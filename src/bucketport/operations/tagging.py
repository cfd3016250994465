"""Which tags does an object have? See, set, remove.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html"""

from typing import Self

from bucketport.errors import MalformedXML
from bucketport.message import Request, Response
from bucketport.model import Claim, ObjectName, Offer
from bucketport.operations.base import OBJECT, XML_LIMIT, Body, Context, Query, name_of, operation, version_of
from bucketport.operations.documents import document, element
from bucketport.record import record
from bucketport.wire.address import Address
from bucketport.wire.headers import check_tags
from bucketport.wire.xml import parse


def _answer(status: int, version: str | None) -> Response:
    return Response(status, {} if version is None else {"x-amz-version-id": version})


@operation("GetObjectTagging", "GET", OBJECT, "tagging", needs=Offer.TAGS)
@record
class GetObjectTagging:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectTagging.html"""

    name: ObjectName
    version: str | None

    @classmethod
    def parse(cls, address: Address, request: Request, query: Query) -> Self:
        """Raises: InvalidArgument."""
        return cls(name_of(address), version_of(query))

    def claims(self) -> tuple[Claim, ...]:
        """To see the tags."""
        return (Claim("get_object_tagging", self.name.bucket, self.name.key, self.version),)

    async def run(self, context: Context) -> Response:
        """The tags."""
        tags = await context.backend.tags(self.name, self.version)
        inner = "".join(f"<Tag>{element('Key', key)}{element('Value', value)}</Tag>" for key, value in tags.items())
        response = document("Tagging", f"<TagSet>{inner}</TagSet>")
        if self.version is not None and self.version != "null":
            response.headers["x-amz-version-id"] = self.version
        return response


@operation("PutObjectTagging", "PUT", OBJECT, "tagging", body=Body.BUFFER, needs=Offer.TAGS, limit=XML_LIMIT)
@record
class PutObjectTagging:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObjectTagging.html"""

    name: ObjectName
    version: str | None

    @classmethod
    def parse(cls, address: Address, request: Request, query: Query) -> Self:
        """Raises: InvalidArgument."""
        return cls(name_of(address), version_of(query))

    def claims(self) -> tuple[Claim, ...]:
        """To set the tags."""
        return (Claim("put_object_tagging", self.name.bucket, self.name.key, self.version),)

    async def run(self, context: Context) -> Response:
        """200. Raises: MalformedXML, InvalidTag."""
        tag_set = parse(context.body, "Tagging").find("TagSet")
        if tag_set is None:
            raise MalformedXML
        tags = check_tags([(node.value("Key"), node.value("Value")) for node in tag_set.all("Tag")])
        return _answer(200, await context.backend.put_tags(self.name, self.version, tags))


@operation("DeleteObjectTagging", "DELETE", OBJECT, "tagging", needs=Offer.TAGS)
@record
class DeleteObjectTagging:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjectTagging.html"""

    name: ObjectName
    version: str | None

    @classmethod
    def parse(cls, address: Address, request: Request, query: Query) -> Self:
        """Raises: InvalidArgument."""
        return cls(name_of(address), version_of(query))

    def claims(self) -> tuple[Claim, ...]:
        """To remove the tags."""
        return (Claim("delete_object_tagging", self.name.bucket, self.name.key, self.version),)

    async def run(self, context: Context) -> Response:
        """204."""
        return _answer(204, await context.backend.put_tags(self.name, self.version, {}))

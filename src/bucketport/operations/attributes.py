"""What is an object made of, in one answer? GetObjectAttributes."""

from typing import Self

from bucketport.errors import InvalidArgument, InvalidRequest
from bucketport.message import Request, Response
from bucketport.model import Attributes, Claim, ObjectName, Offer
from bucketport.operations.base import OBJECT, Context, Query, integer, name_of, operation, version_of
from bucketport.operations.documents import document, element, truth
from bucketport.record import record
from bucketport.wire.address import Address
from bucketport.wire.dates import http_date

_KNOWN = ("ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize")
_PARTS = 1000


@operation("GetObjectAttributes", "GET", OBJECT, "attributes", needs=Offer.ATTRIBUTES)
@record
class GetObjectAttributes:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectAttributes.html"""

    name: ObjectName
    version: str | None
    wanted: frozenset[str]
    after: int
    limit: int

    @classmethod
    def parse(cls, address: Address, request: Request, query: Query) -> Self:
        """Raises: InvalidArgument for an attribute that S3 does not have; InvalidRequest when none is named."""
        wanted = [name.strip() for name in request.headers.get("x-amz-object-attributes", "").split(",")]
        wanted = [name for name in wanted if name]
        if not wanted:
            raise InvalidRequest(
                "The x-amz-object-attributes header specifying the attributes to be retrieved is missing."
            )
        for name in wanted:
            if name not in _KNOWN:
                raise InvalidArgument(
                    "Invalid attribute name specified.",
                    fields={"ArgumentName": "x-amz-object-attributes", "ArgumentValue": name[:200]},
                )
        return cls(
            name_of(address),
            version_of(query),
            frozenset(wanted),
            integer(request.headers, "x-amz-part-number-marker", 0, 10_000),
            integer(request.headers, "x-amz-max-parts", _PARTS, _PARTS),
        )

    def claims(self) -> tuple[Claim, ...]:
        """To read the object's attributes."""
        return (Claim("get_object_attributes", self.name.bucket, self.name.key, self.version),)

    async def run(self, context: Context) -> Response:
        """What was asked for."""
        held = await context.backend.attributes(self.name, self.version, self.after, self.limit)
        info = held.info
        inner = []
        if "ETag" in self.wanted:
            inner.append(element("ETag", info.etag))
        if "Checksum" in self.wanted and info.checksums:
            values = "".join(element("Checksum" + name, value) for name, value in info.checksums.items())
            inner.append(f"<Checksum>{values}{element('ChecksumType', info.checksum_type)}</Checksum>")
        if "ObjectParts" in self.wanted and info.parts_count:
            inner.append(self._parts_xml(held))
        if "StorageClass" in self.wanted:
            inner.append(element("StorageClass", info.storage_class))
        if "ObjectSize" in self.wanted:
            inner.append(f"<ObjectSize>{info.size}</ObjectSize>")
        response = document("GetObjectAttributesResponse", "".join(inner))
        response.headers["Last-Modified"] = http_date(info.modified_ms)
        if info.version_id is not None:
            response.headers["x-amz-version-id"] = info.version_id
        return response

    def _parts_xml(self, held: Attributes) -> str:
        # S3 lists single parts only where they bear checksums of their own (composite); the count is always there.
        parts = []
        if held.info.checksum_type == "COMPOSITE":
            for part in held.parts:
                values = "".join(element("Checksum" + name, value) for name, value in part.checksums.items())
                parts.append(
                    f"<Part>{values}<PartNumber>{part.number}</PartNumber><Size>{part.size}</Size></Part>",
                )
        return (
            f"<ObjectParts><IsTruncated>{truth(held.next_after > 0)}</IsTruncated><MaxParts>{self.limit}</MaxParts>"
            f"<NextPartNumberMarker>{held.next_after}</NextPartNumberMarker>"
            f"<PartNumberMarker>{self.after}</PartNumberMarker>{''.join(parts)}"
            f"<PartsCount>{held.info.parts_count}</PartsCount></ObjectParts>"
        )

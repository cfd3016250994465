"""How does an object, or a part of one, come from another object? CopyObject, UploadPartCopy.

Within one backend a copy is the backend's own; between two it streams through (`streaming`).
"""

from collections.abc import Mapping
from typing import Self

from bucketport.errors import InvalidArgument, InvalidRequest
from bucketport.message import Request, Response
from bucketport.model import NO_HEADERS, Claim, ObjectName, Offer, UploadName
from bucketport.mounts import Located
from bucketport.operations import extras
from bucketport.operations.base import COPY_SOURCE, OBJECT, Context, Query, name_of, operation
from bucketport.operations.documents import document, element
from bucketport.operations.multipart import upload_of
from bucketport.operations.objects import part_number
from bucketport.options import CopyOptions, Want
from bucketport.record import record
from bucketport.wire import checksums, conditions, headers, ranges
from bucketport.wire.acl import check_canned
from bucketport.wire.address import Address, copy_source
from bucketport.wire.dates import iso


@record
class Source:
    """Where a copy reads from, and under which conditions."""

    name: ObjectName
    want: Want

    @classmethod
    def of(cls, request: Request) -> Self:
        """From `x-amz-copy-source` and its kin. Raises: InvalidArgument."""
        address, version = copy_source(request.headers[COPY_SOURCE])
        asked = request.headers.get("x-amz-copy-source-range")
        if asked is not None:
            ranges.parse_copy_range(asked)
        return cls(
            ObjectName(address.bucket, address.key),
            Want(version, range=asked, conditions=conditions.parse_copy(request.headers)),
        )

    def claim(self) -> Claim:
        """To read it."""
        action = "get_object_version" if self.want.version else "get_object"
        return Claim(action, self.name.bucket, self.name.key, self.want.version)


def directive(request: Request, header: str) -> bool:
    """Whether a directive says REPLACE (True) or COPY. Raises: InvalidArgument."""
    value = request.headers.get(header, "COPY")
    if value not in ("COPY", "REPLACE"):
        raise InvalidArgument(
            f"Unknown {header.removeprefix('x-amz-').replace('-', ' ')}.",
            fields={"ArgumentName": header, "ArgumentValue": value[:200]},
        )
    return value == "REPLACE"


def result_xml(root: str, etag: str, modified_ms: int, values: Mapping[str, str], kind: str) -> Response:
    """CopyObjectResult or CopyPartResult."""
    inner = f"<LastModified>{iso(modified_ms)}</LastModified><ETag>&quot;{etag}&quot;</ETag>"
    inner += "".join(element("Checksum" + name, value) for name, value in values.items())
    if values and kind:
        inner += element("ChecksumType", kind)
    return document(root, inner)


@operation("CopyObject", "PUT", OBJECT, "+copy", action="put_object", needs=Offer.OBJECTS)
@record
class CopyObject:
    """Copy an object. https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html"""

    name: ObjectName
    source: Source
    headers: Mapping[str, str] | None
    tags: Mapping[str, str] | None
    storage_class: str
    acl: str
    checksum_algorithm: str
    conditions: conditions.WriteConditions
    extra: Mapping[str, str]

    @classmethod
    def parse(cls, address: Address, request: Request, query: Query) -> Self:
        """Raises: InvalidArgument; InvalidRequest for a copy onto itself that would change nothing."""
        sent = request.headers
        source = Source.of(request)
        replaces, retags = directive(request, "x-amz-metadata-directive"), directive(request, "x-amz-tagging-directive")
        changes = replaces or retags or "x-amz-storage-class" in sent or "x-amz-website-redirect-location" in sent
        changes = changes or "x-amz-checksum-algorithm" in sent
        if source.name == name_of(address) and source.want.version is None and not changes:
            raise InvalidRequest(
                "This copy request is illegal because it is trying to copy an object to itself without changing the "
                "object's metadata, storage class, website redirect location or encryption attributes."
            )
        return cls(
            name_of(address),
            source,
            headers.stored(sent) if replaces else None,
            headers.tagging(sent.get("x-amz-tagging", "")) if retags else None,
            headers.storage_class(sent),
            check_canned(sent.get("x-amz-acl", "private")),
            checksums.announced(sent) or "",
            conditions.parse_write(sent),
            extras.of(sent) if extras.asked(sent) else NO_HEADERS,
        )

    def claims(self) -> tuple[Claim, ...]:
        """To read the source and to write the target."""
        claims = (self.source.claim(), Claim("put_object", self.name.bucket, self.name.key))
        if self.acl == "private":
            return claims
        return (*claims, Claim("write_acl", self.name.bucket, self.name.key))

    async def run(self, context: Context) -> Response:
        """The copy's ETag and time."""
        options = CopyOptions(
            context.writer, self.headers, self.tags, self.storage_class, self.acl, self.checksum_algorithm,
            self.conditions, self.extra,
        )  # fmt: skip
        source, copier = self.source, context.copier_for()
        if copier is None:
            stored = await context.backend.copy(source.name, source.want, self.name, options)
        else:
            target = Located(context.backend, self.name)
            stored = await copier.copy(context.located(source.name), source.want, target, options)
        response = result_xml(
            "CopyObjectResult", stored.etag, stored.modified_ms, stored.checksums, stored.checksum_type
        )
        if stored.version_id is not None:
            response.headers["x-amz-version-id"] = stored.version_id
        if stored.source_version_id is not None:
            response.headers["x-amz-copy-source-version-id"] = stored.source_version_id
        return response


@operation("UploadPartCopy", "PUT", OBJECT, "uploadId+copy", action="upload_part", needs=Offer.MULTIPART)
@record
class UploadPartCopy:
    """A part made of an object or of a range of it.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html"""

    upload: UploadName
    number: int
    source: Source

    @classmethod
    def parse(cls, address: Address, request: Request, query: Query) -> Self:
        """Raises: InvalidArgument."""
        number = part_number(query.get("partNumber", ""))
        return cls(upload_of(address, query), number, Source.of(request))

    def claims(self) -> tuple[Claim, ...]:
        """To read the source and to write the part."""
        return (self.source.claim(), Claim("upload_part", self.upload.bucket, self.upload.key))

    async def run(self, context: Context) -> Response:
        """The part's ETag and time."""
        source, copier, upload = self.source, context.copier_for(), self.upload
        if copier is None:
            part = await context.backend.copy_part(upload, self.number, source.name, source.want)
        else:
            origin = context.located(source.name)
            part = await copier.copy_part(origin, source.want, context.backend, upload, self.number)
        return result_xml("CopyPartResult", part.etag, part.modified_ms, part.checksums, "")

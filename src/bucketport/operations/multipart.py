"""How does an object come in parts? Begin, send a part, complete, abort, and see what is under way."""

from collections.abc import Mapping
from typing import Self

from bucketport.errors import InvalidArgument, InvalidRequest, MalformedXML, NoSuchUpload
from bucketport.message import Request, Response
from bucketport.model import Claim, ObjectName, Offer, PartInfo, UploadEntry, UploadName
from bucketport.operations.base import BUCKET, OBJECT, Body, Context, Query, integer, name_of, operation
from bucketport.operations.documents import document, element, optional, owner, truth
from bucketport.operations.listing import echo, encoding_of, prefixes_xml, shown
from bucketport.operations.objects import Settings, checksum_headers, part_number
from bucketport.options import CompleteOptions, ListQuery, UploadOptions, WriteConditions
from bucketport.record import record
from bucketport.wire import checksums, conditions, etag
from bucketport.wire.address import Address
from bucketport.wire.dates import iso
from bucketport.wire.query import encode_key
from bucketport.wire.xml import Node, parse

UPLOADS = PARTS = 1000
"""Most of each a page.
Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html (multipart upload limits)"""


def upload_of(address: Address, query: Query) -> UploadName:
    """The upload that a request addresses.

    Raises: NoSuchUpload for an empty id, which some backends take for none: they would abort by deleting the object.
    """
    if not query["uploadId"]:
        raise NoSuchUpload(fields={"UploadId": ""})
    return UploadName(address.bucket, address.key, query["uploadId"])


def _name_xml(context: Context, key: str) -> str:
    """An object's bucket and key as the client knows them."""
    return element("Bucket", context.bucket_shown) + element("Key", context.shown.prefix + key)


def _checksums_asked(request: Request) -> tuple[str, str]:
    """(algorithm, type) for a new upload, empty when none is asked. Raises: InvalidRequest."""
    algorithm = checksums.announced(request.headers) or ""
    kind = request.headers.get("x-amz-checksum-type", "").upper()
    if kind and not algorithm:
        raise InvalidRequest(
            "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header."
        )
    if not algorithm:
        return "", ""
    kind = kind or checksums.default_type(algorithm)
    if kind not in checksums.ALGORITHMS[algorithm].types:
        raise InvalidRequest(
            f"The {kind} checksum type cannot be used with the {algorithm.lower()} checksum algorithm."
        )
    return algorithm, kind


@operation("CreateMultipartUpload", "POST", OBJECT, "uploads", needs=Offer.MULTIPART)
@record
class CreateMultipartUpload:
    """Begin. https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateMultipartUpload.html"""

    name: ObjectName
    settings: Settings
    algorithm: str
    kind: str

    @classmethod
    def parse(cls, address: Address, request: Request, query: Query) -> Self:
        """Raises: what Settings.of raises; InvalidRequest."""
        algorithm, kind = _checksums_asked(request)
        return cls(name_of(address), Settings.of(request), algorithm, kind)

    def claims(self) -> tuple[Claim, ...]:
        """To write the object."""
        return self.settings.claims("create_multipart_upload", self.name)

    async def run(self, context: Context) -> Response:
        """The upload's id."""
        options = UploadOptions(self.settings.options(context.writer), self.algorithm, self.kind)
        upload = await context.backend.create_upload(self.name, options)
        inner = _name_xml(context, upload.key) + element("UploadId", upload.upload_id)
        response = document("InitiateMultipartUploadResult", inner)
        if self.algorithm:
            response.headers["x-amz-checksum-algorithm"] = self.algorithm
            response.headers["x-amz-checksum-type"] = self.kind
        return response


@operation("UploadPart", "PUT", OBJECT, "uploadId", body=Body.STREAM, needs=Offer.MULTIPART)
@record
class UploadPart:
    """Send a part. https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPart.html"""

    upload: UploadName
    number: int

    @classmethod
    def parse(cls, address: Address, request: Request, query: Query) -> Self:
        """Raises: InvalidArgument."""
        return cls(upload_of(address, query), part_number(query.get("partNumber", "")))

    def claims(self) -> tuple[Claim, ...]:
        """To write the part."""
        return (Claim("upload_part", self.upload.bucket, self.upload.key),)

    async def run(self, context: Context) -> Response:
        """The part's ETag and checksums."""
        part = await context.backend.put_part(self.upload, self.number, context.stream)
        return Response(200, {"ETag": etag.quote(part.etag)} | checksum_headers(part.checksums, ""))


@operation("ListParts", "GET", OBJECT, "uploadId", action="list_multipart_upload_parts", needs=Offer.MULTIPART)
@record
class ListParts:
    """What of an upload is there. https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListParts.html"""

    upload: UploadName
    after: int
    limit: int
    encoding: str

    @classmethod
    def parse(cls, address: Address, request: Request, query: Query) -> Self:
        """Raises: InvalidArgument."""
        after, limit = integer(query, "part-number-marker", 0, 10_000), integer(query, "max-parts", PARTS, PARTS)
        return cls(upload_of(address, query), after, limit, encoding_of(query))

    def claims(self) -> tuple[Claim, ...]:
        """To see the parts."""
        return (Claim("list_multipart_upload_parts", self.upload.bucket, self.upload.key),)

    async def run(self, context: Context) -> Response:
        """A page of parts."""
        page = await context.backend.list_parts(self.upload, self.after, self.limit)
        info = page.info
        inner = [
            element("Bucket", context.bucket_shown),
            echo("Key", context.shown.prefix + self.upload.key, self.encoding),
            element("UploadId", self.upload.upload_id),
            owner(info.owner, "Initiator") + owner(info.owner),
            element("StorageClass", info.storage_class),
            f"<PartNumberMarker>{self.after}</PartNumberMarker>",
            f"<NextPartNumberMarker>{page.next_after}</NextPartNumberMarker>" if page.next_after else "",
            f"<MaxParts>{self.limit}</MaxParts><IsTruncated>{truth(page.next_after > 0)}</IsTruncated>",
            optional("ChecksumAlgorithm", info.checksum_algorithm) + optional("ChecksumType", info.checksum_type),
            "".join(_part_xml(part) for part in page.parts),
        ]
        return document("ListPartsResult", "".join(inner))


def _part_xml(part: PartInfo) -> str:
    values = "".join(element("Checksum" + name, value) for name, value in part.checksums.items())
    return (
        f"<Part><PartNumber>{part.number}</PartNumber><LastModified>{iso(part.modified_ms)}</LastModified>"
        f"<ETag>&quot;{part.etag}&quot;</ETag><Size>{part.size}</Size>{values}</Part>"
    )


@operation("ListMultipartUploads", "GET", BUCKET, "uploads", needs=Offer.MULTIPART)
@record
class ListMultipartUploads:
    """Uploads under way in a bucket.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html"""

    bucket: str
    ask: ListQuery
    encoding: str

    @classmethod
    def parse(cls, address: Address, request: Request, query: Query) -> Self:
        """Raises: InvalidArgument."""
        after = query.get("key-marker", "")
        ask = ListQuery(
            query.get("prefix", ""),
            query.get("delimiter", ""),
            after,
            integer(query, "max-uploads", UPLOADS, UPLOADS),
            after_id=query.get("upload-id-marker", "") if after else "",
        )
        return cls(address.bucket, ask, encoding_of(query))

    def claims(self) -> tuple[Claim, ...]:
        """To list under the prefix."""
        return (Claim("list_multipart_uploads", self.bucket, prefix=self.ask.prefix),)

    async def run(self, context: Context) -> Response:
        """A page of uploads."""
        page = await context.backend.list_uploads(self.bucket, self.ask)
        ask, encoding, before = self.ask, self.encoding, context.shown.prefix
        inner = [
            element("Bucket", context.bucket_shown),
            echo("KeyMarker", before + ask.after if ask.after else "", encoding),
            element("UploadIdMarker", ask.after_id),
            echo("NextKeyMarker", before + page.next_after, encoding) if page.truncated else "",
            element("NextUploadIdMarker", page.next_id) if page.truncated else "",
            echo("Prefix", before + ask.prefix, encoding) if before + ask.prefix else "",
            echo("Delimiter", ask.delimiter, encoding) if ask.delimiter else "",
            optional("EncodingType", encoding),
            f"<MaxUploads>{ask.limit}</MaxUploads><IsTruncated>{truth(page.truncated)}</IsTruncated>",
            "".join(_upload_xml(entry, encoding, before) for entry in page.entries),
            prefixes_xml(page.prefixes, encoding, before),
        ]
        return document("ListMultipartUploadsResult", "".join(inner))


def _upload_xml(entry: UploadEntry, encoding: str, before: str) -> str:
    key, upload_id, started, user, storage, algorithm, kind = entry
    return (
        f"<Upload><Key>{shown(before + key, encoding)}</Key><UploadId>{upload_id}</UploadId>{owner(user, 'Initiator')}"
        f"{owner(user)}{element('StorageClass', storage)}<Initiated>{iso(started)}</Initiated>"
        f"{optional('ChecksumAlgorithm', algorithm)}{optional('ChecksumType', kind)}</Upload>"
    )


@operation(
    "CompleteMultipartUpload",
    "POST",
    OBJECT,
    "uploadId",
    body=Body.PARTS,
    needs=Offer.MULTIPART,
    limit=8 << 20,
)
@record
class CompleteMultipartUpload:
    """Make the object of its parts.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html"""

    upload: UploadName
    conditions: WriteConditions
    checksums: Mapping[str, str]
    kind: str
    size: int | None
    virtual: bool

    @classmethod
    def parse(cls, address: Address, request: Request, query: Query) -> Self:
        """Raises: InvalidArgument, InvalidRequest."""
        sent = request.headers
        size = sent.get("x-amz-mp-object-size")
        if size is not None and not (size.isascii() and size.isdigit() and len(size) <= 18):
            raise InvalidArgument(fields={"ArgumentName": "x-amz-mp-object-size", "ArgumentValue": size[:200]})
        return cls(
            upload_of(address, query),
            conditions.parse_write(sent),
            {name: sent[row.header] for name, row in checksums.ALGORITHMS.items() if row.header in sent},
            sent.get("x-amz-checksum-type", "").upper(),
            int(size) if size is not None else None,
            address.virtual,
        )

    def claims(self) -> tuple[Claim, ...]:
        """To write the object."""
        return (Claim("complete_multipart_upload", self.upload.bucket, self.upload.key),)

    async def run(self, context: Context) -> Response:
        """The object's ETag and checksums."""
        options = CompleteOptions(read_parts(context.body), self.conditions, self.checksums, self.kind, self.size)
        stored = await context.backend.complete(self.upload, options)
        bucket = "" if self.virtual else f"/{context.bucket_shown}"
        place = f"{bucket}/{encode_key(context.shown.prefix + self.upload.key)}"
        inner = [
            element("Location", f"{context.origin}{place}"),
            _name_xml(context, self.upload.key),
            f"<ETag>&quot;{stored.etag}&quot;</ETag>",
            "".join(element("Checksum" + name, value) for name, value in stored.checksums.items()),
            optional("ChecksumType", stored.checksum_type if stored.checksums else ""),
        ]
        response = document("CompleteMultipartUploadResult", "".join(inner))
        if stored.version_id is not None:
            response.headers["x-amz-version-id"] = stored.version_id
        return response


def read_parts(body: bytes) -> list[PartInfo]:
    """The parts that a CompleteMultipartUpload names. Raises: MalformedXML."""
    root = parse(body, "CompleteMultipartUpload")
    parts = [_part(node) for node in root.all("Part")]
    if not 1 <= len(parts) <= 10_000:
        raise MalformedXML
    return parts


def _part(node: Node) -> PartInfo:
    number, tag = node.value("PartNumber").strip(), node.value("ETag").strip()
    if not number.isascii() or not number.isdigit() or len(number) > 5 or not tag:
        raise MalformedXML
    values = {}
    for child in node.children:
        name = child.name.removeprefix("Checksum")
        if name != child.name and name in checksums.ALGORITHMS:
            values[name] = child.text.strip()
    return PartInfo(int(number), 0, etag.unquote(tag), 0, values)


@operation("AbortMultipartUpload", "DELETE", OBJECT, "uploadId", needs=Offer.MULTIPART)
@record
class AbortMultipartUpload:
    """Give an upload up. https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html"""

    upload: UploadName

    @classmethod
    def parse(cls, address: Address, request: Request, query: Query) -> Self:
        """Nothing can be malformed here."""
        return cls(upload_of(address, query))

    def claims(self) -> tuple[Claim, ...]:
        """To give up the upload."""
        return (Claim("abort_multipart_upload", self.upload.bucket, self.upload.key),)

    async def run(self, context: Context) -> Response:
        """204."""
        await context.backend.abort(self.upload)
        return Response(204, {})

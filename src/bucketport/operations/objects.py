"""How is one object read, written and removed? GetObject, HeadObject, PutObject, DeleteObject."""

from collections.abc import Mapping
from typing import Self

from bucketport.errors import InvalidArgument, InvalidRequest
from bucketport.message import Request, Response
from bucketport.model import NO_HEADERS, Claim, Found, ObjectName, Stored
from bucketport.operations import extras
from bucketport.operations.base import OBJECT, Body, Context, Query, name_of, operation, version_of
from bucketport.options import PutOptions, Want, WriteConditions
from bucketport.record import record
from bucketport.wire import checksums, conditions, etag, headers
from bucketport.wire.acl import check_canned
from bucketport.wire.address import Address

_OVERRIDES = {
    "response-cache-control": "Cache-Control",
    "response-content-disposition": "Content-Disposition",
    "response-content-encoding": "Content-Encoding",
    "response-content-language": "Content-Language",
    "response-content-type": "Content-Type",
    "response-expires": "Expires",
}


def want_of(request: Request, query: Query) -> Want:
    """What of the object a GET or a HEAD wants. Raises: InvalidArgument, InvalidRequest."""
    text = query.get("partNumber")
    part = None
    if text is not None:
        part = part_number(text)
        if "range" in request.headers:
            raise InvalidRequest("Cannot specify both Range header and partNumber query parameter")
    sent = request.headers
    extra = extras.of(sent) if extras.asked(sent) else NO_HEADERS
    return Want(version_of(query), sent.get("range"), part, conditions.parse_read(sent), extra)


def part_number(text: str) -> int:
    """A part's number. Raises: InvalidArgument unless it is 1 to 10,000."""
    if text.isascii() and text.isdigit() and len(text) <= 5 and 1 <= int(text) <= 10_000:
        return int(text)
    raise InvalidArgument(
        "Part number must be an integer between 1 and 10000, inclusive",
        fields={"ArgumentName": "partNumber", "ArgumentValue": text[:200]},
    )


def overrides_of(query: Query) -> dict[str, str]:
    """The `response-*` parameters of a read, as headers. Raises: InvalidArgument when one cannot be a header."""
    made = {}
    for name, header in _OVERRIDES.items():
        value = query.get(name)
        if value is not None:
            if not value.isprintable() or not value.isascii():
                raise InvalidArgument(
                    "Header value cannot be represented using ISO-8859-1.",
                    fields={"ArgumentName": name, "ArgumentValue": value[:200]},
                )
            made[header] = value
    return made


def checksum_headers(values: Mapping[str, str], kind: str) -> dict[str, str]:
    """The `x-amz-checksum-*` headers of an object, a part or an answer to a write."""
    made = {checksums.ALGORITHMS[name].header: value for name, value in values.items()}
    if made and kind:
        made["x-amz-checksum-type"] = kind
    return made


def read_response(found: Found, want: Want, mode: bool, overrides: Mapping[str, str]) -> Response:
    """The answer to a GET or a HEAD: 206 for a span; checksums when asked for, of the whole or of a part."""
    info = found.info
    made = headers.answer(info)
    if mode and found.span is None and info.checksums:
        made.update(checksum_headers(info.checksums, info.checksum_type))
    elif mode and found.part is not None:
        made.update(checksum_headers(found.part.checksums, info.checksum_type))
    if want.part_number is not None and info.parts_count:
        made["x-amz-mp-parts-count"] = str(info.parts_count)
    if overrides:
        made.update(overrides)
    if found.span is None:
        made["Content-Length"] = str(info.size)
        return Response(200, made, found.body)
    made["Content-Range"] = found.span.content_range
    made["Content-Length"] = str(found.span.length)
    return Response(206, made, found.body)


def check_overrides(overrides: Mapping[str, str], context: Context) -> None:
    """Raises: InvalidRequest when an anonymous request asks for other headers than the object has."""
    if overrides and context.caller.anonymous:
        raise InvalidRequest("Request specific response headers cannot be used for anonymous GET requests.")


def _read_of(address: Address, request: Request, query: Query) -> tuple[ObjectName, Want, bool, Mapping[str, str]]:
    """What a GET and a HEAD say: the object, what of it, whether its checksums, and other headers for the answer."""
    mode = request.headers.get("x-amz-checksum-mode", "").upper() == "ENABLED"
    return name_of(address), want_of(request, query), mode, overrides_of(query) if query else {}


@operation("GetObject", "GET", OBJECT)
@record
class GetObject:
    """Read an object, a range of it or one part. https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html"""

    name: ObjectName
    want: Want
    checksum_mode: bool
    overrides: Mapping[str, str]

    @classmethod
    def parse(cls, address: Address, request: Request, query: Query) -> Self:
        """Raises: InvalidArgument, InvalidRequest."""
        return cls(*_read_of(address, request, query))

    def claims(self) -> tuple[Claim, ...]:
        """To read the object, or that version of it."""
        action = "get_object_version" if self.want.version else "get_object"
        return (Claim(action, self.name.bucket, self.name.key, self.want.version),)

    async def run(self, context: Context) -> Response:
        """Its content as a handle."""
        if self.overrides:
            check_overrides(self.overrides, context)
        found = await context.backend.get(self.name, self.want)
        return read_response(found, self.want, self.checksum_mode, self.overrides)


@operation("HeadObject", "HEAD", OBJECT)
@record
class HeadObject:
    """What GetObject would answer, without the content.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html"""

    name: ObjectName
    want: Want
    checksum_mode: bool
    overrides: Mapping[str, str]

    @classmethod
    def parse(cls, address: Address, request: Request, query: Query) -> Self:
        """Raises: InvalidArgument, InvalidRequest."""
        return cls(*_read_of(address, request, query))

    def claims(self) -> tuple[Claim, ...]:
        """To see the object, or that version of it."""
        action = "get_object_version" if self.want.version else "head_object"
        return (Claim(action, self.name.bucket, self.name.key, self.want.version),)

    async def run(self, context: Context) -> Response:
        """Its headers."""
        if self.overrides:
            check_overrides(self.overrides, context)
        found = await context.backend.head(self.name, self.want)
        return read_response(found, self.want, self.checksum_mode, self.overrides)


@record
class Settings:
    """What a write says of the object beside its content, before it is known who writes."""

    headers: Mapping[str, str]
    storage_class: str
    acl: str
    tags: Mapping[str, str]
    conditions: WriteConditions
    extra: Mapping[str, str]

    @classmethod
    def of(cls, request: Request) -> Self:
        """From a request's headers. Raises: InvalidArgument, InvalidStorageClass, InvalidTag, MetadataTooLarge."""
        sent = request.headers
        return cls(
            headers.stored(sent),
            headers.storage_class(sent),
            check_canned(sent.get("x-amz-acl", "private")),
            headers.tagging(sent["x-amz-tagging"]) if "x-amz-tagging" in sent else {},
            conditions.parse_write(sent),
            extras.of(sent) if extras.asked(sent) else NO_HEADERS,
        )

    def claims(self, action: str, name: ObjectName) -> tuple[Claim, ...]:
        """To write the object; an ACL given with it takes the leave to set one."""
        claim = Claim(action, name.bucket, name.key)
        if self.acl == "private":
            return (claim,)
        return (claim, Claim("write_acl", name.bucket, name.key))

    def options(self, owner: str) -> PutOptions:
        """As a backend takes them."""
        return PutOptions(
            owner, self.headers, self.storage_class, self.acl, self.tags, self.conditions, self.extra
        )  # fmt: skip


def stored_headers(stored: Stored) -> dict[str, str]:
    """The headers of an answer to a write."""
    made = {"ETag": etag.quote(stored.etag)}
    if stored.checksums:
        made.update(checksum_headers(stored.checksums, stored.checksum_type))
    if stored.version_id is not None:
        made["x-amz-version-id"] = stored.version_id
    if stored.extra:
        made.update(stored.extra)
    return made


@operation("PutObject", "PUT", OBJECT, body=Body.STREAM)
@record
class PutObject:
    """Store an object. https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html"""

    name: ObjectName
    settings: Settings

    @classmethod
    def parse(cls, address: Address, request: Request, query: Query) -> Self:
        """Raises: what Settings.of raises; InvalidArgument for a part number without an upload."""
        if "partNumber" in query:
            raise InvalidArgument("A part number was given without an uploadId", fields={"ArgumentName": "partNumber"})
        return cls(name_of(address), Settings.of(request))

    def claims(self) -> tuple[Claim, ...]:
        """To write the object."""
        return self.settings.claims("put_object", self.name)

    async def run(self, context: Context) -> Response:
        """Its ETag and checksums."""
        options = self.settings.options(context.writer)
        stored = await context.backend.put(self.name, context.stream, options)
        return Response(200, stored_headers(stored))


@operation("DeleteObject", "DELETE", OBJECT)
@record
class DeleteObject:
    """Remove an object; an absent key is no error. https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObject.html"""

    name: ObjectName
    version: str | None
    conditions: WriteConditions

    @classmethod
    def parse(cls, address: Address, request: Request, query: Query) -> Self:
        """Raises: InvalidArgument."""
        return cls(name_of(address), version_of(query), conditions.parse_delete(request.headers))

    def claims(self) -> tuple[Claim, ...]:
        """To remove the object, or that version of it."""
        action = "delete_object_version" if self.version else "delete_object"
        return (Claim(action, self.name.bucket, self.name.key, self.version),)

    async def run(self, context: Context) -> Response:
        """204, with what was removed where the bucket has versions."""
        deleted = await context.backend.delete(self.name, self.version, self.conditions)
        made = {}
        if deleted.version_id is not None:
            made["x-amz-version-id"] = deleted.version_id
        if deleted.delete_marker:
            made["x-amz-delete-marker"] = "true"
        return Response(204, made)

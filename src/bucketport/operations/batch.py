"""How are up to a thousand keys removed in one request? Each is judged and answered by itself."""

from typing import Self

from bucketport.errors import (
    AccessDenied,
    BackendError,
    InternalError,
    InvalidArgument,
    InvalidRequest,
    MalformedXML,
    S3Error,
    answer_for,
)
from bucketport.message import Request, Response
from bucketport.model import Claim, Deleted
from bucketport.operations.base import BUCKET, Body, Context, Query, operation
from bucketport.operations.documents import document, element, optional
from bucketport.options import DeleteItem, WriteConditions
from bucketport.record import record
from bucketport.wire import checksums, etag
from bucketport.wire.address import Address
from bucketport.wire.dates import parse_http_date, parse_iso
from bucketport.wire.xml import Node, parse

KEYS = 1000
"""Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html"""


@operation("DeleteObjects", "POST", BUCKET, "delete", body=Body.BUFFER, limit=2 << 20)
@record
class DeleteObjects:
    """A batch delete. https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html"""

    bucket: str

    @classmethod
    def parse(cls, address: Address, request: Request, query: Query) -> Self:
        """Raises: InvalidRequest when the body has neither Content-MD5 nor a checksum, as S3 asks of it."""
        sent = request.headers
        if "content-md5" not in sent and checksums.declared(sent) is None and checksums.trailer(sent) is None:
            raise InvalidRequest("Missing required header for this request: Content-MD5 OR x-amz-checksum-*")
        return cls(address.bucket)

    def claims(self) -> tuple[Claim, ...]:
        """To remove anything there at all; each key is claimed once the body is read (`run`)."""
        return (Claim("delete_objects", self.bucket),)

    async def run(self, context: Context) -> Response:
        """What became of each key, in the order asked."""
        items, quiet = read_items(context.body)
        allowed = [
            context.permits(
                Claim("delete_object_version" if item.version else "delete_object", self.bucket, item.key, item.version)
            )
            for item in items
        ]
        results = iter(
            await context.backend.delete_many(
                self.bucket, [item for item, may in zip(items, allowed, strict=True) if may]
            )
        )
        inner = []
        for item, may in zip(items, allowed, strict=True):
            result = next(results) if may else AccessDenied()
            if isinstance(result, Exception):
                inner.append(_failed(item, result))
            elif not quiet:
                inner.append(_deleted(item, result))
        return document("DeleteResult", "".join(inner))


def read_items(body: bytes) -> tuple[list[DeleteItem], bool]:
    """The keys to delete and whether only errors are wanted. Raises: MalformedXML."""
    root = parse(body, "Delete")
    items = [_item(node) for node in root.all("Object")]
    if not 1 <= len(items) <= KEYS:
        raise MalformedXML
    return items, root.value("Quiet").strip().lower() == "true"


def _item(node: Node) -> DeleteItem:
    key = node.value("Key")
    if not key:
        raise MalformedXML
    size, modified, tag = node.value("Size"), node.value("LastModifiedTime"), node.value("ETag")
    when = None
    if modified:
        iso_ms = parse_iso(modified)
        when = iso_ms // 1000 if iso_ms is not None else parse_http_date(modified)
        if when is None:
            raise InvalidArgument(fields={"ArgumentName": "LastModifiedTime", "ArgumentValue": modified[:200]})
    if size and not (size.isascii() and size.isdigit() and len(size) <= 18):
        raise InvalidArgument(fields={"ArgumentName": "Size", "ArgumentValue": size[:200]})
    match = WriteConditions(
        if_match=etag.unquote(tag) if tag else None,
        if_match_size=int(size) if size else None,
        if_match_modified=when,
    )
    return DeleteItem(key, node.value("VersionId") or None, match)


def _deleted(item: DeleteItem, result: Deleted) -> str:
    made = element("Key", item.key) + optional("VersionId", item.version or "")
    if result.delete_marker:
        made += "<DeleteMarker>true</DeleteMarker>" + optional("DeleteMarkerVersionId", result.version_id or "")
    return f"<Deleted>{made}</Deleted>"


def _failed(item: DeleteItem, error: Exception) -> str:
    if isinstance(error, BackendError):
        error = answer_for(error)
    shown = error if isinstance(error, S3Error) else InternalError()
    return (
        f"<Error>{element('Key', item.key)}{optional('VersionId', item.version or '')}"
        f"{element('Code', shown.code)}{element('Message', shown.message)}</Error>"
    )

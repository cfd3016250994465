"""What does whoever holds a URL do with it? Upload, replace, download or delete one object, which S3 clients see too.

Only what the ticket binds says what may be done; of the headers those count that describe the content or ask for a
range of it. An ACL, a storage class or a version that somebody adds is not read.
"""

from bucketport.access.cors import VARY
from bucketport.api.uploads import chunks
from bucketport.api.uploads.answers import quote, success
from bucketport.api.uploads.context import Route, Routes, UploadContext, Way
from bucketport.api.uploads.places import check_absent, check_type, place_of
from bucketport.errors import (
    AlreadyExists,
    BadDigest,
    ContentSHA256Mismatch,
    InvalidRequest,
    PreconditionFailed,
    S3Error,
)
from bucketport.message import Response
from bucketport.model import ObjectName, Stored
from bucketport.operations.content import Admitted, check_length_is_said, declare
from bucketport.operations.objects import read_response
from bucketport.options import NO_CONDITIONS, WHOLE, PutOptions, Want, WriteConditions
from bucketport.ports import Proof
from bucketport.wire import conditions, etag
from bucketport.wire.headers import stored as headers_to_store
from bucketport.wire.ticket import FREE, Bound, bound_of

_ABSENT = WriteConditions(if_none_match="*")

_WORTH_ASKING = 64 << 10
"""Bytes from which on it is asked first whether the object exists: a head is cheaper than to take that in vain."""

_NOT_SIGNED = "UNSIGNED-PAYLOAD"


async def create(context: UploadContext) -> Response:
    """Store what is sent, where nothing is yet. Raises: AlreadyExists, and what `_store` raises."""
    if _is_chunked(context):
        return await chunks.take(context, replace=False)
    return await _store(context, _ABSENT)


async def replace(context: UploadContext) -> Response:
    """Store what is sent, whatever is there. Raises: what `_store` raises."""
    if _is_chunked(context):
        return await chunks.take(context, replace=True)
    return await _store(context, conditions.parse_write(context.request.headers))


def _is_chunked(context: UploadContext) -> bool:
    kind = context.request.headers.get("x-upload-type")
    if kind is None or kind.lower() in ("full", "single"):
        return False
    if kind.lower() != "chunked":
        raise InvalidRequest("x-upload-type must be chunked, or not be there", fields={"value": kind[:200]})
    return True


async def _store(context: UploadContext, only: WriteConditions) -> Response:
    """Store an object in one go.

    Raises: EntityTooLarge, UnsupportedMediaType, MissingContentLength, BadDigest, IncompleteBody, PreconditionFailed.
    """
    request, settings = context.request, context.settings
    name = context.name
    await context.allow("put_object", name.bucket, name.key)
    check_length_is_said(request)
    bound = bound_of(request.raw_query)
    limit = settings.max_upload
    if bound is not FREE:
        limit = min(limit, int(bound.max_size or limit))
        check_type(bound.content_types, request.headers)
    proof = Proof(context.caller, bound.sha256 or _NOT_SIGNED)
    content = Admitted(request.body, declare(request, proof, limit), context.services.digests)
    kept = headers_to_store(request.headers)
    mount = await place_of(context, name.bucket)
    if only is _ABSENT and (content.length is None or content.length > _WORTH_ASKING):
        await check_absent(mount, name)
    try:
        stored = await mount.backend.put(name, content, PutOptions(settings.owner, kept, conditions=only))
    except PreconditionFailed as error:
        if only is not _ABSENT:
            raise
        raise AlreadyExists(fields={"blob_id": name.key}) from error
    except ContentSHA256Mismatch as error:
        raise _other_content(bound) from error
    return _uploaded(name, stored, stored.size if content.length is None else content.length)


def _other_content(bound: Bound) -> S3Error:
    return BadDigest("The content's SHA-256 is not the one that the URL is for.", fields={"expected": bound.sha256})


def _uploaded(name: ObjectName, stored: Stored, size: int) -> Response:
    made = (
        f'{{"success":true,"message":"uploaded","bucket":{quote(name.bucket)},"blob_id":{quote(name.key)},'
        f'"bytes_written":{size},"etag":{quote(stored.etag)}}}'
    )
    return Response(200, {"Content-Type": "application/json", "ETag": etag.quote(stored.etag)}, made.encode())


async def download(context: UploadContext) -> Response:
    """The object or a range of it. Raises: NoSuchKey, NoSuchBucket, NotModified, PreconditionFailed, InvalidRange."""
    request = context.request
    name = context.name
    await context.allow("get_object", name.bucket, name.key)
    mount = await context.services.buckets.find(name.bucket, context.caller)
    want = Want(None, request.headers.get("range"), None, conditions.parse_read(request.headers))
    backend = mount.backend
    found = await (backend.head(name, want) if request.method == "HEAD" else backend.get(name, want))
    response = read_response(found, want, False, {})
    if mount.cors:
        # For caches: a page of another origin gets more headers.
        response.headers["Vary"] = VARY
    return response


async def delete(context: UploadContext) -> Response:
    """Remove the object. Raises: NoSuchKey when there is none."""
    name = context.name
    await context.allow("delete_object", name.bucket, name.key)
    backend = (await context.services.buckets.find(name.bucket, context.caller)).backend
    await backend.head(name, WHOLE)
    await backend.delete(name, None, NO_CONDITIONS)
    return success("deleted", {"bucket": name.bucket, "blob_id": name.key})


ROUTES: Routes = {
    ("POST", "/*/*"): Route("UploadBlob", Way.TICKET, create),
    ("PUT", "/*/*"): Route("UpdateBlob", Way.TICKET, replace),
    ("GET", "/*/*"): Route("DownloadBlob", Way.TICKET, download),
    ("DELETE", "/*/*"): Route("DeleteBlob", Way.TICKET, delete),
}
"""Every path that bears a ticket; HEAD is a download."""

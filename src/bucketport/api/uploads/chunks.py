"""How does a large upload survive a bad connection? In chunks over one URL, in any order, each as often as it takes.

The chunks of an object are an upload session whose id follows from the object and from what is done to it, so no
request needs to name it. Chunk i is part i; what is there is known from the parts alone, and merging copies nothing.
What describes the object (its type, its metadata) comes with the request that merges. A session ends `orphan_seconds`
after its first chunk.
"""

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence

from bucketport.api.uploads.answers import answer, success
from bucketport.api.uploads.context import UploadContext
from bucketport.api.uploads.places import check_absent, check_type, place_of
from bucketport.errors import (
    AlreadyExists,
    Conflict,
    EntityTooLarge,
    InvalidRequest,
    NoSuchBucket,
    NotImplemented,
    UploadIncomplete,
)
from bucketport.message import Response
from bucketport.model import ObjectName, PartInfo
from bucketport.mounts import Mount
from bucketport.operations.content import Admitted, check_length_is_said, declare
from bucketport.ports import Proof
from bucketport.sessions import Outcome, Session, Terms
from bucketport.wire import etag
from bucketport.wire.headers import stored as headers_to_store
from bucketport.wire.ticket import Bound, bound_of

MOST_CHUNKS = 10_000
"""Source: what S3 allows an upload in parts."""


async def take(context: UploadContext, *, replace: bool) -> Response:
    """Store a chunk, or merge them all. `replace`: whatever the object is now.

    Raises: InvalidRequest (a header), AlreadyExists, Conflict (another total), EntityTooLarge, UnsupportedMediaType.
    """
    headers = context.request.headers
    name = context.name
    await context.allow("put_object", name.bucket, name.key)
    total = _number(headers.get("x-chunk-total"), "x-chunk-total", MOST_CHUNKS)
    merge = headers.get("x-chunk-merge", "").lower()
    if merge not in ("", "false", "true"):
        raise InvalidRequest("x-chunk-merge must be true, or not be there", fields={"value": merge[:200]})
    session = _session(context, name, total, replace)
    if merge == "true":
        return await _merge(context, session)
    index = _number(headers.get("x-chunk-index"), "x-chunk-index", total)
    return await _store(context, session, index)


def _number(text: str | None, header: str, most: int) -> int:
    """Raises: InvalidRequest unless it is 1 to `most`."""
    if text is not None and text.isascii() and text.isdigit() and len(text) <= 9 and 1 <= int(text) <= most:
        return int(text)
    raise InvalidRequest(
        f"{header} must be a number from 1 to {most}", fields={"header": header, "value": (text or "")[:200]}
    )


def session_id(name: ObjectName, *, replace: bool) -> str:
    """The session of an object's chunks: 32 hex digits. A bucket's name holds no slash, so no two objects share one."""
    action = "update" if replace else "upload"
    return hashlib.sha256(f"chunks\n{action}\n{name.bucket}/{name.key}".encode()).hexdigest()[:32]


def _session(context: UploadContext, name: ObjectName, total: int, replace: bool) -> Session:
    """The session as this request would begin it."""
    settings = context.settings
    now_ms = int(context.services.now() * 1000)
    return Session(
        session_id(name, replace=replace),
        name.bucket,
        name.key,
        settings.owner,
        now_ms,
        now_ms + settings.orphan_seconds * 1000,
        _terms(bound_of(context.request.raw_query), replace),
        total=total,
    )


def _terms(bound: Bound, replace: bool) -> Terms:
    """What the chunks together must be; not their type, which only the request that merges tells."""
    return Terms(None, int(bound.max_size) if bound.max_size else None, (), bound.sha256, replace)


async def _store(context: UploadContext, asked: Session, index: int) -> Response:
    """Store one chunk; one of that number that is there already is replaced."""
    request, uploads = context.request, context.uploads
    check_length_is_said(request)
    limit = min(context.settings.max_upload, asked.terms.max_size or context.settings.max_upload)
    declared = declare(request, Proof(context.caller, "UNSIGNED-PAYLOAD"), limit)
    mount = await place_of(context, asked.bucket)
    session = await _begin(context, asked, mount)
    if asked.terms.max_size is not None:
        others = [part for part in await uploads.parts(session, mount) if part.number != index]
        _check_room(others, declared.length or 0, asked.terms.max_size)
    part = await uploads.put_part(session, mount, index, Admitted(request.body, declared, context.services.digests))
    return success(
        "chunk stored",
        {
            "bucket": asked.bucket,
            "blob_id": asked.key,
            "bytes_written": part.size,
            "chunk_index": index,
            "chunk_total": asked.total,
        },
    )


def _check_room(others: Sequence[PartInfo], length: int, limit: int) -> None:
    """Raises: EntityTooLarge when the chunks together would be more than the URL allows."""
    size = sum(part.size for part in others) + length
    if size > limit:
        raise EntityTooLarge(fields={"ProposedSize": str(size), "MaxSizeAllowed": str(limit)})


async def _begin(context: UploadContext, asked: Session, mount: Mount) -> Session:
    """The session, begun unless it was before. One that ended (merged, or too old) makes room for a new one.

    Raises: AlreadyExists, Conflict.
    """
    uploads = context.uploads
    found: Session | None = await uploads.sessions.find(asked.id)
    if found is not None and (found.outcome is not None or found.expires_ms <= asked.created_ms):
        if not asked.terms.replace:
            await check_absent(mount, ObjectName(asked.bucket, asked.key))
        # What was merged is the object's now; what was not, goes.
        await uploads.forget(found)
        # A session and its draft are known by id and beginning: no two of an id began at once, whatever the clock says.
        asked = dataclasses.replace(asked, created_ms=max(asked.created_ms, found.created_ms + 1))
        found = None
    if found is None:
        if not asked.terms.replace:
            await check_absent(mount, ObjectName(asked.bucket, asked.key))
        found = await uploads.open(asked)
    _check_same(found, asked)
    return found


def _check_same(found: Session, asked: Session) -> None:
    """Raises: Conflict when the session was begun as another one."""
    if found.terms != asked.terms:
        raise Conflict("This upload was begun over a URL with another max_size or sha256.")
    if found.total != asked.total:
        raise Conflict(
            f"This upload has {found.total} chunks, not {asked.total}.",
            fields={"chunk_total": str(found.total), "value": str(asked.total)},
        )


async def _merge(context: UploadContext, asked: Session) -> Response:
    """Make the object of its chunks. Asked again, it answers the same."""
    uploads, headers = context.uploads, context.request.headers
    found = await uploads.sessions.find(asked.id)
    if found is None:
        return await _nothing_to_merge(context, asked)
    _check_same(found, asked)
    if found.outcome is not None:
        return _merged(asked, found.outcome)
    _check_unconditional(headers, asked.terms.replace)
    check_type(bound_of(context.request.raw_query).content_types, headers)
    kept = headers_to_store(headers)
    mount = await place_of(context, asked.bucket)
    try:
        outcome = await uploads.commit(found, mount, headers=kept)
    except UploadIncomplete:
        there = {part.number for part in await uploads.parts(found, mount)}
        return _missing(context, asked, [number for number in range(1, asked.total + 1) if number not in there])
    except Conflict as error:
        raise AlreadyExists(fields={"blob_id": asked.key}) from error
    return _merged(asked, outcome)


def _check_unconditional(headers: Mapping[str, str], replace: bool) -> None:
    """Raises: NotImplemented where a condition would be passed over. (An upload replaces nothing, told so or not.)"""
    for name in ("if-match", "if-none-match"):
        if name in headers and (replace or name == "if-match"):
            raise NotImplemented(
                f"A merge knows no {name}: send the content in one request, or upload what must be new.",
                fields={"Header": name},
            )


async def _nothing_to_merge(context: UploadContext, asked: Session) -> Response:
    """No chunk came, or all is long over. Raises: AlreadyExists."""
    if not asked.terms.replace:
        try:
            mount = await context.services.buckets.find(asked.bucket, context.caller)
        except NoSuchBucket:
            pass
        else:
            await check_absent(mount, ObjectName(asked.bucket, asked.key))
    return _missing(context, asked, range(1, asked.total + 1))


def _missing(context: UploadContext, asked: Session, missing: Sequence[int]) -> Response:
    context.exchange.code = InvalidRequest.code
    said = {
        "success": False,
        "message": f"{len(missing)} of {asked.total} chunks are missing",
        "code": InvalidRequest.code,
        "request_id": context.exchange.id,
        "blob_id": asked.key,
        "missing": list(missing),
    }
    return answer(InvalidRequest.status, said)


def _merged(asked: Session, outcome: Outcome) -> Response:
    said = {"bucket": asked.bucket, "blob_id": asked.key, "bytes_written": outcome.size, "etag": outcome.etag}
    response = success("chunks merged", said)
    response.headers["ETag"] = etag.quote(outcome.etag)
    return response

"""How does content come by tus 1.0? An upload is a lane of the session; its offset is what its parts hold.

Nothing is written while content arrives but the parts themselves, so a client goes on after a broken connection, a
restart or a crash from exactly what is durable. One request at a time fills an upload: a newer one is answered 423
and makes the older one end, which then keeps what it has.
Source: https://tus.io/protocols/resumable-upload, version 1.0.0 (read 2026-11).
"""

import functools
from collections.abc import Mapping

from bucketport.api.uploads.context import Handler, Route, Routes, UploadContext, Way
from bucketport.api.uploads.lanes import Mark, Opened, Progress, let_go, opened
from bucketport.api.uploads.presign import origin_of
from bucketport.api.uploads.segments import SEGMENT, Filling, Source, pour, pour_checked
from bucketport.api.uploads.sessions import occasion_of
from bucketport.errors import InvalidRequest, MethodNotAllowed, S3Error, UploadCommitted
from bucketport.message import RequestBody, Response
from bucketport.sessions import Lane
from bucketport.uploads import terms
from bucketport.wire import tus
from bucketport.wire.chunked import MAX_CONTENT
from bucketport.wire.dates import http_date

LANES = 256
"""Uploads that one session may have: what repeats a lost creation, and parallel pieces; more is an attack, for all of
them are read at each creation."""

MARKS = 1000
"""Lanes whose ends are remembered."""

TYPE_BYTES = 255
"""The longest content type."""


class Tus:
    """The handlers; what they share is which lanes are being filled in this process, by whose content, and where those
    that were filled last ended (or each request would list what all before it stored)."""

    def __init__(self) -> None:
        self._busy: dict[tuple[str, int], RequestBody] = {}
        self._marks: dict[tuple[str, int], Mark] = {}

    async def options(self, context: UploadContext) -> Response:
        """What is offered."""
        return Response(204, tus.offers(MAX_CONTENT))

    async def create(self, context: UploadContext) -> Response:
        """A new upload, with the beginning of its content where that is sent along."""
        request = context.request
        asked = tus.parse_creation(request.headers, context.pieces[0])
        begins = request.body.length != 0
        if begins:
            if asked.final:
                raise tus.FinalUpload
            tus.check_content_type(request.headers)
        checksum = tus.parse_checksum(request.headers)
        there = await opened(context)
        lane = await self._lane_for(there, asked)
        lane = await there.sessions.add_lane(lane)
        made = {"Location": _url(context, lane.number), "Upload-Expires": http_date(there.session.expires_ms)}
        if begins:
            at = await self._fill(context, there, lane, tus.Patch(0, None, checksum))
        else:
            at = await there.progress(lane) if asked.final else Progress(lane, (), 0)
        if begins or asked.final:
            made["Upload-Offset"] = str(at.offset)
        await _finish(context, there, at)
        return Response(201, made)

    async def _lane_for(self, there: Opened, asked: tus.Creation) -> Lane:
        """The lane that is to be made. Raises: what the terms refuse; InvalidRequest for pieces that are not whole."""
        session = there.session
        if session.outcome is not None:
            raise UploadCommitted
        kind = _kind(asked.described)
        if kind:
            terms.check_content_type(session.terms, kind)
        lanes = await there.sessions.lanes(session.id)
        if len(lanes) >= LANES:
            raise InvalidRequest(f"This session has {LANES} uploads; it takes no more.")
        length = asked.length
        if asked.final:
            length = 0
            by_number = {lane.number: lane for lane in lanes}
            for number in asked.joins:
                length += await _piece(there, by_number.get(number), number)
        if length is not None:
            _check_length(there, length, asked.partial)
        return Lane(session.id, 0, length, asked.metadata, asked.partial, asked.joins)

    async def head(self, context: UploadContext) -> Response:
        """How far an upload is. What is whole and was not committed (a crash came between) is committed now."""
        there = await opened(context)
        lane = await there.lane(context.pieces[1])
        at = await there.progress(lane, self._marks.get((there.session.id, lane.number)))
        await _finish(context, there, at)
        made = {
            "Cache-Control": "no-store",
            "Upload-Offset": str(at.offset),
            "Upload-Expires": http_date(there.session.expires_ms),
        }
        if lane.length is None:
            made["Upload-Defer-Length"] = "1"
        else:
            made["Upload-Length"] = str(lane.length)
        if lane.metadata:
            made["Upload-Metadata"] = lane.metadata
        concat = tus.concat_header(lane.partial, [_url(context, number) for number in lane.joins])
        if concat:
            made["Upload-Concat"] = concat
        return Response(200, made)

    async def patch(self, context: UploadContext) -> Response:
        """More content. When the client breaks off, what arrived of it is kept."""
        said = tus.parse_patch(context.request.headers)
        there = await opened(context)
        lane = await there.lane(context.pieces[1])
        if lane.joins:
            raise tus.FinalUpload
        if there.session.outcome is None:
            at = await self._fill(context, there, lane, said)
        else:
            at = await there.progress(lane)
            if said.offset != at.offset or context.request.body.length != 0:
                raise tus.OffsetConflict("This session is committed.")
        await _finish(context, there, at)
        made = {"Upload-Offset": str(at.offset), "Upload-Expires": http_date(there.session.expires_ms)}
        return Response(204, made, close=at.broken)

    async def terminate(self, context: UploadContext) -> Response:
        """Forget an upload, and give back what its parts hold."""
        there = await opened(context)
        lane = await there.lane(context.pieces[1])
        name = (there.session.id, lane.number)
        self._claim(name, context.request.body)
        try:
            if there.session.outcome is None:
                if any(lane.number in other.joins for other in await there.sessions.lanes(there.session.id)):
                    raise tus.OffsetConflict("This upload is a piece of a final one; terminate that first.")
                if not lane.joins:
                    await let_go(there, await there.progress(lane), context.services.digests)
            await there.sessions.remove_lane(there.session.id, lane.number)
        finally:
            del self._busy[name]
        return Response(204, {})

    async def overridden(self, context: UploadContext) -> Response:
        """A POST to an upload's URL, by a client that can send no other method. Raises: MethodNotAllowed."""
        method = tus.override("POST", context.request.headers)
        handlers = {"PATCH": self.patch, "DELETE": self.terminate, "HEAD": self.head}
        if method not in handlers:
            raise MethodNotAllowed(headers={"Allow": ", ".join(handlers)})
        return await handlers[method](context)

    async def _fill(self, context: UploadContext, there: Opened, lane: Lane, said: tus.Patch) -> Progress:
        """Take in the request's content; how far the lane is then.

        Raises: UploadInUse, OffsetConflict, UploadTooLarge, ChecksumMismatch, and what the store raises.
        """
        body = context.request.body
        name = (there.session.id, lane.number)
        self._claim(name, body)
        try:
            at = await there.progress(lane, self._marks.get(name))
            if said.offset != at.offset:
                raise tus.OffsetConflict(fields={"UploadOffset": str(at.offset)})
            at = await _lengthened(there, at, said.length)
            room = _room(there, at)
            if (body.length or 0) > room:
                raise tus.UploadTooLarge(fields={"ProposedSize": str(body.length), "MaxSizeAllowed": str(room)})
            body.outlive()
            source = Source(body.read, room, keeps=said.checksum is None)
            filling = Filling(there.uploads, there.session, there.mount, at.next_number, _headers(at.lane))
            digests = context.services.digests
            if said.checksum is None:
                made = await pour(filling, source, digests, SEGMENT)
            else:
                made = await pour_checked(filling, source, digests, said.checksum)
        finally:
            del self._busy[name]
        if source.broken is not None:
            context.exchange.reason = f"broke off: {source.broken.code}"
        at = Progress(at.lane, [*at.parts, *made], at.offset + source.taken, source.broken is not None)
        self._remember(name, at.mark)
        return at

    def _remember(self, name: tuple[str, int], mark: Mark | None) -> None:
        if len(self._marks) >= MARKS:
            del self._marks[next(iter(self._marks))]
        if mark is not None:
            self._marks[name] = mark

    def _claim(self, name: tuple[str, int], body: RequestBody) -> None:
        """Be the one that fills a lane. Raises: UploadInUse; the one that does is then made to end."""
        holder = self._busy.get(name)
        if holder is not None:
            holder.within(0.0)
            raise tus.UploadInUse(headers={"Retry-After": "1"})
        self._busy[name] = body


def _url(context: UploadContext, number: int) -> str:
    return f"{origin_of(context)}/-/uploads/{context.pieces[0]}/tus/{number}"


def _kind(described: Mapping[str, bytes]) -> str:
    """The content's type, where an upload's metadata tells one. Raises: InvalidRequest when it cannot be one."""
    kind = described.get("filetype", b"").decode("latin-1")
    if not (kind.isascii() and kind.isprintable() and len(kind) <= TYPE_BYTES):
        raise InvalidRequest("The filetype of Upload-Metadata must be a content type.")
    return kind


def _headers(lane: Lane) -> dict[str, str]:
    """What a lane's metadata says of the object, where the session does not say it."""
    kind = "" if lane.partial else _kind(tus.parse_metadata(lane.metadata))
    return {"content-type": kind} if kind else {}


async def _piece(there: Opened, lane: Lane | None, number: int) -> int:
    """The length of a partial upload that is to be joined. Raises: InvalidRequest unless it is one and whole."""
    if lane is None or not lane.partial:
        raise InvalidRequest(f"Upload {number} is no partial upload of this session.")
    at = await there.progress(lane)
    if not at.complete:
        length = "an unknown number of" if lane.length is None else lane.length
        raise InvalidRequest(f"Upload {number} has {at.offset} of {length} bytes; only whole uploads are joined.")
    return at.offset


def _check_length(there: Opened, length: int, partial: bool) -> None:
    """Whether an upload may have that length. Raises: EntityTooLarge, UploadTooLarge, InvalidRequest."""
    if length > MAX_CONTENT:
        raise tus.UploadTooLarge(fields={"ProposedSize": str(length), "MaxSizeAllowed": str(MAX_CONTENT)})
    check = terms.check_bound if partial else terms.check_announced
    check(there.session.terms, length)


async def _lengthened(there: Opened, at: Progress, length: int | None) -> Progress:
    """Keep the length that a request tells. Raises: InvalidRequest when it is another than before, or too short."""
    lane = at.lane
    if length is None or length == lane.length:
        return at
    if lane.length is not None or length < at.offset:
        raise InvalidRequest(f"Upload-Length cannot become {length}.")
    _check_length(there, length, lane.partial)
    await there.sessions.set_length(there.session.id, lane.number, length)
    known = Lane(lane.session, lane.number, length, lane.metadata, lane.partial)
    return Progress(known, at.parts, at.offset)


def _room(there: Opened, at: Progress) -> int:
    """Bytes that may still come."""
    if at.lane.length is not None:
        return at.lane.length - at.offset
    room = terms.room(there.session.terms, at.offset)
    return MAX_CONTENT - at.offset if room is None else room


async def _finish(context: UploadContext, there: Opened, at: Progress) -> None:
    """Commit what is whole, if its session wants that. Raises: what the commit refuses."""
    session = there.session
    if session.auto_commit and session.outcome is None and at.complete and not at.lane.partial:
        await there.uploads.commit(session, there.mount, (), occasion_of(context))


def _spoken(handler: Handler) -> Handler:
    """The handler for clients that speak our version; every answer says which one that is."""

    @functools.wraps(handler)
    async def spoken(context: UploadContext) -> Response:
        try:
            tus.check_version(context.request.headers)
            response = await handler(context)
        except S3Error as error:
            error.headers["Tus-Resumable"] = tus.VERSION
            raise
        response.headers["Tus-Resumable"] = tus.VERSION
        return response

    return spoken


def routes(handlers: Tus) -> Routes:
    """The table of these handlers."""
    creation, upload = "/-/uploads/*/tus", "/-/uploads/*/tus/*"
    return {
        ("OPTIONS", creation): Route("TusOptions", Way.OPEN, handlers.options),
        ("OPTIONS", upload): Route("TusOptions", Way.OPEN, handlers.options),
        ("POST", creation): Route("TusCreate", Way.TOKEN, _spoken(handlers.create)),
        ("POST", upload): Route("TusPatch", Way.TOKEN, _spoken(handlers.overridden)),
        ("HEAD", upload): Route("TusHead", Way.TOKEN, _spoken(handlers.head)),
        ("PATCH", upload): Route("TusPatch", Way.TOKEN, _spoken(handlers.patch)),
        ("DELETE", upload): Route("TusTerminate", Way.TOKEN, _spoken(handlers.terminate)),
    }


ROUTES: Routes = routes(Tus())
"""The paths of this module."""

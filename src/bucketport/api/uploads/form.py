"""How does a browser's plain form fill a session? One field `file`, streamed into parts; its end is the commit.

The content goes into a lane of its own, so a form that broke off, or two at once, never mix: what came of a form that
failed is let go, and the session stays open for the next try.
"""

import contextlib

from bucketport.api.uploads.answers import answer
from bucketport.api.uploads.context import Route, Routes, UploadContext, Way
from bucketport.api.uploads.lanes import Opened, first_number, let_go, opened
from bucketport.api.uploads.segments import SEGMENT, Filling, Source, pour
from bucketport.api.uploads.sessions import FILE_FIELD, object_of, occasion_of
from bucketport.errors import BackendError, EntityTooLarge, S3Error, UploadCommitted
from bucketport.message import RequestBody, Response
from bucketport.sessions import Lane, Outcome, Session
from bucketport.uploads import terms
from bucketport.wire.chunked import MAX_CONTENT
from bucketport.wire.etag import quote
from bucketport.wire.form import FIELDS_BYTES, Decoder, Found, Head, boundary_of


class Form:
    """A form as it arrives: everything up to the file, the file's content, and the rest."""

    __slots__ = ("_body", "_decoder", "_found")

    def __init__(self, body: RequestBody, boundary: bytes) -> None:
        self._body = body
        self._decoder = Decoder(boundary, FILE_FIELD)
        self._found: list[Found] = []

    async def file(self) -> Head:
        """Read up to the file's content. Raises: MalformedPOSTRequest, EntityTooLarge, IncompleteBody."""
        while (found := await self._next()) is not None:
            if isinstance(found, Head) and found.name == FILE_FIELD:
                return found
        self._decoder.finish()
        raise AssertionError("a form without a file does not finish")

    async def read(self) -> bytes:
        """The next bytes of the file; empty at its end. Raises: as `file`."""
        found = await self._next()
        if isinstance(found, bytes | memoryview):
            return bytes(found)
        if found is None:
            self._decoder.finish()
        return b""

    async def rest(self) -> None:
        """Read what follows the file. Raises: as `file`."""
        while await self._next() is not None:
            pass
        self._decoder.finish()

    async def _next(self) -> Found | None:
        """What comes next in the form; None at the end of the body."""
        while not self._found:
            raw = await self._body.read()
            if not raw:
                return None
            self._found = self._decoder.feed(raw)
            self._found.reverse()
        return self._found.pop()


async def take(context: UploadContext) -> Response:
    """Store a form's file and commit the session.

    Raises: MalformedPOSTRequest, EntityTooLarge, what the terms refuse; UploadCommitted when it was committed before.
    """
    request = context.request
    boundary = boundary_of(request.headers.get("content-type", ""))
    there = await opened(context)
    session = there.session
    if session.outcome is not None:
        raise UploadCommitted
    room = _room(session)
    if (request.body.length or 0) > room + FIELDS_BYTES:
        raise EntityTooLarge(fields={"ProposedSize": str(request.body.length), "MaxSizeAllowed": str(room)})
    # What is cut off has to be cleared away.
    request.body.outlive()
    form = Form(request.body, boundary)
    head = await form.file()
    if head.content_type:
        terms.check_content_type(session.terms, head.content_type)
    lane = await there.sessions.add_lane(Lane(session.id, 0))
    try:
        outcome = await _store(context, there, lane, form, head)
    except BaseException:
        await _let_go(context, there, lane)
        raise
    return answer(201, {"success": True, "object": object_of(session, outcome)}, {"ETag": quote(outcome.etag)})


async def _store(context: UploadContext, there: Opened, lane: Lane, form: Form, head: Head) -> Outcome:
    session = there.session
    headers = {"content-type": head.content_type} if head.content_type else {}
    filling = Filling(there.uploads, session, there.mount, first_number(lane.number), headers)
    parts = await pour(filling, Source(form.read, _room(session), keeps=False), context.services.digests, SEGMENT)
    await form.rest()
    await there.sessions.set_length(session.id, lane.number, sum(part.size for part in parts))
    return await there.uploads.commit(session, there.mount, parts, occasion_of(context))


async def _let_go(context: UploadContext, there: Opened, lane: Lane) -> None:
    """Give back what a form that failed has stored; what cannot be given back now goes with the session."""
    with contextlib.suppress(S3Error, BackendError):
        await there.sessions.remove_lane(there.session.id, lane.number)
        await let_go(there, await there.progress(lane), context.services.digests)


def _room(session: Session) -> int:
    room = terms.room(session.terms)
    return MAX_CONTENT if room is None else room


ROUTES: Routes = {
    ("POST", "/-/uploads/*/form"): Route("PostForm", Way.TOKEN, take),
}
"""The paths of this module."""

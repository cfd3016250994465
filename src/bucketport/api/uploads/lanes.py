"""Which session is a request about, and how far are its lanes? A lane is as far as its parts go.

A lane's parts are numbered without a gap, so its offset is the sum of their sizes. A concatenation has no parts of its
own but those of the lanes that it joins.
"""

from collections.abc import Sequence

from bucketport.api.uploads.context import UploadContext
from bucketport.api.uploads.segments import Filling, put_empty
from bucketport.errors import InvalidRequest
from bucketport.model import PartInfo
from bucketport.mounts import Mount
from bucketport.ports import Digests
from bucketport.record import record
from bucketport.sessions import LANE, Lane, Session, Sessions
from bucketport.uploads.engine import Uploads
from bucketport.wire.tus import NoSuchTusUpload, UploadGone


@record
class Mark:
    """A part that a lane was seen to have, and the bytes up to its end: what comes before it is not listed again."""

    part: PartInfo
    offset: int


@record
class Progress:
    """How far a lane is: its parts in the order of the content (the last ones only, where it was asked from a mark on),
    and the bytes of all.

    `broken`: the client of this request broke off, or was made to end.
    """

    lane: Lane
    parts: Sequence[PartInfo]
    offset: int
    broken: bool = False

    @property
    def complete(self) -> bool:
        """Whether all of it is here."""
        return self.lane.length == self.offset

    @property
    def mark(self) -> Mark | None:
        """Its end, to be asked from later; None when it has no parts."""
        return Mark(self.parts[-1], self.offset) if self.parts else None

    @property
    def next_number(self) -> int:
        """The number of its next part. Raises: InvalidRequest when there is none left."""
        if not self.parts:
            return first_number(self.lane.number)
        number = self.parts[-1].number + 1
        if number > last_number(self.lane.number):
            raise InvalidRequest("This upload came in too many requests; send more content in each.")
        return number


def first_number(lane: int) -> int:
    """The number of a lane's first part."""
    return lane * LANE + 1


def last_number(lane: int) -> int:
    """The last number that a part of a lane can have."""
    return (lane + 1) * LANE


@record
class Opened:
    """The session that a request is about, as it was when the request began, and where its bucket leads."""

    uploads: Uploads
    session: Session
    mount: Mount

    @property
    def sessions(self) -> Sessions:
        """The registry of sessions."""
        return self.uploads.sessions

    async def lane(self, number: str) -> Lane:
        """The lane of that number, as it is in a path. Raises: NoSuchTusUpload."""
        plain = number.isascii() and number.isdigit() and len(number) < 10
        found = await self.sessions.lane(self.session.id, int(number)) if plain else None
        if found is None:
            raise NoSuchTusUpload
        return found

    async def progress(self, lane: Lane, mark: Mark | None = None) -> Progress:
        """How far a lane is. Once the session is committed nothing is missing anywhere.

        `mark` is where it ended before: a lane only ever grows at its end, so the rest follows from that part.
        """
        outcome = self.session.outcome
        if outcome is not None:
            return Progress(lane, (), outcome.size if lane.length is None else lane.length)
        if mark is not None:
            found = await self.uploads.parts(self.session, self.mount, mark.part.number, last_number(lane.number))
            if found and _same(found[0], mark.part):
                return Progress(lane, found, mark.offset + sum(part.size for part in found[1:]))
        parts: list[PartInfo] = []
        for number in lane.joins or (lane.number,):
            parts += await self.uploads.parts(self.session, self.mount, first_number(number), last_number(number))
        return Progress(lane, parts, sum(part.size for part in parts))


def _same(part: PartInfo, other: PartInfo) -> bool:
    return (part.number, part.size, part.etag) == (other.number, other.size, other.etag)


async def opened(context: UploadContext) -> Opened:
    """The session of the token in the path. Raises: NoSuchTusUpload, UploadGone, NoSuchBucket."""
    uploads = context.uploads
    session = await uploads.sessions.find(context.pieces[0].partition(".")[0])
    if session is None:
        raise NoSuchTusUpload("There is no such upload session.")
    if session.outcome is None and session.expires_ms <= context.services.now() * 1000:
        raise UploadGone
    await context.allow("put_object", session.bucket, session.key)
    return Opened(uploads, session, await uploads.mount(session))


async def let_go(there: Opened, at: Progress, digests: Digests) -> None:
    """Put parts of no bytes in the place of a lane's parts, so that nothing of their content is held."""
    for part in at.parts:
        if part.size:
            await put_empty(Filling(there.uploads, there.session, there.mount, part.number), digests)

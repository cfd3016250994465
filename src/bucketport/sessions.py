"""What is an upload session, and who remembers it? One object to be made: its terms, and where its content gathers.

Content arrives in parts of a multipart upload (the session's draft), never anywhere else, so what is durable there is
all that is known of progress: a session's row is written when it begins, when its draft is made and when it ends, and
not while content arrives. Times are UTC milliseconds, sizes are bytes.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from bucketport.model import NO_HEADERS
from bucketport.record import record

LANE = 1 << 20
"""Part numbers of one lane: lane n holds the parts from n * LANE + 1 on. Parts that S3 clients send are in lane 0."""


@record
class Terms:
    """What the content must be; checked at the commit, and sooner where it is known sooner. Empty: anything goes.

    `sha256` is hex. `content_types` may end in `/*`. `replace` False: the key must not exist yet.
    """

    size: int | None = None
    max_size: int | None = None
    content_types: tuple[str, ...] = ()
    sha256: str = ""
    replace: bool = True


ANYTHING = Terms()


@record
class Draft:
    """Where a session's content gathers: a multipart upload's id. `staged`: in the staging store (bucket STAGING, the
    session's id as key), else where the object is to be."""

    upload_id: str
    staged: bool = False


STAGING = "staging"
"""The staging store's one bucket."""


@record
class Outcome:
    """What a commit made. `etag` has no quotes; `sha256` is hex, empty when it was not computed."""

    etag: str
    size: int
    modified_ms: int
    sha256: str = ""
    version_id: str | None = None


@record
class Session:
    """An object to be made at `bucket` and `key`, for `user` (who owns it then).

    `headers` as in ObjectInfo. `webhook`: who is told of the commit. `direct`: clients send parts to the cloud itself.
    `auto_commit`: it commits when its last byte is here. `total`: the chunks that it has (0: not told).
    `draft` None: nothing has arrived. `outcome` None: not committed. Its expiry is `expires_ms`.
    """

    id: str
    bucket: str
    key: str
    user: str
    created_ms: int
    expires_ms: int
    terms: Terms = ANYTHING
    headers: Mapping[str, str] = NO_HEADERS
    webhook: str = ""
    direct: bool = False
    auto_commit: bool = False
    total: int = 0
    draft: Draft | None = None
    outcome: Outcome | None = None


@record
class Lane:
    """A run of parts that is filled from its start: one upload of tus. Its offset is the size of its parts.

    `length` None: not told yet. `metadata` is the Upload-Metadata header as sent. `partial`: only a piece for a
    concatenation. `joins`: the lanes that this one is the concatenation of; it has no parts of its own then.
    """

    session: str
    number: int
    length: int | None = None
    metadata: str = ""
    partial: bool = False
    joins: tuple[int, ...] = ()


@record
class Event:
    """Something to tell a webhook, until it took it: a row of the outbox.

    `payload` is JSON. `tries` so far; `due_ms` is when the next one is; `done_ms` 0 until it was taken; `failed`: given
    up. `trouble` says what the last try met.
    """

    id: str
    made_ms: int
    session: str
    target: str
    payload: str
    tries: int = 0
    due_ms: int = 0
    done_ms: int = 0
    failed: bool = False
    trouble: str = ""


class Sessions(Protocol):
    """The registry of sessions. What returns is durable; each call is atomic, also among processes.

    Raises everywhere: BackendError.
    """

    async def add(self, session: Session) -> Session:
        """Keep a new one; when there is one of that id already, that one comes back and nothing changes."""
        ...

    async def find(self, session_id: str) -> Session | None:
        """The session, also an expired one; None when there is none."""
        ...

    async def list(self, after: str, limit: int, bucket: str | None = None) -> Sequence[Session]:
        """Sessions in the order of their ids."""
        ...

    async def set_draft(self, session_id: str, draft: Draft) -> Session | None:
        """Name its draft if it has none yet; the session as it is then (perhaps with another's draft)."""
        ...

    async def commit(self, session_id: str, outcome: Outcome, event: Event | None) -> Session | None:
        """It is committed, and the event is in the outbox with it; when it was committed before, nothing changes."""
        ...

    async def remove(self, session_id: str, created_ms: int | None = None) -> None:
        """Forget it and its lanes; events stay. `created_ms`: only the one that was created then, not a later one that
        has got its id."""
        ...

    async def expired(self, now_ms: int, limit: int, after: tuple[int, str] = (0, "")) -> Sequence[Session]:
        """Those whose time is up, in the order of (expires_ms, id), from behind `after` on."""
        ...

    async def add_lane(self, lane: Lane) -> Lane:
        """Keep a new lane, under the next free number of its session (`lane.number` is not used)."""
        ...

    async def lane(self, session_id: str, number: int) -> Lane | None:
        """The lane; None when there is none."""
        ...

    async def lanes(self, session_id: str) -> Sequence[Lane]:
        """All lanes of a session, by number."""
        ...

    async def set_length(self, session_id: str, number: int, length: int) -> None:
        """Tell a lane's length, once it is known."""
        ...

    async def remove_lane(self, session_id: str, number: int) -> None:
        """Forget a lane; its number is not used again."""
        ...


class Outbox(Protocol):
    """The registry of events that webhooks are to be told."""

    async def due(self, now_ms: int, limit: int) -> Sequence[Event]:
        """Those to be tried now, the longest due first."""
        ...

    async def save(self, event: Event) -> None:
        """Write an event as it is now."""
        ...

    async def events(self, after: str, limit: int) -> Sequence[Event]:
        """Events in the order in which they were made, after the one of that id."""
        ...

    async def event(self, event_id: str) -> Event | None:
        """The event; None when there is none."""
        ...

    async def forget(self, before_ms: int) -> int:
        """Drop events that are done or failed and were made before that; how many."""
        ...

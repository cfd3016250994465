"""What stands in for the registry of upload sessions? Dictionaries: every promise but to outlive the process."""

import bisect
import dataclasses
from collections.abc import Sequence

from bucketport.errors import NoSuchUpload
from bucketport.sessions import Draft, Event, Lane, Outcome, Session


class MemorySessions:
    """A `sessions.Sessions` and `sessions.Outbox` in memory."""

    def __init__(self) -> None:
        self._sessions: dict[str, Session] = {}
        self._lanes: dict[str, dict[int, Lane]] = {}
        self._next: dict[str, int] = {}
        self._events: dict[str, Event] = {}

    # Sessions

    async def add(self, session: Session) -> Session:
        """Keep a new one; one that is there already comes back instead."""
        return self._sessions.setdefault(session.id, session)

    async def find(self, session_id: str) -> Session | None:
        """The session; None when there is none."""
        return self._sessions.get(session_id)

    async def list(self, after: str, limit: int, bucket: str | None = None) -> Sequence[Session]:
        """Sessions in the order of their ids."""
        found = [self._sessions[id] for id in sorted(self._sessions) if id > after]
        return [session for session in found if bucket in (None, session.bucket)][: max(limit, 0)]

    async def set_draft(self, session_id: str, draft: Draft) -> Session | None:
        """Name its draft if it has none yet."""
        found = self._sessions.get(session_id)
        if found is not None and found.draft is None:
            found = self._sessions[session_id] = dataclasses.replace(found, draft=draft)
        return found

    async def commit(self, session_id: str, outcome: Outcome, event: Event | None) -> Session | None:
        """It is committed, and the event is in the outbox; when it was committed before, nothing changes."""
        found = self._sessions.get(session_id)
        if found is not None and found.outcome is None:
            found = self._sessions[session_id] = dataclasses.replace(found, outcome=outcome)
            if event is not None:
                self._events[event.id] = event
        return found

    async def remove(self, session_id: str, created_ms: int | None = None) -> None:
        """Forget it and its lanes; with `created_ms`, only the one that was created then."""
        found = self._sessions.get(session_id)
        if found is None or created_ms not in (None, found.created_ms):
            return
        for held in (self._sessions, self._lanes, self._next):
            held.pop(session_id, None)

    async def expired(self, now_ms: int, limit: int, after: tuple[int, str] = (0, "")) -> Sequence[Session]:
        """Those whose time is up, in the order of (expires_ms, id), from behind `after` on."""
        places = {(session.expires_ms, session.id): session for session in self._sessions.values()}
        found = [place for place in sorted(places) if place > after and place[0] <= now_ms]
        return [places[place] for place in found[: max(limit, 0)]]

    # Lanes

    async def add_lane(self, lane: Lane) -> Lane:
        """Keep a new lane under the next free number, from 1 on. Raises: NoSuchUpload when its session is gone."""
        if lane.session not in self._sessions:
            raise NoSuchUpload
        number = self._next.get(lane.session, 1)
        self._next[lane.session] = number + 1
        kept = self._lanes.setdefault(lane.session, {})[number] = dataclasses.replace(lane, number=number)
        return kept

    async def lane(self, session_id: str, number: int) -> Lane | None:
        """The lane; None when there is none."""
        return self._lanes.get(session_id, {}).get(number)

    async def lanes(self, session_id: str) -> Sequence[Lane]:
        """All lanes of a session, by number."""
        held = self._lanes.get(session_id, {})
        return [held[number] for number in sorted(held)]

    async def set_length(self, session_id: str, number: int, length: int) -> None:
        """Tell a lane's length."""
        held = self._lanes.get(session_id, {})
        if number in held:
            held[number] = dataclasses.replace(held[number], length=length)

    async def remove_lane(self, session_id: str, number: int) -> None:
        """Forget a lane; its number is not used again."""
        self._lanes.get(session_id, {}).pop(number, None)

    # Events

    async def due(self, now_ms: int, limit: int) -> Sequence[Event]:
        """Those to be tried now, the longest due first."""
        found = [
            event
            for event in self._events.values()
            if not event.done_ms and not event.failed and event.due_ms <= now_ms
        ]
        return sorted(found, key=lambda event: (event.due_ms, event.id))[: max(limit, 0)]

    async def save(self, event: Event) -> None:
        """Write an event as it is now."""
        self._events[event.id] = event

    async def events(self, after: str, limit: int) -> Sequence[Event]:
        """Events in the order of their ids, which is that of their making."""
        ids = sorted(self._events)
        return [self._events[id] for id in ids[bisect.bisect_right(ids, after) :][: max(limit, 0)]]

    async def event(self, event_id: str) -> Event | None:
        """The event; None when there is none."""
        return self._events.get(event_id)

    async def forget(self, before_ms: int) -> int:
        """Drop events that are done or failed and were made before that."""
        old = [
            event.id for event in self._events.values() if (event.done_ms or event.failed) and event.made_ms < before_ms
        ]
        for id in old:
            del self._events[id]
        return len(old)

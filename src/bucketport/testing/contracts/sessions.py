"""What does every registry of upload sessions promise? A module beside its tests imports these classes.

It says what is tested by a fixture `sessions`: an empty registry that is `Sessions` and `Outbox` in one.
"""

import asyncio
import dataclasses
from typing import Protocol

import pytest

from bucketport.errors import NoSuchUpload
from bucketport.sessions import Draft, Event, Lane, Outbox, Outcome, Session, Sessions, Terms

__all__ = ["TestLanes", "TestOutbox", "TestSessions"]

SESSION = Session(
    "s1",
    "photos",
    "a b/ü.jpg",
    "ann",
    1000,
    5000,
    Terms(7, 9, ("image/*", "text/plain"), "ab" * 32, False),
    {"content-type": "image/jpeg", "x-amz-meta-note": "grün"},
    "https://example.com/hook",
    True,
    True,
    3,
)

OUTCOME = Outcome("e" * 32, 7, 2000, "cd" * 32, "v1")

EVENT = Event("e1", 2000, "s1", "https://example.com/hook", '{"a":1}', due_ms=2000)


class Registry(Sessions, Outbox, Protocol):
    """Both registries in one."""


def named(session_id: str, *, bucket: str = "photos", expires_ms: int = 5000) -> Session:
    """A session that says only what matters."""
    return Session(session_id, bucket, "key", "ann", 1000, expires_ms)


class TestSessions:
    """Sessions: added once, given a draft once, committed once."""

    async def test_a_session_comes_back_as_it_was_added(self, sessions: Registry) -> None:
        assert await sessions.add(SESSION) == SESSION
        assert await sessions.find("s1") == SESSION

    async def test_one_that_says_nothing_comes_back_too(self, sessions: Registry) -> None:
        await sessions.add(named("s1"))
        assert await sessions.find("s1") == named("s1")

    async def test_an_unknown_one_is_none(self, sessions: Registry) -> None:
        assert await sessions.find("s1") is None
        assert await sessions.set_draft("s1", Draft("u1")) is None
        assert await sessions.commit("s1", OUTCOME, None) is None
        assert await sessions.find("s1") is None

    async def test_the_first_of_an_id_stays(self, sessions: Registry) -> None:
        await sessions.add(SESSION)
        assert await sessions.add(dataclasses.replace(SESSION, key="other")) == SESSION
        assert await sessions.find("s1") == SESSION

    async def test_of_many_added_at_once_all_get_the_first(self, sessions: Registry) -> None:
        added = await asyncio.gather(*(sessions.add(dataclasses.replace(SESSION, key=str(n))) for n in range(8)))
        assert len({session.key for session in added}) == 1

    async def test_the_first_draft_stays(self, sessions: Registry) -> None:
        await sessions.add(SESSION)
        with_draft = dataclasses.replace(SESSION, draft=Draft("u1", True))
        assert await sessions.set_draft("s1", Draft("u1", True)) == with_draft
        assert await sessions.set_draft("s1", Draft("u2")) == with_draft
        assert await sessions.find("s1") == with_draft

    async def test_of_many_drafts_named_at_once_one_stays(self, sessions: Registry) -> None:
        await sessions.add(SESSION)
        found = await asyncio.gather(*(sessions.set_draft("s1", Draft(f"u{n}")) for n in range(8)))
        assert len({each.draft for each in found if each is not None}) == 1

    async def test_the_first_outcome_stays_and_only_its_event(self, sessions: Registry) -> None:
        await sessions.add(SESSION)
        done = dataclasses.replace(SESSION, outcome=OUTCOME)
        assert await sessions.commit("s1", OUTCOME, EVENT) == done
        other = Outcome("f" * 32, 1, 1)
        assert await sessions.commit("s1", other, dataclasses.replace(EVENT, id="e2")) == done
        assert await sessions.find("s1") == done
        assert list(await sessions.events("", 10)) == [EVENT]

    async def test_a_commit_without_event_makes_none(self, sessions: Registry) -> None:
        await sessions.add(SESSION)
        await sessions.commit("s1", Outcome("f", 0, 1), None)
        assert list(await sessions.events("", 10)) == []
        found = await sessions.find("s1")
        assert found is not None
        assert found.outcome == Outcome("f", 0, 1)

    async def test_removing_forgets_a_session_and_its_lanes_but_no_event(self, sessions: Registry) -> None:
        await sessions.add(SESSION)
        await sessions.add_lane(Lane("s1", 0))
        await sessions.commit("s1", OUTCOME, EVENT)
        await sessions.remove("s1")
        await sessions.remove("s1")
        assert await sessions.find("s1") is None
        assert list(await sessions.lanes("s1")) == []
        assert await sessions.event("e1") == EVENT

    async def test_an_id_can_be_used_again_after_it_was_removed(self, sessions: Registry) -> None:
        await sessions.add(SESSION)
        await sessions.set_draft("s1", Draft("u1"))
        await sessions.remove("s1")
        again = named("s1")
        assert await sessions.add(again) == again
        assert await sessions.add_lane(Lane("s1", 0)) == Lane("s1", 1)

    async def test_a_later_one_of_its_id_is_not_removed_in_its_place(self, sessions: Registry) -> None:
        later = dataclasses.replace(SESSION, created_ms=2000)
        await sessions.add(later)
        await sessions.add_lane(Lane("s1", 0))
        await sessions.remove("s1", SESSION.created_ms)
        assert await sessions.find("s1") == later
        assert len(await sessions.lanes("s1")) == 1
        await sessions.remove("s1", 2000)
        assert await sessions.find("s1") is None

    async def test_they_are_listed_by_id_page_by_page(self, sessions: Registry) -> None:
        for session_id in ("c", "a", "d", "b"):
            await sessions.add(named(session_id, bucket="other" if session_id == "b" else "photos"))
        assert [session.id for session in await sessions.list("", 2)] == ["a", "b"]
        assert [session.id for session in await sessions.list("b", 10)] == ["c", "d"]
        assert [session.id for session in await sessions.list("", 2, "photos")] == ["a", "c"]
        assert list(await sessions.list("d", 10)) == []

    async def test_those_whose_time_is_up_come_oldest_first(self, sessions: Registry) -> None:
        for session_id, expires in (("a", 3000), ("b", 1000), ("c", 2000), ("d", 3001)):
            await sessions.add(named(session_id, expires_ms=expires))
        assert [session.id for session in await sessions.expired(3000, 10)] == ["b", "c", "a"]
        assert [session.id for session in await sessions.expired(3000, 2)] == ["b", "c"]
        assert [session.id for session in await sessions.expired(3000, 2, (2000, "c"))] == ["a"]
        assert [session.id for session in await sessions.expired(3000, 2, (1000, "a"))] == ["b", "c"]
        assert list(await sessions.expired(999, 10)) == []


class TestLanes:
    """Lanes: numbered from 1, and no number twice."""

    async def test_numbers_begin_at_one_and_are_each_sessions_own(self, sessions: Registry) -> None:
        await sessions.add(named("s1"))
        await sessions.add(named("s2"))
        lane = Lane("s1", 0, 5, "filename eA==", True, (2, 3))
        assert await sessions.add_lane(lane) == dataclasses.replace(lane, number=1)
        assert await sessions.add_lane(Lane("s1", 0)) == Lane("s1", 2)
        assert await sessions.add_lane(Lane("s2", 7)) == Lane("s2", 1)
        assert await sessions.lane("s1", 1) == dataclasses.replace(lane, number=1)
        assert list(await sessions.lanes("s1")) == [dataclasses.replace(lane, number=1), Lane("s1", 2)]

    async def test_a_number_is_not_used_again(self, sessions: Registry) -> None:
        await sessions.add(named("s1"))
        await sessions.add_lane(Lane("s1", 0))
        await sessions.remove_lane("s1", 1)
        await sessions.remove_lane("s1", 1)
        assert await sessions.lane("s1", 1) is None
        assert await sessions.add_lane(Lane("s1", 0)) == Lane("s1", 2)

    async def test_of_many_added_at_once_each_has_its_own(self, sessions: Registry) -> None:
        await sessions.add(named("s1"))
        lanes = await asyncio.gather(*(sessions.add_lane(Lane("s1", 0)) for _ in range(8)))
        assert sorted(lane.number for lane in lanes) == list(range(1, 9))

    async def test_a_session_that_is_gone_gets_none(self, sessions: Registry) -> None:
        with pytest.raises(NoSuchUpload):
            await sessions.add_lane(Lane("s1", 0))

    async def test_a_length_can_be_told_later(self, sessions: Registry) -> None:
        await sessions.add(named("s1"))
        await sessions.add_lane(Lane("s1", 0))
        await sessions.set_length("s1", 1, 0)
        assert await sessions.lane("s1", 1) == Lane("s1", 1, 0)

    async def test_unknown_ones_are_none_and_no_error(self, sessions: Registry) -> None:
        assert await sessions.lane("s1", 1) is None
        assert list(await sessions.lanes("s1")) == []
        await sessions.set_length("s1", 1, 5)
        await sessions.remove_lane("s1", 1)


class TestOutbox:
    """Events: due until they are done or given up."""

    async def test_due_are_those_whose_time_has_come_longest_first(self, sessions: Registry) -> None:
        for name, due in (("e1", 3000), ("e2", 1000), ("e3", 2000), ("e4", 3001)):
            await sessions.save(dataclasses.replace(EVENT, id=name, due_ms=due))
        assert [event.id for event in await sessions.due(3000, 10)] == ["e2", "e3", "e1"]
        assert [event.id for event in await sessions.due(3000, 1)] == ["e2"]

    async def test_what_is_done_or_failed_is_not_due(self, sessions: Registry) -> None:
        await sessions.save(dataclasses.replace(EVENT, id="e1", done_ms=2500))
        await sessions.save(dataclasses.replace(EVENT, id="e2", failed=True))
        assert list(await sessions.due(9000, 10)) == []

    async def test_an_event_is_written_as_it_is_now(self, sessions: Registry) -> None:
        await sessions.save(EVENT)
        later = dataclasses.replace(EVENT, tries=2, due_ms=9000, trouble="503")
        await sessions.save(later)
        assert await sessions.event("e1") == later
        assert await sessions.event("e2") is None

    async def test_events_are_listed_in_their_order_page_by_page(self, sessions: Registry) -> None:
        for number in (1, 2, 3):
            await sessions.save(dataclasses.replace(EVENT, id=f"e{number}", made_ms=number))
        assert [event.id for event in await sessions.events("", 2)] == ["e1", "e2"]
        assert [event.id for event in await sessions.events("e2", 10)] == ["e3"]

    async def test_only_old_ones_that_are_over_are_forgotten(self, sessions: Registry) -> None:
        await sessions.save(dataclasses.replace(EVENT, done_ms=5))
        await sessions.save(dataclasses.replace(EVENT, id="e2", failed=True))
        await sessions.save(dataclasses.replace(EVENT, id="e3"))
        await sessions.save(dataclasses.replace(EVENT, id="e4", made_ms=2500, done_ms=5))
        assert await sessions.forget(2400) == 2
        assert [event.id for event in await sessions.events("", 10)] == ["e3", "e4"]

"""Are sessions and events in FOLDER/uploads.sqlite whole, private and durable, whoever else writes there?"""

import asyncio
import dataclasses
import os
import stat
import subprocess
import sys

import apsw
import pytest

from bucketport.errors import BackendError, NoSuchUpload
from bucketport.registry.sqlite_upload_rows import LAYOUT
from bucketport.registry.sqlite_uploads import Counts, SqliteSessions
from bucketport.sessions import Draft, Event, Lane, Outcome, Session, Terms

SESSION = Session(
    "s1", "photos", "a b/ü.jpg", "ann", 1000, 5000,
    Terms(7, 9, ("image/*", "text/plain"), "ab" * 32, False),
    {"content-type": "image/jpeg", "x-amz-meta-a": "ü"},
    "https://example.org/hook", True, True, 3,
)  # fmt: skip
OUTCOME = Outcome("e" * 32, 7, 2000, "cd" * 32, "v1")
EVENT = Event("e1", 2000, "s1", "https://example.org/hook", '{"a": 1}', due_ms=2000)


@pytest.fixture
def folder(tmp_path):
    return str(tmp_path / "state")


def run(promise):
    """The test, on an event loop, with a registry that is closed at its end."""

    def test(folder):
        async def whole():
            registry = SqliteSessions(folder)
            try:
                await asyncio.wait_for(promise(registry, folder), 20)
            finally:
                registry.close()

        asyncio.run(whole())

    return test


@run
async def test_everything_comes_back_as_it_was_given_also_in_another_process(registry, folder):
    await registry.add(SESSION)
    await registry.set_draft("s1", Draft("u1", True))
    await registry.commit("s1", OUTCOME, EVENT)
    lane = await registry.add_lane(Lane("s1", 0, 5, "filename eA==", True, (2, 3)))
    for each in (registry, SqliteSessions(folder)):
        found = await each.find("s1")
        assert (found.terms, found.headers, found.total) == (SESSION.terms, SESSION.headers, 3)
        assert (found.draft, found.outcome, found.direct, found.auto_commit) == (Draft("u1", True), OUTCOME, True, True)
        assert await each.lane("s1", 1) == lane == Lane("s1", 1, 5, "filename eA==", True, (2, 3))
        assert await each.event("e1") == EVENT
    each.close()


@run
async def test_nobody_else_can_read_the_files(registry, folder):
    await registry.add(SESSION)
    for name in os.listdir(folder):
        assert stat.S_IMODE(os.stat(f"{folder}/{name}").st_mode) == 0o600
    assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700


@run
async def test_two_processes_that_commit_make_one_event(registry, folder):
    other = SqliteSessions(folder)
    await registry.add(SESSION)
    outcomes = [Outcome(f"{at}", 1, 1) for at in range(20)]
    commits = [
        each.commit("s1", outcome, Event(f"e{outcome.etag}", 1, "s1", "t", "{}"))
        for outcome in outcomes
        for each in (registry, other)
    ]
    found = {session.outcome for session in await asyncio.gather(*commits)}
    assert len(found) == 1
    assert len(await registry.events("", 100)) == 1
    other.close()


@run
async def test_of_calls_that_share_a_transaction_only_the_one_that_fails_fails(registry, folder):
    await registry.add(SESSION)
    calls = [registry.add_lane(Lane("s1" if at != 5 else "absent", 0)) for at in range(10)]
    made = await asyncio.gather(*calls, return_exceptions=True)
    assert isinstance(made.pop(5), NoSuchUpload)
    assert sorted(lane.number for lane in made) == list(range(1, 10))


@run
async def test_an_event_that_cannot_be_kept_leaves_its_session_uncommitted(registry, folder):
    await registry.add(SESSION)
    await registry.save(EVENT)
    with pytest.raises(BackendError, match=r"uploads\.sqlite"):
        await registry.commit("s1", OUTCOME, EVENT)
    assert (await registry.find("s1")).outcome is None


@run
async def test_one_who_gives_up_does_not_keep_the_others_waiting(registry, folder):
    leaving = asyncio.ensure_future(registry.add(SESSION))
    await asyncio.sleep(0)
    leaving.cancel()
    await registry.set_draft("s1", Draft("u1"))
    assert (await registry.find("s1")).draft == Draft("u1")


@run
async def test_listing_goes_on_where_a_forgotten_event_was(registry, folder):
    for at in range(5):
        await registry.save(Event(f"e{at}", at, "s", "t", "{}", done_ms=9 if at < 3 else 0))
    assert [event.id for event in await registry.events("e1", 2)] == ["e2", "e3"]
    assert await registry.forget(3) == 3
    assert [event.id for event in await registry.events("e1", 9)] == ["e3", "e4"]
    assert await registry.events("e4", 9) == []
    assert await registry.events("e9", 9) == []


@run
async def test_a_registry_that_is_closed_says_so(registry, folder):
    registry.close()
    with pytest.raises(BackendError, match="closed"):
        await registry.add(SESSION)


def test_what_returned_outlives_a_kill(folder):
    script = f"""
import asyncio, os, signal
from bucketport.registry.sqlite_uploads import SqliteSessions
from bucketport.sessions import Session, Event, Outcome
async def main():
    registry = SqliteSessions({folder!r})
    await registry.add(Session("s1", "b", "k", "u", 1, 2))
    await registry.commit("s1", Outcome("e", 1, 1), Event("e1", 1, "s1", "t", "{{}}"))
    os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""
    subprocess.run([sys.executable, "-c", script], timeout=60)
    registry = SqliteSessions(folder)
    assert asyncio.run(registry.find("s1")).outcome == Outcome("e", 1, 1)
    assert [event.id for event in asyncio.run(registry.due(1, 10))] == ["e1"]
    registry.close()


def test_a_file_of_a_newer_release_is_refused_with_a_sentence(folder):
    SqliteSessions(folder).close()
    other = apsw.Connection(f"{folder}/uploads.sqlite")
    other.pragma("user_version", LAYOUT.format + 1)
    other.close()
    with pytest.raises(BackendError, match="newer bucketport"):
        SqliteSessions(folder)


@run
async def test_sessions_and_events_are_counted(registry, folder):
    await registry.add(SESSION)
    await registry.save(EVENT)
    await registry.save(dataclasses.replace(EVENT, id="e2", failed=True))
    await registry.save(dataclasses.replace(EVENT, id="e3", done_ms=3000))
    assert await registry.counts() == Counts(1, 1, 1)

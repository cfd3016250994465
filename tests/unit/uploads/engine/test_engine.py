"""Does an upload session become its object, once, whole and under its terms, wherever its content gathers?"""

import asyncio
import dataclasses
import hashlib

import pytest

from bucketport.errors import (
    BackendError,
    BadDigest,
    Conflict,
    EntityTooLarge,
    InvalidPart,
    InvalidRequest,
    NoSuchKey,
    NoSuchUpload,
    NotImplemented,
    Trouble,
    UploadCommitted,
    UploadIncomplete,
)
from bucketport.model import ObjectName, PartInfo
from bucketport.options import WHOLE, CompleteOptions, ListQuery
from bucketport.sessions import LANE, Lane, Terms
from bucketport.testing.contracts.base import info_of, put
from bucketport.testing.fakes import FakeContent
from bucketport.uploads.engine import Settings


def sha256(content):
    return hashlib.sha256(content).hexdigest()


async def test_parts_of_any_size_become_the_object_in_their_order(world):
    session, mount = await world.begin()
    for number, content in ((3, b"three"), (1, b"1"), (2, b"")):
        await world.engine.put_part(session, mount, number, FakeContent(content))
    outcome = await world.engine.commit(session, mount)
    assert await world.content() == b"1three"
    info = await info_of(world.backend, "photos", "a/b.txt")
    assert (outcome.etag, outcome.size) == (info.etag, 6)
    assert (info.owner, info.headers["content-type"]) == ("ann", "text/plain")
    assert await world.held() == []


async def test_the_object_is_invisible_before_the_commit(world):
    session, mount = await world.begin()
    await world.send(session, mount, b"content")
    assert not (await world.backend.list("photos", ListQuery())).entries


async def test_a_commit_repeated_answers_the_same_and_changes_nothing(world):
    session, mount = await world.begin(webhook="https://example.com/hook")
    await world.send(session, mount, b"content")
    first = await world.engine.commit(session, mount)
    await put(world.backend, "photos", "a/b.txt", b"later", owner="ann")
    assert await world.engine.commit(session, mount) == first
    assert await world.another().commit(session, mount) == first
    assert await world.content() == b"later"
    assert len(await world.sessions.events("", 10)) == 1


async def test_nothing_can_be_sent_after_the_commit(world):
    session, mount = await world.begin()
    await world.send(session, mount, b"content")
    await world.engine.commit(session, mount)
    session = await world.engine.find("s1")
    with pytest.raises(UploadCommitted):
        await world.send(session, mount, b"more")
    with pytest.raises(UploadCommitted):
        await world.engine.abort(session, mount)
    assert await world.engine.parts(session, mount) == []


async def test_nothing_arrived_is_no_object(world):
    session, mount = await world.begin()
    with pytest.raises(UploadIncomplete, match="Nothing has arrived"):
        await world.engine.commit(session, mount)


async def test_an_object_of_no_bytes_needs_no_part(world):
    session, mount = await world.begin(Terms(0))
    assert (await world.engine.commit(session, mount)).size == 0
    assert await world.content() == b""


async def test_missing_parts_are_named(world):
    session, mount = await world.begin()
    await world.send(session, mount, b"one", b"two")
    await world.send(session, mount, b"five", first=5)
    with pytest.raises(UploadIncomplete, match="2 before part 5 are missing: 3, 4\\.") as caught:
        await world.engine.commit(session, mount)
    assert caught.value.fields["MissingParts"] == "3, 4"


async def test_of_a_total_all_must_be_there_and_at_most_a_hundred_are_named(world):
    session, mount = await world.begin(total=300)
    await world.send(session, mount, b"one", b"two")
    with pytest.raises(UploadIncomplete, match=r"298 of 300 parts are missing: 3, 4, .*, 102 and 198 more"):
        await world.engine.commit(session, mount)


async def test_named_parts_make_the_object_and_others_are_left_out(world):
    session, mount = await world.begin()
    await world.send(session, mount, b"1" * 20, b"2" * 20, b"3")
    parts = await world.engine.parts(session, mount)
    await world.engine.commit(session, mount, [parts[0], dataclasses.replace(parts[2], etag="")])
    assert await world.content() == b"1" * 20 + b"3"


@pytest.mark.parametrize("named", [PartInfo(1, 0, "0" * 32), PartInfo(2, 0, "")])
async def test_a_part_named_wrongly_is_refused(world, named):
    session, mount = await world.begin()
    await world.send(session, mount, b"one")
    with pytest.raises(InvalidPart):
        await world.engine.commit(session, mount, [named])


async def test_parts_are_listed_over_all_pages_and_within_bounds(make):
    world = await make("memory")
    session, mount = await world.begin()
    for number in (1, 2, LANE + 1, LANE + 2, 2 * LANE + 1):
        await world.send(session, mount, b"x", first=number)
    numbers = [part.number for part in await world.engine.parts(session, mount, LANE + 1, 2 * LANE)]
    assert numbers == [LANE + 1, LANE + 2]
    for number in range(3, 1100):
        await world.send(session, mount, b"x", first=number)
    assert len(await world.engine.parts(session, mount)) == 1102


# Terms


async def test_the_size_must_be_the_one_told(world):
    session, mount = await world.begin(Terms(size=5))
    await world.send(session, mount, b"four")
    with pytest.raises(UploadIncomplete, match="5 bytes; 4 are here"):
        await world.engine.commit(session, mount)
    await world.send(session, mount, b"six!!!")
    with pytest.raises(EntityTooLarge):
        await world.engine.commit(session, mount)
    await world.send(session, mount, b"five!")
    assert (await world.engine.commit(session, mount)).size == 5


async def test_more_than_the_largest_size_is_refused(world):
    session, mount = await world.begin(Terms(max_size=5))
    await world.send(session, mount, b"123", b"456")
    with pytest.raises(EntityTooLarge):
        await world.engine.commit(session, mount)
    assert world.engine.room(session, 3) == 2


async def test_the_hash_is_held_to_what_was_told_and_another_try_is_open(world):
    session, mount = await world.begin(Terms(sha256=sha256(b"right content")))
    await world.send(session, mount, b"wrong ", b"content")
    with pytest.raises(BadDigest):
        await world.engine.commit(session, mount)
    await world.send(session, mount, b"right ")
    assert (await world.engine.commit(session, mount)).sha256 == sha256(b"right content")


async def test_only_wanted_types_come_in(world):
    session, mount = await world.begin(Terms(content_types=("image/*", "text/csv")), headers={})
    for kind in ({}, {"content-type": "text/plain"}, {"content-type": "image"}):
        with pytest.raises(InvalidRequest, match="image/\\*, text/csv"):
            await world.engine.put_part(session, mount, 1, FakeContent(b"x"), headers=kind)
    kind = {"content-type": "Image/PNG; x=y"}
    await world.engine.put_part(session, mount, 1, FakeContent(b"x"), headers=kind)
    await world.engine.commit(session, mount)
    assert (await info_of(world.backend, "photos", "a/b.txt")).headers["content-type"] == "Image/PNG; x=y"


async def test_what_the_session_says_of_the_content_goes_before_what_the_sender_says(world):
    session, mount = await world.begin()
    told = {"content-type": "image/png", "x-amz-meta-a": "b"}
    await world.engine.put_part(session, mount, 1, FakeContent(b"x"), headers=told)
    await world.engine.commit(session, mount)
    headers = (await info_of(world.backend, "photos", "a/b.txt")).headers
    assert (headers["content-type"], headers["x-amz-meta-a"]) == ("text/plain", "b")


async def test_headers_told_at_the_commit_describe_the_object(world):
    session, mount = await world.begin()
    await world.send(session, mount, b"x")
    await world.engine.commit(session, mount, headers={"content-type": "image/gif"})
    assert (await info_of(world.backend, "photos", "a/b.txt")).headers["content-type"] == "image/gif"


async def test_an_object_that_may_not_be_replaced_stays(world):
    session, mount = await world.begin(Terms(replace=False))
    await world.send(session, mount, b"new")
    await put(world.backend, "photos", "a/b.txt", b"old", owner="bob")
    with pytest.raises(Conflict):
        await world.engine.commit(session, mount)
    assert await world.content() == b"old"


async def test_of_sessions_that_may_not_replace_one_wins(world):
    pairs = [await world.begin(Terms(replace=False), f"s{number}") for number in range(4)]
    for session, mount in pairs:
        await world.send(session, mount, session.id.encode())
    ends = await asyncio.gather(*(world.engine.commit(*pair) for pair in pairs), return_exceptions=True)
    assert sorted(type(end).__name__ for end in ends) == ["Conflict"] * 3 + ["Outcome"]


# Lanes


async def fill(world, session, mount, lane, *contents):
    lane = await world.sessions.add_lane(lane)
    await world.send(session, mount, *contents, first=lane.number * LANE + 1)
    return lane


async def test_a_whole_lane_is_the_object(world):
    session, mount = await world.begin()
    await fill(world, session, mount, Lane("s1", 0, 9), b"half")
    await fill(world, session, mount, Lane("s1", 0, 5), b"who", b"le")
    await world.engine.commit(session, mount)
    assert await world.content() == b"whole"


async def test_joined_lanes_are_the_object_in_the_order_of_the_join(world):
    session, mount = await world.begin(Terms(sha256=sha256(b"onetwo")))
    await fill(world, session, mount, Lane("s1", 0, 3, partial=True), b"t", b"wo")
    await fill(world, session, mount, Lane("s1", 0, 3, partial=True), b"on", b"e")
    await world.sessions.add_lane(Lane("s1", 0, joins=(2, 1)))
    await world.engine.commit(session, mount)
    assert await world.content() == b"onetwo"


async def test_pieces_that_nobody_joined_and_lanes_that_are_not_whole_are_no_object(world):
    session, mount = await world.begin()
    await fill(world, session, mount, Lane("s1", 0, 3, partial=True), b"one")
    await fill(world, session, mount, Lane("s1", 0, 30), b"half")
    await fill(world, session, mount, Lane("s1", 0), b"?")
    with pytest.raises(UploadIncomplete, match="number 2 has 4 of 30 bytes; number 3 has 1 of an unknown length"):
        await world.engine.commit(session, mount)


async def test_of_two_whole_lanes_none_is_chosen_unless_its_parts_are_named(world):
    session, mount = await world.begin()
    await fill(world, session, mount, Lane("s1", 0, 3), b"one")
    await fill(world, session, mount, Lane("s1", 0, 3), b"two")
    with pytest.raises(InvalidRequest, match="numbers 1, 2"):
        await world.engine.commit(session, mount)
    await world.engine.commit(session, mount, await world.engine.parts(session, mount, 2 * LANE + 1))
    assert await world.content() == b"two"


async def test_a_lane_of_no_bytes_is_an_object(world):
    session, mount = await world.begin()
    await world.sessions.add_lane(Lane("s1", 0, 0))
    assert (await world.engine.commit(session, mount)).size == 0


async def test_parts_that_are_named_go_before_lanes_that_are_not_whole(world):
    session, mount = await world.begin()
    await fill(world, session, mount, Lane("s1", 0, 30), b"half")
    await world.send(session, mount, b"parts")
    await world.engine.commit(session, mount, [PartInfo(1, 0, "")])
    assert await world.content() == b"parts"


# At once


async def test_of_many_first_parts_at_once_all_are_in_one_draft(world):
    session, mount = await world.begin(total=12)
    await asyncio.gather(*(world.send(session, mount, b"%02d" % n, first=n) for n in range(1, 13)))
    assert len(await world.held()) == 1
    await world.engine.commit(session, mount)
    assert await world.content() == b"".join(b"%02d" % n for n in range(1, 13))
    assert await world.held() == []


async def test_commits_at_once_answer_the_same_or_ask_to_wait(world):
    session, mount = await world.begin(webhook="https://example.com/hook")
    await world.send(session, mount, b"content")
    ends = await asyncio.gather(*(world.engine.commit(session, mount) for _ in range(8)), return_exceptions=True)
    errors = [end for end in ends if isinstance(end, Exception)]
    assert {type(error).__name__ for error in errors} <= {"OperationAborted"}
    assert all(error.headers["Retry-After"] == "1" for error in errors)
    assert len({end for end in ends if not isinstance(end, Exception)}) == 1
    assert len(await world.sessions.events("", 10)) == 1


async def test_commits_in_two_processes_at_once_leave_one_object_and_one_event(world):
    session, mount = await world.begin(Terms(replace=False), webhook="https://example.com/hook")
    await world.send(session, mount, b"content")
    engines = [world.another() for _ in range(4)]
    ends = await asyncio.gather(*(engine.commit(session, mount) for engine in engines))
    assert len({(end.size, end.etag) for end in ends}) == 1
    assert len(await world.sessions.events("", 10)) == 1
    assert await world.content() == b"content"


# The end


async def test_a_session_that_was_given_up_holds_nothing_and_takes_nothing(world):
    session, mount = await world.begin()
    await world.send(session, mount, b"content")
    await world.engine.abort(session, mount)
    await world.engine.abort(session, mount)
    assert await world.held() == []
    for attempt in (world.send(session, mount, b"more"), world.engine.commit(session, mount)):
        with pytest.raises(NoSuchUpload):
            await attempt


async def test_a_draft_made_while_the_session_is_given_up_leaves_nothing(world):
    session, mount = await world.begin()
    set_draft = world.sessions.set_draft

    async def too_late(session_id, draft):
        await world.sessions.remove(session_id)
        return await set_draft(session_id, draft)

    world.sessions.set_draft = too_late
    with pytest.raises(NoSuchUpload):
        await world.send(session, mount, b"content")
    assert await world.held() == []


async def test_a_draft_that_somebody_else_removed_is_told(world):
    session, mount = await world.begin()
    await world.send(session, mount, b"content")
    backend, upload = await world.engine.draft(session, mount)
    await backend.abort(upload)
    with pytest.raises(NoSuchUpload, match="gone"):
        await world.engine.commit(session, mount)


async def test_the_sweep_gives_up_what_expired_and_keeps_the_rest(world):
    for session_id in ("old", "done", "empty"):
        session, mount = await world.begin(session_id=session_id, key=session_id)
        if session_id != "empty":
            await world.send(session, mount, b"content")
    done = await world.engine.find("done")
    await world.engine.commit(done, mount)
    world.clock.advance(30)
    session, mount = await world.begin(session_id="young", key="young")
    await world.send(session, mount, b"content")
    world.clock.advance(31)
    said = await world.engine.sweep(10, dry_run=True)
    assert len(await world.held()) == 2
    swept = await world.engine.sweep(10)
    assert said == swept
    assert (set(swept.aborted), swept.forgotten, swept.bytes) == ({"old", "empty"}, ("done",), 7)
    assert len(await world.held()) == 1
    assert [session.id for session in await world.sessions.list("", 10)] == ["young"]
    assert await world.content("done") == b"content"


async def test_the_sweep_tells_of_an_object_whose_commit_broke_off_before_it_was_told(make):
    world = await make("store")
    session, mount = await world.begin(webhook="https://example.com/hook")
    await world.send(session, mount, b"content")
    backend, upload = await world.engine.draft(session, mount)
    parts = await world.engine.parts(session, mount)
    await backend.complete(upload, CompleteOptions(parts, loose=True))
    world.clock.advance(61)
    assert (await world.engine.sweep(10)).failed == ()
    assert [event.session for event in await world.sessions.events("", 10)] == ["s1"]
    assert await world.sessions.find("s1") is None


async def test_forgetting_makes_room_for_another_of_that_id_and_spares_it(world):
    old, mount = await world.begin()
    await world.send(old, mount, b"old")
    old = await world.engine.find("s1")
    await world.engine.forget(old)
    new, mount = await world.begin()
    await world.send(new, mount, b"new")
    await world.engine.forget(old)
    await world.engine.commit(new, mount)
    assert await world.content() == b"new"
    assert await world.held() == []


async def test_the_sweep_goes_on_after_a_storage_that_does_not_answer(make):
    world = await make("memory")
    for session_id in ("a", "b"):
        session, mount = await world.begin(session_id=session_id, key=session_id)
        await world.send(session, mount, b"content")
    abort = world.backend.abort

    async def fails_for_a(upload):
        if upload.key == "a":
            raise BackendError(Trouble.UNREACHABLE, "down")
        await abort(upload)

    world.backend.abort = fails_for_a
    world.clock.advance(61)
    swept = await world.engine.sweep(10)
    assert (swept.aborted, swept.failed) == (("b",), ("a",))
    assert await world.sessions.find("a") is not None


async def test_sessions_that_cannot_be_cleaned_do_not_hold_up_those_behind_them(make):
    world = await make("memory")
    for session_id in ("a", "b", "c", "d", "e"):
        session, mount = await world.begin(session_id=session_id, key=session_id)
        await world.send(session, mount, b"content")
    abort, down = world.backend.abort, {"a", "b"}

    async def fails_for_two(upload):
        if upload.key in down:
            raise BackendError(Trouble.UNREACHABLE, "down")
        await abort(upload)

    world.backend.abort = fails_for_two
    world.clock.advance(61)
    assert (await world.engine.sweep(2)).failed == ("a", "b")
    assert len((await world.engine.sweep(10, dry_run=True)).aborted) == 5
    assert (await world.engine.sweep(2)).aborted == ("c", "d")
    assert (await world.engine.sweep(2)).aborted == ("e",)
    down.clear()
    assert (await world.engine.sweep(2)).aborted == ("a", "b")


async def test_a_session_that_expires_while_it_is_committed_is_left_to_its_commit(make):
    world = await make("memory")
    session, mount = await world.begin(session_id="a", key="a")
    await world.send(session, mount, b"content")
    complete, seen = world.backend.complete, []

    async def completes_late(upload, options):
        stored = await complete(upload, options)
        world.clock.advance(61)
        seen.append(await world.engine.sweep(10))
        return stored

    world.backend.complete = completes_late
    await world.engine.commit(session, mount)
    assert (seen[0].aborted, seen[0].forgotten) == ((), ())
    kept = await world.engine.find("a")
    assert kept.outcome is not None
    assert (await world.engine.sweep(10)).forgotten == ("a",)


async def test_a_session_whose_bucket_is_gone_is_swept(world):
    session, mount = await world.begin()
    await world.send(session, mount, b"content")
    await world.backend.delete_bucket("photos")
    world.clock.advance(61)
    assert (await world.engine.sweep(10)).aborted == ("s1",)


# Content that goes to a cloud by itself


async def test_parts_of_a_cloud_become_the_object(make):
    world = await make("staged")
    session, mount = await world.begin()
    backend, upload = await world.engine.draft_direct(session, mount)
    await backend.put_part(upload, 1, FakeContent(b"x" * 10))
    await backend.put_part(upload, 2, FakeContent(b"y"))
    with pytest.raises(InvalidRequest):
        await world.send(session, mount, b"by tus")
    await world.engine.commit(session, mount)
    assert await world.content() == b"x" * 10 + b"y"


async def test_parts_of_a_cloud_cannot_follow_staged_ones(make):
    world = await make("staged")
    session, mount = await world.begin()
    await world.send(session, mount, b"by tus")
    with pytest.raises(InvalidRequest):
        await world.engine.draft_direct(session, mount)


async def test_a_hash_that_a_cloud_cannot_prove_is_refused(make):
    world = await make("staged")
    session, mount = await world.begin(Terms(sha256=sha256(b"x")))
    with pytest.raises(InvalidRequest, match="sha256"):
        await world.engine.draft_direct(session, mount)


@pytest.mark.parametrize("good", [True, False])
async def test_a_hash_is_verified_after_the_commit_where_that_is_chosen(make, good):
    world = await make("staged", Settings(verify_after=True))
    session, mount = await world.begin(Terms(sha256=sha256(b"content")))
    backend, upload = await world.engine.draft_direct(session, mount)
    await backend.put_part(upload, 1, FakeContent(b"content" if good else b"another"))
    if good:
        assert (await world.engine.commit(session, mount)).sha256 == sha256(b"content")
        return
    with pytest.raises(BadDigest):
        await world.engine.commit(session, mount)
    with pytest.raises(NoSuchUpload):
        await world.engine.commit(session, mount)
    assert not await exists(world)


@pytest.mark.parametrize("direct", [True, False])
async def test_a_cloud_is_told_that_clients_will_send_the_parts(make, monkeypatch, direct):
    world = await make("staged")
    session, mount = await world.begin(direct=direct)
    told, create = [], world.backend.create_upload

    async def noted(name, options):
        told.append(options.direct)
        return await create(name, options)

    monkeypatch.setattr(world.backend, "create_upload", noted)
    await world.engine.draft_direct(session, mount)
    assert told == [direct]


@pytest.mark.parametrize("direct", [True, False])
async def test_what_clients_sent_after_a_commit_is_swept_with_its_session(make, monkeypatch, direct):
    world = await make("staged")
    session, mount = await world.begin(direct=direct)
    backend, upload = await world.engine.draft_direct(session, mount)
    await backend.put_part(upload, 1, FakeContent(b"content"))
    await world.engine.commit(session, mount)
    given_up, abort = [], world.backend.abort

    async def noted(name):
        given_up.append(name)
        await abort(name)

    monkeypatch.setattr(world.backend, "abort", noted)
    world.clock.advance(61)
    assert (await world.engine.sweep(10, dry_run=True)).forgotten == ("s1",)
    assert not given_up
    assert (await world.engine.sweep(10)).forgotten == ("s1",)
    assert given_up == ([upload] if direct else [])


async def exists(world):
    try:
        await world.backend.head(ObjectName("photos", "a/b.txt"), WHOLE)
    except NoSuchKey:
        return False
    return True


async def test_a_cloud_without_a_place_to_stage_says_so(make):
    world = await make("cloud alone")
    session, mount = await world.begin()
    with pytest.raises(NotImplemented, match="stage"):
        await world.send(session, mount, b"x")

"""Do many requests share commits, and does each fail alone?"""

import asyncio
import threading

import apsw
import pytest

from bucketport.backends.store.index import writer
from bucketport.errors import BackendError, BucketAlreadyExists, NoSuchBucket, NoSuchKey, PreconditionFailed, Trouble
from bucketport.model import BucketInfo, ObjectName
from bucketport.options import NO_CONDITIONS, WHOLE, PutOptions, WriteConditions
from bucketport.testing.fakes import FakeContent

ME = PutOptions("me")
ABSENT = WriteConditions(if_none_match="*")


def put(store, key, data=b"x", bucket="b", conditions=NO_CONDITIONS):
    return store.put(ObjectName(bucket, key), FakeContent(data), PutOptions("me", conditions=conditions))


async def test_requests_at_once_share_commits(store):
    before = store.statistics().commits
    await asyncio.gather(*(put(store, f"k{n}") for n in range(100)))
    counted = store.statistics()
    assert counted.changes >= 100
    assert counted.commits - before < 50
    assert counted.largest_commit > 2


async def test_a_change_that_fails_fails_alone(store):
    outcomes = await asyncio.gather(
        put(store, "a"),
        put(store, "a", conditions=ABSENT),
        put(store, "b", bucket="nowhere"),
        put(store, "c"),
        store.create_bucket(BucketInfo("b", "you", 1)),
        put(store, "d", conditions=WriteConditions(if_match="*")),
        put(store, "e"),
        return_exceptions=True,
    )
    kinds = [type(outcome) for outcome in outcomes]
    assert kinds[1:3] == [PreconditionFailed, NoSuchBucket]
    assert kinds[4:6] == [BucketAlreadyExists, NoSuchKey]
    for key in "ace":
        await store.head(ObjectName("b", key), WHOLE)


async def test_a_bug_in_one_change_does_not_take_the_others_along(store, monkeypatch):
    from bucketport.backends.store.index import changes, objects

    def broken(tx, change):
        if change.key == b"bad":
            tx.run("DELETE FROM current")
            raise ZeroDivisionError
        return objects.put_object(tx, change)

    monkeypatch.setitem(writer._APPLY, changes.PutObject, broken)
    outcomes = await asyncio.gather(*(put(store, k) for k in ("a", "bad", "c")), return_exceptions=True)
    assert isinstance(outcomes[1], ZeroDivisionError)
    for key in "ac":
        await store.head(ObjectName("b", key), WHOLE)


@pytest.mark.parametrize(
    ("error", "trouble"),
    [
        (apsw.FullError, Trouble.FULL),
        (apsw.ReadOnlyError, Trouble.READ_ONLY),
        (apsw.CorruptError, Trouble.CORRUPT),
        (apsw.IOError, Trouble.CORRUPT),
    ],
)
async def test_an_error_of_sqlite_is_trouble_for_the_batch_and_passes(store, monkeypatch, error, trouble):
    from bucketport.backends.store.index import changes

    with monkeypatch.context() as patched:

        def failing(tx, change):
            raise error("by the test")

        patched.setitem(writer._APPLY, changes.PutObject, failing)
        outcomes = await asyncio.gather(put(store, "a"), put(store, "b" * 40_000), return_exceptions=True)
    for outcome in outcomes:
        assert isinstance(outcome, BackendError)
        assert outcome.trouble is trouble
        assert "index.sqlite" in outcome.detail
    await put(store, "a")
    assert (await store.get(ObjectName("b", "a"), WHOLE)).body == b"x"


async def test_a_cancelled_request_is_decided_all_the_same(store):
    task = asyncio.create_task(put(store, "k"))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await put(store, "later")
    await store.head(ObjectName("b", "k"), WHOLE)


def race(count, attempt):
    """`attempt(n)` in as many threads, each with a loop of its own, begun together; the outcomes."""
    barrier, outcomes = threading.Barrier(count), [None] * count

    async def run(number):
        try:
            return await attempt(number)
        except Exception as error:
            return error

    def thread(number):
        barrier.wait()
        outcomes[number] = asyncio.run(run(number))

    threads = [threading.Thread(target=thread, args=(number,)) for number in range(count)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return outcomes


def test_of_two_threads_that_create_one_wins(store, runner):
    for turn in range(20):
        outcomes = race(2, lambda n, turn=turn: put(store, f"k{turn}", b"%d" % n, conditions=ABSENT))
        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["PreconditionFailed", "Stored"]
        winner = next(n for n in (0, 1) if not isinstance(outcomes[n], Exception))
        assert runner.run(store.get(ObjectName("b", f"k{turn}"), WHOLE)).body == b"%d" % winner


def test_of_two_threads_that_compare_and_swap_one_wins(store, runner):
    stored = runner.run(put(store, "k", b"start"))
    for turn in range(20):
        seen = WriteConditions(if_match=stored.etag)
        outcomes = race(2, lambda n, turn=turn, seen=seen: put(store, "k", b"%d %d" % (turn, n), conditions=seen))
        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["PreconditionFailed", "Stored"]
        stored = next(outcome for outcome in outcomes if not isinstance(outcome, Exception))
        assert runner.run(store.head(ObjectName("b", "k"), WHOLE)).info.etag == stored.etag


def test_of_sixteen_threads_that_count_none_is_lost(store, runner):
    runner.run(put(store, "count", b"0"))

    async def add(_):
        for _ in range(1000):
            found = await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(peek(), loop))
            try:
                return await put(
                    store, "count", b"%d" % (int(found.body) + 1), conditions=WriteConditions(found.info.etag)
                )
            except PreconditionFailed:
                continue
        raise AssertionError

    async def peek():
        return await store.get(ObjectName("b", "count"), WHOLE)

    async def run():
        return await asyncio.to_thread(race, 16, add)

    loop = runner.get_loop()
    runner.run(run())
    assert runner.run(peek()).body == b"16"

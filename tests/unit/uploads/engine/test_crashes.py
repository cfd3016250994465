"""Is a commit that broke off anywhere redone by asking again? Each call that it makes fails once, before and after."""

import contextlib
import inspect

import pytest

from bucketport.sessions import Terms


class Crash(Exception):
    """The process ended here."""


class Fuse:
    """Lets so many calls pass, then crashes: `after` the call was carried out, or before."""

    def __init__(self, calls, after):
        self.left, self.after, self.blown = calls, after, False

    def through(self, thing):
        return Fused(thing, self)


class Fused:
    """A registry or a backend whose calls pass a fuse."""

    def __init__(self, thing, fuse):
        self._thing, self._fuse = thing, fuse

    def __getattr__(self, name):
        found = getattr(self._thing, name)
        if not inspect.iscoroutinefunction(found):
            return found

        async def call(*arguments):
            fuse = self._fuse
            fuse.left -= 1
            dies = fuse.left == 0 or fuse.blown
            fuse.blown = fuse.blown or dies
            if dies and not (fuse.after and fuse.left == 0):
                raise Crash
            result = await found(*arguments)
            if dies:
                raise Crash
            return result

        return call


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("replace", [True, False], ids=["replacing", "creating"])
async def test_a_commit_that_broke_off_at_any_call_is_redone(world, replace, after):
    import hashlib

    content = b"some content"
    terms = Terms(size=12, sha256=hashlib.sha256(content).hexdigest(), replace=replace)
    calls = 0
    while True:
        calls += 1
        name = f"s{calls}"
        session, mount = await world.begin(terms, name, key=name, webhook="https://example.com/hook")
        await world.send(session, mount, b"some ", b"content")
        fuse = Fuse(calls, after)
        engine = world.another(fuse.through)
        try:
            await engine.commit(session, await engine.mount(session))
        except Crash:
            pass
        else:
            break
        outcome = await world.another().commit(session, mount)
        assert (outcome.size, outcome.sha256) == (12, terms.sha256)
        assert await world.another().commit(session, mount) == outcome
        assert await world.content(name) == content
        assert calls < 60
    assert calls > 4
    told = [event.session for event in await world.sessions.events("", 1000)]
    assert sorted(told) == sorted(set(told))
    assert len(told) == calls
    world.clock.advance(61)
    await world.engine.sweep(100)
    assert await world.held() == []


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_giving_up_that_broke_off_at_any_call_is_redone(world, after):
    for calls in range(1, 12):
        session, mount = await world.begin(session_id=f"s{calls}", key=f"s{calls}")
        await world.send(session, mount, b"content")
        engine = world.another(Fuse(calls, after).through)
        try:
            await engine.abort(session, await engine.mount(session))
        except Crash:
            await world.another().abort(session, mount)
        assert await world.sessions.find(session.id) is None
    assert await world.held() == []


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_first_part_that_broke_off_at_any_call_can_be_sent_again(world, after):
    for calls in range(1, 10):
        session, mount = await world.begin(session_id=f"s{calls}", key=f"s{calls}")
        engine = world.another(Fuse(calls, after).through)
        try:
            await world_send(engine, session, await engine.mount(session))
        except Crash:
            await world_send(world.another(), session, mount)
        await world.engine.commit(session, mount)
        assert await world.content(session.key) == b"content"
        assert await world.held() == []


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_what_a_first_part_left_is_swept_where_nobody_goes_on(world, after):
    for calls in range(1, 10):
        session, _ = await world.begin(session_id=f"s{calls}", key=f"s{calls}")
        engine = world.another(Fuse(calls, after).through)
        with contextlib.suppress(Crash):
            await world_send(engine, session, await engine.mount(session))
    world.clock.advance(61)
    await world.engine.sweep(100)
    assert await world.held() == []
    assert await world.sessions.list("", 100) == []


async def world_send(engine, session, mount):
    from bucketport.testing.fakes import FakeContent

    await engine.put_part(session, mount, 1, FakeContent(b"content"))

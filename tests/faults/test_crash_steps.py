"""What is left when the process is killed at a step between the temporary file and the commit?

A child does the work and kills itself at the step; the parent knows what was acknowledged until then, opens the folder,
and proves it. The hooks are in this file: a subclass of the file operations, and a patch around the commit.
"""

import asyncio
import os
import pickle
import signal

import pytest

from bucketport.backends.store.blobs.files import Files
from bucketport.backends.store.index.transaction import Transaction

BOTH = pytest.mark.parametrize("workload", ["plain", "sharing"], indirect=True)

STEPS = ("create", "write", "sync", "close", "rename", "sync_folder", "make_folder", "remove")


def die():
    os.kill(os.getpid(), signal.SIGKILL)


class Deadly(Files):
    """Dies before or after the n-th time that a step is made."""

    def __init__(self, step, when, nth):
        self._step, self._when, self._left = step, when, nth


def _deadly(step):
    def made(self, *given):
        if step != self._step:
            return getattr(Files, step)(self, *given)
        self._left -= 1
        if self._left == 0 and self._when == "before":
            die()
        if self._left == 0 and self._when == "amid":
            handle, pieces = given
            os.write(handle, bytes(pieces[0])[: len(pieces[0]) // 2])
            die()
        result = getattr(Files, step)(self, *given)
        if self._left == 0:
            die()
        return result

    return made


for each in STEPS:
    setattr(Deadly, each, _deadly(each))


def deadly_commit(when, nth):
    commit, left = Transaction.commit, [nth]

    def made(self):
        left[0] -= 1
        if left[0] == 0 and when == "before":
            die()
        commit(self)
        if left[0] == 0:
            die()

    Transaction.commit = made


def in_child(folder, open_at, work, files):
    """Do the work in a child; what it told until it died."""
    receiving, telling = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(receiving)
            work = work(lambda *what: os.write(telling, pickle.dumps(what)))

            async def run():
                store = open_at(folder, files=files())
                await work.run(store)
                await store.close()

            asyncio.run(run())
            os._exit(0)
        finally:
            os._exit(1)
    os.close(telling)
    with os.fdopen(receiving, "rb") as pipe:
        heard = []
        while True:
            try:
                heard.append(pickle.load(pipe))
            except EOFError:
                break
    return heard, os.waitpid(child, 0)[1]


@BOTH
@pytest.mark.parametrize("nth", [1, 2, 5])
@pytest.mark.parametrize(
    ("step", "when"), [(step, when) for step in STEPS for when in ("before", "after")] + [("write", "amid")]
)
def test_killed_at_a_file_operation(tmp_path, workload, open_at, prove, runner, step, when, nth):
    heard, status = in_child(tmp_path / "data", open_at, workload, lambda: Deadly(step, when, nth))
    assert os.WIFSIGNALED(status), "the work has fewer such steps"
    work = workload()
    for what in heard:
        work.heard(*what)
    runner.run(prove(tmp_path / "data", work))


@pytest.mark.parametrize("nth", [1, 2, 3, 6, 9, 12, 20])
@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_at_a_commit(tmp_path, workload, open_at, prove, runner, when, nth):
    def files():
        deadly_commit(when, nth)
        return Files()

    heard, status = in_child(tmp_path / "data", open_at, workload, files)
    assert os.WIFSIGNALED(status), "the work has fewer commits"
    work = workload()
    for what in heard:
        work.heard(*what)
    runner.run(prove(tmp_path / "data", work))


@pytest.mark.parametrize("workload", ["sharing"], indirect=True)
@pytest.mark.parametrize("nth", range(1, 41))
@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_at_any_commit_while_content_is_shared(tmp_path, workload, open_at, prove, runner, when, nth):
    test_killed_at_a_commit(tmp_path, workload, open_at, prove, runner, when, nth)


@BOTH
def test_not_killed_at_all(tmp_path, workload, open_at, prove, runner):
    heard, status = in_child(tmp_path / "data", open_at, workload, Files)
    assert status == 0
    work = workload()
    for what in heard:
        work.heard(*what)
    assert work.begun == {}
    runner.run(prove(tmp_path / "data", work))

"""What is left when the power goes and only what was synced is on the disk?

A recorder does the file operations and keeps, beside the real folder, what a disk must hold by now: content as of its
last sync, names as of their folder's last sync. Before each operation it takes a picture: those files, the index as it
is then (every commit is synced by SQLite; that one may hold more than must have survived is the harder case for us),
and what was acknowledged. Each picture is developed into a folder, opened, and proved.
"""

import copy
import os
import shutil
import threading

import pytest

from bucketport.backends.store.blobs.files import Files
from bucketport.backends.store.index import checkpoints


class Inode:
    """A file: its content, and as much of it as was synced. A folder: names to inodes, and the synced ones."""

    def __init__(self, folder=False):
        self.now, self.synced = ({}, {}) if folder else (b"", b"")


def alone(operation):
    """One operation at a time, so that a picture shows one moment."""

    def made(self, *given):
        with self._lock:
            return operation(self, *given)

    return made


class Recorder(Files):
    """The file operations, and what a disk must hold after each."""

    def __init__(self, root, work):
        self._root, self._work, self._lock = str(root), work, threading.RLock()
        self._top = Inode(folder=True)
        self._handles = {}
        self.pictures = []
        self.log = []

    def _folder(self, path):
        at = self._top
        for name in path[len(self._root) :].strip("/").split("/"):
            at = at.now[name] if name else at
        return at

    def _split(self, path):
        parent, _, name = path.rpartition("/")
        return self._folder(parent), name

    def _picture(self, step, path):
        self.log.append((step, path[len(self._root) :]))
        if not os.path.exists(f"{self._root}/index.sqlite"):
            return
        kept, index = dict(self._work.kept), {}
        for name in os.listdir(self._root):
            if name.startswith("index.sqlite") and not name.endswith("-shm"):
                with open(f"{self._root}/{name}", "rb") as file:
                    index[name] = file.read()
        later = {key: value for key, value in self._work.kept.items() if kept.get(key, b"") != value}
        self.pictures.append((step, index, _durable(self._top), kept, dict(self._work.begun) | later))

    @alone
    def create(self, path):
        self._picture("create", path)
        parent, name = self._split(path)
        handle = super().create(path)
        parent.now[name] = self._handles[handle] = Inode()
        return handle

    @alone
    def write(self, handle, pieces):
        self._picture("write", self._root)
        super().write(handle, pieces)
        self._handles[handle].now += b"".join(pieces)

    @alone
    def sync(self, handle):
        self._picture("sync", self._root)
        super().sync(handle)
        self._handles[handle].synced = self._handles[handle].now

    @alone
    def close(self, handle):
        super().close(handle)
        self._handles.pop(handle, None)

    @alone
    def rename(self, old, new):
        self._picture("rename", new)
        super().rename(old, new)
        (parent, name), (target, other) = self._split(old), self._split(new)
        target.now[other] = parent.now.pop(name)

    @alone
    def sync_folder(self, path):
        self._picture("sync_folder", path)
        super().sync_folder(path)
        folder = self._folder(path)
        folder.synced = dict(folder.now)

    @alone
    def make_folder(self, path):
        self._picture("make_folder", path)
        made = super().make_folder(path)
        parent, name = self._split(path)
        parent.now.setdefault(name, Inode(folder=True))
        return made

    @alone
    def remove(self, path):
        self._picture("remove", path)
        super().remove(path)
        parent, name = self._split(path)
        parent.now.pop(name, None)


def _durable(inode):
    if isinstance(inode.synced, bytes):
        return inode.synced
    return {name: _durable(child) for name, child in inode.synced.items()}


def develop(picture, folder):
    """Make the folder that the picture shows."""
    _, index, tree, kept, begun = picture
    shutil.rmtree(folder, ignore_errors=True)
    _lay(tree, folder)
    for name, content in index.items():
        (folder / name).write_bytes(content)
    return kept, begun


def _lay(tree, folder):
    folder.mkdir(parents=True)
    for name, child in tree.items():
        if isinstance(child, bytes):
            (folder / name).write_bytes(child)
        else:
            _lay(child, folder / name)


@pytest.mark.parametrize("workload", ["plain", "sharing"], indirect=True)
def test_nothing_acknowledged_is_lost_with_what_was_not_synced(tmp_path, workload, open_at, prove, runner):
    work = workload()
    files = Recorder(tmp_path / "data", work)

    async def record():
        store = open_at(tmp_path / "data", files=files)
        await work.run(store)
        await store.close()

    runner.run(record())
    assert len(files.pictures) > 60
    for number, picture in enumerate(files.pictures):
        seen = workload()
        seen.kept, seen.begun = copy.copy(picture[3]), copy.copy(picture[4])
        develop(picture, tmp_path / "disk")
        try:
            runner.run(prove(tmp_path / "disk", seen))
        except BaseException as error:
            error.add_note(f"the power went before step {number}, {files.log[-len(files.pictures) :][number]}")
            raise


@pytest.fixture(autouse=True)
def all_in_the_wal(monkeypatch):
    """No checkpoint while pictures are taken: the database and its WAL are copied one after the other."""
    monkeypatch.setattr(checkpoints, "SOME", 10**9)


@pytest.mark.parametrize("forgotten", ["sync", "sync_folder"])
def test_a_store_that_forgot_a_sync_would_be_caught(tmp_path, workload, open_at, prove, runner, forgotten):
    work = workload()

    class Forgetful(Recorder):
        pass

    setattr(Forgetful, forgotten, lambda self, given: None)
    files = Forgetful(tmp_path / "data", work)

    async def record():
        store = open_at(tmp_path / "data", files=files)
        await work.run(store)
        await store.close()

    runner.run(record())
    seen = workload()
    picture = files.pictures[-1]
    seen.kept, seen.begun = picture[3], picture[4]
    develop(picture, tmp_path / "disk")
    with pytest.raises(Exception, match=r"blob|folder"):
        runner.run(prove(tmp_path / "disk", seen))

"""What does the store answer on a full, read-only or failing disk? Clear trouble; reads go on; nothing kept is lost."""

import asyncio
import errno
import os
import subprocess

import pytest

from bucketport.backends.store.base import Settings
from bucketport.backends.store.blobs.files import Files
from bucketport.errors import BackendError, Trouble, answer_for
from bucketport.model import ObjectName
from bucketport.options import NO_CONDITIONS, WHOLE, PutOptions
from bucketport.testing.fakes import FakeContent

ME = PutOptions("me")


class Failing(Files):
    """Fails a named step as a disk does, as long as `error` is set."""

    def __init__(self, *steps):
        self.error = 0
        for step in steps:
            setattr(self, step, self._failing(getattr(self, step)))

    def _failing(self, operation):
        def made(*given):
            if self.error:
                raise OSError(self.error, os.strerror(self.error))
            return operation(*given)

        return made


@pytest.fixture
def small_disk(tmp_path):
    """A tmpfs of 48 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=48m", "none", str(folder)]
    try:
        mounted = subprocess.run(command, capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount command")
    if mounted.returncode:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


async def fill(store, work, size, name):
    """Put objects of that size until one is refused; the refusal and how many were kept."""
    for number in range(100_000):
        try:
            await work.put(store, f"{name}{number:05d}", os.urandom(size))
        except BackendError as error:
            return error, number
    raise AssertionError("the disk is never full")


@pytest.mark.parametrize("size", [20_000, 300_000])
async def test_a_full_disk_is_told_and_passes(small_disk, workload, open_at, prove, size):
    store, work = open_at(small_disk / "data", settings=Settings(part_minimum=1)), workload()
    await work.run(store)
    error, count = await fill(store, work, size, "fill")
    assert error.trouble is Trouble.FULL
    assert (answer_for(error).code, answer_for(error).status) == ("StorageFull", 507)
    assert str(small_disk) in error.detail
    await work.check(store)
    more = [work.put(store, f"more{n}", os.urandom(size)) for n in range(8)]
    outcomes = await asyncio.gather(*more, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} <= {BackendError, type(None)}
    await work.check(store)
    for number in range(count // 2):
        await work.delete(store, f"fill{number:05d}")
    await store.tidied()
    for number in range(count // 4):
        await work.put(store, f"again{number}", os.urandom(size))
    await work.check(store)
    await store.close()
    await prove(small_disk / "data", work)


@pytest.mark.parametrize("step", ["create", "write", "sync", "rename", "sync_folder"])
@pytest.mark.parametrize(
    ("error", "trouble"),
    [
        (errno.ENOSPC, Trouble.FULL),
        (errno.EDQUOT, Trouble.FULL),
        (errno.EROFS, Trouble.READ_ONLY),
        (errno.EIO, Trouble.CORRUPT),
    ],
)
async def test_a_failing_step_stores_nothing_and_passes(tmp_path, workload, open_at, prove, step, error, trouble):
    files, work = Failing(step), workload()
    store = open_at(tmp_path / "data", files=files)
    await work.run(store)
    files.error = error
    with pytest.raises(BackendError) as caught:
        await work.put(store, "large", os.urandom(100_000))
    assert caught.value.trouble is trouble
    assert str(tmp_path) in caught.value.detail
    assert str(tmp_path) not in answer_for(caught.value).message
    await work.put(store, "small", b"needs no file")
    await work.check(store)
    files.error = 0
    await work.put(store, "large", os.urandom(100_000))
    await work.check(store)
    await store.close()
    await prove(tmp_path / "data", work)


async def test_an_index_that_may_not_be_written_is_told_and_read_from(tmp_path, workload, open_at, prove):
    store, work = open_at(tmp_path / "data"), workload()
    await work.run(store)
    connection = store._index._writer._connection
    connection.pragma("query_only", True)
    for key, size in (("small", 10), ("large", 100_000)):
        with pytest.raises(BackendError) as caught:
            await work.put(store, key, os.urandom(size))
        assert caught.value.trouble is Trouble.READ_ONLY
    await work.check(store)
    connection.pragma("query_only", False)
    await work.put(store, "small", b"again")
    await store.tidied()
    await store.close()
    await prove(tmp_path / "data", work)


async def test_a_file_that_cannot_be_removed_is_removed_later(tmp_path, workload, open_at, prove):
    files, work, log = Failing("remove"), workload(), []
    store = open_at(tmp_path / "data", files=files, log=log.append)
    await work.run(store)
    files.error = errno.EROFS
    await work.delete(store, "last")
    await store.tidied()
    assert "janitor" in log[0]
    assert str(tmp_path) in log[0]
    files.error = 0
    await work.delete(store, "large")
    await store.tidied()
    await work.check(store)
    left = [p for p in (tmp_path / "data" / "blobs").rglob("*") if p.is_file()]
    await store.close()
    assert len(left) == 1, "copy1's"
    await prove(tmp_path / "data", work)


async def test_the_blob_of_a_commit_in_doubt_goes_after_the_next_commit(tmp_path, workload, open_at, monkeypatch):
    import apsw

    from bucketport.backends.store.index.transaction import Transaction

    store, work = open_at(tmp_path / "data"), workload()
    await work.run(store)
    before = sum(p.is_file() for p in (tmp_path / "data" / "blobs").rglob("*"))
    with monkeypatch.context() as patched:

        def failing(tx):
            raise apsw.IOError("the sync failed")

        patched.setattr(Transaction, "commit", failing)
        with pytest.raises(BackendError):
            await store.put(ObjectName("b", "k"), FakeContent(b"x" * 100_000), ME)
    assert sum(p.is_file() for p in (tmp_path / "data" / "blobs").rglob("*")) == before + 1
    await store.delete(ObjectName("b", "large"), None, NO_CONDITIONS)
    await store.tidied()
    assert sum(p.is_file() for p in (tmp_path / "data" / "blobs").rglob("*")) == before - 1
    with pytest.raises(Exception, match="key"):
        await store.head(ObjectName("b", "k"), WHOLE)
    await store.close()

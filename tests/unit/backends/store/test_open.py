"""When is a data folder opened, and when is it refused with a sentence?"""

import contextlib
import subprocess
import sys

import apsw
import pytest

from bucketport.backends.store.fsck import fsck
from bucketport.backends.store.index import schema
from bucketport.backends.store.trouble import CannotOpen
from bucketport.model import ObjectName
from bucketport.options import WHOLE, PutOptions
from bucketport.testing.fakes import DIGESTS, FakeContent

ME = PutOptions("me")


def index(path):
    return contextlib.closing(apsw.Connection(str(path / "data" / "index.sqlite")))


def test_a_second_server_is_refused_and_told_who_has_the_folder(store, opened, tmp_path):
    with pytest.raises(CannotOpen, match=r"in use by another bucketport \(process \d+\)"):
        opened()
    with pytest.raises(CannotOpen, match="in use"):
        fsck(str(tmp_path / "data"), digests=DIGESTS)


def test_the_lock_ends_with_the_process_that_held_it(opened, tmp_path):
    script = (
        "import os, sys\nfrom bucketport.backends.store.lock import Lock\nLock(sys.argv[1])\nos.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "data")], check=False)
    opened()


async def test_a_closed_folder_can_be_opened_again(store, opened):
    await store.close()
    opened()


async def test_a_newer_format_is_refused_and_left_alone(store, opened, tmp_path):
    await store.close()
    with index(tmp_path) as connection:
        connection.pragma("user_version", len(schema.MIGRATIONS) + 1)
    with pytest.raises(CannotOpen, match=r"newer release.*format 3.*up to 2"):
        opened()
    with pytest.raises(CannotOpen, match="format 3"):
        fsck(str(tmp_path / "data"), digests=DIGESTS)
    with index(tmp_path) as connection:
        assert connection.execute("SELECT name FROM buckets").get == "b"


async def test_an_older_format_is_migrated_step_by_step(store, opened, tmp_path, monkeypatch):
    await store.put(ObjectName("b", "k"), FakeContent(b"kept"), ME)
    await store.close()
    steps = [*schema.MIGRATIONS, "CREATE TABLE later(x)", "INSERT INTO later VALUES (7)"]
    monkeypatch.setattr(schema, "MIGRATIONS", steps)
    again = opened()
    assert (await again.get(ObjectName("b", "k"), WHOLE)).body == b"kept"
    await again.close()
    with index(tmp_path) as connection:
        assert connection.pragma("user_version") == len(steps)
        assert connection.execute("SELECT x FROM later").get == 7


async def test_a_migration_that_fails_changes_nothing(store, opened, tmp_path, monkeypatch):
    await store.close()
    broken = "CREATE TABLE half(x); INSERT INTO nowhere VALUES (1)"
    monkeypatch.setattr(schema, "MIGRATIONS", [*schema.MIGRATIONS, broken])
    with pytest.raises(CannotOpen):
        opened()
    with index(tmp_path) as connection:
        assert connection.pragma("user_version") == schema.FORMAT
        assert connection.execute("SELECT 1 FROM sqlite_schema WHERE name='half'").get is None


def test_a_database_of_somebody_else_is_refused(opened, tmp_path):
    (tmp_path / "data").mkdir()
    with index(tmp_path) as connection:
        connection.execute("CREATE TABLE theirs(x)")
    with pytest.raises(CannotOpen, match="not an index of bucketport"):
        opened()


def test_a_file_that_is_no_database_is_refused(opened, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "index.sqlite").write_bytes(b"no database " * 1000)
    with pytest.raises(CannotOpen, match="cannot be opened"):
        opened()


def test_a_file_in_place_of_the_folder_is_refused(opened, tmp_path):
    (tmp_path / "data").write_bytes(b"")
    with pytest.raises(CannotOpen, match="cannot be used"):
        opened()


def test_a_refused_open_holds_nothing(opened, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "index.sqlite").write_bytes(b"no database " * 1000)
    with pytest.raises(CannotOpen):
        opened()
    (tmp_path / "data" / "index.sqlite").unlink()
    opened()


async def test_temporary_files_of_an_older_start_are_swept(store, opened, tmp_path):
    await store.close()
    older = tmp_path / "data" / "temporary" / "older"
    older.mkdir()
    (older / "1").write_bytes(b"half")
    opened()
    assert not older.exists()


async def test_a_named_file_without_a_row_is_swept_and_told(store, opened, tmp_path, log):
    await store.put(ObjectName("b", "k"), FakeContent(b"x" * 100_000), ME)
    await store.close()
    (kept,) = [p for p in (tmp_path / "data" / "blobs").rglob("*") if p.is_file()]
    stray = kept.with_name(f"{int(kept.name, 16) + 1:012x}")
    stray.write_bytes(b"never committed")
    opened()
    assert kept.exists()
    assert not stray.exists()
    assert "1 files" in log[-1]


def test_only_the_owner_may_read_the_folder(store, tmp_path):
    for path in (tmp_path / "data", *(tmp_path / "data").rglob("*")):
        assert path.stat().st_mode & 0o077 == 0, path


def test_fsck_refuses_what_is_no_data_folder(tmp_path):
    with pytest.raises(CannotOpen, match="no data folder"):
        fsck(str(tmp_path), digests=DIGESTS)
    assert list(tmp_path.iterdir()) == []

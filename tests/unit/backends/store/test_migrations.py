"""Does a folder of an older format become one of ours, with everything in it?"""

import contextlib
import os

import apsw
import pytest

from bucketport.backends.store.base import Settings
from bucketport.backends.store.fsck import fsck
from bucketport.backends.store.index import schema
from bucketport.backends.store.store import StorageFigures
from bucketport.model import BucketInfo, ObjectName
from bucketport.options import NO_CONDITIONS, WHOLE, CompleteOptions, CopyOptions, PutOptions, UploadOptions
from bucketport.testing.contracts.base import collect
from bucketport.testing.fakes import DIGESTS, FakeContent

ME = PutOptions("me")
LARGE = os.urandom(100_000)

SINCE_1 = {
    "buckets": ("cors", "dedup"),
    "current": ("inline",),
    "versions": ("inline",),
    "inline": ("refs", "sha256"),
    "blobs": ("objects", "sha256"),
    "manifests": ("size", "sha256", "inline", "blob", "same"),
    "parts": ("at",),
}


def make_format_1(path):
    """Take from an index of format 2 what format 1 did not have; it must then be as format 1 made it."""
    with contextlib.closing(apsw.Connection(str(path))) as connection:
        for table in ("inline", "blobs", "manifests"):
            connection.execute(f"DROP INDEX {table}_by_sha256")
        for table in ("unmerged", "totals"):
            connection.execute(f"DROP TABLE {table}")
        for table, columns in SINCE_1.items():
            for column in columns:
                connection.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
        connection.pragma("user_version", 1)
        fresh = apsw.Connection(":memory:")
        fresh.execute(schema.MIGRATIONS[0])
        assert layout(connection) == layout(fresh)


def layout(connection):
    tables = connection.execute("SELECT name FROM sqlite_schema WHERE name NOT LIKE 'sqlite_stat%'").fetchall()
    return {name: connection.execute(f"PRAGMA table_xinfo({name})").fetchall() for (name,) in tables}


@pytest.fixture
def filled(opened, runner, tmp_path):
    """A folder of format 1 with content of every kind; gives the figures that it had."""

    async def fill():
        store = opened(settings=Settings(part_minimum=1))
        await store.create_bucket(BucketInfo("b", "me", 1))
        for key, content in (("small", b"small content"), ("empty", b""), ("large", LARGE)):
            await store.put(ObjectName("b", key), FakeContent(content), ME)
        begun = await store.create_upload(ObjectName("b", "parts"), UploadOptions(ME))
        parts = [
            await store.put_part(begun, n, FakeContent(half)) for n, half in ((1, LARGE[:50_000]), (2, LARGE[50_000:]))
        ]
        await store.complete(begun, CompleteOptions(parts))
        for key in ("large", "parts"):
            await store.copy(ObjectName("b", key), WHOLE, ObjectName("b", key + "2"), CopyOptions("me"))
        begun = await store.create_upload(ObjectName("b", "unfinished"), UploadOptions(ME))
        await store.put_part(begun, 1, FakeContent(b"part"))
        figures = store.storage()
        await store.close()
        make_format_1(tmp_path / "data" / "index.sqlite")
        return figures

    return runner.run(fill())


async def test_a_folder_of_format_1_is_migrated(filled, opened, tmp_path):
    store = opened(settings=Settings(part_minimum=1))
    assert store.storage() == filled == StorageFigures(6, 4, 13 + 200_000, 13 + 400_000, exact=True)
    for key, content in (("small", b"small content"), ("large2", LARGE), ("parts2", LARGE), ("empty", b"")):
        assert await collect((await store.get(ObjectName("b", key), WHOLE)).body) == content
    await store.close()
    report = fsck(str(tmp_path / "data"), digests=DIGESTS, deep=True)
    assert (report.findings, report.objects) == ((), 6)


async def test_a_migrated_folder_takes_all_that_is_new(filled, opened, tmp_path):
    store = opened(settings=Settings(part_minimum=1))
    assert (await store.bucket("b")).cors == ""
    await store.put_bucket_cors("b", "[]")
    await store.set_dedup("b")
    for key in ("new", "new2"):
        await store.put(ObjectName("b", key), FakeContent(LARGE), ME)
    for key in ("large", "large2", "parts", "small"):
        await store.delete(ObjectName("b", key), None, NO_CONDITIONS)
    assert store.storage() == StorageFigures(4, 3, 200_000, 300_000, exact=True)
    await store.close()
    assert fsck(str(tmp_path / "data"), digests=DIGESTS, deep=True).findings == ()

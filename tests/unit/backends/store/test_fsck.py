"""Which damage does fsck find? Every kind, and none where there is none."""

import contextlib
import os

import apsw
import pytest

from bucketport.backends.store.fsck import fsck
from bucketport.model import ObjectName
from bucketport.options import NO_CONDITIONS, WHOLE, CompleteOptions, CopyOptions, PutOptions, UploadOptions
from bucketport.testing.contracts.base import collect
from bucketport.testing.fakes import DIGESTS, FakeContent

ME = PutOptions("me")
MIB = 1 << 20


@pytest.fixture
def filled(store, runner, tmp_path):
    """A closed store with content of every kind; gives its folder."""

    async def fill():
        await store.put(ObjectName("b", "inline"), FakeContent(b"inline"), ME)
        await store.put(ObjectName("b", "empty"), FakeContent(b""), ME)
        await store.put(ObjectName("b", "blob"), FakeContent(os.urandom(2 * MIB + 7)), ME)
        await store.copy(ObjectName("b", "blob"), WHOLE, ObjectName("b", "copy"), CopyOptions("me"))
        begun = await store.create_upload(ObjectName("b", "parts"), UploadOptions(ME))
        parts = [await store.put_part(begun, n, FakeContent(b"x" * (5 * MIB + n))) for n in (1, 2, 5)]
        await store.complete(begun, CompleteOptions(parts))
        await store.copy(ObjectName("b", "parts"), WHOLE, ObjectName("b", "parts2"), CopyOptions("me"))
        begun = await store.create_upload(ObjectName("b", "unfinished"), UploadOptions(ME))
        await store.put_part(begun, 3, FakeContent(b"part"))
        await store.put(ObjectName("b", "gone"), FakeContent(os.urandom(MIB)), ME)
        await store.delete(ObjectName("b", "gone"), None, NO_CONDITIONS)
        await store.set_dedup("b")
        for key in ("inline", "blob"):
            content = await collect((await store.get(ObjectName("b", key), WHOLE)).body)
            await store.put(ObjectName("b", "shared " + key), FakeContent(content), ME)
        for key in ("merged", "merged2"):
            begun = await store.create_upload(ObjectName("b", key), UploadOptions(ME))
            await store.complete(begun, CompleteOptions([await store.put_part(begun, 1, FakeContent(b"m" * 40_000))]))
        await store.merged()
        await store.close()

    runner.run(fill())
    return tmp_path / "data"


def blobs(folder):
    return sorted((p for p in (folder / "blobs").rglob("*") if p.is_file()), key=lambda p: p.stat().st_size)


def test_a_sound_store_has_no_findings(filled):
    for deep in (False, True):
        report = fsck(str(filled), digests=DIGESTS, deep=deep)
        assert report.findings == ()
        assert (report.buckets, report.objects, report.blobs, report.manifests) == (1, 10, 7, 4)
        assert report.leftovers <= 1
    assert report.bytes_read == 2 * (2 * MIB + 7) + 3 * 5 * MIB + 8 + 4 + 2 * 6 + 40_000


@pytest.mark.parametrize(
    ("damage", "kind"),
    [
        ("UPDATE blobs SET refs=refs+1 WHERE size=4", "wrong reference count"),
        ("DELETE FROM current WHERE key=CAST('copy' AS BLOB)", "wrong reference count"),
        ("DELETE FROM blobs WHERE size=4", "unknown blob"),
        ("INSERT OR IGNORE INTO garbage_blobs SELECT id FROM blobs WHERE size=4", "living garbage"),
        ("UPDATE manifests SET refs=refs+1", "wrong reference count"),
        ("DELETE FROM manifests", "unknown manifest"),
        ("DELETE FROM parts WHERE number=2", "wrong manifest"),
        ("UPDATE parts SET start=start+1 WHERE number=5", "wrong manifest"),
        ("UPDATE current SET size=size+1 WHERE key=CAST('blob' AS BLOB)", "wrong size"),
        ("UPDATE parts SET size=size+1 WHERE number=3", "wrong size"),
        ("UPDATE blobs SET crcs=x'00' WHERE size=4", "wrong size"),
        ("DELETE FROM inline", "lost content"),
        ("INSERT INTO inline(id, content) VALUES (999999, x'00')", "stray content"),
        ("UPDATE buckets SET objects=objects+1", "wrong totals"),
        ("UPDATE uploads SET bucket=77", "unknown bucket"),
        ("UPDATE blobs SET objects=objects+1 WHERE size=4", "wrong reference count"),
        ("UPDATE inline SET refs=refs+1 WHERE sha256 IS NOT NULL", "wrong reference count"),
        ("UPDATE inline SET sha256=x'00' WHERE sha256 IS NULL", "wrong reference count"),
        ("DELETE FROM inline WHERE sha256 IS NOT NULL", "unknown content"),
        ("UPDATE manifests SET size=1 WHERE same IS NOT NULL", "wrong manifest"),
        ("UPDATE manifests SET size=size+1 WHERE sha256 IS NOT NULL", "wrong merge"),
        ("UPDATE manifests SET same=id WHERE same IS NOT NULL", "wrong merge"),
        ("UPDATE manifests SET same=NULL WHERE same IS NOT NULL", "wrong size"),
        ("UPDATE manifests SET sha256=x'00' WHERE same IS NOT NULL", "wrong merge"),
        ("INSERT INTO unmerged VALUES (999999)", "wrong merge"),
        ("UPDATE blobs SET sha256=(SELECT max(sha256) FROM inline) WHERE size=4", "wrong merge"),
        ("UPDATE totals SET bytes=bytes+1", "wrong totals"),
        ("UPDATE totals SET empty=empty+1", "wrong totals"),
    ],
)
def test_a_damaged_row_is_found(filled, damage, kind):
    with contextlib.closing(apsw.Connection(str(filled / "index.sqlite"))) as connection:
        connection.execute(damage)
        assert connection.total_changes() > 0
    report = fsck(str(filled), digests=DIGESTS)
    assert kind in [finding.kind for finding in report.findings]
    assert not report.sound


def test_a_missing_and_a_short_file_are_found(filled):
    smallest, _, largest, *_ = blobs(filled)
    smallest.unlink()
    os.truncate(largest, 1000)
    report = fsck(str(filled), digests=DIGESTS)
    assert {finding.place for finding in report.findings} == {str(smallest), str(largest)}


def test_a_wrong_byte_is_found_by_reading_deep(filled):
    largest = blobs(filled)[-1]
    with open(largest, "r+b") as file:
        file.seek(3 * MIB)
        file.write(b"y")
    assert fsck(str(filled), digests=DIGESTS).sound
    (finding,) = fsck(str(filled), digests=DIGESTS, deep=True).findings
    assert (finding.kind, finding.place) == ("damaged blob", str(largest))
    assert "MiB 3" in finding.detail


def test_wrong_inline_content_is_found_by_reading_deep(filled):
    with contextlib.closing(apsw.Connection(str(filled / "index.sqlite"))) as connection:
        connection.execute("UPDATE inline SET content=CAST('Inline' AS BLOB) WHERE sha256 IS NULL")
    (finding,) = fsck(str(filled), digests=DIGESTS, deep=True).findings
    assert (finding.kind, finding.place) == ("damaged content", "inline")


@pytest.mark.parametrize("table", ["inline", "blobs", "manifests"])
def test_a_recorded_hash_of_other_content_is_found_by_reading_deep(filled, table):
    with contextlib.closing(apsw.Connection(str(filled / "index.sqlite"))) as connection:
        connection.execute(f"UPDATE {table} SET sha256=randomblob(32) WHERE sha256 IS NOT NULL")
    assert fsck(str(filled), digests=DIGESTS).sound
    (finding,) = fsck(str(filled), digests=DIGESTS, deep=True).findings
    assert finding.kind == "wrong hash"


def test_a_file_without_a_row_is_a_leftover(filled):
    before = fsck(str(filled), digests=DIGESTS).leftovers
    path = blobs(filled)[0]
    path.with_name("0000000fffff").write_bytes(b"stray")
    report = fsck(str(filled), digests=DIGESTS)
    assert (report.sound, report.leftovers) == (True, before + 1)


def test_a_file_in_a_wrong_folder_is_found(filled):
    path = blobs(filled)[0]
    (path.parent.parent / "3ff").mkdir()
    path.rename(path.parent.parent / "3ff" / path.name)
    assert {f.kind for f in fsck(str(filled), digests=DIGESTS).findings} == {"damaged blob", "misplaced file"}

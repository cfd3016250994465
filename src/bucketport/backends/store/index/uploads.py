"""How do changes to multipart uploads become rows?

An upload is a manifest from its first moment: completing hands it to the object as it is, with each part's start.
"""

import itertools
from collections.abc import Sequence

from bucketport.backends.store.index.changes import (
    AbortUpload,
    CompleteUpload,
    CopyPart,
    CreateUpload,
    Outdated,
    PutPart,
    PutParts,
)
from bucketport.backends.store.index.columns import BLOB, ID, Row, checksums_of, info_of
from bucketport.backends.store.index.contents import Kept, keep_manifest, release_manifest
from bucketport.backends.store.index.objects import judge, place, stored
from bucketport.backends.store.index.transaction import Transaction
from bucketport.errors import NoSuchUpload, S3Error
from bucketport.model import Stored
from bucketport.wire.conditions import check_copy

_CREATE = (
    "INSERT INTO uploads(bucket, key, upload_id, started_ms, owner, storage_class, checksum_algorithm, checksum_type, "
    "acl, headers, tags, tags_count, manifest) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)"
)
_THERE = (
    "SELECT 1 FROM uploads WHERE bucket=?1 AND key=?2 AND upload_id=?3 "
    "UNION ALL SELECT 1 FROM completed WHERE upload_id=?3 AND bucket=?1 AND key=?2"
)
_PUT_PART = (
    "INSERT OR REPLACE INTO parts(manifest, number, size, etag, modified_ms, checksums, blob, at) "
    "VALUES (?,?,?,?,?,?,?,?)"
)


def create_upload(tx: Transaction, change: CreateUpload) -> None:
    """The upload's row and its empty manifest."""
    bucket, face = tx.bucket(change.bucket), change.face
    if change.again and tx.row(_THERE, (bucket, change.key, change.upload_id)) is not None:
        return
    manifest = tx.new_id()
    tx.run("INSERT INTO manifests(id, refs, revision) VALUES (?, 1, 0)", (manifest,))
    tx.run(
        _CREATE,
        (
            bucket,
            change.key,
            change.upload_id,
            face.modified_ms,
            face.owner,
            face.storage_class,
            face.checksum_algorithm,
            face.checksum_type,
            face.acl,
            face.headers,
            face.tags,
            face.tags_count,
            manifest,
        ),
    )


def _manifest(tx: Transaction, bucket: int, key: bytes, upload_id: str) -> int:
    row = tx.row("SELECT manifest FROM uploads WHERE bucket=? AND key=? AND upload_id=?", (bucket, key, upload_id))
    if row is None:
        raise NoSuchUpload(fields={"UploadId": upload_id[:200]})
    manifest: int = row[0]
    return manifest


def put_part(tx: Transaction, change: PutPart) -> None:
    """Raises: NoSuchUpload when it was completed or aborted meanwhile."""
    manifest = _manifest(tx, tx.bucket(change.bucket), change.key, change.upload_id)
    blob = change.blob
    if blob is not None:
        tx.add_blob(blob)
    row = (change.number, change.size, change.etag, change.modified_ms, change.checksums, blob and blob.id, None)
    _set_part(tx, manifest, row)


def put_parts(tx: Transaction, change: PutParts) -> Sequence[Exception | None]:
    """Each by itself; the blob is garbage when none of them has a place any more."""
    blob = change.blob
    tx.add_blob(blob, len(change.parts))
    outcomes: list[Exception | None] = []
    for part in change.parts:
        try:
            manifest = _manifest(tx, tx.bucket(part.bucket), part.key, part.upload_id)
        except S3Error as error:
            tx.drop_blob(blob.id)
            outcomes.append(error)
            continue
        row = (part.number, part.size, part.etag, part.modified_ms, part.checksums, blob.id, part.at)
        _set_part(tx, manifest, row)
        outcomes.append(None)
    return outcomes


def _set_part(tx: Transaction, manifest: int, row: Row) -> None:
    old = tx.row("SELECT blob FROM parts WHERE manifest=? AND number=?", (manifest, row[0]))
    tx.run(_PUT_PART, (manifest, *row))
    if old is not None and old[0] is not None:
        tx.drop_blob(old[0])
    tx.run("UPDATE manifests SET revision=revision+1 WHERE id=?", (manifest,))


def copy_part(tx: Transaction, change: CopyPart) -> None:
    """Share the source's blob. Raises: Outdated, NoSuchUpload, PreconditionFailed."""
    source = tx.current(tx.bucket(change.source_bucket), change.source_key)
    if source is None or source[ID] != change.expected or source[BLOB] is None:
        raise Outdated
    check_copy(change.source_conditions, info_of(change.source_key.decode(), source))
    manifest = _manifest(tx, tx.bucket(change.bucket), change.key, change.upload_id)
    tx.hold_blob(source[BLOB])
    row = (change.number, source[0], source[1], change.modified_ms, change.checksums, source[BLOB], None)
    _set_part(tx, manifest, row)


def complete_upload(tx: Transaction, change: CompleteUpload) -> Stored:
    """Raises: NoSuchUpload, Outdated, and what the conditions raise."""
    bucket, key = tx.bucket(change.bucket), change.key
    again = recorded(tx.row(RECORDED, (change.upload_id, bucket, key)), change.named)
    if again is not None:
        return again
    manifest = _manifest(tx, bucket, key, change.upload_id)
    if tx.rows("SELECT revision FROM manifests WHERE id=?", (manifest,))[0][0] != change.revision:
        raise Outdated
    old = judge(tx, bucket, key, change.conditions)
    face = change.face
    if change.numbers:
        _lay_out(tx, manifest, change.numbers, anew=change.loose)
        keep_manifest(tx, manifest, face.size, unmerged=change.dedup)
        kept = Kept(manifest=manifest)
    else:
        release_manifest(tx, manifest)
        kept = Kept()
    place(tx, (bucket, key), face, old, id=tx.new_id(), kept=kept)
    tx.run("DELETE FROM uploads WHERE bucket=? AND key=? AND upload_id=?", (bucket, key, change.upload_id))
    tx.run(
        "INSERT INTO completed(upload_id, bucket, key, done_ms, named, size, etag, modified_ms, checksums, "
        "checksum_type) VALUES (?,?,?,?,?,?,?,?,?,?)",
        (
            change.upload_id,
            bucket,
            key,
            face.modified_ms,
            change.named,
            face.size,
            face.etag,
            face.modified_ms,
            face.checksums,
            face.checksum_type,
        ),
    )
    return stored(face)


RECORDED = (
    "SELECT named, etag, modified_ms, size, checksums, checksum_type, version_id FROM completed "
    "WHERE upload_id=? AND bucket=? AND key=?"
)


def recorded(row: Row | None, named: str) -> Stored | None:
    """The answer that was given when these parts were completed before; None when they were not."""
    if row is None or row[0] != named:
        return None
    return Stored(row[1], row[2], row[3], checksums_of(row[4]), row[5], row[6])


def _lay_out(tx: Transaction, manifest: int, numbers: Sequence[int], *, anew: bool) -> None:
    """Let go of the parts that were not named, give each other one its start, and its place for a number if `anew`."""
    rows = tx.rows("SELECT number, size, blob FROM parts WHERE manifest=? ORDER BY number", (manifest,))
    sizes = {number: size for number, size, _ in rows}
    named = set(numbers)
    for number, _, blob in rows:
        if number not in named:
            tx.run("DELETE FROM parts WHERE manifest=? AND number=?", (manifest, number))
            if blob is not None:
                tx.drop_blob(blob)
    starts = list(itertools.accumulate((sizes[number] for number in numbers), initial=0))
    if not anew or all(number == place for place, number in enumerate(numbers, 1)):
        rows = [(start, manifest, number) for start, number in zip(starts, numbers, strict=False)]
        tx.run_many("UPDATE parts SET start=? WHERE manifest=? AND number=?", rows)
        return
    # By way of negative numbers, so that none meets another that has not moved yet.
    rows = [(-place, starts[place - 1], manifest, number) for place, number in enumerate(numbers, 1)]
    tx.run_many("UPDATE parts SET number=?, start=? WHERE manifest=? AND number=?", rows)
    tx.run("UPDATE parts SET number=-number WHERE manifest=?", (manifest,))


def abort_upload(tx: Transaction, change: AbortUpload) -> None:
    """Raises: NoSuchUpload."""
    bucket = tx.bucket(change.bucket)
    manifest = _manifest(tx, bucket, change.key, change.upload_id)
    tx.run("DELETE FROM uploads WHERE bucket=? AND key=? AND upload_id=?", (bucket, change.key, change.upload_id))
    release_manifest(tx, manifest)

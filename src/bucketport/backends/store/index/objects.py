"""How do changes to objects become rows? Put, delete, copy, tags, ACL."""

from collections.abc import Sequence

from bucketport.backends.store.index import contents
from bucketport.backends.store.index.changes import (
    CopyObject,
    DeleteObjects,
    Face,
    Outdated,
    PutObject,
    PutObjectAcl,
    PutTags,
)
from bucketport.backends.store.index.columns import (
    ID,
    TAGS,
    VERSION_ID,
    Row,
    checksums_of,
    info_of,
)
from bucketport.backends.store.index.transaction import Transaction
from bucketport.errors import NoSuchVersion, S3Error
from bucketport.model import Deleted, Stored
from bucketport.options import NO_CONDITIONS, DeleteItem, WriteConditions
from bucketport.wire.conditions import check_copy, check_write

_PUT = (
    "INSERT OR REPLACE INTO current(bucket, key, size, etag, modified_ms, storage_class, owner, checksum_algorithm, "
    "checksum_type, acl, headers, checksums, tags, tags_count, parts_count, version_id, id, blob, manifest, inline) "
    "VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
)


def place(
    tx: Transaction,
    at: tuple[int, bytes],
    face: Face,
    old: Row | None,
    *,
    id: int,
    kept: contents.Kept,
) -> None:
    """Make the row the current one of the key, in place of `old`, whose content is let go."""
    bucket, key = at
    if old is not None:
        _vanish(tx, old)
        tx.count(bucket, 0, face.size - old[0])
    else:
        tx.count(bucket, 1, face.size)
    if not face.size:
        tx.count_empty(1)
    tx.run(
        _PUT,
        (
            bucket,
            key,
            face.size,
            face.etag,
            face.modified_ms,
            face.storage_class,
            face.owner,
            face.checksum_algorithm,
            face.checksum_type,
            face.acl,
            face.headers,
            face.checksums,
            face.tags,
            face.tags_count,
            face.parts_count,
            None,
            id,
            kept.blob,
            kept.manifest,
            kept.inline,
        ),
    )


def _vanish(tx: Transaction, old: Row) -> None:
    contents.let_go(tx, old)
    if not old[0]:
        tx.count_empty(-1)


def judge(tx: Transaction, bucket: int, key: bytes, conditions: WriteConditions) -> Row | None:
    """What is there now, when the conditions allow to replace it. Raises: PreconditionFailed, NoSuchKey."""
    old = tx.current(bucket, key)
    if conditions is not NO_CONDITIONS and conditions != NO_CONDITIONS:
        check_write(conditions, None if old is None else info_of(key.decode(), old))
    return old


def put_object(tx: Transaction, change: PutObject) -> Stored:
    """The row and its content."""
    bucket = tx.bucket(change.bucket)
    old = judge(tx, bucket, change.key, change.conditions)
    face, blob = change.face, change.blob
    id = tx.new_id()
    if blob is not None:
        kept = contents.keep_blob(tx, blob, change.sha256)
    else:
        kept = contents.keep_inline(tx, id, change.content, change.sha256)
    place(tx, (bucket, change.key), face, old, id=id, kept=kept)
    return stored(face)


def stored(face: Face) -> Stored:
    """The answer to a write."""
    return Stored(face.etag, face.modified_ms, face.size, checksums_of(face.checksums), face.checksum_type)


def delete_objects(tx: Transaction, change: DeleteObjects) -> Sequence[Deleted | Exception]:
    """Each by itself."""
    bucket = tx.bucket(change.bucket)
    outcomes: list[Deleted | Exception] = []
    for item in change.items:
        try:
            outcomes.append(_delete(tx, bucket, item))
        except S3Error as error:
            outcomes.append(error)
    return outcomes


def _delete(tx: Transaction, bucket: int, item: DeleteItem) -> Deleted:
    key = item.key.encode()
    if item.version is not None and item.version != "null":
        raise NoSuchVersion(fields={"Key": item.key, "VersionId": item.version[:200]})
    old = judge(tx, bucket, key, item.conditions)
    if old is not None:
        _vanish(tx, old)
        tx.count(bucket, -1, -old[0])
        tx.run("DELETE FROM current WHERE bucket=? AND key=?", (bucket, key))
    return Deleted(item.version)


def copy_object(tx: Transaction, change: CopyObject) -> Stored:
    """The source is read here, so it cannot go between being seen and being shared."""
    source = tx.version(tx.bucket(change.source_bucket), change.source_key, change.source_version)
    check_copy(change.source_conditions, info_of(change.source_key.decode(), source))
    if change.expected is not None and change.expected != source[ID]:
        raise Outdated
    bucket = tx.bucket(change.bucket)
    old = judge(tx, bucket, change.key, change.conditions)
    face = _copied(change, source)
    id = tx.new_id()
    place(tx, (bucket, change.key), face, old, id=id, kept=contents.share(tx, source, id))
    made = stored(face)
    if source[VERSION_ID] is None:
        return made
    return Stored(
        made.etag, made.modified_ms, made.size, made.checksums, made.checksum_type, source_version_id=source[VERSION_ID]
    )


def _copied(change: CopyObject, source: Row) -> Face:
    size, etag, _, _, _, algorithm, kind, _, headers, checksums, tags, tags_count, parts, *_ = source
    if change.checksum_algorithm:
        algorithm, kind, checksums = change.checksum_algorithm, "FULL_OBJECT", change.checksums
    if change.replace_tags:
        tags, tags_count = change.tags, change.tags_count
    return Face(
        size,
        etag,
        change.modified_ms,
        change.storage_class,
        change.owner,
        algorithm,
        kind,
        change.acl,
        headers if change.headers is None else change.headers,
        checksums,
        tags,
        tags_count,
        parts,
    )


def put_tags(tx: Transaction, change: PutTags) -> str | None:
    """Only the tags change: not the time, not the ETag."""
    bucket = tx.bucket(change.bucket)
    row = tx.version(bucket, change.key, change.version)
    if row[TAGS] != change.tags:
        tx.run(
            "UPDATE current SET tags=?, tags_count=? WHERE bucket=? AND key=?",
            (change.tags, change.tags_count, bucket, change.key),
        )
    version: str | None = row[VERSION_ID]
    return version


def put_object_acl(tx: Transaction, change: PutObjectAcl) -> None:
    """Only the ACL changes."""
    bucket = tx.bucket(change.bucket)
    tx.version(bucket, change.key, change.version)
    tx.run("UPDATE current SET acl=? WHERE bucket=? AND key=?", (change.acl, bucket, change.key))

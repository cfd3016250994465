"""How is the index read? By prepared statements on a connection of the event loop's own thread.

A point read costs a few microseconds, less than a hop to another thread; every statement is run to its end at once, so
that no snapshot stays open and the WAL can be reset.
"""

from typing import Any

import apsw

from bucketport.backends.store.index.columns import INFO, Row
from bucketport.backends.store.index.connect import trouble
from bucketport.errors import NoSuchBucket, NoSuchKey, NoSuchUpload
from bucketport.model import BucketInfo, UploadInfo, UploadName

_OBJECT = ", ".join("c." + name.strip() for name in INFO.split(","))

_HEAD = f"SELECT {_OBJECT} FROM buckets b LEFT JOIN current c ON c.bucket=b.id AND c.key=?2 WHERE b.name=?1"
_GET = (
    f"SELECT {_OBJECT}, i.content FROM buckets b LEFT JOIN current c ON c.bucket=b.id AND c.key=?2 "
    "LEFT JOIN manifests m ON m.id=c.manifest LEFT JOIN inline i ON i.id=coalesce(c.inline, m.inline, c.id) "
    "WHERE b.name=?1"
)
_BUCKET = "SELECT name, owner, created_ms, region, acl, cors FROM buckets"
_PART = "SELECT number, size, etag, modified_ms, checksums, start, blob, coalesce(at, 0) FROM parts"
_SPANS = (
    "SELECT blob, start, size, coalesce(at, 0), CASE WHEN at IS NULL THEN size ELSE "
    "(SELECT size FROM blobs WHERE id=blob) END FROM parts WHERE manifest=?1 AND start < ?3 AND start >= "
    "(SELECT max(start) FROM parts WHERE manifest=?1 AND start <= ?2) ORDER BY start, number"
)
_UPLOAD = (
    "SELECT u.manifest, u.owner, u.started_ms, u.storage_class, u.checksum_algorithm, u.checksum_type, u.acl, "
    "u.headers, u.tags, u.tags_count, m.revision FROM buckets b JOIN uploads u ON u.bucket=b.id "
    "JOIN manifests m ON m.id=u.manifest WHERE b.name=? AND u.key=? AND u.upload_id=?"
)


class Reader:
    """A read connection. One thread uses it. Every method raises BackendError when SQLite cannot read."""

    def __init__(self, connection: apsw.Connection, path: str) -> None:
        self.connection, self._path = connection, path
        self._execute = connection.cursor().execute

    def rows(self, sql: str, values: tuple[Any, ...] = ()) -> list[Row]:
        """All rows of a query."""
        try:
            return self._execute(sql, values).fetchall()
        except apsw.Error as error:
            raise trouble(error, self._path) from error

    def head(self, bucket: str, key: str) -> Row:
        """An object's row: the columns of `INFO`. Raises: NoSuchBucket, NoSuchKey."""
        rows = self.rows(_HEAD, (bucket, key.encode()))
        if not rows or rows[0][0] is None:
            raise _missing(bucket, key, rows)
        return rows[0]

    def get(self, bucket: str, key: str) -> Row:
        """An object's row and its inline content (None where it has none, though a row with a manifest may have some).

        Raises: NoSuchBucket, NoSuchKey.
        """
        rows = self.rows(_GET, (bucket, key.encode()))
        if not rows or rows[0][0] is None:
            raise _missing(bucket, key, rows)
        return rows[0]

    def begin(self) -> None:
        """See one state of the index until `end`."""
        self.rows("BEGIN")

    def end(self) -> None:
        """See the newest state again."""
        self.rows("COMMIT")

    def spans(self, manifest: int, start: int, stop: int) -> list[Row]:
        """Parts of a completed object that hold bytes of a range, in order: the blob, where the part begins in the
        object, its size, where it begins in the blob, the blob's size."""
        return self.rows(_SPANS, (manifest, start, stop))

    def holder(self, manifest: int) -> tuple[int | None, int]:
        """What holds the bytes of a completed manifest, unless they are inline: a blob, or else a manifest."""
        rows = self.rows("SELECT blob, coalesce(same, id) FROM manifests WHERE id=?", (manifest,))
        return rows[0] if rows else (None, manifest)

    def part(self, manifest: int, number: int) -> Row | None:
        """One part: number, size, etag, modified_ms, checksums, start, blob."""
        rows = self.rows(_PART + " WHERE manifest=? AND number=?", (manifest, number))
        return rows[0] if rows else None

    def parts(self, manifest: int, after: int, limit: int) -> list[Row]:
        """Parts with a number above `after`, in order: columns as `part`."""
        return self.rows(_PART + " WHERE manifest=? AND number>? ORDER BY number LIMIT ?", (manifest, after, limit))

    def upload(self, upload: UploadName) -> Row:
        """An upload's row: manifest, owner, started_ms, storage_class, checksum_algorithm, checksum_type, acl, headers,
        tags, tags_count, revision. Raises: NoSuchBucket, NoSuchUpload."""
        rows = self.rows(_UPLOAD, (upload.bucket, upload.key.encode(), upload.upload_id))
        if not rows:
            self.bucket(upload.bucket)
            raise NoSuchUpload(fields={"UploadId": upload.upload_id[:200]})
        return rows[0]

    def bucket(self, name: str) -> BucketInfo:
        """Raises: NoSuchBucket."""
        rows = self.rows(_BUCKET + " WHERE name=?", (name,))
        if not rows:
            raise NoSuchBucket(fields={"BucketName": name})
        return BucketInfo(*rows[0])

    def bucket_number(self, name: str) -> int:
        """Raises: NoSuchBucket."""
        rows = self.rows("SELECT id FROM buckets WHERE name=?", (name,))
        if not rows:
            raise NoSuchBucket(fields={"BucketName": name})
        number: int = rows[0][0]
        return number

    def buckets(self, owner: str | None, prefix: str, after: str, limit: int) -> list[BucketInfo]:
        """Buckets by name, those of an owner or everybody's."""
        mine, values = ("", ()) if owner is None else (" AND owner=?", (owner,))
        sql = f"{_BUCKET} WHERE name>? AND substr(name, 1, ?)=?{mine} ORDER BY name LIMIT ?"
        return [BucketInfo(*row) for row in self.rows(sql, (after, len(prefix), prefix, *values, limit))]

    def totals(self) -> tuple[int, int, int]:
        """(buckets, objects, bytes) of the whole store."""
        row = self.rows("SELECT count(*), coalesce(sum(objects), 0), coalesce(sum(bytes), 0) FROM buckets")[0]
        return row[0], row[1], row[2]

    def contents(self) -> tuple[int, int, int]:
        """(distinct contents of objects, their bytes, objects of no bytes) of the whole store."""
        row = self.rows("SELECT contents, bytes, empty FROM totals")[0]
        return row[0], row[1], row[2]

    def bucket_totals(self, name: str) -> tuple[int, int]:
        """(objects, bytes) of a bucket. Raises: NoSuchBucket."""
        rows = self.rows("SELECT objects, bytes FROM buckets WHERE name=?", (name,))
        if not rows:
            raise NoSuchBucket(fields={"BucketName": name})
        return rows[0][0], rows[0][1]

    def dedup(self, name: str) -> bool | None:
        """Whether equal content is kept once in the bucket; None when there is no such bucket."""
        rows = self.rows("SELECT dedup FROM buckets WHERE name=?", (name,))
        return bool(rows[0][0]) if rows else None

    def unmerged(self, after: int) -> Row | None:
        """The next manifest above `after` that waits to be merged: its number, its size, whether it names other content
        already."""
        rows = self.rows(
            "SELECT m.id, m.size, coalesce(m.inline, m.blob, m.same) IS NOT NULL FROM unmerged u "
            "JOIN manifests m ON m.id=u.manifest WHERE u.manifest>? ORDER BY u.manifest LIMIT 1",
            (after,),
        )
        return rows[0] if rows else None

    def garbage_blobs(self, after: int, limit: int) -> list[int]:
        """Blobs whose files may go, by number."""
        return [
            row[0] for row in self.rows("SELECT id FROM garbage_blobs WHERE id>? ORDER BY id LIMIT ?", (after, limit))
        ]

    def garbage_manifests(self, limit: int) -> list[int]:
        """Manifests that are to be taken apart."""
        return [row[0] for row in self.rows("SELECT id FROM garbage_manifests ORDER BY id LIMIT ?", (limit,))]

    def blobs(self, after: int, limit: int) -> list[Row]:
        """(id, size, crcs, SHA-256 or None) of blobs with a number above `after`."""
        return self.rows("SELECT id, size, crcs, sha256 FROM blobs WHERE id>? ORDER BY id LIMIT ?", (after, limit))

    def crcs(self, blob: int) -> bytes | None:
        """The CRCs of a blob's segments; None when the blob is gone."""
        rows = self.rows("SELECT crcs FROM blobs WHERE id=?", (blob,))
        return rows[0][0] if rows else None


def upload_info(upload: UploadName, row: Row) -> UploadInfo:
    """The upload of a row that `Reader.upload` gave."""
    return UploadInfo(upload, row[1], row[2], row[3], row[4], row[5])


def _missing(bucket: str, key: str, rows: list[Row]) -> Exception:
    if not rows:
        return NoSuchBucket(fields={"BucketName": bucket})
    return NoSuchKey(fields={"Key": key})

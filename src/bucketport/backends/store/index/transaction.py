"""What do changes have in common, inside one commit? Finding rows, letting content go, counting.

A change judges first and writes after, so one that fails has written nothing and the others of its commit stand.
Reference counts change here and nowhere else.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import apsw

from bucketport.backends.store.blobs.shelf import Blob
from bucketport.backends.store.index.columns import INFO, Row
from bucketport.errors import NoSuchBucket, NoSuchKey, NoSuchVersion

_RESERVED = 1 << 20
"""Ids reserved at once: a start after a crash skips what is left of them, and an id is never given twice."""

_CURRENT = f"SELECT {INFO} FROM current WHERE bucket=? AND key=?"


class Transaction:
    """One commit under way. Made once per writer; `begin` and `finish` bound each use."""

    def __init__(self, connection: apsw.Connection) -> None:
        self.connection = connection
        self._cursor = connection.cursor()
        self._execute: Callable[..., apsw.Cursor] = self._cursor.execute
        self._buckets: dict[str, int] = {}
        self._counts: dict[int, list[int]] = {}
        self._contents = self._bytes = self._empty = 0
        self._next = self._limit = 0
        self.garbage = False

    def begin(self) -> None:
        """Start."""
        self._counts.clear()
        self._contents = self._bytes = self._empty = 0
        self.garbage = False
        self._execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """Write the counts, and make all of it durable."""
        for bucket, (objects, size) in self._counts.items():
            self._execute("UPDATE buckets SET objects=objects+?, bytes=bytes+? WHERE id=?", (objects, size, bucket))
        if self._contents or self._bytes or self._empty:
            self._execute(
                "UPDATE totals SET contents=contents+?, bytes=bytes+?, empty=empty+?",
                (self._contents, self._bytes, self._empty),
            )
        self._execute("COMMIT")

    def rollback(self) -> None:
        """Undo all of it, and forget what was only believed."""
        self._buckets.clear()
        self._next = self._limit = 0
        self.garbage = False
        if self.connection.in_transaction:
            self._execute("ROLLBACK")

    def run(self, sql: str, values: Sequence[Any] = ()) -> None:
        """Execute a statement that gives nothing."""
        self._execute(sql, values)

    def run_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Execute a statement for each row."""
        self._cursor.executemany(sql, rows)

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        """All rows of a query."""
        return self._execute(sql, values).fetchall()

    def row(self, sql: str, values: Sequence[Any] = ()) -> Row | None:
        """The first row of a query."""
        found = self._execute(sql, values).fetchall()
        return found[0] if found else None

    def new_id(self) -> int:
        """A number that no row ever had."""
        if self._next == self._limit:
            self._next = self.rows("SELECT value FROM counters WHERE name='next_id'")[0][0]
            self._limit = self._next + _RESERVED
            self.run("UPDATE counters SET value=? WHERE name='next_id'", (self._limit,))
        self._next += 1
        return self._next - 1

    def bucket(self, name: str) -> int:
        """A bucket's number. Raises: NoSuchBucket."""
        number = self._buckets.get(name)
        if number is None:
            row = self.row("SELECT id FROM buckets WHERE name=?", (name,))
            if row is None:
                raise NoSuchBucket(fields={"BucketName": name})
            number = self._buckets[name] = row[0]
        return number

    def forget_buckets(self) -> None:
        """After one was removed."""
        self._buckets.clear()

    def current(self, bucket: int, key: bytes) -> Row | None:
        """The row of a key: the columns of `INFO`."""
        found = self._execute(_CURRENT, (bucket, key)).fetchall()
        return found[0] if found else None

    def version(self, bucket: int, key: bytes, version: str | None) -> Row:
        """The row of a key's version. Raises: NoSuchKey, NoSuchVersion."""
        row = self.current(bucket, key)
        if row is None:
            raise NoSuchKey(fields={"Key": key.decode()})
        if version is not None and version != "null":
            raise NoSuchVersion(fields={"Key": key.decode(), "VersionId": version[:200]})
        return row

    def count(self, bucket: int, objects: int, size: int) -> None:
        """Add to a bucket's objects and bytes."""
        counts = self._counts.setdefault(bucket, [0, 0])
        counts[0] += objects
        counts[1] += size

    def count_content(self, contents: int, size: int) -> None:
        """Add to the store's distinct contents of objects, and to their bytes."""
        self._contents += contents
        self._bytes += size

    def count_empty(self, objects: int) -> None:
        """Add to the store's objects of no bytes."""
        self._empty += objects

    def add_blob(self, blob: Blob, refs: int = 1) -> None:
        """A row for a blob that so many places refer to, as parts."""
        row = (blob.id, blob.size, refs, blob.crcs)
        self._execute("INSERT INTO blobs(id, size, refs, crcs) VALUES (?, ?, ?, ?)", row)

    def hold_blob(self, blob: int) -> None:
        """One place more refers to it, as a part."""
        self._execute("UPDATE blobs SET refs=refs+1 WHERE id=?", (blob,))

    def drop_blob(self, blob: int) -> None:
        """One place less refers to it as a part; after the last it is garbage."""
        row = self.row("UPDATE blobs SET refs=refs-1 WHERE id=? RETURNING refs", (blob,))
        if row is None or row[0] > 0:
            return
        self.bury_blob(blob)

    def bury_blob(self, blob: int) -> None:
        """It is garbage now: its row goes, the janitor removes its file."""
        self._execute("DELETE FROM blobs WHERE id=?", (blob,))
        self._execute("INSERT INTO garbage_blobs(id) VALUES (?)", (blob,))
        self.garbage = True

"""Which events do webhooks still have to be told? Those in a table of the file that holds the sessions, so that an
event is made in the transaction that commits its session. Their ids sort by the time at which they were made.
"""

from collections.abc import Sequence

import apsw

from bucketport.registry import sqlite_upload_rows as rows
from bucketport.registry.sqlite_file import in_words
from bucketport.registry.sqlite_thread import WriterThread
from bucketport.sessions import Event


class SqliteOutbox:
    """`sessions.Outbox`; `registry.sqlite_uploads.SqliteSessions` opens it."""

    def __init__(self, reads: apsw.Connection, writer: WriterThread, path: str) -> None:
        self._reads, self._writer, self._path = reads, writer, path

    async def due(self, now_ms: int, limit: int) -> Sequence[Event]:
        """As `Outbox.due`."""
        with in_words(self._path):
            found = self._reads.execute(
                f"SELECT {rows.EVENT} FROM events WHERE done_ms = 0 AND failed = 0 AND due_ms <= ? "
                "ORDER BY due_ms, id LIMIT ?",
                (now_ms, limit),
            )
            return [rows.read_event(row) for row in found]

    async def save(self, event: Event) -> None:
        """As `Outbox.save`."""

        def work(connection: apsw.Connection) -> None:
            connection.execute(rows.UPSERT_EVENT, rows.write_event(event))

        await self._writer.run(work)

    async def events(self, after: str, limit: int) -> Sequence[Event]:
        """As `Outbox.events`; the event of that id need not be there any more."""
        with in_words(self._path):
            found = self._reads.execute(
                f"SELECT {rows.EVENT} FROM events WHERE id > ? ORDER BY id LIMIT ?", (after, limit)
            )
            return [rows.read_event(row) for row in found]

    async def event(self, event_id: str) -> Event | None:
        """As `Outbox.event`."""
        with in_words(self._path):
            found = self._reads.execute(f"SELECT {rows.EVENT} FROM events WHERE id = ?", (event_id,)).fetchall()
            return rows.read_event(found[0]) if found else None

    async def forget(self, before_ms: int) -> int:
        """As `Outbox.forget`."""

        def work(connection: apsw.Connection) -> int:
            connection.execute("DELETE FROM events WHERE (done_ms > 0 OR failed = 1) AND made_ms < ?", (before_ms,))
            return int(connection.changes())

        return await self._writer.run(work)

    def close(self) -> None:
        """Let the file go, once what was asked for is done. Blocks."""
        self._writer.close()
        self._reads.close()

"""Which upload sessions are there, and which webhooks are to be told? Those in FOLDER/uploads.sqlite.

The server and commands write it, each through a thread of its own, and what a call returns is on the disk. Reads of one
row are made where they are asked for: they cost 2 to 8 microseconds, a thread hop 60 to 140 (measured 2026-11).
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import apsw

from bucketport.errors import NoSuchUpload
from bucketport.record import record
from bucketport.registry import sqlite_upload_rows as rows
from bucketport.registry.sqlite_file import in_words, open_file
from bucketport.registry.sqlite_outbox import SqliteOutbox
from bucketport.registry.sqlite_thread import WriterThread
from bucketport.sessions import Draft, Event, Lane, Outcome, Session

NAME = "uploads.sqlite"


_COUNTS = (
    "SELECT count(*) FROM sessions",
    "SELECT count(*) FROM events WHERE done_ms = 0 AND failed = 0",
    "SELECT count(*) FROM events WHERE failed = 1",
)


@record
class Counts:
    """Sessions that are kept, committed ones among them; events that wait to be told, and those that were given up."""

    sessions: int = 0
    waiting: int = 0
    failed: int = 0


class SqliteSessions(SqliteOutbox):
    """`sessions.Sessions` and `sessions.Outbox` in the folder at `path`, which is made when absent (mode 0700).

    Any number of processes may have it open. `close` it at the end. Raises: BackendError when the file cannot be used;
    its detail is a sentence for whoever started the command.
    """

    def __init__(self, path: str) -> None:
        file = f"{path}/{NAME}"
        with in_words(file):
            writes, reads = (open_file(path, file, rows.LAYOUT) for _ in range(2))
        super().__init__(reads, WriterThread(writes, file), file)

    async def add(self, session: Session) -> Session:
        """As `Sessions.add`."""

        def work(connection: apsw.Connection) -> Session:
            connection.execute(rows.INSERT_SESSION, rows.write_session(session))
            return _session(connection, session.id) or session

        return await self._writer.run(work)

    async def find(self, session_id: str) -> Session | None:
        """As `Sessions.find`."""
        with in_words(self._path):
            return _session(self._reads, session_id)

    async def list(self, after: str, limit: int, bucket: str | None = None) -> Sequence[Session]:
        """As `Sessions.list`."""

        def work(connection: apsw.Connection) -> Sequence[Session]:
            within, bindings = "", [after, limit]
            if bucket is not None:
                within, bindings = "AND bucket = ?3", [after, limit, bucket]
            statement = f"SELECT {rows.SESSION} FROM sessions WHERE id > ?1 {within} ORDER BY id LIMIT ?2"
            return [rows.read_session(row) for row in connection.execute(statement, bindings)]

        return await self._writer.run(work)

    async def set_draft(self, session_id: str, draft: Draft) -> Session | None:
        """As `Sessions.set_draft`."""

        def work(connection: apsw.Connection) -> Session | None:
            connection.execute(
                "UPDATE sessions SET upload_id = ?2, staged = ?3 WHERE id = ?1 AND upload_id IS NULL",
                (session_id, draft.upload_id, draft.staged),
            )
            return _session(connection, session_id)

        return await self._writer.run(work)

    async def commit(self, session_id: str, outcome: Outcome, event: Event | None) -> Session | None:
        """As `Sessions.commit`."""

        def work(connection: apsw.Connection) -> Session | None:
            connection.execute(
                "UPDATE sessions SET outcome = ?2 WHERE id = ?1 AND outcome IS NULL",
                (session_id, rows.write_outcome(outcome)),
            )
            if connection.changes() and event is not None:
                connection.execute(rows.INSERT_EVENT, rows.write_event(event))
            return _session(connection, session_id)

        return await self._writer.run(work)

    async def remove(self, session_id: str, created_ms: int | None = None) -> None:
        """As `Sessions.remove`."""

        def work(connection: apsw.Connection) -> None:
            found = _session(connection, session_id)
            if found is None or created_ms not in (None, found.created_ms):
                return
            connection.execute("DELETE FROM lanes WHERE session = ?", (session_id,))
            connection.execute("DELETE FROM sessions WHERE id = ?", (session_id,))

        await self._writer.run(work)

    async def expired(self, now_ms: int, limit: int, after: tuple[int, str] = (0, "")) -> Sequence[Session]:
        """As `Sessions.expired`."""

        def work(connection: apsw.Connection) -> Sequence[Session]:
            found = connection.execute(
                f"SELECT {rows.SESSION} FROM sessions WHERE (expires_ms, id) > (?1, ?2) AND expires_ms <= ?3 "
                "ORDER BY expires_ms, id LIMIT ?4",
                (*after, now_ms, limit),
            )
            return [rows.read_session(row) for row in found]

        return await self._writer.run(work)

    async def add_lane(self, lane: Lane) -> Lane:
        """As `Sessions.add_lane`. Raises: NoSuchUpload when its session was removed meanwhile."""

        def work(connection: apsw.Connection) -> Lane:
            counted = connection.execute(
                "UPDATE sessions SET lanes = lanes + 1 WHERE id = ? RETURNING lanes", (lane.session,)
            ).fetchall()
            if not counted:
                raise NoSuchUpload
            number: Any = counted[0][0]
            made = dataclasses.replace(lane, number=number)
            connection.execute(rows.INSERT_LANE, rows.write_lane(made))
            return made

        return await self._writer.run(work)

    async def lane(self, session_id: str, number: int) -> Lane | None:
        """As `Sessions.lane`."""
        with in_words(self._path):
            return _lane(self._reads, session_id, number)

    async def lanes(self, session_id: str) -> Sequence[Lane]:
        """As `Sessions.lanes`."""
        with in_words(self._path):
            found = self._reads.execute(
                f"SELECT {rows.LANE} FROM lanes WHERE session = ? ORDER BY number", (session_id,)
            )
            return [rows.read_lane(row) for row in found]

    async def set_length(self, session_id: str, number: int, length: int) -> None:
        """As `Sessions.set_length`."""

        def work(connection: apsw.Connection) -> None:
            connection.execute(
                "UPDATE lanes SET length = ?3 WHERE session = ?1 AND number = ?2", (session_id, number, length)
            )

        await self._writer.run(work)

    async def remove_lane(self, session_id: str, number: int) -> None:
        """As `Sessions.remove_lane`."""

        def work(connection: apsw.Connection) -> None:
            connection.execute("DELETE FROM lanes WHERE session = ? AND number = ?", (session_id, number))

        await self._writer.run(work)

    async def counts(self) -> Counts:
        """How many there are; it costs some milliseconds for each hundred thousand."""

        def work(connection: apsw.Connection) -> Counts:
            return Counts(*(int(str(connection.execute(query).fetchall()[0][0])) for query in _COUNTS))

        return await self._writer.run(work)


def _session(connection: apsw.Connection, session_id: str) -> Session | None:
    for row in connection.execute(f"SELECT {rows.SESSION} FROM sessions WHERE id = ?", (session_id,)).fetchall():
        return rows.read_session(row)
    return None


def _lane(connection: apsw.Connection, session_id: str, number: int) -> Lane | None:
    statement = f"SELECT {rows.LANE} FROM lanes WHERE session = ? AND number = ?"
    for row in connection.execute(statement, (session_id, number)).fetchall():
        return rows.read_lane(row)
    return None

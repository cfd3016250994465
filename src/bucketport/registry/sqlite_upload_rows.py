"""How do sessions, lanes and events look as rows of SQLite?"""

import functools
import json
from typing import Any

from bucketport.registry.sqlite_file import Layout
from bucketport.sessions import ANYTHING, Draft, Event, Lane, Outcome, Session, Terms

Row = tuple[Any, ...]

LAYOUT = Layout(
    1,
    """
CREATE TABLE IF NOT EXISTS sessions (
    id TEXT PRIMARY KEY,
    bucket TEXT NOT NULL,
    key TEXT NOT NULL,
    user TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    terms TEXT NOT NULL,
    headers TEXT NOT NULL,
    webhook TEXT NOT NULL,
    direct INTEGER NOT NULL,
    auto_commit INTEGER NOT NULL,
    total INTEGER NOT NULL,
    upload_id TEXT,
    staged INTEGER NOT NULL,
    outcome TEXT,
    lanes INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS sessions_by_bucket ON sessions (bucket, id);
CREATE INDEX IF NOT EXISTS sessions_by_end ON sessions (expires_ms, id);
CREATE TABLE IF NOT EXISTS lanes (
    session TEXT NOT NULL,
    number INTEGER NOT NULL,
    length INTEGER,
    metadata TEXT NOT NULL,
    partial INTEGER NOT NULL,
    joins TEXT NOT NULL,
    PRIMARY KEY (session, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS events (
    id TEXT PRIMARY KEY,
    made_ms INTEGER NOT NULL,
    session TEXT NOT NULL,
    target TEXT NOT NULL,
    payload TEXT NOT NULL,
    tries INTEGER NOT NULL,
    due_ms INTEGER NOT NULL,
    done_ms INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    trouble TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS events_due ON events (due_ms, id) WHERE done_ms = 0 AND failed = 0;
CREATE INDEX IF NOT EXISTS events_over ON events (made_ms) WHERE done_ms > 0 OR failed = 1
""",
)
"""`sessions.lanes` is the last number that a lane got."""

SESSION = (
    "id, bucket, key, user, created_ms, expires_ms, terms, headers, webhook, direct, auto_commit, total, "
    "upload_id, staged, outcome"
)

LANE = "session, number, length, metadata, partial, joins"

EVENT = "id, made_ms, session, target, payload, tries, due_ms, done_ms, failed, trouble"

INSERT_SESSION = (
    f"INSERT INTO sessions ({SESSION}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
)

INSERT_LANE = f"INSERT INTO lanes ({LANE}) VALUES (?, ?, ?, ?, ?, ?)"

INSERT_EVENT = f"INSERT INTO events ({EVENT}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"

UPSERT_EVENT = (
    f"{INSERT_EVENT} ON CONFLICT (id) DO UPDATE SET "
    "(made_ms, session, target, payload, tries, due_ms, done_ms, failed, trouble) = "
    "(excluded.made_ms, excluded.session, excluded.target, excluded.payload, excluded.tries, excluded.due_ms, "
    "excluded.done_ms, excluded.failed, excluded.trouble)"
)


def write_session(session: Session) -> Row:
    """The columns SESSION."""
    draft = session.draft
    return (
        session.id,
        session.bucket,
        session.key,
        session.user,
        session.created_ms,
        session.expires_ms,
        _write_terms(session.terms),
        json.dumps(dict(session.headers)),
        session.webhook,
        session.direct,
        session.auto_commit,
        session.total,
        draft.upload_id if draft is not None else None,
        draft is not None and draft.staged,
        write_outcome(session.outcome) if session.outcome is not None else None,
    )


def read_session(row: Row) -> Session:
    """From the columns SESSION."""
    (
        session_id, bucket, key, user, created_ms, expires_ms, terms, headers, webhook, direct, auto_commit, total,
        upload_id, staged, outcome,
    ) = row  # fmt: skip
    return Session(
        session_id,
        bucket,
        key,
        user,
        created_ms,
        expires_ms,
        _read_terms(terms),
        json.loads(headers),
        webhook,
        bool(direct),
        bool(auto_commit),
        total,
        Draft(upload_id, bool(staged)) if upload_id is not None else None,
        _read_outcome(outcome) if outcome is not None else None,
    )


def _write_terms(terms: Terms) -> str:
    if terms == ANYTHING:
        return ""
    return json.dumps(
        {
            "size": terms.size,
            "max_size": terms.max_size,
            "content_types": terms.content_types,
            "sha256": terms.sha256,
            "replace": terms.replace,
        }
    )


@functools.lru_cache(maxsize=1024)
def _read_terms(text: str) -> Terms:
    if not text:
        return ANYTHING
    found = json.loads(text)
    return Terms(found["size"], found["max_size"], tuple(found["content_types"]), found["sha256"], found["replace"])


def write_outcome(outcome: Outcome) -> str:
    """The column `outcome`."""
    return json.dumps(
        {
            "etag": outcome.etag,
            "size": outcome.size,
            "modified_ms": outcome.modified_ms,
            "sha256": outcome.sha256,
            "version_id": outcome.version_id,
        }
    )


def _read_outcome(text: str) -> Outcome:
    found = json.loads(text)
    return Outcome(found["etag"], found["size"], found["modified_ms"], found["sha256"], found["version_id"])


def write_lane(lane: Lane) -> Row:
    """The columns LANE."""
    return lane.session, lane.number, lane.length, lane.metadata, lane.partial, json.dumps(lane.joins)


def read_lane(row: Row) -> Lane:
    """From the columns LANE."""
    session, number, length, metadata, partial, joins = row
    return Lane(session, number, length, metadata, bool(partial), tuple(json.loads(joins)))


def write_event(event: Event) -> Row:
    """The columns EVENT."""
    return (
        event.id,
        event.made_ms,
        event.session,
        event.target,
        event.payload,
        event.tries,
        event.due_ms,
        event.done_ms,
        event.failed,
        event.trouble,
    )


def read_event(row: Row) -> Event:
    """From the columns EVENT."""
    event_id, made_ms, session, target, payload, tries, due_ms, done_ms, failed, trouble = row
    return Event(event_id, made_ms, session, target, payload, tries, due_ms, done_ms, bool(failed), trouble)

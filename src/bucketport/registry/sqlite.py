"""Which keys were made while the server ran? Those in FOLDER/state.sqlite, which commands write and the server reads.

A key's secret is stored as it is: a signature is made with the secret itself, so no hash of it would do. The file has
mode 0600 and lies in a folder of mode 0700. It holds little and changes rarely, so the server keeps all of it in memory
and looks once a second whether another process committed (`PRAGMA data_version`).
Source: https://www.sqlite.org/pragma.html#pragma_data_version
"""

import json
from collections.abc import Callable

import apsw

from bucketport.model import Credential, Scope, Secret
from bucketport.record import record
from bucketport.registry.sqlite_file import Layout, in_words, open_file, trouble

FORMAT = 1
"""The `user_version` of the file as this release writes it."""

NAME = "state.sqlite"

EVERY = 1.0
"""Seconds between two looks for changes by others: how late a disabled key is noticed."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS keys (
    access_key TEXT PRIMARY KEY,
    secret TEXT NOT NULL,
    user TEXT NOT NULL,
    enabled INTEGER NOT NULL DEFAULT 1,
    created_at REAL NOT NULL,
    expires_at REAL,
    scopes TEXT
) STRICT, WITHOUT ROWID
"""

_COLUMNS = "access_key, secret, user, enabled, created_at, expires_at, scopes"


@record
class StoredKey:
    """A key with the time it was made at, seconds since 1970."""

    credential: Credential
    created_at: float


class SqliteCredentials:
    """A registry of keys in the folder at `path`. `clock` is seconds that never go back, to look for changes by.

    Raises: BackendError when the file cannot be used; its detail is a sentence for whoever started the command.
    """

    def __init__(self, path: str, clock: Callable[[], float]) -> None:
        self._path, self._clock = f"{path}/{NAME}", clock
        with in_words(self._path):
            self._connection = open_file(path, self._path, Layout(FORMAT, _SCHEMA))
        self._version = -1
        self._by_key: dict[str, StoredKey] = {}
        self._look_at = 0.0
        self._refresh()

    async def find(self, access_key: str) -> Credential | None:
        """The credential, also a disabled or an expired one; None when there is none."""
        if self._clock() >= self._look_at:
            self._refresh()
        found = self._by_key.get(access_key)
        return found.credential if found is not None else None

    def all(self) -> list[StoredKey]:
        """All keys, the oldest first."""
        self._refresh()
        return sorted(self._by_key.values(), key=lambda key: (key.created_at, key.credential.access_key))

    def add(self, credential: Credential, created_at: float) -> bool:
        """Keep a new key; False when there is one of that name."""
        scopes = None if credential.scopes is None else _write_scopes(credential.scopes)
        with in_words(self._path), self._connection:
            self._connection.execute(
                f"INSERT INTO keys ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (
                    credential.access_key,
                    credential.secret.reveal(),
                    credential.user,
                    int(credential.enabled),
                    created_at,
                    credential.expires_at,
                    scopes,
                ),
            )
            added = self._connection.changes() == 1
        self._read()
        return added

    def enable(self, access_key: str, enabled: bool) -> bool:
        """Let a key in, or no more; False when there is none of that name."""
        return self._change("UPDATE keys SET enabled = ?2 WHERE access_key = ?1", (access_key, int(enabled)))

    def remove(self, access_key: str) -> bool:
        """Forget a key; False when there is none of that name."""
        return self._change("DELETE FROM keys WHERE access_key = ?1", (access_key,))

    def close(self) -> None:
        """Let the file go."""
        self._connection.close()

    def _change(self, statement: str, bindings: tuple[str | int, ...]) -> bool:
        with in_words(self._path), self._connection:
            self._connection.execute(statement, bindings)
            changed = self._connection.changes() == 1
        self._read()
        return changed

    def _refresh(self) -> None:
        """Read all keys anew if another process changed any. While that one writes, what is known serves on."""
        self._look_at = self._clock() + EVERY
        try:
            version = self._connection.pragma("data_version")
            if version != self._version:
                self._read()
                self._version = version
        except (apsw.BusyError, apsw.LockedError):
            return
        except apsw.Error as error:
            raise trouble(error, self._path) from error

    def _read(self) -> None:
        rows = self._connection.execute(f"SELECT {_COLUMNS} FROM keys")
        found: dict[str, StoredKey] = {}
        for access_key, secret, user, enabled, created_at, expires_at, scopes in rows:
            credential = Credential(
                access_key,
                Secret(secret),
                user,
                bool(enabled),
                expires_at,
                None if scopes is None else _read_scopes(scopes),
            )
            found[access_key] = StoredKey(credential, created_at)
        self._by_key = found


def _write_scopes(scopes: tuple[Scope, ...]) -> str:
    rows = [
        {"bucket": scope.bucket, "prefixes": list(scope.prefixes), "actions": sorted(scope.actions)} for scope in scopes
    ]
    return json.dumps(rows)


def _read_scopes(text: str) -> tuple[Scope, ...]:
    return tuple(Scope(row["bucket"], tuple(row["prefixes"]), frozenset(row["actions"])) for row in json.loads(text))

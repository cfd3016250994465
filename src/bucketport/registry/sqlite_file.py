"""How is a registry's SQLite file opened, and what do its errors say? One that only its owner can read, whose commits
are on the disk when they return.

Source: https://www.sqlite.org/wal.html, https://www.sqlite.org/pragma.html#pragma_synchronous
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import apsw

from bucketport.errors import BackendError, Trouble
from bucketport.record import record


@record
class Layout:
    """What is in a file: its `user_version` as this release writes it, and the statements that make it of an empty one
    or of an older format."""

    format: int
    schema: str


def open_file(folder: str, path: str, layout: Layout) -> apsw.Connection:
    """The file with its tables, made when absent; nobody but the owner may read it, from its first byte on.

    Raises: BackendError, OSError, apsw.Error: use it within `in_words`.
    """
    os.makedirs(folder, mode=0o700, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    connection = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READWRITE)
    # Without it SQLite may compile a query anew for each set of parameters, which costs more than a point read.
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
    connection.set_busy_timeout(2000)
    connection.pragma("journal_mode", "wal")  # a command that writes never makes the server wait
    connection.pragma("synchronous", "full")
    found = connection.pragma("user_version")
    if found > layout.format:
        raise BackendError(
            Trouble.UNEXPECTED,
            f"{path} has format {found}, which a newer bucketport wrote; this one reads format {layout.format}.",
        )
    if found < layout.format:
        connection.execute(f"BEGIN IMMEDIATE; {layout.schema}; PRAGMA user_version = {layout.format}; COMMIT")
    return connection


@contextmanager
def in_words(path: str) -> Iterator[None]:
    """Make the errors of the disk and of SQLite ones that say which file they are about. Raises: BackendError."""
    try:
        yield
    except OSError as error:
        raise BackendError(Trouble.UNEXPECTED, f"{path}: {error.strerror or error}") from error
    except apsw.Error as error:
        raise trouble(error, path) from error


_KINDS: dict[type[Exception], Trouble] = {
    apsw.FullError: Trouble.FULL,
    apsw.ReadOnlyError: Trouble.READ_ONLY,
    apsw.BusyError: Trouble.TIMEOUT,
}


def trouble(error: apsw.Error, path: str) -> BackendError:
    """The BackendError that says what an error of SQLite means, and which file it is about."""
    return BackendError(_KINDS.get(type(error), Trouble.UNEXPECTED), f"{path}: {error}")

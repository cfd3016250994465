"""Is a server running on this data folder, and where? It says so in FOLDER/server.json while it runs."""

import contextlib
import json
import os
from typing import Any

from bucketport.record import record

NAME = "server.json"


@record
class Presence:
    """A server that runs, or did and was killed: where it is, its process, its certificate's file (empty: no TLS)."""

    url: str
    pid: int
    tls_cert: str = ""


def announce(folder: str, presence: Presence) -> None:
    """Write it down; whole or not at all, for the eyes of the same user only."""
    fresh = f"{folder}/{NAME}.new"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(fresh)
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        certificate = os.path.abspath(presence.tls_cert) if presence.tls_cert else ""
        json.dump({"url": presence.url, "pid": presence.pid, "tls_cert": certificate}, file)
    os.replace(fresh, f"{folder}/{NAME}")


def withdraw(folder: str) -> None:
    """Take it away, if it is still our own."""
    found = find(folder)
    if found is not None and found.pid == os.getpid():
        with contextlib.suppress(OSError):
            os.unlink(f"{folder}/{NAME}")


def find(folder: str) -> Presence | None:
    """What the last server wrote, if its process is still there; None when no server runs."""
    try:
        with open(f"{folder}/{NAME}", encoding="utf-8") as file:
            row: Any = json.load(file)
        found = Presence(str(row["url"]), int(row["pid"]), str(row["tls_cert"]))
        os.kill(found.pid, 0)
    except PermissionError:
        return found  # it is there, and somebody else's
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found

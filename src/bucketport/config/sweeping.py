"""Which upload sessions are there, and which does nobody finish? The registry in a data folder, for commands."""

import asyncio
import contextlib
import os
import time
from collections.abc import Iterator

from bucketport.config.build import Foundation, Surroundings
from bucketport.config.load import Loaded
from bucketport.config.registries import all_buckets
from bucketport.config.trouble import DataUnusable, Failure
from bucketport.config.uploads import SWEPT, UploadsFoundation
from bucketport.errors import BackendError
from bucketport.registry.sqlite_uploads import NAME, SqliteSessions
from bucketport.sessions import Session
from bucketport.uploads.engine import Swept


@contextlib.contextmanager
def sessions_of(folder: str) -> Iterator[SqliteSessions]:
    """The registry in the folder, also while a server runs. Raises: DataUnusable."""
    if not os.path.exists(f"{folder}/{NAME}"):
        raise DataUnusable(f"{folder} holds no uploads: name the data folder with --data, or serve uploads there once.")
    try:
        with contextlib.closing(SqliteSessions(folder)) as registry:
            yield registry
    except BackendError as error:
        raise DataUnusable(f"The uploads in the data folder cannot be used: {error.detail}") from error


def sessions(folder: str, bucket: str | None = None) -> list[Session]:
    """All sessions, or a bucket's, by their ids. Raises: DataUnusable."""
    found: list[Session] = []
    with sessions_of(folder) as registry:
        while page := asyncio.run(registry.list(found[-1].id if found else "", SWEPT, bucket)):
            found += page
    return found


def sweep(loaded: Loaded, *, dry_run: bool) -> Swept:
    """Give up what nobody finished, where no server has the folder; `dry_run` only says what. Raises: Failure."""
    with sessions_of(loaded.settings.server.data):
        return asyncio.run(_sweep(loaded, dry_run=dry_run))


async def _sweep(loaded: Loaded, *, dry_run: bool) -> Swept:
    settings, said = loaded.settings, list[str]()
    foundation = Foundation(settings, Surroundings(time.time, time.monotonic, os.urandom, said.append))
    try:
        foundation.uploads = UploadsFoundation(settings, foundation)
        buckets = all_buckets(loaded, foundation.store, foundation.backends, foundation.started_ms)
        engine = foundation.uploads.prepare(settings, buckets)
        done = await engine.sweep(SWEPT, dry_run=dry_run)
        while not dry_run and len(done.aborted) + len(done.forgotten) >= SWEPT:
            more = await engine.sweep(SWEPT)
            if not more.aborted and not more.forgotten:
                break
            done = Swept(
                done.aborted + more.aborted, done.forgotten + more.forgotten, more.failed, done.bytes + more.bytes
            )
    except BackendError as error:
        raise Failure(f"The sweep could not be finished: {error.detail}.") from error
    finally:
        await foundation.close()
    return done

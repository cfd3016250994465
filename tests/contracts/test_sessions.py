"""The registries of upload sessions keep every promise: the one in memory, and the one in SQLite."""

from collections.abc import Iterator

import pytest

from bucketport.registry.sqlite_uploads import SqliteSessions
from bucketport.testing.contracts.sessions import *  # noqa: F403
from bucketport.testing.sessions import MemorySessions


@pytest.fixture(params=["memory", "sqlite"])
def sessions(request: pytest.FixtureRequest, tmp_path) -> Iterator[MemorySessions | SqliteSessions]:
    if request.param == "memory":
        yield MemorySessions()
        return
    made = SqliteSessions(str(tmp_path / "state"))
    yield made
    made.close()

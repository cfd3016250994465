"""The embedded store keeps every promise, with the file system and SQLite beneath it."""

import asyncio
import pathlib
from collections.abc import Iterator

import pytest

from bucketport.backends.store.base import Settings
from bucketport.backends.store.open import open_store
from bucketport.backends.store.store import Store
from bucketport.testing.contracts import *  # noqa: F403
from bucketport.testing.fakes import DIGESTS, FakeClock, FakeEntropy

PART_MINIMUM = 1000


@pytest.fixture
def part_minimum() -> int:
    return PART_MINIMUM


async def opened(path: pathlib.Path) -> Store:
    settings = Settings(part_minimum=PART_MINIMUM)
    return open_store(str(path), now=FakeClock(step=0.001), entropy=FakeEntropy(), digests=DIGESTS, settings=settings)


@pytest.fixture
def backend(runner: asyncio.Runner, tmp_path: pathlib.Path) -> Iterator[Store]:
    store = runner.run(opened(tmp_path / "data"))
    yield store
    runner.run(store.close())

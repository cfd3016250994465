"""A store in a folder of its own, and async tests that run on the loop of `runner`."""

import asyncio
import contextlib

import pytest

from bucketport.backends.store.open import open_store
from bucketport.model import BucketInfo
from bucketport.testing.fakes import DIGESTS, FakeClock, FakeEntropy
from bucketport.testing.plugin import pytest_pyfunc_call  # noqa: F401


@pytest.fixture
def runner():
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture
def log():
    return []


@pytest.fixture
def opened(tmp_path, runner, log):
    """Opens a store in the test's folder (or another); what is open at the end is closed."""
    with contextlib.ExitStack() as stack:

        def opened(folder="data", **given):
            given = {"now": FakeClock(step=0.001), "entropy": FakeEntropy(folder), "log": log.append} | given
            store = open_store(str(tmp_path / folder), digests=DIGESTS, **given)
            stack.callback(lambda: runner.run(store.close()))
            return store

        yield opened


@pytest.fixture
def store(opened, runner):
    """An open store with the bucket `b`."""
    store = opened()
    runner.run(store.create_bucket(BucketInfo("b", "me", 1)))
    return store


@pytest.fixture
def blob_files(tmp_path):
    """The blob files that are there, by size."""
    return lambda folder="data": sorted(
        p.stat().st_size for p in (tmp_path / folder / "blobs").rglob("*") if p.is_file()
    )

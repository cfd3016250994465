"""How does pytest run the contracts? With these fixtures, and `async def` tests on a loop of their own.

A `conftest.py` imports all of them, and pytest finds them there; no other plugin is needed:

    from bucketport.testing.plugin import *

`excused`, `part_minimum` and `bucket` are there to be overridden beside the fixture `backend`, see `contracts`.
"""

import asyncio
import inspect
import itertools
import os
from collections.abc import Iterator, Mapping

import pytest

from bucketport.model import BucketInfo
from bucketport.ports import StoreBackend
from bucketport.testing.fakes import OWNER

__all__ = ["bucket", "excused", "part_minimum", "pytest_pyfunc_call", "runner"]

pytest.register_assert_rewrite("bucketport.testing.contracts")

_numbers = itertools.count(1)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run an `async def test_...` to its end on the loop of `runner`."""
    test = pyfuncitem.obj
    if not inspect.iscoroutinefunction(test):
        return None
    loop = pyfuncitem.funcargs["runner"]
    assert isinstance(loop, asyncio.Runner)
    loop.run(test(**{name: pyfuncitem.funcargs[name] for name in inspect.signature(test).parameters}))
    return True


@pytest.fixture(autouse=True)
def runner() -> Iterator[asyncio.Runner]:
    """The loop of one test; a fixture whose value belongs to a loop makes it by `runner.run(...)`."""
    with asyncio.Runner() as made:
        yield made


@pytest.fixture
def excused() -> Mapping[str, str]:
    """What the backend cannot keep, and why: a test's name (`TestListing.test_...`, or a whole class) to a reason."""
    return {}


@pytest.fixture
def part_minimum() -> int:
    """Bytes that every part but the last must have here."""
    return 5 << 20


@pytest.fixture
def bucket(backend: StoreBackend, runner: asyncio.Runner) -> str:
    """An empty bucket of OWNER's. Override it where buckets cannot be made."""
    name = f"contract-{os.getpid()}-{next(_numbers)}"
    runner.run(backend.create_bucket(BucketInfo(name, OWNER, 1_790_000_000_000)))
    return name

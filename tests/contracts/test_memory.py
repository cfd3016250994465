"""The memory backend keeps every promise: it is the reference of them."""

import pytest

from bucketport.backends.memory import Memory
from bucketport.testing.contracts import *  # noqa: F403
from bucketport.testing.fakes import DIGESTS, FakeClock, FakeIds

PART_MINIMUM = 1000


@pytest.fixture
def part_minimum() -> int:
    return PART_MINIMUM


@pytest.fixture
def backend() -> Memory:
    return Memory(now=FakeClock(step=0.001), new_id=FakeIds(), digests=DIGESTS, part_minimum=PART_MINIMUM)

"""A part of a bucket keeps every promise of a bucket, with the memory backend behind it."""

import pytest

from bucketport.backends.memory import Memory
from bucketport.backends.prefix import Prefixed
from bucketport.model import BucketInfo
from bucketport.testing.contracts import *  # noqa: F403
from bucketport.testing.fakes import DIGESTS, FakeClock, FakeIds

PART_MINIMUM = 1000


@pytest.fixture
def part_minimum() -> int:
    return PART_MINIMUM


@pytest.fixture
def excused() -> dict[str, str]:
    return {
        "TestOddKeys": "keys of full length leave no room for a prefix",
        "TestCors": "rules are about the whole bucket",
        "TestAcls.test_absent_key_and_bucket": "a bucket's ACL is about the whole of it",
        "TestAcls.test_bucket_acl_is_set": "a bucket's ACL is about the whole of it",
    }


class Part(Prefixed):
    """Its buckets are made in the backend itself."""

    async def create_bucket(self, info: BucketInfo) -> None:
        """As the inner one."""
        await self._inner.create_bucket(info)

    async def delete_bucket(self, name: str) -> None:
        """As the inner one."""
        await self._inner.delete_bucket(name)


@pytest.fixture
def backend() -> Part:
    memory = Memory(now=FakeClock(step=0.001), new_id=FakeIds(), digests=DIGESTS, part_minimum=PART_MINIMUM)
    return Part(memory, "a prefix/of-two")

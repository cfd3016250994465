"""Can a bucket be made whose paths belong to another surface?"""

import asyncio

import pytest

from bucketport.errors import InvalidBucketName
from bucketport.model import ANONYMOUS, BucketInfo
from bucketport.registry.embedded import EmbeddedBuckets
from bucketport.registry.reserved import Reserved


class Behind:
    """A registry that only takes down what is made."""

    def __init__(self):
        self.made = []
        self.find = self.list = None

    async def create(self, info, caller):
        self.made.append(info.name)


def test_a_reserved_name_is_refused_and_others_are_made():
    behind = Behind()
    buckets = Reserved(behind, frozenset({"admin"}))
    with pytest.raises(InvalidBucketName, match="is reserved"):
        asyncio.run(buckets.create(BucketInfo("admin", "ann", 0), ANONYMOUS))
    asyncio.run(buckets.create(BucketInfo("photos", "ann", 0), ANONYMOUS))
    assert behind.made == ["photos"]


def test_finding_is_what_is_behind():
    behind = EmbeddedBuckets(None)
    assert Reserved(behind, frozenset()).find == behind.find

"""Where does a name lead with a store of one's own? Into the store; and who sees which buckets?"""

import asyncio

import pytest

from bucketport.backends.memory import Memory
from bucketport.crypto.digests import WheelDigests
from bucketport.errors import BucketAlreadyExists, NoSuchBucket
from bucketport.model import BucketInfo, Identity, Scope
from bucketport.registry.embedded import EmbeddedBuckets

ALICE, BOB = Identity("alice"), Identity("bob")


@pytest.fixture
def backend():
    made = Memory(now=lambda: 1.0, new_id=lambda: "ID", digests=WheelDigests())

    async def fill():
        for name, owner in (("a1", "alice"), ("a2", "alice"), ("a3", "alice"), ("b1", "bob")):
            await made.create_bucket(BucketInfo(name, owner, 5, "eu-west-1", "public-read"))

    asyncio.run(fill())
    return made


@pytest.fixture
def registry(backend):
    return EmbeddedBuckets(backend, ["a2"])


def listed(registry, caller, limit=100):
    names, after = [], ""
    while True:
        page = asyncio.run(registry.list(caller, "", after, limit))
        assert len(page.buckets) <= limit
        names += [info.name for info in page.buckets]
        after = page.next_after
        if not after:
            return names


def test_a_bucket_is_found_with_what_is_known_of_it(registry, backend):
    mount = asyncio.run(registry.find("a1", BOB))
    assert (mount.bucket, mount.owner, mount.acl, mount.region) == ("a1", "alice", "public-read", "eu-west-1")
    assert (mount.backend, mount.created_ms, mount.anonymous_read) == (backend, 5, False)


def test_a_name_that_leads_nowhere_is_no_bucket(registry):
    with pytest.raises(NoSuchBucket):
        asyncio.run(registry.find("nowhere", ALICE))


def test_a_public_bucket_may_be_read_by_everybody(registry):
    assert asyncio.run(registry.find("a2", BOB)).anonymous_read


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_everybody_sees_their_own(registry, limit):
    assert listed(registry, ALICE, limit) == ["a1", "a2", "a3"]
    assert listed(registry, BOB, limit) == ["b1"]
    assert listed(registry, Identity("carol"), limit) == []


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 100])
def test_a_key_with_scopes_sees_what_its_scopes_name(registry, limit):
    assert listed(registry, Identity("carol", scopes=(Scope("a3"), Scope("b1"))), limit) == ["a3", "b1"]
    assert listed(registry, Identity("carol", scopes=(Scope("*"),)), limit) == ["a1", "a2", "a3", "b1"]
    assert listed(registry, Identity("alice", scopes=()), limit) == []


def test_a_name_of_somebody_else_cannot_be_made(registry):
    with pytest.raises(BucketAlreadyExists):
        asyncio.run(registry.create(BucketInfo("b1", "alice", 1), ALICE))
    asyncio.run(registry.create(BucketInfo("new", "alice", 1), ALICE))
    assert "new" in listed(registry, ALICE)

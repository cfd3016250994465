"""Configured buckets before others: shadowing, listing and making."""

import asyncio
from typing import Any

import pytest

from bucketport.errors import AccessDenied, BucketAlreadyExists, NoSuchBucket
from bucketport.model import ANONYMOUS, BucketInfo, BucketPage, Identity, Scope
from bucketport.mounts import Mount
from bucketport.registry.gateway import Account, Gateway

ALICE = Identity("alice")


class Behind:
    """A registry of a few names."""

    def __init__(self, *names: str) -> None:
        self.names = sorted(names)
        self.made: list[str] = []

    async def find(self, bucket: str, caller: Identity) -> Mount:
        return Mount(bucket, None, "behind")  # type: ignore[arg-type]

    async def list(self, caller: Identity, prefix: str, after: str, limit: int) -> BucketPage:
        names = [name for name in self.names if name.startswith(prefix) and name > after]
        page = [BucketInfo(name, "behind", 0) for name in names[:limit]]
        return BucketPage(page, page[-1].name if len(names) > limit else "")

    async def create(self, info: BucketInfo, caller: Identity) -> None:
        self.made.append(info.name)


def gateway(*names: str, behind: Any = None) -> Gateway:
    return Gateway({name: Mount(name, None, "here") for name in names}, behind)  # type: ignore[arg-type]


def listed(registry: Any, caller: Identity = ALICE, limit: int = 100) -> list[str]:
    names: list[str] = []
    after = ""
    while True:
        page = asyncio.run(registry.list(caller, "", after, limit))
        names += [info.name for info in page.buckets]
        after = page.next_after
        if not after:
            return names


def test_a_configured_bucket_shadows_one_behind() -> None:
    registry = gateway("b", behind=Behind("a", "b"))
    assert asyncio.run(registry.find("b", ALICE)).owner == "here"
    assert asyncio.run(registry.find("a", ALICE)).owner == "behind"
    assert listed(registry) == ["a", "b"]


def test_a_name_that_leads_nowhere_is_no_bucket() -> None:
    with pytest.raises(NoSuchBucket):
        asyncio.run(gateway("a").find("x", ALICE))


@pytest.mark.parametrize("limit", [1, 2, 3, 10])
def test_pages_of_both_make_the_whole_in_order(limit: int) -> None:
    registry = gateway("b", "d", "z", behind=Behind("a", "b", "c", "e", "f"))
    assert listed(registry, limit=limit) == ["a", "b", "c", "d", "e", "f", "z"]


def test_a_scoped_key_sees_the_buckets_of_its_scopes() -> None:
    caller = Identity("bob", scopes=(Scope("b", (), frozenset({"get_object"})),))
    assert listed(gateway("a", "b"), caller) == ["b"]
    assert listed(gateway("a", "b"), ANONYMOUS) == []


def test_a_bucket_is_made_behind_and_never_over_a_configured_one() -> None:
    behind = Behind()
    registry = gateway("a", behind=behind)
    asyncio.run(registry.create(BucketInfo("n", "alice", 0), ALICE))
    assert behind.made == ["n"]
    with pytest.raises(BucketAlreadyExists):
        asyncio.run(registry.create(BucketInfo("a", "alice", 0), ALICE))
    with pytest.raises(AccessDenied):
        asyncio.run(gateway("a").create(BucketInfo("n", "alice", 0), ALICE))


def test_each_caller_reaches_an_account_with_keys_of_their_own() -> None:
    account = Account(lambda caller: caller.user, anonymous_read=False, region="")  # type: ignore[arg-type, return-value]
    assert asyncio.run(account.find("any", ALICE)).backend == "alice"  # type: ignore[comparison-overlap]


def test_a_scoped_key_reads_nothing_that_only_strangers_may_read() -> None:
    account = Account(lambda caller: caller.user, anonymous_read=True, region="")  # type: ignore[arg-type, return-value]
    scoped = Identity("bob", scopes=(Scope("b", (), frozenset({"get_object"})),))
    assert asyncio.run(account.find("any", ANONYMOUS)).anonymous_read
    assert not asyncio.run(account.find("any", scoped)).anonymous_read

"""Are buckets made, shown and removed as S3 does it? Names are one space; each owner sees their own."""

import asyncio

import pytest

from bucketport.errors import BucketAlreadyExists, BucketAlreadyOwnedByYou, BucketNotEmpty, NoSuchBucket, NoSuchUpload
from bucketport.model import BucketInfo, ObjectName, Offer
from bucketport.options import ListQuery, UploadOptions
from bucketport.ports import BucketBackend, StoreBackend
from bucketport.testing.contracts.base import CONTENDERS, Contract, delete, is_there, options, outcomes, put, read
from bucketport.testing.fakes import OWNER

CREATED_MS = 1_790_000_000_000

RULES = '[{"origins":["https://app.example"],"methods":["GET","PUT"],"expose":["etag","é \\u0000"]}]'


async def create(backend: BucketBackend, name: str, owner: str = OWNER) -> BucketInfo:
    """Make a bucket."""
    info = BucketInfo(name, owner, CREATED_MS)
    await backend.create_bucket(info)
    return info


async def shown(
    backend: BucketBackend, owner: str | None, prefix: str, after: str = "", limit: int = 1000
) -> list[str]:
    """The names on a page."""
    return [info.name for info in (await backend.list_buckets(owner, prefix, after, limit)).buckets]


class TestBuckets(Contract):
    """Buckets."""

    needs = frozenset({Offer.BUCKETS})

    async def test_bucket_is_what_was_made(self, backend: StoreBackend, bucket: str) -> None:
        info = BucketInfo(bucket + "-2", "bob", CREATED_MS, "eu-central-1", "public-read")
        await backend.create_bucket(info)
        assert await backend.bucket(bucket + "-2") == info

    async def test_absent_bucket(self, backend: StoreBackend, bucket: str) -> None:
        with pytest.raises(NoSuchBucket):
            await backend.bucket(bucket + "-absent")
        with pytest.raises(NoSuchBucket):
            await backend.delete_bucket(bucket + "-absent")

    async def test_making_ones_own_again(self, backend: StoreBackend, bucket: str) -> None:
        await put(backend, bucket, "key")
        with pytest.raises(BucketAlreadyOwnedByYou):
            await create(backend, bucket)
        assert await is_there(backend, bucket, "key")

    async def test_making_somebody_elses(self, backend: StoreBackend, bucket: str) -> None:
        with pytest.raises(BucketAlreadyExists):
            await create(backend, bucket, "bob")
        assert (await backend.bucket(bucket)).owner == OWNER

    async def test_one_of_many_makes_it(self, backend: StoreBackend, bucket: str) -> None:
        attempts = [create(backend, bucket + "-raced", f"user{number}") for number in range(CONTENDERS)]
        winners, codes = await outcomes(attempts)
        assert (len(winners), set(codes)) == (1, {"BucketAlreadyExists"})
        assert (await backend.bucket(bucket + "-raced")).owner == winners[0].owner

    async def test_removed_bucket_is_gone(self, backend: StoreBackend, bucket: str) -> None:
        await backend.delete_bucket(bucket)
        with pytest.raises(NoSuchBucket):
            await backend.bucket(bucket)
        with pytest.raises(NoSuchBucket):
            await backend.list(bucket, ListQuery())
        with pytest.raises(NoSuchBucket):
            await put(backend, bucket, "key")
        assert bucket not in await shown(backend, OWNER, bucket)

    async def test_bucket_with_an_object_stays(self, backend: StoreBackend, bucket: str) -> None:
        await put(backend, bucket, "key", b"content")
        with pytest.raises(BucketNotEmpty):
            await backend.delete_bucket(bucket)
        assert await read(backend, bucket, "key") == b"content"
        await delete(backend, bucket, "key")
        await backend.delete_bucket(bucket)

    async def test_unfinished_uploads_go_with_the_bucket(self, backend: StoreBackend, bucket: str) -> None:
        if Offer.MULTIPART not in backend.offers:
            pytest.skip("no multipart uploads here")
        upload = await backend.create_upload(ObjectName(bucket, "key"), UploadOptions(options()))
        await backend.delete_bucket(bucket)
        with pytest.raises(NoSuchBucket):
            await backend.list_parts(upload, 0, 1000)
        await create(backend, bucket)
        with pytest.raises(NoSuchUpload):
            await backend.list_parts(upload, 0, 1000)
        assert not (await backend.list_uploads(bucket, ListQuery())).entries

    async def test_bucket_made_anew_is_empty_and_somebody_elses(self, backend: StoreBackend, bucket: str) -> None:
        await put(backend, bucket, "key")
        await delete(backend, bucket, "key")
        await backend.delete_bucket(bucket)
        await create(backend, bucket, "bob")
        assert (await backend.bucket(bucket)).owner == "bob"
        assert not (await backend.list(bucket, ListQuery())).entries

    async def test_same_key_in_two_buckets(self, backend: StoreBackend, bucket: str) -> None:
        await create(backend, bucket + "-2")
        await put(backend, bucket, "key", b"one")
        await put(backend, bucket + "-2", "key", b"two")
        await delete(backend, bucket, "key")
        assert not await is_there(backend, bucket, "key")
        assert await read(backend, bucket + "-2", "key") == b"two"

    async def test_put_and_remove_cannot_both_win(self, backend: StoreBackend, bucket: str) -> None:
        results = await asyncio.gather(
            put(backend, bucket, "key"), backend.delete_bucket(bucket), return_exceptions=True
        )
        failed = [isinstance(result, BaseException) for result in results]
        assert sorted(failed) == [False, True]
        assert isinstance(results[failed.index(True)], BucketNotEmpty | NoSuchBucket)


class TestBucketListing(Contract):
    """ListBuckets: by name, each owner's own."""

    needs = frozenset({Offer.BUCKETS})

    async def test_owners_see_their_own(self, backend: StoreBackend, bucket: str) -> None:
        await create(backend, bucket + "-bob", "bob")
        assert await shown(backend, OWNER, bucket) == [bucket]
        assert await shown(backend, "bob", bucket) == [bucket + "-bob"]
        assert await shown(backend, "nobody", bucket) == []
        assert await shown(backend, None, bucket) == [bucket, bucket + "-bob"]

    async def test_listing_tells_what_is_known(self, backend: StoreBackend, bucket: str) -> None:
        info = BucketInfo(bucket + "-2", "bob", CREATED_MS, "eu-central-1", "public-read")
        await backend.create_bucket(info)
        assert list((await backend.list_buckets("bob", bucket, "", 10)).buckets) == [info]

    async def test_buckets_are_in_the_order_of_their_names(self, backend: StoreBackend, bucket: str) -> None:
        made = [f"{bucket}{tail}" for tail in ("-b", "-a", "-c.d", "-10", "-9", "0")]
        for name in made:
            await create(backend, name)
        assert await shown(backend, OWNER, bucket) == sorted([bucket, *made])

    async def test_prefix_is_no_pattern(self, backend: StoreBackend, bucket: str) -> None:
        await create(backend, bucket + "-abc")
        for prefix in ("%", "_", bucket + "_", bucket + "*", bucket.upper()):
            assert await shown(backend, None, prefix) == []

    async def test_pages_together_are_the_whole(self, backend: StoreBackend, bucket: str) -> None:
        for number in range(6):
            await create(backend, f"{bucket}-{number}", OWNER if number % 2 else "bob")
        for owner in (OWNER, "bob", None):
            whole = await shown(backend, owner, bucket)
            for limit in (1, 2, 3, 100):
                found: list[str] = []
                after = ""
                while True:
                    page = await backend.list_buckets(owner, bucket, after, limit)
                    found += [info.name for info in page.buckets]
                    assert len(page.buckets) <= limit
                    after = page.next_after
                    if not after:
                        break
                assert found == whole

    async def test_a_page_that_holds_all_is_not_continued(self, backend: StoreBackend, bucket: str) -> None:
        await create(backend, bucket + "-2")
        page = await backend.list_buckets(OWNER, bucket, "", 2)
        assert ([info.name for info in page.buckets], page.next_after) == ([bucket, bucket + "-2"], "")


class TestCors(Contract):
    """A bucket's CORS rules: a text that is kept as it is."""

    needs = frozenset({Offer.CORS})

    async def test_there_are_none_at_first(self, backend: StoreBackend, bucket: str) -> None:
        assert (await backend.bucket(bucket)).cors == ""

    async def test_rules_are_kept_as_they_are(self, backend: StoreBackend, bucket: str) -> None:
        before = await backend.bucket(bucket)
        for rules in (RULES, "{}", RULES):
            await backend.put_bucket_cors(bucket, rules)
            assert (await backend.bucket(bucket)).cors == rules
        after = await backend.bucket(bucket)
        assert (after.owner, after.created_ms, after.acl) == (before.owner, before.created_ms, before.acl)
        page = await backend.list_buckets(before.owner, bucket, "", 1)
        assert [info.cors for info in page.buckets] == [RULES]

    async def test_rules_are_removed(self, backend: StoreBackend, bucket: str) -> None:
        await backend.put_bucket_cors(bucket, RULES)
        await backend.put_bucket_cors(bucket, "")
        assert (await backend.bucket(bucket)).cors == ""

    async def test_rules_belong_to_one_bucket_and_go_with_it(self, backend: StoreBackend, bucket: str) -> None:
        if Offer.BUCKETS not in backend.offers:
            pytest.skip("no other bucket can be made here")
        await create(backend, bucket + "-2")
        await backend.put_bucket_cors(bucket + "-2", RULES)
        assert (await backend.bucket(bucket)).cors == ""
        await backend.delete_bucket(bucket + "-2")
        await create(backend, bucket + "-2")
        assert (await backend.bucket(bucket + "-2")).cors == ""

    async def test_absent_bucket(self, backend: StoreBackend, bucket: str) -> None:
        with pytest.raises(NoSuchBucket):
            await backend.put_bucket_cors(bucket + "-absent", RULES)


class TestTwoBuckets(Contract):
    """What lies in one bucket is not seen from another, whatever their names."""

    needs = frozenset({Offer.BUCKETS})

    async def test_listing_ends_with_the_bucket(self, backend: StoreBackend, bucket: str) -> None:
        for name in (bucket + "-2", bucket + "0"):
            await create(backend, name)
            await put(backend, name, "b/1")
            await put(backend, name, "\U0010ffff")
        await put(backend, bucket, "a/1")
        for query in (ListQuery(), ListQuery(delimiter="/"), ListQuery(after="a"), ListQuery(limit=1)):
            page = await backend.list(bucket, query)
            assert [entry[0] for entry in page.entries] + list(page.prefixes) in (["a/1"], ["a/"])
            assert not page.truncated

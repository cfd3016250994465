"""Is a part of a bucket a bucket, and nothing beyond it reachable? Against the memory backend, with any keys."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bucketport.backends.memory import Memory
from bucketport.backends.prefix import Prefixed, normalise
from bucketport.errors import KeyTooLongError, NoSuchKey, NotImplemented, S3Error
from bucketport.message import Response
from bucketport.model import BucketInfo, ObjectName, Offer
from bucketport.options import (
    NO_CONDITIONS,
    WHOLE,
    CopyOptions,
    DeleteItem,
    ListQuery,
    PutOptions,
    RelayedCall,
    UploadOptions,
)
from bucketport.testing.fakes import DIGESTS, FakeClock, FakeContent, FakeIds

ME = PutOptions("me")


def memory():
    made = Memory(now=FakeClock(step=0.001), new_id=FakeIds(), digests=DIGESTS, part_minimum=1)
    asyncio.run(made.create_bucket(BucketInfo("b", "me", 0)))
    return made


@pytest.mark.parametrize(
    ("given", "meant"), [("v2", "v2/"), ("/v2", "v2/"), ("/v2/", "v2/"), ("a/b", "a/b/"), ("", ""), ("/", "")]
)
def test_prefix_is_a_folder_without_a_leading_slash(given, meant):
    assert normalise(given) == meant


KEYS = st.text(st.sampled_from("ab/.é%"), min_size=1, max_size=6)
OUTSIDE = ("other", "v", "v2", "v20/x", "v2\x2e/x", "a")


@settings(max_examples=60, deadline=None)
@given(st.lists(KEYS, min_size=1, max_size=8, unique=True), st.sampled_from(["", "/", "a"]), KEYS | st.just(""), KEYS)
def test_nothing_outside_is_seen_or_touched(keys, delimiter, prefix, after):
    async def run():
        whole, plain = memory_in_loop(), memory_in_loop()
        await whole.create_bucket(BucketInfo("b", "me", 0))
        await plain.create_bucket(BucketInfo("b", "me", 0))
        part = Prefixed(whole, "v2")
        for key in OUTSIDE:
            await whole.put(ObjectName("b", key), FakeContent(b"outside"), ME)
        for key in keys:
            await part.put(ObjectName("b", key), FakeContent(key.encode()), ME)
            await plain.put(ObjectName("b", key), FakeContent(key.encode()), ME)
        # A listing of the part is the listing of a bucket that holds nothing else.
        for limit in (1, 2, 1000):
            query = ListQuery(prefix, delimiter, "", limit)
            while True:
                here, there = await part.list("b", query), await plain.list("b", query)
                assert [row[0] for row in here.entries] == [row[0] for row in there.entries]
                assert (list(here.prefixes), here.truncated) == (list(there.prefixes), there.truncated)
                assert here.next_after == there.next_after
                if not here.truncated:
                    break
                query = ListQuery(prefix, delimiter, here.next_after, limit)
        query = ListQuery(prefix, delimiter, after, 1000, fetch_owner=True)
        here, there = await part.list_versions("b", query), await plain.list_versions("b", query)
        assert [row[0] for row in here.entries] == [row[0] for row in there.entries]
        await part.delete_many("b", [DeleteItem(key) for key in (*keys, *OUTSIDE, "../other", "/other")])
        left = await whole.list("b", ListQuery())
        assert sorted(row[0] for row in left.entries) == sorted(OUTSIDE)

    asyncio.run(run())


def memory_in_loop():
    return Memory(now=FakeClock(step=0.001), new_id=FakeIds(), digests=DIGESTS, part_minimum=1)


@pytest.mark.parametrize("key", ["../other", "/other", "other", "..", ".", "%2e%2e/other", "a/../../other"])
def test_no_key_reaches_outside(key):
    whole = memory()
    part = Prefixed(whole, "v2")

    async def run():
        await whole.put(ObjectName("b", "other"), FakeContent(b"outside"), ME)
        with pytest.raises(NoSuchKey):
            await part.get(ObjectName("b", key), WHOLE)
        await part.put(ObjectName("b", key), FakeContent(b"inside"), ME)
        await part.delete(ObjectName("b", key), None, NO_CONDITIONS)
        assert (await whole.get(ObjectName("b", "other"), WHOLE)).body == b"outside"

    asyncio.run(run())


def test_names_are_the_clients_in_every_answer():
    whole = memory()
    part = Prefixed(whole, "v2")
    name, inside = ObjectName("b", "k"), ObjectName("b", "v2/k")

    async def run():
        await part.put(name, FakeContent(b"1"), ME)
        assert (await part.get(name, WHOLE)).info.key == "k"
        assert (await part.head(name, WHOLE)).info.key == "k"
        assert (await part.object_acl(name, None)).key == "k"
        assert (await part.attributes(name, None, 0, 1)).info.key == "k"
        await part.copy(name, WHOLE, ObjectName("b", "c"), CopyOptions("me"))
        assert (await whole.get(ObjectName("b", "v2/c"), WHOLE)).body == b"1"
        await part.copy_real(inside, WHOLE, ObjectName("b", "d"), CopyOptions("me"))
        assert (await whole.get(ObjectName("b", "v2/d"), WHOLE)).body == b"1"
        upload = await part.create_upload(name, UploadOptions(ME))
        assert upload.key == "k"
        await part.put_part(upload, 1, FakeContent(b"1"))
        assert (await part.upload(upload)).upload == upload
        assert (await part.list_parts(upload, 0, 10)).info.upload == upload
        assert [row[0] for row in (await part.list_uploads("b", ListQuery())).entries] == ["k"]
        await part.abort(upload)
        assert part.real(name) == inside

    asyncio.run(run())


def test_whole_bucket_is_refused():
    part = Prefixed(memory(), "v2")
    assert Offer.BUCKETS not in part.offers
    for call in (
        part.create_bucket(BucketInfo("x", "me", 0)),
        part.delete_bucket("b"),
        part.put_bucket_acl("b", "private"),
        part.put_bucket_cors("b", "[]"),
        part.relay(RelayedCall("PutBucketPolicy", "PUT", "b", None, {"policy": ""}, {})),
        part.relay(RelayedCall("GetBucketPolicy", "GET", "b", None, {"policy": ""}, {})),
    ):
        with pytest.raises(NotImplemented):
            asyncio.run(call)


def test_key_is_too_long_with_its_prefix():
    with pytest.raises(KeyTooLongError):
        asyncio.run(Prefixed(memory(), "v2").head(ObjectName("b", "é" * 511), WHOLE))


class Relaying:
    offers = frozenset({Offer.RELAY})

    async def relay(self, call):
        self.call = call
        return Response(200, {})

    async def head(self, name, want):
        raise NoSuchKey(fields={"Key": name.key})


def test_relayed_calls_are_about_keys_inside():
    inner = Relaying()
    call = RelayedCall("GetObjectRetention", "GET", "b", "../k", {"retention": ""}, {})
    asyncio.run(Prefixed(inner, "v2").relay(call))
    assert inner.call.key == "v2/../k"


def test_errors_name_the_clients_key():
    with pytest.raises(S3Error) as caught:
        asyncio.run(Prefixed(Relaying(), "v2").head(ObjectName("b", "k"), WHOLE))
    assert caught.value.fields == {"Key": "k"}

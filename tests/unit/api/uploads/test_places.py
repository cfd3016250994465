"""Uploading to a bucket that is not there: made where it can be, and said plainly where it cannot."""

import asyncio
import dataclasses
import json
from typing import Any

import pytest

from bucketport.api.uploads.surface import UploadsApi
from bucketport.app import App
from bucketport.backends.memory import Memory
from bucketport.errors import AccessDenied, NoSuchBucket
from bucketport.model import BucketInfo
from bucketport.mounts import Mount
from bucketport.registry.gateway import Account, Gateway

CHUNK = {"x_upload_type": "chunked", "x_chunk_index": "1", "x_chunk_total": "1"}
MERGE = {"x_upload_type": "chunked", "x_chunk_merge": "true", "x_chunk_total": "1"}


def over(world: Any, buckets: Any) -> Any:
    """The world with another registry of buckets."""
    world.services = dataclasses.replace(world.services, buckets=buckets)
    world.app = App([UploadsApi(world.services)], world.bugs.append)
    return world


@pytest.fixture
def account(world: Any) -> Any:
    """Buckets of a whole account, where nobody knows beforehand which are there."""
    return over(world, Account(lambda _: world.backend, anonymous_read=False, region="eu-1"))


def counted(monkeypatch: pytest.MonkeyPatch, backend: Memory, name: str) -> list[str]:
    calls: list[str] = []
    method = getattr(backend, name)

    async def count(bucket: Any) -> Any:
        calls.append(bucket if isinstance(bucket, str) else bucket.name)
        return await method(bucket)

    monkeypatch.setattr(backend, name, count)
    return calls


def test_a_bucket_of_an_account_is_made_on_first_use(account: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    made, looked = (
        counted(monkeypatch, account.backend, "create_bucket"),
        counted(monkeypatch, account.backend, "bucket"),
    )
    assert account.upload(b"hello", "one").status == 200
    before = len(looked)
    assert account.upload(b"hello", "two").status == 200
    assert made == ["default"]
    assert len(looked) == before, "it was looked for again"
    assert account.ask("GET", account.url("download", blob_id="one")).body == b"hello"


def test_one_that_is_there_is_left_as_it_is(account: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    account.make_bucket("default")
    made = counted(monkeypatch, account.backend, "create_bucket")
    assert account.upload(b"hello").status == 200
    assert made == []


def test_chunks_have_it_made_too(account: Any) -> None:
    url = account.url(blob_id="one")
    assert account.ask("POST", url, b"hello", **CHUNK).status == 200
    assert account.ask("POST", url, **MERGE).status == 200


def test_one_that_was_removed_is_made_again_at_the_second_try(account: Any) -> None:
    assert account.upload(b"hello").status == 200
    assert account.ask("DELETE", account.url("delete", blob_id="one")).status == 200
    asyncio.run(account.backend.delete_bucket("default"))
    assert account.upload(b"hello").status == 404
    assert account.upload(b"hello").status == 200


def test_keys_that_may_write_but_not_look_are_enough(account: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refused(bucket: str) -> BucketInfo:
        raise AccessDenied

    account.make_bucket("default")
    url = account.url(blob_id="one")
    monkeypatch.setattr(account.backend, "bucket", refused)
    assert account.ask("POST", url, b"hello").status == 200


def test_where_all_buckets_are_configured_the_error_says_what_to_do(world: Any) -> None:
    asked = over(world, Gateway({"photos": Mount("photos", world.backend)}, None))
    answer = asked.upload(b"hello")
    said = json.loads(answer.body)
    assert (answer.status, said["code"], said["bucket"]) == (404, "NoSuchBucket", "default")
    assert said["message"] == (
        "There is no bucket default, and none can be made here: name one that is there in `bucket`, or have [store] or "
        "[default_backend] set in the configuration."
    )


def test_an_account_that_makes_no_buckets_says_the_same(account: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refused(info: BucketInfo) -> None:
        raise AccessDenied

    monkeypatch.setattr(account.backend, "create_bucket", refused)
    answer = account.upload(b"hello")
    assert (answer.status, json.loads(answer.body)["code"]) == (404, NoSuchBucket.code)

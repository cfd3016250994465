"""What is there of uploads for apps, when they are on and when they are not?"""

import asyncio
import json
import os
import subprocess
import sys
import time

import pytest

from bucketport.backends.memory import Memory
from bucketport.backends.prefix import Prefixed
from bucketport.config.build import Foundation, Surroundings, assemble
from bucketport.config.load import Asked, load
from bucketport.config.model import Settings
from bucketport.config.uploads import has_cloud, used_in
from bucketport.exchange import Exchange
from bucketport.message import BytesBody, Request
from bucketport.model import BucketInfo
from bucketport.mounts import Mount

OFF = """
import asyncio, os, sys, time
from bucketport.config.build import Foundation, Surroundings, assemble
from bucketport.config.load import Asked, load

async def run():
    loaded = load(Asked(environment={"BUCKETPORT_SERVER__DATA": sys.argv[1]}))
    foundation = Foundation(loaded.settings, Surroundings(time.time, time.monotonic, os.urandom, print))
    assemble(loaded, foundation)
    await foundation.close()

asyncio.run(run())
print([name for name in sys.modules if name.startswith(("bucketport.uploads", "bucketport.api.uploads."))])
"""


def test_nothing_of_it_is_imported_before_a_key_is_set(tmp_path):
    found = subprocess.run(
        [sys.executable, "-c", OFF, str(tmp_path)], capture_output=True, check=True, text=True, timeout=30
    )
    assert found.stdout == "[]\n"
    assert not (tmp_path / "uploads.sqlite").exists()


def bucket(kind):
    return {"name": "b", "backend_type": kind}


@pytest.mark.parametrize(
    ("settings", "answer"),
    [
        ({}, False),
        ({"buckets": [bucket("local"), bucket("memory")]}, False),
        ({"buckets": [bucket("local"), bucket("s3")]}, True),
        ({"buckets": [bucket("of-a-package")]}, True),
        ({"default_backend": {"backend_type": "gcs"}}, True),
    ],
)
def test_a_cloud_is_seen(settings, answer):
    assert has_cloud(Settings.model_validate(settings, strict=True)) is answer


def begun(tmp_path, text, then):
    """What `then` says of a foundation and of the application of this file on it."""
    (tmp_path / "config.toml").write_text(text)

    async def run():
        loaded = load(Asked(str(tmp_path / "config.toml"), environment={"BUCKETPORT_SERVER__DATA": str(tmp_path)}))
        foundation = Foundation(loaded.settings, Surroundings(time.time, time.monotonic, os.urandom, print))
        try:
            return await then(foundation, assemble(loaded, foundation))
        finally:
            await foundation.close()

    return asyncio.run(run())


KEY = "[[uploads.keys]]\nname = 'a'\nkey = 'a-key-of-the-shop'\n"
CLOUD = """
[[buckets]]
name = "b"
backend_type = "s3"
[buckets.backend_options]
bucket_name = "x"
skip_signature = true
"""


async def staging(foundation, app):
    return foundation.uploads.staging is not None


def test_staging_is_opened_only_where_there_is_a_cloud(tmp_path):
    assert not begun(tmp_path, KEY, staging)
    assert not (tmp_path / "staging").exists()
    assert begun(tmp_path, KEY + CLOUD, staging)


def test_a_round_of_each_work_goes_well_with_nothing_to_do(tmp_path):
    async def rounds(foundation, app):
        return await foundation.uploads.sweep(), await foundation.uploads.deliver()

    assert begun(tmp_path, KEY, rounds)[0] is None


STORED = """
[store]
[[buckets]]
name = "part"
backend_type = "local"
backend_prefix = "inside"
"""


async def send(app, method, target, body, **headers):
    path, _, query = target.partition("?")
    named = {"host": "here", "content-length": str(len(body))} | headers
    answer = await app.handle(
        Request(method, path, query, named, BytesBody(body)), Exchange("ID", 0, 0, method, target)
    )
    assert answer.status == 200, answer.body
    return answer.body


@pytest.mark.parametrize("bucket", ["plain", "part"])
def test_what_apps_upload_is_kept_once_also_in_a_part_of_a_bucket(tmp_path, bucket):
    async def uploads(foundation, app):
        for name in ("plain", "part"):
            await foundation.store.create_bucket(BucketInfo(name, "admin", 0))
        for blob in ("one", "two"):
            asked = json.dumps({"action": "upload", "bucket": bucket, "blob_id": blob}).encode()
            made = json.loads(await send(app, "POST", "/presign", asked, authorization="Bearer a-key-of-the-shop"))
            await send(app, "POST", made["url"].removeprefix("http://here"), b"x" * 100_000)
        found = foundation.store.storage()
        return found.total_objects, found.unique_content_count

    assert begun(tmp_path, KEY + STORED, uploads) == (2, 1)


class Kept:
    """A store of which only this is asked: to keep a bucket's equal content once."""

    def __init__(self):
        self.told = []

    async def set_dedup(self, bucket):
        self.told.append(bucket)


def test_a_bucket_of_that_name_in_a_cloud_changes_nothing_in_the_store():
    store, elsewhere = Kept(), Memory(now=time.time, new_id=str, digests=None)
    for backend in (elsewhere, Prefixed(elsewhere, "p")):
        asyncio.run(used_in(store)(Mount("b", backend)))
    assert store.told == []

"""What is there of uploads for apps, when they are on and when they are not?"""

import asyncio
import os
import subprocess
import sys
import time

import pytest

from bucketport.config.build import Foundation, Surroundings, assemble
from bucketport.config.load import Asked, load
from bucketport.config.model import Settings
from bucketport.config.uploads import has_cloud

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
    """What `then` says of a foundation on which the application of this file was made."""
    (tmp_path / "config.toml").write_text(text)

    async def run():
        loaded = load(Asked(str(tmp_path / "config.toml"), environment={"BUCKETPORT_SERVER__DATA": str(tmp_path)}))
        foundation = Foundation(loaded.settings, Surroundings(time.time, time.monotonic, os.urandom, print))
        try:
            assemble(loaded, foundation)
            return await then(foundation)
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


async def staging(foundation):
    return foundation.uploads.staging is not None


def test_staging_is_opened_only_where_there_is_a_cloud(tmp_path):
    assert not begun(tmp_path, KEY, staging)
    assert not (tmp_path / "staging").exists()
    assert begun(tmp_path, KEY + CLOUD, staging)


def test_a_round_of_each_work_goes_well_with_nothing_to_do(tmp_path):
    async def rounds(foundation):
        return await foundation.uploads.sweep(), await foundation.uploads.deliver()

    assert begun(tmp_path, KEY, rounds)[0] is None

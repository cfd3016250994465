"""Google Cloud Storage as its documents describe it: what no emulator speaks. See conftest.py."""

import asyncio
import random
import time
from dataclasses import replace

import pytest

from bucketport.backends.remote.backend import Remote
from bucketport.backends.remote.credentials import Lasting
from bucketport.backends.remote.credentials_gcs import Bearer
from bucketport.backends.remote.gcs.dialect import Gcs
from bucketport.backends.remote.gcs.requests import Place
from bucketport.backends.remote.gcs.signing import UrlSigner
from bucketport.backends.remote.sending import Surroundings
from bucketport.model import BucketInfo, ObjectName, Secret
from bucketport.options import WHOLE, CompleteOptions, PutOptions, UploadOptions
from bucketport.testing.contracts import *  # noqa: F403
from bucketport.testing.contracts.base import collect
from bucketport.testing.fakes import DIGESTS, FakeClock

PART_MINIMUM = 1000
"""As tests/contracts/remote says: so that parts are small."""


@pytest.fixture
def excused(google_lacks):
    return google_lacks


@pytest.fixture
def backend(google):
    world = Surroundings(google, time.time, time.monotonic, asyncio.sleep, random.random, "bucketport/contract")
    place = Place(project="contract", part_minimum=PART_MINIMUM)
    return Remote(Gcs(place, DIGESTS, random.Random().randbytes, FakeClock(step=0.001)), Lasting(None), world)


def test_part_that_a_client_sends_itself_is_known_and_completed(google, runner):
    world = Surroundings(google, time.time, time.monotonic, asyncio.sleep, random.random, "bucketport/contract")
    dialect = Gcs(
        Place(project="contract", part_minimum=3), DIGESTS, random.Random().randbytes, time.time, signs_urls=True
    )
    key = Bearer(Secret("token"), UrlSigner("me@project", lambda message: message[::-1]))
    direct = Remote(dialect, Lasting(key), world)

    async def main():
        await direct.create_bucket(BucketInfo("direct", "", 0))
        upload = await direct.create_upload(ObjectName("direct", "a key"), UploadOptions(PutOptions("me")))
        for number, content in enumerate((b"one", b"two"), 1):
            request = await direct.presign_part(upload, number, 60)
            assert not request.headers
            assert (await google.send(replace(request, body=content))).status == 200
        parts = (await direct.list_parts(upload, 0, 1000)).parts
        assert [(part.number, part.size) for part in parts] == [(1, 3), (2, 3)]
        assert (await direct.complete(upload, CompleteOptions(parts))).etag.endswith("-2")
        assert await collect((await direct.get(ObjectName("direct", "a key"), WHOLE)).body) == b"onetwo"

    runner.run(main())

"""Google Cloud Storage as its documents describe it: what no emulator speaks. See conftest.py."""

import asyncio
import random
import time

import pytest

from bucketport.backends.remote.backend import Remote
from bucketport.backends.remote.credentials import Lasting
from bucketport.backends.remote.gcs.dialect import Gcs
from bucketport.backends.remote.gcs.requests import Place
from bucketport.backends.remote.sending import Surroundings
from bucketport.testing.contracts import *  # noqa: F403
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

"""The S3 dialect in front of SeaweedFS: a real store that checks signatures."""

import pytest

from bucketport.testing.contracts import *  # noqa: F403


@pytest.fixture
def part_minimum():
    return 5 << 20


@pytest.fixture
def backend(runner, seaweed_url, dialled):
    yield from dialled(runner, seaweed_url)


@pytest.fixture
def excused(cloud):
    return cloud | {}

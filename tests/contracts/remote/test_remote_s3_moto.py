"""The S3 dialect in front of moto: a lenient server, so this proves that requests are understood, not that they are
right."""

import pytest

from bucketport.testing.contracts import *  # noqa: F403


@pytest.fixture
def part_minimum():
    return 5 << 20


@pytest.fixture
def backend(runner, moto_url, dialled):
    yield from dialled(runner, moto_url)


@pytest.fixture
def excused(cloud):
    return cloud | {}

"""The Azure dialect in front of Azurite."""

import pytest

from bucketport.testing.contracts import *  # noqa: F403


@pytest.fixture
def excused():
    return {}

"""The S3 dialect keeps every promise in front of bucketport itself."""

import pytest

from bucketport.testing.contracts import *  # noqa: F403


@pytest.fixture
def backend(own):
    return own

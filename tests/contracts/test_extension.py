"""The example of a backend from another package keeps every promise."""

import importlib.util
import pathlib
import time

import pytest

from bucketport.config.extensions import Means
from bucketport.ports import StoreBackend
from bucketport.testing.contracts import *  # noqa: F403
from bucketport.testing.fakes import DIGESTS, FakeClock, FakeEntropy, FakeIds

PATH = pathlib.Path(__file__).resolve().parents[2] / "examples" / "extension" / "bucketport_example.py"


@pytest.fixture
def backend() -> StoreBackend:
    spec = importlib.util.spec_from_file_location("bucketport_example", PATH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    told: StoreBackend = module.told(
        Means(
            {},
            FakeClock(step=0.001),
            time.monotonic,
            FakeEntropy(),
            FakeIds(),
            DIGESTS,
            None,  # type: ignore[arg-type]
            lambda line: None,
        )
    )
    return told

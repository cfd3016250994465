"""What does every backend promise? These classes of tests; a backend is one when it passes them.

A module beside a backend's tests imports all of them and says what is tested:

    from bucketport.testing.contracts import *

    @pytest.fixture
    def backend():
        return Memory(now=FakeClock(), new_id=FakeIds(), digests=WheelDigests())

and its `conftest.py` has the fixtures of `bucketport.testing.plugin`. A class whose offer the backend lacks is skipped
and says so; `excused` names what it cannot keep although it offers it, with the reason.
"""

from bucketport.testing.contracts.objects import TestObjects, TestOddKeys

__all__ = ["TestObjects", "TestOddKeys"]

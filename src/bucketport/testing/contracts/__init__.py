"""What does every backend promise? These classes of tests; a backend is one when it passes them.

A module beside a backend's tests imports all of them and says what is tested:

    from bucketport.testing.contracts import *

    @pytest.fixture
    def backend():
        return Memory(now=FakeClock(), new_id=FakeIds(), digests=WheelDigests())

and its `conftest.py` has the fixtures of `bucketport.testing.plugin`. A class whose offer the backend lacks is skipped
and says so; `excused` names what it cannot keep although it offers it, with the reason.
"""

from bucketport.testing.contracts.buckets import TestBucketListing, TestBuckets, TestCors, TestTwoBuckets
from bucketport.testing.contracts.completing import (
    TestChecksumsOfParts,
    TestCompleteConditions,
    TestCompleting,
    TestCompletingAgain,
    TestRefusedCompleting,
)
from bucketport.testing.contracts.copying import TestCopy, TestCopyConditions
from bucketport.testing.contracts.direct import TestDirectParts
from bucketport.testing.contracts.drafts import TestDigestsOfParts, TestDrafts
from bucketport.testing.contracts.failures import TestFailingContent
from bucketport.testing.contracts.listing import TestListing, TestVersionListing
from bucketport.testing.contracts.objects import TestObjects, TestOddKeys
from bucketport.testing.contracts.parts import TestAttributesOfParts, TestPartCopy, TestReadingParts
from bucketport.testing.contracts.ranges import TestOnePart, TestRanges
from bucketport.testing.contracts.read_conditions import TestReadConditions
from bucketport.testing.contracts.tags_acls import TestAcls, TestAttributes, TestTags
from bucketport.testing.contracts.uploads import TestPartListing, TestUploadListing, TestUploads
from bucketport.testing.contracts.write_conditions import TestDeleteConditions, TestDeleteMany, TestPutConditions

__all__ = [
    "TestAcls",
    "TestAttributes",
    "TestAttributesOfParts",
    "TestBucketListing",
    "TestBuckets",
    "TestChecksumsOfParts",
    "TestCompleteConditions",
    "TestCompleting",
    "TestCompletingAgain",
    "TestCopy",
    "TestCopyConditions",
    "TestCors",
    "TestDeleteConditions",
    "TestDeleteMany",
    "TestDigestsOfParts",
    "TestDirectParts",
    "TestDrafts",
    "TestFailingContent",
    "TestListing",
    "TestObjects",
    "TestOddKeys",
    "TestOnePart",
    "TestPartCopy",
    "TestPartListing",
    "TestPutConditions",
    "TestRanges",
    "TestReadConditions",
    "TestReadingParts",
    "TestRefusedCompleting",
    "TestTags",
    "TestTwoBuckets",
    "TestUploadListing",
    "TestUploads",
    "TestVersionListing",
]

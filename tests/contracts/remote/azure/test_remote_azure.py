"""The Azure dialect in front of Azurite. What either cannot keep is named here, with the reason; see
docs/conformance.md."""

import pytest

from bucketport.backends.remote.azure.names import check_key
from bucketport.errors import S3Error
from bucketport.testing.contracts import *  # noqa: F403
from bucketport.testing.contracts import listing, objects, tags_acls

_NO_LIST = "Azure cannot be asked which uploads are under way: ListMultipartUploads is 501"
_ACCOUNT = "containers belong to the account: which of our users made one is told, and no more"
_DISCARDS = "whatever is committed to a blob discards the uncommitted blocks of every upload to it"
_KEYS = "control characters, backslashes and dots at the end of segments are refused: Azure may not keep them apart"
_CUTS = "Azurite cuts common prefixes as if delimiters had one UTF-16 unit"
_ONE_BLOB = (
    "a shared access signature is for a blob, not for a block, and works until it is over (test_azure_direct.py)"
)

EXCUSED = {
    "TestAttributesOfParts.test_parts_are_told": "checksums of parts go with the blocks that held them",
    "TestBucketListing.test_owners_see_their_own": _ACCOUNT,
    "TestBucketListing.test_listing_tells_what_is_known": _ACCOUNT,
    "TestBucketListing.test_buckets_are_in_the_order_of_their_names": "containers' names have no dots",
    "TestBucketListing.test_pages_together_are_the_whole": _ACCOUNT,
    "TestBuckets.test_bucket_is_what_was_made": _ACCOUNT,
    "TestBuckets.test_put_and_remove_cannot_both_win": "Azure removes a container with what is in it (docs/azure.md)",
    "TestBuckets.test_unfinished_uploads_go_with_the_bucket": _NO_LIST,
    "TestCompleteConditions.test_create_if_absent": _DISCARDS,
    "TestCompleting.test_completed_upload_is_no_longer_under_way": _NO_LIST,
    "TestCompleting.test_uploads_to_one_key_end_apart": _DISCARDS,
    "TestCompletingAgain.test_repeating_changes_nothing": "the answer is read off the blob, which is another's by now",
    "TestDirectParts.test_leave_is_for_that_part_of_that_upload_only": _ONE_BLOB,
    "TestDirectParts.test_upload_that_is_given_up_takes_no_part": _ONE_BLOB,
    "TestListing.test_keys_are_in_the_order_of_their_utf8": _KEYS,
    "TestListing.test_delimiter_may_have_several_characters": _CUTS,
    "TestObjects.test_content_may_have_no_declared_length": "long content needs a length, as it does at S3",
    "TestUploadListing": _NO_LIST,
    "TestUploads.test_absent_bucket": _NO_LIST,
    "TestUploads.test_aborted_upload_is_gone": _NO_LIST,
    "TestUploads.test_part_that_arrives_after_the_abort_is_refused": _NO_LIST,
}


@pytest.fixture
def excused():
    return EXCUSED


def holds(key):
    """Whether Azure can hold a key."""
    try:
        check_key(key)
    except S3Error:
        return False
    return True


@pytest.fixture(autouse=True)
def only_what_azure_can_hold(request, monkeypatch):
    """Keys and tags that it cannot are refused (tests/unit/backends/remote/azure); here are the others."""
    monkeypatch.setattr(listing, "TREE", [key for key in listing.TREE if holds(key)])
    monkeypatch.setattr(objects, "ODD_KEYS", tuple(key for key in objects.ODD_KEYS if holds(key)))
    # An empty value is kept too (TestCompleting has one), but Azurite takes none in the document of Set Blob Tags.
    tags = {"project": "a", "gr uss": "world +-=._:/", "k" * 128: "v" * 256}
    monkeypatch.setattr(tags_acls, "TAGS", tags)
    parameters = getattr(request.node, "callspec", None)
    if parameters is not None:
        if not holds(parameters.params.get("key", "")):
            pytest.skip(_KEYS)
        query = parameters.params.get("query")
        if query is not None and len(query.delimiter.encode("utf-16-le")) > 2:
            pytest.skip(_CUTS)

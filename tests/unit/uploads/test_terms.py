"""What is told to whoever sends content that a session does not take."""

import pytest

from bucketport.errors import InvalidRequest
from bucketport.sessions import Terms
from bucketport.uploads.terms import check_content_type

VIDEOS = Terms(content_types=("video/*",))


def test_a_type_that_is_not_taken_is_named_with_those_that_are() -> None:
    check_content_type(VIDEOS, "video/mp4; codecs=x")
    with pytest.raises(InvalidRequest) as refused:
        check_content_type(VIDEOS, "text/plain")
    assert refused.value.message == "The upload takes video/*, not text/plain."


def test_where_nobody_said_the_type_the_error_says_who_can() -> None:
    with pytest.raises(InvalidRequest) as refused:
        check_content_type(VIDEOS, "")
    assert refused.value.message == (
        "The upload takes video/*, and nobody said what type this is: tus says it as filetype, a form with its file; "
        'for parts begin the session with "headers": {"content-type": ...}.'
    )

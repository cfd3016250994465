"""What asks for something that we do not model?"""

import pytest

from bucketport.operations import extras

SWITCHES = ("x-amz-bucket-object-lock-enabled", "x-amz-server-side-encryption-bucket-key-enabled")


def test_a_plain_request_asks_for_nothing():
    assert not extras.asked({"host": "h", "x-amz-acl": "private"})


@pytest.mark.parametrize("name", SWITCHES)
@pytest.mark.parametrize("value", ["false", "False"])
def test_a_switch_that_is_off_asks_for_nothing(name, value):
    assert not extras.asked({name: value})
    assert extras.claims({name: value}, "bucket", None) == ()


@pytest.mark.parametrize("name", SWITCHES)
@pytest.mark.parametrize("value", ["true", "", "no"])
def test_a_switch_with_any_other_value_asks(name, value):
    assert extras.asked({name: value})
    assert extras.of({name: value, "host": "h"}) == {name: value}


def test_a_header_that_is_no_switch_asks_whatever_its_value():
    assert extras.asked({"x-amz-server-side-encryption": "false"})

"""Are the server's bounds sane, and a mistyped one refused?"""

import pydantic
import pytest

from bucketport.config.limits import Limits


def test_defaults_are_those_that_the_documentation_promises():
    limits = Limits()
    assert (limits.request_line_bytes, limits.header_bytes) == (16_384, 65_536)
    assert (limits.header_fields, limits.query_pairs) == (100, 1000)
    assert (limits.header_seconds, limits.body_idle_seconds, limits.keepalive_seconds) == (15, 30, 75)


@pytest.mark.parametrize(
    "given",
    [{"header_byte": 1}, {"header_bytes": 0}, {"header_seconds": 0}, {"connections": -1}, {"drain_seconds": -1}],
)
def test_unknown_or_senseless_setting_is_refused(given):
    with pytest.raises(pydantic.ValidationError):
        Limits(**given)


def test_every_setting_has_help():
    assert all(field.description for field in Limits.model_fields.values())

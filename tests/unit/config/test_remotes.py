"""Which backend do the options of a bucket make, and what can it do?"""

import pytest

from bucketport.config.remotes import Backends, World
from bucketport.model import Offer
from bucketport.testing.fakes import DIGESTS, FakeClock, FakeEntropy, FakeIds


def backend(**options):
    world = World(FakeClock(), FakeClock(), FakeEntropy(), FakeIds(), DIGESTS, lambda _: None)
    return Backends(world, None).backend("az", {"account_name": "account", "container_name": "data"} | options)


@pytest.mark.parametrize(
    ("options", "can"),
    [
        ({"access_key": "a2V5"}, True),
        ({"sas_token": "sv=1&sig=x"}, False),
        ({"skip_signature": "true"}, False),
    ],
)
def test_azures_clients_send_parts_where_the_accounts_key_is_there(options, can):
    assert (Offer.DIRECT in backend(**options).offers) is can

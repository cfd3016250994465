"""Which of several registries knows a key? The first that has it."""

import asyncio

from bucketport.model import Credential, Secret
from bucketport.registry.static import Chain, StaticCredentials


def credential(access_key, user="alice", **more):
    return Credential(access_key, Secret("secret-text"), user, **more)


def test_a_named_key_is_found_and_another_is_not():
    registry = StaticCredentials([credential("A")])
    assert asyncio.run(registry.find("A")).user == "alice"
    assert asyncio.run(registry.find("a")) is None


def test_a_disabled_key_is_still_found_so_that_the_caller_can_tell():
    registry = StaticCredentials([credential("A", enabled=False)])
    assert asyncio.run(registry.find("A")).enabled is False


def test_the_first_registry_that_knows_a_key_says_what_it_is():
    chain = Chain([StaticCredentials([credential("A", "first")]), StaticCredentials([credential("A", "second")])])
    assert asyncio.run(chain.find("A")).user == "first"
    assert asyncio.run(chain.find("B")) is None

"""Which keys are in the data folder? Those that commands wrote there, noticed by the server within a second."""

import asyncio
import os
import stat

import apsw
import pytest

from bucketport.errors import BackendError
from bucketport.model import Credential, Scope, Secret
from bucketport.registry.sqlite import EVERY, FORMAT, SqliteCredentials

SCOPES = (Scope("photos", ("a/", "b"), frozenset({"get_object", "put_object"})), Scope("*"))


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def key(access_key="KEY", secret="secret-text", **more):
    return Credential(access_key, Secret(secret), "alice", **more)


def find(registry, access_key="KEY"):
    return asyncio.run(registry.find(access_key))


@pytest.fixture
def folder(tmp_path):
    return str(tmp_path / "data")


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def registry(folder, clock):
    made = SqliteCredentials(folder, clock)
    yield made
    made.close()


def test_a_key_comes_back_as_it_was_given(registry):
    assert registry.add(key(expires_at=5.5, scopes=SCOPES), 1.0)
    found = find(registry)
    assert found.secret.reveal() == "secret-text"
    assert (found.user, found.enabled, found.expires_at, found.scopes) == ("alice", True, 5.5, SCOPES)


def test_a_key_outlives_the_process(folder, clock, registry):
    registry.add(key(), 1.0)
    registry.close()
    again = SqliteCredentials(folder, clock)
    assert find(again).user == "alice"
    assert [stored.created_at for stored in again.all()] == [1.0]


def test_nobody_else_can_read_the_file(folder, registry):
    registry.add(key(), 1.0)
    for name in os.listdir(folder):
        assert stat.S_IMODE(os.stat(f"{folder}/{name}").st_mode) == 0o600
    assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700


def test_a_name_can_be_used_once(registry):
    assert registry.add(key(), 1.0)
    assert not registry.add(key(secret="another-one"), 2.0)
    assert find(registry).secret.reveal() == "secret-text"


def test_a_key_can_be_disabled_enabled_and_removed(registry):
    registry.add(key(), 1.0)
    assert registry.enable("KEY", False)
    assert find(registry).enabled is False
    assert registry.enable("KEY", True)
    assert find(registry).enabled is True
    assert registry.remove("KEY")
    assert find(registry) is None


def test_an_absent_key_is_told(registry):
    assert not registry.enable("KEY", False)
    assert not registry.remove("KEY")


def test_a_change_by_another_process_is_noticed_within_a_second(folder, clock, registry):
    command = SqliteCredentials(folder, Clock())
    command.add(key(), 1.0)
    assert find(registry) is None
    clock.now += EVERY
    assert find(registry).enabled
    command.enable("KEY", False)
    clock.now += EVERY
    assert find(registry).enabled is False
    command.close()


def test_while_another_process_writes_the_known_keys_serve(folder, clock, registry):
    registry.add(key(), 1.0)
    registry._connection.set_busy_timeout(0)
    other = apsw.Connection(f"{folder}/state.sqlite")
    other.execute("BEGIN EXCLUSIVE; DELETE FROM keys")
    clock.now += EVERY
    assert find(registry).enabled
    other.execute("COMMIT")
    clock.now += EVERY
    assert find(registry) is None


def test_a_file_of_a_newer_release_is_refused_with_a_sentence(folder, clock, registry):
    other = apsw.Connection(f"{folder}/state.sqlite")
    other.pragma("user_version", FORMAT + 1)
    other.close()
    with pytest.raises(BackendError, match="newer bucketport"):
        SqliteCredentials(folder, clock)


def test_a_file_that_is_something_else_is_refused_with_its_path(folder, clock):
    os.makedirs(folder)
    with open(f"{folder}/state.sqlite", "wb") as file:
        file.write(b"not a database at all, but long enough to be read as one" * 40)
    with pytest.raises(BackendError, match=r"state\.sqlite"):
        SqliteCredentials(folder, clock)


def test_a_folder_that_cannot_be_made_is_refused_with_its_path(tmp_path, clock):
    (tmp_path / "file").write_text("")
    with pytest.raises(BackendError, match="file"):
        SqliteCredentials(f"{tmp_path}/file/data", clock)

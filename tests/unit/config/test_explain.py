"""Why may a key do that, or why not? The decision that a request would meet, and the line behind it."""

import pytest

from bucketport.config.explain import STATE, Explanation, explain
from bucketport.config.load import Asked, load
from bucketport.config.offline import Keys, create_bucket
from bucketport.config.trouble import Failure, UsageError
from bucketport.model import BucketInfo, Credential, Secret

FILE = """\
[server]
data = "data"
[[buckets]]
name = "logs"
backend_type = "memory"
anonymous_access = true

[[buckets]]
name = "private"
backend_type = "memory"

[[credentials]]
access_key_id = "READER"
secret_access_key = "long-enough"
principal_name = "reader"

[[credentials.allowed_scopes]]
bucket = "private"
prefixes = ["in/"]
actions = ["get_object", "list_bucket"]

[[credentials]]
access_key_id = "OLD"
secret_access_key = "long-enough"
principal_name = "old"
enabled = false

[[credentials]]
access_key_id = "OVER"
secret_access_key = "long-enough"
principal_name = "over"
unrestricted = true
expires_at = 1970-01-01T00:01:00Z
"""

STORE = """
[store]
public = ["site"]
[[credentials]]
access_key_id = "FULL"
secret_access_key = "long-enough"
principal_name = "full"
unrestricted = true
"""


@pytest.fixture
def asked(tmp_path, monkeypatch):
    """The decision on an action, a target and a key by a configuration."""
    monkeypatch.chdir(tmp_path)

    def ask(action, target, access_key=None, text=FILE, now=0.0):
        (tmp_path / "config.toml").write_text(text)
        return explain(load(Asked("config.toml")), access_key, action, target, now)

    return ask


def test_a_scope_that_covers_it_is_named_with_its_line(asked):
    found = asked("get_object", "s3://private/in/x", "READER")
    assert found == Explanation(True, "scope 1 of the key", "config.toml:17")


def test_a_denial_names_the_key_that_lacks_it(asked):
    found = asked("put_object", "s3://private/in/x", "READER")
    assert found == Explanation(False, "no scope of the key allows put_object in private", "config.toml:12")


def test_a_listing_is_judged_by_its_prefix(asked):
    assert asked("list_bucket", "s3://private/in/", "READER").allowed
    assert not asked("list_bucket", "s3://private/", "READER").allowed


def test_a_copy_needs_both_of_its_halves(asked):
    found = asked("copy", "s3://private/in/x", "READER")
    assert (found.allowed, found.reason) == (False, "no scope of the key allows put_object in private")
    assert asked("copy", "s3://private/in/x", "OVER").allowed


def test_a_stranger_reads_what_is_public(asked):
    found = asked("get_object", "s3://logs/x")
    assert found == Explanation(True, "anonymous read of the bucket", "config.toml:6")
    assert asked("get_object", "s3://private/x").allowed is False


def test_a_key_that_does_not_work_may_do_nothing(asked):
    assert asked("get_object", "s3://logs/x", "OLD") == Explanation(False, "the key is disabled", "config.toml:26")
    assert asked("get_object", "s3://logs/x", "OVER", now=59.0).allowed
    assert asked("get_object", "s3://logs/x", "OVER", now=60.0) == Explanation(
        False, "the key is expired", "config.toml:33"
    )


def test_an_owner_is_found_in_the_data_folder(asked):
    text = FILE.partition("[[buckets]]")[0] + STORE
    asked("create_bucket", "s3://anything", "FULL", text)
    loaded = load(Asked("config.toml"))
    for name, owner in (("photos", "full"), ("site", "other")):
        create_bucket(loaded, BucketInfo(name, owner, 1))
    with Keys("data", make=True) as registry:
        registry.add(Credential("MADE", Secret("long-enough"), "full"), 1.0)
    assert asked("put_object", "s3://photos/x", "FULL", text) == Explanation(
        True, "owner of the bucket", "config.toml:6"
    )
    assert asked("put_object", "s3://photos/x", "MADE", text) == Explanation(True, "owner of the bucket", STATE)
    assert asked("get_object", "s3://site/x", None, text) == Explanation(
        True, "anonymous read of the bucket", "config.toml:5"
    )
    assert asked("delete_object", "s3://site/x", "MADE", text).allowed is False
    assert asked("get_object", "s3://photos/x", None, text).allowed is None


@pytest.mark.parametrize("target", ["logs/x", "s3://", "s3:///x", "http://logs/x"])
def test_a_target_that_is_none_is_refused(asked, target):
    with pytest.raises(UsageError, match="s3://bucket/key"):
        asked("get_object", target)


def test_what_is_not_known_is_said(asked):
    with pytest.raises(Failure, match="absent"):
        asked("get_object", "s3://absent/x")
    with pytest.raises(Failure, match="NOBODY"):
        asked("get_object", "s3://logs/x", "NOBODY")
    with pytest.raises(UsageError, match="unknown action 'put_objekt'; did you mean put_object"):
        asked("put_objekt", "s3://logs/x")

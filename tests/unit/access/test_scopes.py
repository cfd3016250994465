"""What a scope covers, claim by claim."""

import pytest

from bucketport.access.scopes import covers
from bucketport.model import Claim, Scope

READ = frozenset({"get_object", "list_bucket"})


def scope(*prefixes: str, bucket: str = "data", actions: frozenset[str] = READ) -> Scope:
    return Scope(bucket, prefixes, actions)


@pytest.mark.parametrize(
    ("prefix", "key", "covered"),
    [
        ("a/", "a/b", True),
        ("a/", "a/", True),
        ("a/", "a", False),
        ("a/", "ab", False),
        ("data", "data", True),
        ("data", "data/x", True),
        ("data", "data-private", False),
        ("data", "data-private/x", False),
        ("", "anything", True),
        ("a/", "../a/b", False),
        ("a/", "a/../b", True),
    ],
)
def test_a_prefix_covers_keys_beneath_it_and_no_neighbours(prefix: str, key: str, covered: bool) -> None:
    assert covers(scope(prefix), Claim("get_object", "data", key)) is covered


@pytest.mark.parametrize(
    ("prefix", "asked", "covered"),
    [
        ("a/", "a/", True),
        ("a/", "a/b", True),
        ("a/", "a", False),
        ("a/", "", False),
        ("data", "data/", True),
        ("data", "data", False),
    ],
)
def test_a_listing_must_lie_inside_the_prefix(prefix: str, asked: str, covered: bool) -> None:
    assert covers(scope(prefix), Claim("list_bucket", "data", prefix=asked)) is covered


def test_no_prefixes_mean_the_whole_bucket() -> None:
    assert covers(scope(), Claim("list_bucket", "data", prefix=""))
    assert covers(scope(), Claim("get_object", "data", "any"))


def test_another_bucket_is_not_covered() -> None:
    assert not covers(scope(), Claim("get_object", "other", "k"))


def test_a_star_covers_every_bucket() -> None:
    assert covers(scope(bucket="*"), Claim("get_object", "other", "k"))


def test_an_action_that_is_not_named_is_not_covered() -> None:
    assert not covers(scope(), Claim("put_object", "data", "k"))


def test_reading_implies_looking_at_the_head() -> None:
    assert covers(scope(), Claim("head_object", "data", "k"))


def test_looking_at_the_head_does_not_imply_reading() -> None:
    assert not covers(scope(actions=frozenset({"head_object"})), Claim("get_object", "data", "k"))


def test_the_bucket_itself_is_seen_by_one_who_may_list_a_part_of_it() -> None:
    assert covers(scope("a/"), Claim("head_bucket", "data"))


def test_changing_the_bucket_takes_a_scope_without_prefixes() -> None:
    actions = frozenset({"delete_bucket"})
    assert not covers(scope("a/", actions=actions), Claim("delete_bucket", "data"))
    assert covers(scope(actions=actions), Claim("delete_bucket", "data"))

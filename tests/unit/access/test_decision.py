"""Who may do what, and why: the decision over scopes, ownership, public buckets and ACLs."""

import asyncio

import pytest

from bucketport.access.decision import authorize, judge
from bucketport.errors import AccessDenied, NoSuchKey
from bucketport.model import ANONYMOUS, Claim, Identity, ObjectInfo, ObjectName, Offer, Scope
from bucketport.mounts import Mount

ALICE, BOB = Identity("alice"), Identity("bob")
SCOPED = Identity("carol", scopes=(Scope("data", ("in/",), frozenset({"get_object", "delete_object"})),))


class Rows:
    """A backend of which only `object_acl` is asked."""

    offers = frozenset({Offer.OBJECTS, Offer.ACLS})

    def __init__(self, **acls: tuple[str, str]) -> None:
        self.acls = acls

    async def object_acl(self, name: ObjectName, version: str | None) -> ObjectInfo:
        if name.key not in self.acls:
            raise NoSuchKey
        owner, acl = self.acls[name.key]
        return ObjectInfo(name.key, 1, "e", 0, owner=owner, acl=acl)


def mount(owner: str = "alice", acl: str = "private", public: bool = False, **rows: tuple[str, str]) -> Mount:
    return Mount("data", Rows(**rows), owner, acl, anonymous_read=public)  # type: ignore[arg-type]


def allowed(caller: Identity, claim: Claim, place: Mount) -> bool:
    try:
        asyncio.run(authorize(caller, [claim], {"data": place}))
    except AccessDenied:
        return False
    return True


GET, PUT = Claim("get_object", "data", "k"), Claim("put_object", "data", "k")
LIST = Claim("list_bucket", "data", prefix="")


@pytest.mark.parametrize("claim", [GET, PUT, LIST, Claim("delete_bucket", "data"), Claim("put_bucket_acl", "data")])
def test_the_owner_may_do_everything(claim: Claim) -> None:
    assert allowed(ALICE, claim, mount())


@pytest.mark.parametrize("claim", [GET, PUT, LIST, Claim("delete_bucket", "data")])
@pytest.mark.parametrize("caller", [BOB, ANONYMOUS])
def test_others_may_do_nothing_with_a_private_bucket(caller: Identity, claim: Claim) -> None:
    assert not allowed(caller, claim, mount(k=("alice", "private")))


def test_anonymous_is_not_the_owner_of_a_bucket_without_owner() -> None:
    assert not allowed(ANONYMOUS, GET, mount(owner=""))
    assert not allowed(ANONYMOUS, LIST, mount(owner=""))


def test_a_public_bucket_is_read_and_listed_by_everybody_and_written_by_nobody_else() -> None:
    place = mount(public=True)
    assert allowed(ANONYMOUS, GET, place)
    assert allowed(ANONYMOUS, LIST, place)
    assert allowed(ANONYMOUS, Claim("head_object", "data", "k"), place)
    assert not allowed(ANONYMOUS, PUT, place)
    assert not allowed(ANONYMOUS, Claim("delete_object", "data", "k"), place)
    assert not allowed(ANONYMOUS, Claim("list_multipart_uploads", "data", prefix=""), place)


def test_a_bucket_acl_lets_everybody_list_but_not_read_objects() -> None:
    place = mount(acl="public-read", k=("alice", "private"))
    assert allowed(ANONYMOUS, LIST, place)
    assert not allowed(ANONYMOUS, GET, place)


def test_public_read_write_lets_everybody_write() -> None:
    assert allowed(ANONYMOUS, PUT, mount(acl="public-read-write"))
    assert not allowed(ANONYMOUS, PUT, mount(acl="public-read"))


def test_authenticated_read_is_not_for_anonymous() -> None:
    place = mount(acl="authenticated-read")
    assert allowed(BOB, LIST, place)
    assert not allowed(ANONYMOUS, LIST, place)


def test_an_object_acl_lets_everybody_read_that_object() -> None:
    place = mount(k=("alice", "public-read"))
    assert allowed(ANONYMOUS, GET, place)
    assert allowed(BOB, GET, place)


def test_the_writer_of_an_object_may_read_it_in_anothers_bucket() -> None:
    assert allowed(BOB, GET, mount(k=("bob", "private")))


def test_an_absent_key_is_denied_to_one_who_may_not_list() -> None:
    with pytest.raises(AccessDenied):
        asyncio.run(authorize(BOB, [GET], {"data": mount()}))


def test_an_absent_key_is_named_to_one_who_may_list() -> None:
    with pytest.raises(NoSuchKey):
        asyncio.run(authorize(BOB, [GET], {"data": mount(acl="public-read")}))


def test_a_scoped_key_does_only_what_its_scopes_say() -> None:
    place = mount(owner="carol")
    assert allowed(SCOPED, Claim("get_object", "data", "in/x"), place)
    assert not allowed(SCOPED, Claim("get_object", "data", "out/x"), place)
    assert not allowed(SCOPED, Claim("put_object", "data", "in/x"), place)
    assert not allowed(SCOPED, LIST, place)


@pytest.mark.parametrize("acl", ["bucket-owner-read", "bucket-owner-full-control"])
def test_what_an_acl_gives_the_buckets_owner_is_not_for_a_scoped_key_of_theirs(acl: str) -> None:
    scoped = Identity("alice", scopes=(Scope("data", ("in/",), frozenset({"get_object"})),))
    place = mount(k=("bob", acl))
    assert not allowed(scoped, GET, place)
    assert not allowed(scoped, Claim("put_object_acl", "data", "k"), place)
    assert allowed(ALICE, GET, place)


def test_a_key_with_empty_scopes_may_do_nothing() -> None:
    caller = Identity("carol", scopes=())
    assert not allowed(caller, GET, mount(owner=""))
    assert not allowed(caller, Claim("create_bucket", "data"), mount(owner=""))


def test_every_claim_must_be_allowed() -> None:
    mounts = {"data": mount(), "other": Mount("other", Rows(), "bob")}  # type: ignore[arg-type]
    with pytest.raises(AccessDenied):
        asyncio.run(authorize(ALICE, [GET, Claim("put_object", "other", "k")], mounts))


def test_making_a_bucket_takes_a_signature() -> None:
    assert judge(ALICE, Claim("create_bucket", "new"), None).allowed
    assert not judge(ANONYMOUS, Claim("create_bucket", "new"), None).allowed
    assert not judge(SCOPED, Claim("create_bucket", "new"), None).allowed


def test_the_reason_names_the_caller_and_the_action() -> None:
    verdict = judge(BOB, PUT, mount())
    assert verdict.reason == "bob does not own data and no ACL allows put_object"

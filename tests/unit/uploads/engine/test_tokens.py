"""Does a token open its own session only, and does a session's key do no more than send its parts?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucketport.access.decision import judge
from bucketport.errors import AccessDenied
from bucketport.model import Claim, Identity, Secret
from bucketport.mounts import Mount
from bucketport.sessions import Outcome, Session
from bucketport.testing.sessions import MemorySessions
from bucketport.uploads.acting import identity_of
from bucketport.uploads.keys import SessionKeys
from bucketport.uploads.tokens import Tokens

SESSION = Session("0af3-x_1", "photos", "a/b.txt", "ann", 1000, 60_500)
NEW, OLD = Secret("new"), Secret("old")


def test_a_token_opens_its_session_until_its_time():
    tokens = Tokens([NEW])
    token = tokens.issue(SESSION)
    assert tokens.open(token, 59.9) == SESSION.id
    with pytest.raises(AccessDenied, match="expired"):
        tokens.open(token, 60)


def test_an_older_secret_still_opens_and_the_first_signs():
    assert Tokens([NEW, OLD]).open(Tokens([OLD]).issue(SESSION), 1) == SESSION.id
    with pytest.raises(AccessDenied):
        Tokens([OLD]).open(Tokens([NEW, OLD]).issue(SESSION), 1)


@given(st.integers(0, 70), st.characters(codec="utf-8"))
def test_no_other_text_opens_anything(place, character):
    token = Tokens([NEW]).issue(SESSION)
    other = token[:place] + character + token[place + 1 :]
    if other != token:
        with pytest.raises(AccessDenied):
            Tokens([NEW]).open(other, 1)


@pytest.mark.parametrize("text", ["", ".", "..", "a.b.c", "a" * 100_000, f"{SESSION.id}.60."])
def test_what_has_not_the_shape_of_a_token_is_refused(text):
    with pytest.raises(AccessDenied):
        Tokens([NEW]).open(text, 1)


def test_a_secret_is_needed():
    with pytest.raises(ValueError, match="secret"):
        Tokens([])


@pytest.mark.parametrize(
    ("action", "key", "allowed"),
    [
        ("put_object", "a/b.txt", True),
        ("upload_part", "a/b.txt", True),
        ("put_object", "a/c.txt", False),
        ("get_object", "a/b.txt", False),
        ("delete_object", "a/b.txt", False),
    ],
)
def test_who_acts_for_a_session_may_write_its_key_and_nothing_else(action, key, allowed):
    mount = Mount("photos", None, "ann")  # type: ignore[arg-type]
    assert bool(judge(identity_of(SESSION), Claim(action, "photos", key), mount).allowed) is allowed


async def test_a_sessions_key_sends_parts_until_the_commit_or_the_end():
    sessions = MemorySessions()
    await sessions.add(SESSION)
    keys = SessionKeys(sessions, Tokens([NEW]))
    found = await keys.find("BPUP0af3-x_1")
    assert (found.user, found.enabled, found.expires_at) == ("ann", True, 60.5)
    mount = Mount("photos", None, "ann")  # type: ignore[arg-type]
    caller = Identity(found.user, found.access_key, found.scopes)
    for action, allowed in (("upload_part", True), ("put_object", False), ("complete_multipart_upload", False)):
        assert bool(judge(caller, Claim(action, "photos", "a/b.txt"), mount).allowed) is allowed
    await sessions.commit(SESSION.id, Outcome("e", 1, 1), None)
    assert (await keys.find("BPUP0af3-x_1")).enabled is False


async def test_other_keys_are_not_sessions():
    keys = SessionKeys(MemorySessions(), Tokens([NEW]))
    assert await keys.find("AKIA123") is None
    assert await keys.find("BPUPnone") is None


def test_each_session_and_each_secret_has_a_key_of_its_own():
    other = Session("other", "photos", "a/b.txt", "ann", 1000, 60_500)
    made = {
        Tokens([secret]).credential(session).secret.reveal() for secret in (NEW, OLD) for session in (SESSION, other)
    }
    assert len(made) == 4

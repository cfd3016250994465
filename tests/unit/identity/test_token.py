"""Does a path's token say who asks, and may an API key stand in for it?"""

import asyncio

import pytest

from bucketport.errors import AccessDenied, NoSuchUpload, Unauthorized
from bucketport.identity.bearer import ApiKey, Bearer
from bucketport.identity.token import SessionToken
from bucketport.message import NoBody, Request
from bucketport.model import Identity, Secret
from bucketport.sessions import Session
from bucketport.testing.sessions import MemorySessions

SESSION = Session("s1", "photos", "a", "ann", 1, 2)


def opens(token, now):
    if token == "s1.9.good":
        return "s1"
    if token == "s2.9.good":
        return "s2"
    raise AccessDenied


def who(path, *, key=True, **headers):
    async def asked():
        sessions = MemorySessions()
        await sessions.add(SESSION)
        bearer = Bearer([ApiKey("app", Secret("key"))], "admin") if key else None
        method = SessionToken(sessions, opens, lambda session: Identity(session.user), bearer)
        request = Request("GET", path, "", headers, NoBody())
        assert method.recognizes(request)
        return (await method.authenticate(request, 1)).identity.user

    return asyncio.run(asked())


@pytest.mark.parametrize("rest", ["", "/commit", "/tus/1"])
def test_a_good_token_is_the_sessions_user(rest):
    assert who(f"/-/uploads/s1.9.good{rest}") == "ann"


@pytest.mark.parametrize(
    "path", ["/-/uploads/s1.9.bad", "/-/uploads/s1", "/-/uploads/", "/-/uploads", "/photos/s1.9.good"]
)
def test_everything_else_is_refused(path):
    with pytest.raises(AccessDenied):
        who(path)


def test_a_good_token_of_a_session_that_is_gone_says_so():
    with pytest.raises(NoSuchUpload):
        who("/-/uploads/s2.9.good")


def test_an_api_key_asks_by_the_sessions_id():
    assert who("/-/uploads/s1/commit", authorization="Bearer key") == "admin"
    with pytest.raises(Unauthorized):
        who("/-/uploads/s1", authorization="Bearer other")


def test_a_token_goes_before_an_api_key():
    with pytest.raises(AccessDenied):
        who("/-/uploads/s1.9.bad", authorization="Bearer key")


def test_without_keys_an_id_is_no_token():
    with pytest.raises(AccessDenied):
        who("/-/uploads/s1", key=False, authorization="Bearer key")

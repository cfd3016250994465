"""API keys: whoever has one may act in its buckets."""

import asyncio

import pytest

from bucketport.errors import Unauthorized
from bucketport.identity.bearer import ApiKey, Bearer
from bucketport.message import NoBody, Request
from bucketport.model import Scope, Secret

BEARER = Bearer([ApiKey("app", Secret("key-1"), ("pictures",)), ApiKey("ops", Secret("schlüssel"))], "admin")


def ask(authorization: str | None):
    headers = {} if authorization is None else {"authorization": authorization}
    return asyncio.run(BEARER.authenticate(Request("POST", "/presign", "", headers, NoBody()), 0)).identity


def test_a_key_acts_in_its_buckets_as_the_main_user() -> None:
    identity = ask("Bearer key-1")
    assert (identity.user, identity.access_key) == ("admin", "app")
    assert identity.scopes == (Scope("pictures", (), frozenset({"*"})),)


def test_a_key_without_buckets_acts_in_all() -> None:
    identity = ask("bearer  " + "schlüssel".encode().decode("latin-1"))
    assert identity.scopes == (Scope("*", (), frozenset({"*"})),)


@pytest.mark.parametrize(
    "sent", [None, "", "Bearer", "Bearer ", "Bearer key-2", "Bearer key-11", "Basic key-1", "key-1"]
)
def test_no_key_and_a_wrong_one_are_told_what_to_send(sent: str | None) -> None:
    with pytest.raises(Unauthorized) as refused:
        ask(sent)
    assert refused.value.status == 401
    assert refused.value.headers == {"WWW-Authenticate": "Bearer"}
    assert "key-" not in refused.value.message


def test_a_wrong_key_is_called_that_and_no_key_is_told_how_to_send_one() -> None:
    for sent, said in (("Bearer key-2", "not known here"), ("", "Bearer <key>"), ("Basic key-1", "Bearer <key>")):
        with pytest.raises(Unauthorized) as refused:
            ask(sent)
        assert said in refused.value.message


def test_no_key_is_in_what_a_debugger_shows() -> None:
    assert "key-1" not in repr(ApiKey("app", Secret("key-1"))) + repr(vars(BEARER))

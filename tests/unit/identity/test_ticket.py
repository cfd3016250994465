"""URLs that are tickets: whoever holds one may do that one thing."""

import asyncio

import pytest

from bucketport.errors import AccessDenied
from bucketport.identity import ticket
from bucketport.identity.ticket import TicketUrl, object_of
from bucketport.message import NoBody, Request
from bucketport.model import ObjectName, Secret
from bucketport.wire.ticket import FREE

TICKETS = TicketUrl([Secret("new"), Secret("old")], "admin")


def ask(method: str, path: str, query: str):
    return asyncio.run(TICKETS.authenticate(Request(method, path, query, {}, NoBody()), 1000)).identity


@pytest.mark.parametrize(
    ("path", "bucket", "key"),
    [
        ("/pictures/a", "pictures", "a"),
        ("/pictures/a%20b/%C3%A9", "pictures", "a b/é"),
        ("/upload/one", "default", "one"),
        ("/files/one/two", "default", "one/two"),
        ("/default//one", "default", "/one"),
        ("/uploads/one", "uploads", "one"),
    ],
)
def test_both_forms_name_an_object(path: str, bucket: str, key: str) -> None:
    assert object_of(path) == ObjectName(bucket, key)


@pytest.mark.parametrize(
    "path", ["/", "/pictures", "/pictures/", "/upload/", "/files", "//x", "/a/%zz", "/a/%FF", "/a/%00"]
)
def test_a_path_without_an_object_is_no_ticket(path: str) -> None:
    with pytest.raises(AccessDenied):
        object_of(path)


def test_one_ticket_serves_both_forms() -> None:
    query = TICKETS.query("GET", ("default", "one"), 2000, FREE)
    for path in ("/default/one", "/files/one", "/upload/one"):
        assert ask("GET", path, query).user == "admin"
        assert ask("HEAD", path, query).access_key == "ticket"


def test_its_scope_is_that_one_action_on_that_object() -> None:
    (scope,) = ask("DELETE", "/b/one", TICKETS.query("DELETE", ("b", "one"), 2000, FREE)).scopes
    assert (scope.bucket, scope.prefixes, scope.actions) == ("b", ("one",), frozenset({"delete_object"}))


def test_a_method_that_no_ticket_is_for_is_refused() -> None:
    for method in ("PATCH", "OPTIONS", "TRACE"):
        with pytest.raises(AccessDenied):
            ask(method, "/b/one", TICKETS.query("GET", ("b", "one"), 2000, FREE))


def test_a_good_ticket_is_verified_once_and_holds_until_it_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = []
    real = ticket.verify
    monkeypatch.setattr(ticket, "verify", lambda *asked: looked.append(asked) or real(*asked))
    tickets = TicketUrl([Secret("new")], "admin")
    query = tickets.query("GET", ("b", "one"), 2000, FREE)

    def ask(method: str, path: str, now: float) -> None:
        asyncio.run(tickets.authenticate(Request(method, path, query, {}, NoBody()), now))

    for now in (1000, 1001, 1999.9):
        ask("GET", "/b/one", now)
        ask("HEAD", "/b/one", now)
    assert len(looked) == 1
    for method, path, now in (("GET", "/b/one", 2000), ("DELETE", "/b/one", 1000), ("GET", "/b/two", 1000)):
        for _ in range(2):
            with pytest.raises(AccessDenied):
                ask(method, path, now)
    assert len(looked) == 7


def test_what_is_remembered_of_tickets_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ticket, "KEPT", 3)
    tickets = TicketUrl([Secret("new")], "admin")
    for number in range(10):
        for more in ("", "&x=" + "y" * 5000):
            query = tickets.query("GET", ("b", str(number)), 2000, FREE) + more
            asyncio.run(tickets.authenticate(Request("GET", f"/b/{number}", query, {}, NoBody()), 1000))
    assert len(tickets._good) <= 3
    assert all(len(query) < 3000 for _, _, query in tickets._good)

"""Is a condition decided once, whatever stands between? Sixteen clients through two gateways before one server."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

CLIENTS = 16
LOST = {409, 412}


@pytest.fixture
def bucket(store, new_bucket):
    return new_bucket(store)


def _together(gateways, act):
    """What `act(client, number)` gave for each of the sixteen, begun at one moment, on alternate gateways."""
    barrier = threading.Barrier(CLIENTS)

    def one(number):
        barrier.wait()
        return act(gateways[number % 2], number)

    with ThreadPoolExecutor(CLIENTS) as threads:
        return list(threads.map(one, range(CLIENTS)))


def _winner(answers):
    """The number of the only one who won; the others were told that a condition did not hold."""
    won = [number for number, answer in enumerate(answers) if answer.status == 200]
    assert len(won) == 1, [answer.status for answer in answers]
    assert {answer.status for answer in answers} - {200} <= LOST
    return won[0]


def _content(number, size):
    return b"%02d" % number * (size // 2)


@pytest.mark.parametrize("size", [10, 300_000])
def test_of_those_who_create_one_wins(gateways, store, bucket, size):
    path = f"{bucket}/new"
    answers = _together(
        gateways, lambda client, number: client.ask("PUT", path, {"if-none-match": "*"}, _content(number, size))
    )
    assert store.ask("GET", path).body == _content(_winner(answers), size)


@pytest.mark.parametrize("size", [10, 300_000])
def test_of_those_who_replace_what_they_saw_one_wins(gateways, store, bucket, size):
    path = f"{bucket}/seen"
    etag = store.ask("PUT", path, body=b"first").headers["etag"]
    answers = _together(
        gateways, lambda client, number: client.ask("PUT", path, {"if-match": etag}, _content(number, size))
    )
    assert store.ask("GET", path).body == _content(_winner(answers), size)


@pytest.mark.parametrize("exists", [False, True])
def test_of_those_who_complete_one_wins(gateways, store, bucket, exists):
    path = f"{bucket}/parts"
    condition = {"if-none-match": "*"}
    if exists:
        condition = {"if-match": store.ask("PUT", path, body=b"first").headers["etag"]}
    begun = []
    for number in range(CLIENTS):
        upload = gateways[number % 2].begin(path)
        begun.append((upload, gateways[number % 2].put_part(path, upload, 1, _content(number, 100))))
    # The gateway that completes is not the one that began: neither knows anything of an upload.
    answers = _together(
        gateways[::-1],
        lambda client, number: client.complete(path, begun[number][0], [begun[number][1]], condition),
    )
    assert store.ask("GET", path).body == _content(_winner(answers), 100)


def test_counting_by_compare_and_swap_loses_no_step(gateways, store, bucket):
    path = f"{bucket}/counter"
    store.ask("PUT", path, body=b"0")

    def count(client, number):
        while True:
            seen = client.ask("GET", path)
            made = client.ask("PUT", path, {"if-match": seen.headers["etag"]}, b"%d" % (int(seen.body) + 1))
            if made.status == 200:
                return made
            assert made.status in LOST, made

    _together(gateways, count)
    assert store.ask("GET", path).body == b"%d" % CLIENTS

"""Can one see what webhooks were told, and have them told again, with and without a server?"""

import asyncio
import hashlib
import hmac
import http.server
import json
import os
import queue
import signal
import subprocess
import sys
import threading

import pytest

from bucketport.registry.sqlite_uploads import SqliteSessions
from bucketport.sessions import Event

PROGRAM = "from bucketport.cli.main import run; run()"


def put(*events):
    registry = SqliteSessions("bucketport-data")
    for event in events:
        asyncio.run(registry.save(event))
    registry.close()


@pytest.fixture
def three():
    """One that was taken, one that waits and one that was given up."""
    put(
        Event("e1", 1000, "s1", "https://a.example/h", '{"n":1}', 1, 1000, 2000),
        Event("e2", 2000, "s2", "https://b.example/h", '{"n":2}', 2, 9000, trouble="it answered 500"),
        Event("e3", 3000, "s3", "https://c.example/h", '{"n":3}', 12, 9000, failed=True, trouble="it answered 404"),
    )


def test_events_are_listed_with_their_state(command, three):
    rows = json.loads(command("events", "list", "--json")[1])
    assert [(row["id"], row["state"], row["tries"]) for row in rows] == [
        ("e1", "done", 1), ("e2", "waiting", 2), ("e3", "failed", 12),
    ]  # fmt: skip
    assert rows[1]["next"] == "1970-01-01T00:00:09.000Z"
    heads, _, _, last = command("events", "list")[1].splitlines()
    assert heads.split()[:3] == ["ID", "MADE", "STATE"]
    assert last.endswith("https://c.example/h  it answered 404")


def test_only_those_given_up_are_listed_when_asked_for(command, three):
    (row,) = json.loads(command("events", "list", "--failed", "--json")[1])
    assert row["id"] == "e3"


def test_an_event_is_shown_with_its_payload(command, three):
    shown = json.loads(command("events", "show", "e2")[1])
    assert (shown["payload"], shown["trouble"]) == ({"n": 2}, "it answered 500")


def test_an_event_that_is_absent_is_told(command, three):
    for words in (["show", "e9"], ["replay", "e9"]):
        code, _, err = command("events", *words)
        assert (code, err.split(";")[0]) == (1, "bucketport: There is no event e9 in the data folder")


def test_an_event_is_replayed_even_when_it_was_taken(command, three):
    assert command("events", "replay", "e1")[:2] == (0, "e1  https://a.example/h\n")
    (row, *_) = json.loads(command("events", "list", "--json")[1])
    assert (row["state"], row["tries"], row["done"]) == ("waiting", 0, None)


def test_all_that_were_given_up_are_replayed(command, three):
    assert command("events", "replay", "--failed")[1] == "e3  https://c.example/h\n"
    assert json.loads(command("events", "list", "--failed", "--json")[1]) == []


@pytest.mark.parametrize("words", [[], ["e1", "--failed"]])
def test_what_to_replay_has_to_be_said(command, three, words):
    assert command("events", "replay", *words)[0] == 2


def test_a_folder_without_events_is_told_and_not_made(command):
    code, _, err = command("events", "list", "--data", "nowhere")
    assert code == 4
    assert "nowhere holds no events" in err
    assert not os.path.exists("nowhere")


def test_new_events_are_printed_as_they_come_until_it_is_interrupted(folder, three):
    following = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "events", "follow", "--all", "--json"], cwd=folder, stdout=subprocess.PIPE
    )
    try:
        lines = [json.loads(following.stdout.readline()) for _ in range(3)]
        assert [line["id"] for line in lines] == ["e1", "e2", "e3"]
        put(Event("e4", 4000, "s4", "https://d.example/h", '{"n":4}'))
        assert json.loads(following.stdout.readline())["payload"] == {"n": 4}
        put(Event("e0", 3999, "s4", "https://d.example/h", '{"n":0}'))  # made before, committed after
        assert json.loads(following.stdout.readline())["payload"] == {"n": 0}
        following.send_signal(signal.SIGINT)
        assert following.wait(20) == 0
    finally:
        following.kill()
        following.communicate()


KEY = """
[[uploads.keys]]
name = "app"
key = "an-api-key-that-is-long-enough"
"""


def test_receivers_get_a_secret_that_makes_no_urls(folder, command):
    (folder / "config.toml").write_text(
        '[uploads]\nhmac_secrets = ["first-secret-of-urls", "older-secret-of-urls"]' + KEY
    )
    derived = hmac.new(b"first-secret-of-urls", b"bucketport webhooks", hashlib.sha256).hexdigest()
    assert command("events", "secret", "--config", "config.toml")[:2] == (0, f"{derived}\n")
    assert json.loads(command("events", "secret", "--config", "config.toml", "--json")[1]) == {"secret": derived}


def test_receivers_get_the_secret_that_was_set_for_them(folder, command):
    (folder / "config.toml").write_text('[uploads.webhooks]\nsecret = "whsec-that-is-long-enough"' + KEY)
    assert command("events", "secret", "--config", "config.toml")[1] == "whsec-that-is-long-enough\n"


def test_a_secret_that_no_server_has_made_yet_is_not_made_by_asking(command):
    code, _, err = command("events", "secret", "--data", "nowhere")
    assert (code, "There is no secret yet" in err, os.path.exists("nowhere")) == (4, True, False)


CONFIG = """
[server]
listen = "127.0.0.1:0"
[[uploads.keys]]
name = "app"
key = "an-api-key-that-is-long-enough"
[uploads.webhooks]
allow_http = true
allow_networks = ["127.0.0.0/8"]
"""


class Receiver(http.server.BaseHTTPRequestHandler):
    """A webhook that takes everything."""

    def do_POST(self):
        self.server.got.put((self.headers, self.rfile.read(int(self.headers["content-length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


def test_what_a_killed_server_had_committed_is_told_by_the_next_one_and_again_when_replayed(folder, command, serve):
    receiver = http.server.HTTPServer(("127.0.0.1", 0), Receiver)
    receiver.got = queue.Queue()
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{receiver.server_port}/hook"
    killed = f"""
import asyncio, os, signal, time
from bucketport.registry.sqlite_uploads import SqliteSessions
from bucketport.sessions import Outcome, Session
from bucketport.uploads.events import event_of
async def main():
    registry = SqliteSessions("bucketport-data")
    session = await registry.add(Session("s1", "photos", "a b", "ann", 1, 2, webhook={url!r}))
    outcome = Outcome("e", 1, 1)
    await registry.commit("s1", outcome, event_of(session, outcome, int(time.time() * 1000), os.urandom))
    os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""
    try:
        assert subprocess.run([sys.executable, "-c", killed], timeout=60).returncode == -signal.SIGKILL
        (folder / "config.toml").write_text(CONFIG)
        serve("--config", "config.toml")
        headers, body = receiver.got.get(timeout=30)
        moment = headers["bucketport-signature"].partition(",")[0].removeprefix("t=")
        secret = command("events", "secret", "--config", "config.toml")[1].strip()
        proof = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256)
        assert headers["bucketport-signature"] == f"t={moment},v1={proof.hexdigest()}"
        assert json.loads(body)["bucketport"]["session"] == "s1"
        assert command("events", "replay", headers["bucketport-event"], "--config", "config.toml")[0] == 0
        assert receiver.got.get(timeout=30)[1] == body
    finally:
        receiver.shutdown()
        receiver.server_close()

"""Which upload sessions does a command see, and what does a sweep take?"""

import asyncio
import http.client
import json
import signal
import time

import pytest

from bucketport.registry.sqlite_uploads import SqliteSessions
from bucketport.sessions import Session


@pytest.fixture
def kept(folder):
    """A data folder with a session that goes on, and one whose time is up."""
    now = int(time.time() * 1000)

    async def fill():
        registry = SqliteSessions(str(folder / "bucketport-data"))
        await registry.add(Session("fresh", "photos", "a", "admin", now, now + 3_600_000))
        await registry.add(Session("stale", "photos", "b", "admin", now - 2, now - 1))
        registry.close()

    asyncio.run(fill())


def test_a_folder_without_uploads_is_refused(command):
    code, _, err = command("uploads", "list")
    assert code == 4
    assert "holds no uploads" in err


def test_sessions_are_listed_with_their_state(kept, command):
    rows = json.loads(command("uploads", "list", "--json")[1])
    assert [(row["id"], row["state"]) for row in rows] == [("fresh", "empty"), ("stale", "expired")]
    assert json.loads(command("uploads", "list", "--bucket", "others", "--json")[1]) == []
    assert "stale" in command("uploads", "list")[1]


def test_a_dry_run_takes_nothing_and_a_sweep_what_has_expired(kept, command):
    dry = json.loads(command("uploads", "sweep", "--dry-run", "--json")[1])
    assert (dry["aborted"], dry["dry_run"]) == (["stale"], True)
    assert len(json.loads(command("uploads", "list", "--json")[1])) == 2
    assert command("uploads", "sweep")[1].startswith("1 given up (0 bytes), 0 committed ones forgotten")
    assert [row["id"] for row in json.loads(command("uploads", "list", "--json")[1])] == ["fresh"]


def test_a_server_that_runs_sweeps_by_itself(kept, serve, command):
    serve(PRESIGN_API_KEY="secret-api-key")
    code, _, err = command("uploads", "sweep")
    assert code == 1
    assert "sweeps every minute" in err


def ask_for_a_url(running, key):
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=20)
    body = json.dumps({"action": "upload", "bucket": "photos"})
    connection.request("POST", "/presign", body, {"Authorization": f"Bearer {key}"})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


KEYS = '[server]\nlisten = "127.0.0.1:0"\n[[uploads.keys]]\nname = "shop"\nkey = "{}"\n'


def test_a_reload_switches_uploads_on_and_changes_keys(serve, folder):
    file = folder / "config.toml"
    file.write_text('[server]\nlisten = "127.0.0.1:0"\n')
    running = serve("--config", "config.toml")
    assert ask_for_a_url(running, "first-key") == 400
    assert not (folder / "bucketport-data" / "uploads.sqlite").exists()
    for key in ("first-key", "second-key"):
        file.write_text(KEYS.format(key))
        running.process.send_signal(signal.SIGHUP)
        while ask_for_a_url(running, key) != 200:
            running.next_event()
    assert ask_for_a_url(running, "first-key") == 401
    assert running.stop()[0] == 0

"""Does a configuration make a gateway? One server behind another: prefixes, a whole account, users, scopes."""

import http.client
import json

import pytest

BACKEND = ("AK-BACKEND", "secret-of-the-backend")


@pytest.fixture
def behind(serve, folder):
    """A server with a bucket `real`, to be put behind a gateway."""
    environment = {"BUCKETPORT_ACCESS_KEY": BACKEND[0], "BUCKETPORT_SECRET_KEY": BACKEND[1]}
    return serve("--data", "behind", "--bucket", "real", "--user", "ann:AK-ANN:secret-of-ann-there", **environment)


def options(behind, access=BACKEND[0], secret=BACKEND[1]):
    return (
        f'endpoint = "{behind.url}"\nregion = "us-east-1"\naccess_key_id = "{access}"\nsecret_access_key = "{secret}"\n'
    )


HEAD = '[server]\nlisten = "127.0.0.1:0"\ndata = "gateway"\n'

KEYS = """
[[credentials]]
access_key_id = "AK-FULL"
secret_access_key = "secret-of-full"
principal_name = "full"
unrestricted = true

[[credentials]]
access_key_id = "AK-ANN-HERE"
secret_access_key = "${ANN_SECRET}"
principal_name = "ann"
unrestricted = true

[[credentials]]
access_key_id = "AK-READER"
secret_access_key = "secret-of-reader"
principal_name = "reader"
[[credentials.allowed_scopes]]
bucket = "virtual"
prefixes = ["open/"]
actions = ["get_object", "list_bucket"]
"""


@pytest.fixture
def gateway(serve, folder, behind):
    """A gateway with the bucket `virtual`, which is `real` under `v2/`, and every other name behind it."""
    text = (
        f'{HEAD}[[buckets]]\nname = "virtual"\nbackend_type = "s3"\nbackend_prefix = "v2"\nanonymous_access = false\n'
        f'[buckets.backend_options]\nbucket_name = "real"\n{options(behind)}'
        f'[default_backend]\nbackend_type = "s3"\n[default_backend.backend_options]\n{options(behind)}'
        f'[[default_backend.users]]\nprincipal_name = "ann"\n[default_backend.users.backend_options]\n'
        f'access_key_id = "AK-ANN"\nsecret_access_key = "secret-of-ann-there"\n{KEYS}'
    )
    (folder / "config.toml").write_text(text)
    return serve("--config", "config.toml", ANN_SECRET="secret-of-ann-here")


def ask(running, target, method="GET", body=None):
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=20)
    connection.request(method, target, body=body)
    answer = connection.getresponse()
    answer.content = answer.read()
    connection.close()
    return answer


@pytest.fixture
def sign(command, monkeypatch):
    """A presigned target for one of the gateway's keys, or for the server behind."""
    monkeypatch.setenv("ANN_SECRET", "secret-of-ann-here")

    def make(method, place, key):
        words = ["--data", "behind"] if key == BACKEND[0] else ["--config", "config.toml"]
        if key == BACKEND[0]:
            monkeypatch.setenv("BUCKETPORT_ACCESS_KEY", BACKEND[0])
            monkeypatch.setenv("BUCKETPORT_SECRET_KEY", BACKEND[1])
        code, out, err = command("presign", method, place, "--access-key", key, "--json", *words)
        assert code == 0, err
        return "/" + json.loads(out)["url"].partition("://")[2].partition("/")[2]

    return make


def test_a_prefix_is_put_before_keys_and_taken_off_listings(gateway, behind, sign):
    assert ask(gateway, sign("PUT", "s3://virtual/a b", "AK-FULL"), "PUT", b"content").status == 200
    assert ask(behind, sign("GET", "s3://real/v2/a b", BACKEND[0])).content == b"content"
    listing = ask(gateway, sign("GET", "s3://virtual", "AK-FULL")).content
    assert b"<Key>a b</Key>" in listing
    assert b"<Name>virtual</Name>" in listing
    assert b"v2" not in listing


def test_every_other_name_is_the_bucket_of_that_name_behind(gateway, behind, sign):
    assert ask(gateway, sign("PUT", "s3://made-here", "AK-FULL"), "PUT").status == 200
    assert ask(gateway, sign("PUT", "s3://made-here/k", "AK-FULL"), "PUT", b"x").status == 200
    assert ask(behind, sign("GET", "s3://made-here/k", BACKEND[0])).content == b"x"


def test_a_user_acts_there_with_keys_of_their_own(gateway, behind, sign):
    assert ask(gateway, sign("PUT", "s3://ann-own", "AK-ANN-HERE"), "PUT").status == 200
    assert ask(behind, sign("GET", "s3://ann-own", BACKEND[0])).status == 403


def test_scopes_say_what_a_key_may_do(gateway, sign):
    ask(gateway, sign("PUT", "s3://virtual/open/k", "AK-FULL"), "PUT", b"open")
    ask(gateway, sign("PUT", "s3://virtual/closed/k", "AK-FULL"), "PUT", b"closed")
    assert ask(gateway, sign("GET", "s3://virtual/open/k", "AK-READER")).content == b"open"
    assert ask(gateway, sign("GET", "s3://virtual/closed/k", "AK-READER")).status == 403
    assert ask(gateway, sign("PUT", "s3://virtual/open/k", "AK-READER"), "PUT", b"x").status == 403
    assert ask(gateway, sign("GET", "s3://virtual", "AK-READER")).status == 403
    assert ask(gateway, sign("GET", "s3://real/v2/open/k", "AK-READER")).status == 403


def test_a_server_behind_that_is_gone_is_503(gateway, behind, sign):
    behind.process.kill()
    behind.process.wait()
    answer = ask(gateway, sign("GET", "s3://virtual/k", "AK-FULL"))
    assert answer.status == 503
    assert answer.getheader("Retry-After")
    code, out, err = gateway.stop()
    assert code == 0
    assert BACKEND[1] not in out + err


def test_buckets_in_memory_and_in_the_store_stand_side_by_side(serve, folder, sign):
    (folder / "config.toml").write_text(
        f'{HEAD}[store]\nbuckets = ["kept"]\n[[buckets]]\nname = "gone"\nbackend_type = "memory"\n{KEYS}'
    )
    running = serve("--config", "config.toml", ANN_SECRET="secret-of-ann-here")
    assert ask(running, sign("PUT", "s3://gone/k", "AK-FULL"), "PUT", b"x").status == 200
    assert ask(running, sign("PUT", "s3://made", "AK-FULL"), "PUT").status == 200
    assert ask(running, sign("PUT", "s3://made/k", "AK-FULL"), "PUT", b"y").status == 200
    assert ask(running, sign("GET", "s3://gone/k", "AK-FULL")).content == b"x"
    assert ask(running, sign("GET", "s3://kept", "AK-FULL")).status == 403

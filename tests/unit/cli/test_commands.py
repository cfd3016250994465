"""What do the commands say, and how do they end, when no server runs?"""

import json
import os
import stat
import subprocess
import sys

import pytest


def created(command, *words):
    code, out, _ = command("keys", "create", "--json", *words)
    assert code == 0
    return json.loads(out)


def test_help_is_there_for_every_command(command):
    assert command("--help")[0] == 0
    for words in (["serve"], ["keys", "create"], ["buckets", "list"], ["config"], ["presign"], ["fsck"]):
        code, out, _ = command(*words, "--help")
        assert code == 0
        assert "Usage: bucketport" in out


def test_the_version_is_printed(command):
    code, out, _ = command("--version")
    assert (code, out.split()[0]) == (0, "bucketport")


def test_help_brings_nothing_heavy_along():
    script = "import sys; from bucketport.cli.main import code_of; code_of(['--help']); print(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    brought = set(done.stdout.splitlines()[-1].split())
    assert "typer" in brought
    assert not brought & {"pydantic", "apsw", "uvloop", "prometheus_client", "bucketport.operations"}


def test_a_key_is_made_listed_disabled_and_removed(command):
    made = created(command, "--user", "ann", "--access-key", "ANN", "--days", "2")
    assert (made["user"], made["access_key"], len(made["secret_key"])) == ("ann", "ANN", 40)
    assert stat.S_IMODE(os.stat("bucketport-data/state.sqlite").st_mode) == 0o600
    (row,) = json.loads(command("keys", "list", "--json")[1])
    assert (row["access_key"], row["enabled"], "secret_key" in row) == ("ANN", True, False)
    assert command("keys", "disable", "ANN")[0] == 0
    assert "no" in command("keys", "list")[1].splitlines()[1].split()
    assert command("keys", "enable", "ANN")[0] == 0
    assert command("keys", "remove", "ANN")[0] == 0
    assert json.loads(command("keys", "list", "--json")[1]) == []


def test_a_secret_is_listed_only_when_it_is_asked_for(command):
    secret = created(command)["secret_key"]
    assert secret not in command("keys", "list")[1]
    assert secret in command("keys", "list", "--secrets")[1]


def test_a_key_that_is_there_is_not_made_again(command):
    created(command, "--access-key", "ANN")
    code, _, err = command("keys", "create", "--access-key", "ANN")
    assert (code, err) == (2, "bucketport: There is a key ANN already.\n")


@pytest.mark.parametrize("words", [["--access-key", "a/b"], ["--access-key", ""], ["--user", ""]])
def test_a_key_that_no_client_could_use_is_not_made(command, words):
    assert command("keys", "create", *words)[0] == 2


def test_a_key_that_is_absent_is_told(command):
    created(command)
    code, _, err = command("keys", "remove", "NOBODY")
    assert code == 1
    assert err.startswith("bucketport: There is no key NOBODY in the data folder")


def test_a_folder_without_keys_is_told_and_not_made(command):
    code, _, err = command("keys", "list", "--data", "nowhere")
    assert code == 4
    assert "nowhere holds no keys yet" in err
    assert not os.path.exists("nowhere")


def test_buckets_are_made_listed_and_removed_without_a_server(command):
    assert command("buckets", "create", "photos", "--user", "ann")[0] == 0
    assert command("buckets", "create", "site")[0] == 0
    rows = json.loads(command("buckets", "list", "--json")[1])
    assert [(row["name"], row["owner"]) for row in rows] == [("photos", "ann"), ("site", "admin")]
    assert command("buckets", "remove", "photos")[0] == 1
    assert command("buckets", "remove", "photos", "--user", "ann")[0] == 0
    assert [row["name"] for row in json.loads(command("buckets", "list", "--json")[1])] == ["site"]


def test_what_is_no_name_for_a_bucket_is_refused(command):
    code, _, err = command("buckets", "create", "Not_OK")
    assert code == 2
    assert err == "bucketport: 'Not_OK' is no name for a bucket: 3 to 63 of a-z, 0-9, dots and hyphens.\n"


def test_buckets_of_no_data_folder_are_told(command):
    assert command("buckets", "list", "--data", "nowhere")[::2] == (
        4,
        "bucketport: nowhere is no data folder: name it with --data.\n",
    )


def test_a_sound_store_is_proven(command):
    command("buckets", "create", "photos")
    code, out, _ = command("fsck", "--deep")
    assert code == 0
    assert out.startswith("1 buckets, 0 objects")
    assert json.loads(command("fsck", "--json")[1])["sound"] is True


def test_an_unsound_store_is_an_exit_code_of_1(command):
    import apsw

    command("buckets", "create", "photos")
    connection = apsw.Connection("bucketport-data/index.sqlite")
    connection.execute("INSERT INTO blobs (id, size, refs, crcs) VALUES (77, 5, 1, x'')")
    connection.close()
    code, out, _ = command("fsck", "--json")
    assert code == 1
    assert json.loads(out)["findings"]
    assert command("fsck")[0] == 1


def test_settings_are_shown_with_where_they_were_said(command, folder, monkeypatch):
    (folder / "config.toml").write_text('[server]\nregion = "eu-west-1"\n[store]\n')
    monkeypatch.setenv("BUCKETPORT_LIMITS__CONNECTIONS", "5")
    code, out, _ = command("config", "--config", "config.toml", "--listen", "127.0.0.1:1", "--json")
    assert code == 0
    rows = {row["setting"]: (row["value"], row["from"]) for row in json.loads(out)}
    assert rows["server.region"] == ("eu-west-1", "config.toml:2")
    assert rows["limits.connections"] == (5, "environment BUCKETPORT_LIMITS__CONNECTIONS")
    assert rows["server.listen"] == ("127.0.0.1:1", "flag --listen")
    assert rows["limits.in_flight"] == (1024, "default")
    assert "eu-west-1" in command("config", "--config", "config.toml")[1]


def test_no_secret_is_shown_by_config(command, folder, monkeypatch):
    (folder / "config.toml").write_text(
        '[[buckets]]\nname = "b"\nbackend_type = "s3"\n[buckets.backend_options]\nbucket_name = "b"\n'
        'aws_access_key_id = "AK"\naws_secret_access_key = "hush-1"\n'
        '[[credentials]]\naccess_key_id = "K"\nprincipal_name = "p"\nsecret_access_key = "hush-2"\n'
    )
    monkeypatch.setenv("MINIO_ROOT_USER", "root")
    monkeypatch.setenv("MINIO_ROOT_PASSWORD", "hush-3-long")
    for more in ([], ["--json"]):
        code, out, err = command("config", "--config", "config.toml", *more)
        assert code == 0
        assert "hush" not in out + err
        assert "AK" in out


def test_a_configuration_is_checked(command, folder):
    (folder / "good.toml").write_text("[server]\n")
    (folder / "bad.toml").write_text("[server]\nlistn = 'x'\n")
    assert command("config", "--check", "--config", "good.toml") == (0, "the configuration can be used\n", "")
    assert command("config", "--check", "--config", "bad.toml") == (
        2,
        "",
        "bucketport: bad.toml:2: server.listn: unknown setting; did you mean listen?\n",
    )


S3 = '[[buckets]]\nname = "b"\nbackend_type = "s3"\nbackend_options = { bucket_name = "b" }\n'


def test_a_check_tries_every_backend_and_names_the_line(command, folder):
    text = S3 + '[[buckets]]\nname = "g"\nbackend_type = "gcs"\n'
    (folder / "config.toml").write_text(text + 'backend_options = { bucket_name = "g", service_account_key = "{}" }\n')
    code, _, err = command("config", "--check", "--config", "config.toml")
    assert code == 2
    assert err.startswith(
        "bucketport: config.toml:5: buckets[1]: A gcs backend cannot be used: the service account key"
    )


def test_a_check_needs_no_keys_to_the_cloud(command, folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder))
    (folder / "config.toml").write_text(S3)
    code, out, err = command("config", "--check", "--config", "config.toml")
    assert (code, out) == (0, "the configuration can be used\n")
    assert err.startswith("bucketport: warning: on this machine: no AWS credentials")
    assert command("serve", "--listen", "127.0.0.1:0", "--config", "config.toml")[0] == 2


def test_a_url_is_presigned_without_a_server(command):
    key = created(command)["access_key"]
    code, out, _ = command(
        "presign", "put", "s3://photos/a b+c", "--expires", "15m", "--endpoint", "https://x.example/s3"
    )
    assert code == 0
    assert out.startswith("https://x.example/s3/photos/a%20b%2Bc?")
    assert f"X-Amz-Credential={key}%2F" in out
    assert "X-Amz-Expires=900&" in out
    assert json.loads(command("presign", "s3://photos/a", "--json")[1])["method"] == "GET"


@pytest.mark.parametrize(
    "words",
    [
        ["photos/a"],
        ["BREW", "s3://photos/a"],
        ["s3:///a"],
        ["s3://photos/a", "--expires", "soon"],
        ["s3://photos/a", "--expires", "8d"],
        ["s3://photos/a", "--endpoint", "x.example"],
        ["s3://photos/a", "--access-key", "NOBODY"],
    ],
)
def test_what_cannot_be_presigned_is_one_line_and_2(command, words):
    created(command)
    code, out, err = command("presign", *words)
    assert (code, out, err.count("\n")) == (2, "", 1)


def test_without_a_key_nothing_is_presigned(command):
    code, _, err = command("presign", "s3://photos/a")
    assert code == 2
    assert "`bucketport keys create` makes one" in err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--listen", "nope"], 2, "flag --listen: server.listen: an address and a port are expected"),
        (["--tls-cert", "x"], 2, "flag --tls-cert: server.tls_cert: tls_key is missing: TLS needs both"),
        (["--tls-cert", "x", "--tls-key", "y"], 2, "x cannot be read: No such file or directory."),
        (["--log-format", "xml"], 2, "flag --log-format: server.log_format: one of text, json is expected"),
        (["--user", "bob"], 2, "--user is NAME:ACCESS:SECRET"),
        (["--bucket", "Not_OK"], 2, "flag --bucket: store.buckets[0]: 'Not_OK' is no name for a bucket"),
        (["--config", "absent.toml"], 2, "The configuration absent.toml cannot be read"),
        (["--listen", "192.0.2.1:9"], 3, "192.0.2.1:9 cannot be listened on"),
        (["--data", "file"], 4, "The data folder file cannot be used"),
    ],
)
def test_a_server_that_cannot_start_says_why_in_one_line(command, folder, words, code, said):
    (folder / "file").write_text("")
    found, out, err = command("serve", *words)
    assert (found, out) == (code, "")
    assert err.startswith(f"bucketport: {said}")
    assert err.count("\n") == 1


def test_half_a_pair_of_keys_is_told(command, monkeypatch):
    monkeypatch.setenv("MINIO_ROOT_USER", "root")
    assert command("serve")[::2] == (
        2,
        "bucketport: MINIO_ROOT_USER is set but MINIO_ROOT_PASSWORD is not: set both, or neither.\n",
    )


def test_a_mistake_of_ours_is_no_traceback(folder):
    script = "import bucketport.cli.main as main; main.code_of = lambda words: 1 / 0; main.run()"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 70
    assert done.stderr.startswith("bucketport: this is a mistake of bucketport's own: ZeroDivisionError")
    assert "Traceback" not in done.stderr


def test_a_decision_is_explained(command, folder):
    (folder / "config.toml").write_text('[[buckets]]\nname = "b"\nbackend_type = "memory"\nanonymous_access = true\n')
    words = ["--config", "config.toml", "s3://b/k"]
    assert command("explain", "--action", "get_object", *words) == (
        0,
        "allowed: anonymous read of the bucket (config.toml:4)\n",
        "",
    )
    code, out, _ = command("explain", "--action", "put_object", "--json", *words)
    assert (code, json.loads(out)["allowed"]) == (1, False)
    assert command("explain", "--action", "fly", *words)[0] == 2

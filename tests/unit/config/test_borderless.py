"""Does a user of borderless-storage get here what was configured there? By file, environment and flags."""

import pytest

from bucketport.config.borderless import TABLE, of_flags
from bucketport.config.load import Asked, load
from bucketport.config.shown import HIDDEN, leaves
from bucketport.config.sources import Given
from bucketport.config.trouble import BadConfiguration, UsageError

ALL = {
    "IP_ADDR": "0.0.0.0:8080",
    "DATA_DIR": "/data",
    "DOMAIN": "https://storage.example.com",
    "PRESIGN_API_KEY": "secret-api-key",
    "PRESIGN_HMAC_SECRET": "new-secret-of-ours, old-secret-of-ours",
    "CORS_ORIGINS": "https://a.example, https://b.example",
    "TTL_ORPHAN_SECS": "600",
    "MAX_DATA_RQ_SIZE": "1000",
    "MAX_PRESIGN_RQ_SIZE": "200",
    "RQ_TIMEOUT_SECS": "7",
}


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write_file(text):
        (tmp_path / "config.toml").write_text(text)
        return "config.toml"

    return write_file


def expect_all(settings):
    uploads = settings.uploads
    assert (settings.server.listen, settings.server.data, settings.server.domains) == ("0.0.0.0:8080", "/data", [])
    assert uploads.public_url == "https://storage.example.com"
    assert [(key.name, key.key.reveal(), key.buckets) for key in uploads.keys] == [("presign", "secret-api-key", ["*"])]
    assert [secret.reveal() for secret in uploads.hmac_secrets] == ["new-secret-of-ours", "old-secret-of-ours"]
    assert uploads.cors_origins == ["https://a.example", "https://b.example"]
    assert (uploads.orphan_seconds, uploads.max_bytes, uploads.max_json_bytes) == (600, 1000, 200)
    assert (settings.limits.body_idle_seconds, uploads.json_seconds) == (7, 7)


def test_the_environment_configures_all_of_it():
    loaded = load(Asked(environment=ALL))
    expect_all(loaded.settings)
    assert loaded.place(("server", "listen")) == "environment IP_ADDR"
    assert loaded.place(("uploads", "keys", 0, "key")) == "environment PRESIGN_API_KEY"
    assert loaded.place(("limits", "body_idle_seconds")) == "environment RQ_TIMEOUT_SECS"


def test_the_file_configures_all_of_it(write):
    numbers = ("TTL_ORPHAN_SECS", "MAX_DATA_RQ_SIZE", "MAX_PRESIGN_RQ_SIZE", "RQ_TIMEOUT_SECS")
    lines = [f"{name.lower()} = {text if name in numbers else repr(text)}" for name, text in ALL.items()]
    loaded = load(Asked(write("\n".join(lines))))
    expect_all(loaded.settings)
    assert loaded.place(("server", "data")) == "config.toml:2"
    assert loaded.place(("uploads", "keys", 0, "key")) == "config.toml:4"


def test_flags_configure_all_of_it():
    flags = of_flags({name.lower(): text for name, text in ALL.items()}, ())
    loaded = load(Asked(flags=flags))
    expect_all(loaded.settings)
    assert loaded.place(("uploads", "max_bytes")) == "flag --max-data-rq-size"


def test_every_name_of_theirs_sets_something():
    assert {name.upper() for name in TABLE} == set(ALL)


def test_flags_stand_before_the_environment_and_that_before_the_file(write):
    file = write("max_data_rq_size = 1\nttl_orphan_secs = 100\npresign_api_key = 'from-the-file'\ndata_dir = 'file'\n")
    environment = {"MAX_DATA_RQ_SIZE": "2", "TTL_ORPHAN_SECS": "200", "PRESIGN_API_KEY": "from-outside"}
    flags = of_flags({"max_data_rq_size": "3"}, ())
    settings = load(Asked(file, flags, environment=environment)).settings
    assert (settings.uploads.max_bytes, settings.uploads.orphan_seconds, settings.server.data) == (3, 200, "file")
    assert [key.key.reveal() for key in settings.uploads.keys] == ["from-outside"]


def test_our_own_name_in_the_environment_stands_before_theirs():
    environment = ALL | {"BUCKETPORT_SERVER__LISTEN": "127.0.0.1:1"}
    assert load(Asked(environment=environment)).settings.server.listen == "127.0.0.1:1"


def test_names_that_anybody_may_use_count_only_beside_an_api_key():
    without = {name: text for name, text in ALL.items() if name != "PRESIGN_API_KEY"}
    settings = load(Asked(environment=without)).settings
    assert (settings.server.listen, settings.server.data) == ("127.0.0.1:9000", "bucketport-data")
    assert (settings.uploads.public_url, settings.uploads.keys) == ("", [])
    assert len(settings.uploads.hmac_secrets) == 2


def test_an_api_key_of_the_file_counts_for_the_environment_too(write):
    file = write("presign_api_key = 'from-the-file'\n")
    assert load(Asked(file, environment={"DATA_DIR": "/data"})).settings.server.data == "/data"


def test_the_key_stands_beside_those_of_the_file(write):
    file = write("[[uploads.keys]]\nname = 'site'\nkey = 'key-of-the-site'\nbuckets = ['site']\n")
    keys = load(Asked(file, environment={"PRESIGN_API_KEY": "another-key"})).settings.uploads.keys
    assert [(key.name, key.buckets) for key in keys] == [("site", ["site"]), ("presign", ["*"])]


def test_a_bare_domain_is_one_for_virtual_hosts():
    settings = load(Asked(environment=ALL | {"DOMAIN": "s3.example.com"})).settings
    assert (settings.server.domains, settings.uploads.public_url) == (["s3.example.com"], "")


def test_the_same_said_twice_in_a_file_is_refused(write):
    file = write("ip_addr = '127.0.0.1:1'\n[server]\nlisten = '127.0.0.1:2'\n")
    with pytest.raises(BadConfiguration) as caught:
        load(Asked(file))
    message = "means the same as server.listen, which the file has too: give one of them"
    assert [str(problem) for problem in caught.value.problems] == [f"config.toml:1: ip_addr: {message}"]


def test_the_same_said_by_two_flags_is_refused():
    with pytest.raises(UsageError, match="--ip-addr and flag --listen mean the same"):
        of_flags({"ip_addr": "127.0.0.1:1"}, [Given(("server", "listen"), "127.0.0.1:2", "flag --listen")])


def test_what_cannot_be_read_is_told_with_its_variable():
    with pytest.raises(BadConfiguration) as caught:
        load(Asked(environment=ALL | {"TTL_ORPHAN_SECS": "a day", "DOMAIN": "ftp://x"}))
    assert [str(problem).partition(":")[0] for problem in caught.value.problems] == [
        "environment DOMAIN",
        "environment TTL_ORPHAN_SECS",
    ]
    with pytest.raises(UsageError, match="--ttl-orphan-secs: a number is expected, not 'a day'"):
        of_flags({"ttl_orphan_secs": "a day"}, ())


def test_no_secret_is_shown():
    shown = dict(leaves(load(Asked(environment=ALL)).settings))
    assert shown["uploads", "keys", 0, "key"] == HIDDEN
    assert shown["uploads", "hmac_secrets"] == [HIDDEN, HIDDEN]


def test_secrets_may_lie_in_files(write, tmp_path):
    (tmp_path / "hmac").write_text("secret-from-a-file\n")
    loaded = load(
        Asked(
            write("presign_hmac_secret = 'file:hmac'\n[[uploads.keys]]\nname='a'\nkey='${API_KEY}'\n"),
            environment={"API_KEY": "key-from-outside"},
        )
    )
    assert loaded.settings.uploads.hmac_secrets[0].reveal() == "secret-from-a-file"
    assert loaded.settings.uploads.keys[0].key.reveal() == "key-from-outside"


def test_keys_that_cannot_be_told_apart_are_refused(write):
    row = "[[uploads.keys]]\nname = 'a'\nkey = 'the-same-key'\n"
    with pytest.raises(BadConfiguration) as caught:
        load(Asked(write(row * 2)))
    assert sorted(problem.message for problem in caught.value.problems) == [
        "'a' is there twice",
        "is the same as another one's",
    ]

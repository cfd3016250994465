"""What is in force, who said so, and what is said when something is wrong?"""

import pytest

from bucketport.config.keys import parse_user
from bucketport.config.load import Asked, load
from bucketport.config.sources import Given
from bucketport.config.trouble import BadConfiguration, UsageError

BUCKET = """
[[buckets]]
name = "data"
backend_type = "s3"
anonymous_access = false
[buckets.backend_options]
bucket_name = "real"
"""


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write config.toml (or another name) into a folder that is the current one; its name."""
    monkeypatch.chdir(tmp_path)

    def write_file(text, name="config.toml"):
        (tmp_path / name).write_text(text)
        return name

    return write_file


def settings(file="", **environment):
    return load(Asked(file, environment=environment)).settings


def problems(file="", flags=(), **environment):
    with pytest.raises(BadConfiguration) as caught:
        load(Asked(file, flags, environment=environment))
    return [str(problem) for problem in caught.value.problems]


def test_without_a_file_the_defaults_are_in_force():
    loaded = load(Asked())
    assert loaded.settings.server.listen == "127.0.0.1:9000"
    assert loaded.settings.has_store
    assert loaded.place(("server", "listen")) == "default"


def test_flags_stand_before_the_environment_and_that_before_the_file(write):
    file = write('[server]\nlisten = "127.0.0.1:1"\nregion = "file"\ndata = "file"\n')
    flags = [Given(("server", "listen"), "127.0.0.1:3", "flag --listen")]
    environment = {"BUCKETPORT_SERVER__LISTEN": "127.0.0.1:2", "BUCKETPORT_SERVER__REGION": "environment"}
    loaded = load(Asked(file, flags, environment=environment))
    server = loaded.settings.server
    assert (server.listen, server.region, server.data) == ("127.0.0.1:3", "environment", "file")
    assert [loaded.place(("server", name)) for name in ("listen", "region", "data", "tls_key")] == [
        "flag --listen",
        "environment BUCKETPORT_SERVER__REGION",
        "config.toml:4",
        "default",
    ]


def test_the_environment_is_read_by_the_type_of_the_setting():
    found = settings(
        BUCKETPORT_SERVER__DOMAINS="a.example, b.example",
        BUCKETPORT_SERVER__ACCESS_LOG="no",
        BUCKETPORT_LIMITS__CONNECTIONS="7",
        BUCKETPORT_LIMITS__HEADER_SECONDS="1.5",
        BUCKETPORT_MAX_UPLOAD_BYTES="10",
        BUCKETPORT_BUCKETS='[{"name": "m", "backend_type": "memory"}]',
        BUCKETPORT_LOG="debug",
    )
    assert found.server.domains == ["a.example", "b.example"]
    assert (found.server.access_log, found.server.verbose) == (False, True)
    assert (found.limits.connections, found.limits.header_seconds, found.max_upload_bytes) == (7, 1.5, 10)
    assert found.buckets[0].name == "m"


def test_the_older_name_for_the_upload_limit_is_read():
    assert settings(MAX_UPLOAD_BYTES="123").max_upload_bytes == 123


def test_variables_that_kubernetes_makes_for_a_service_are_no_settings():
    assert settings(BUCKETPORT_PORT="tcp://10.0.0.1:9000", BUCKETPORT_SERVICE_HOST="10.0.0.1")


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("BUCKETPORT_SERVER__LISTN", "x", "unknown setting; did you mean listen?"),
        ("BUCKETPORT_SERVR__LISTEN", "x", "unknown setting; did you mean server?"),
        ("BUCKETPORT_LIMITS__CONNECTIONS", "many", "a number is expected, not 'many'"),
        ("BUCKETPORT_SERVER__ACCESS_LOG", "maybe", "true or false is expected, not 'maybe'"),
        ("BUCKETPORT_BUCKETS", "[", "JSON is expected"),
    ],
)
def test_a_variable_that_is_wrong_is_named(variable, value, said):
    assert problems(**{variable: value}) == [f"environment {variable}: {said}"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("\n[server]\nlistn = 'x'", "config.toml:3: server.listn: unknown setting; did you mean listen?"),
        ("[sever]\nlisten = 'x'", "config.toml:1: sever: unknown setting; did you mean server?"),
        ("[server]\nlisten = 9000", "config.toml:2: server.listen: a text is expected, not the number 9000"),
        ("[server]\naccess_log = 'yes'", "config.toml:2: server.access_log: true or false is expected, not 'yes'"),
        ("[server]\ndomains = [1]", "config.toml:2: server.domains[0]: a text is expected, not the number 1"),
        ("server = 5", "config.toml:1: server: a table is expected, not the number 5"),
        ("[limits]\nconnections = 0", "config.toml:2: limits.connections: should be greater than or equal to 1"),
        (
            "[[buckets]]\nname = 'a'\nbackend_type = 'S3'",
            "config.toml:3: buckets[0].backend_type: one of s3, az, gcs, local, memory is expected, not 'S3'; "
            "did you mean s3?",
        ),
        ("[[buckets]]\nbackend_type = 'memory'", "config.toml:1: buckets[0].name: is missing"),
        (
            "[[credentials]]\naccess_key_id = 'K'\nprincipal_name = 'p'",
            "config.toml:1: credentials[0].secret_access_key: is missing",
        ),
        (
            "[[credentials]]\naccess_key_id = 'K'\nprincipal_name = 'p'\nsecret_access_key = 12345678",
            "config.toml:4: credentials[0].secret_access_key: a text is expected",
        ),
        (
            "[[credentials]]\naccess_key_id = 'K'\nprincipal_name = 'p'\nsecret_access_key = 's'\nexpires_at = 'soon'",
            "config.toml:5: credentials[0].expires_at: a time such as 2026-11-21T09:28:01Z is expected",
        ),
        (
            "[[roles]]\nrole_id = 'r'\ntrusted_oidc_issuers = []",
            "config.toml:3: roles[0].trusted_oidc_issuers: at least one is needed",
        ),
        ("[[roles]]\nrole_id = 'r'", "config.toml:1: roles[0].trusted_oidc_issuers: is missing"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(write, text, said):
    (found,) = problems(write(text))
    assert found.startswith(said)


def test_everything_wrong_is_said_at_once_in_the_order_of_the_file(write):
    found = problems(write("[server]\nlistn = 'x'\nregion = 5\n[[buckets]]\nnam = 'x'"))
    assert [problem.split(": ")[0] for problem in found] == [
        "config.toml:2",
        "config.toml:3",
        "config.toml:4",
        "config.toml:4",
        "config.toml:5",
    ]


def test_no_secret_is_shown_by_an_error(write):
    text = "[[credentials]]\naccess_key_id = 5\nsecret_access_key = ['hush-hush']\nprincipal_name = 'p'"
    assert "hush" not in "".join(problems(write(text)))


def test_a_file_that_is_no_toml_is_named_with_its_line(write):
    with pytest.raises(UsageError, match=r"config\.toml:2: not TOML"):
        settings(write("a = 1\nb ="))


def test_a_file_that_is_no_json_is_named_with_its_line(write):
    with pytest.raises(UsageError, match=r"config\.json:2: not JSON"):
        settings(write('{"a": 1,\n}', "config.json"))


def test_a_file_that_is_absent_is_named(write):
    with pytest.raises(UsageError, match=r"absent\.toml cannot be read: No such file"):
        settings("absent.toml")


def test_json_is_read_by_its_extension(write):
    found = settings(write('{"buckets": [{"name": "m", "backend_type": "memory"}]}', "config.json"))
    assert found.buckets[0].name == "m"
    assert problems(write('{\n"bucket": []}', "config.json")) == [
        "config.json:2: bucket: unknown setting; did you mean buckets?"
    ]


SECRET = '[[credentials]]\naccess_key_id = "K"\nprincipal_name = "p"\nunrestricted = true\nsecret_access_key = '


def secret_of(file, **environment):
    return settings(file, **environment).credentials[0].secret_access_key.reveal()


def test_a_variable_stands_for_its_value(write):
    assert secret_of(write(SECRET + '"x${MY_SECRET}y"'), MY_SECRET="between") == "xbetweeny"
    assert secret_of(write(SECRET + '"$${MY_SECRET}"')) == "${MY_SECRET}"


def test_a_file_stands_for_its_content(write):
    write("from-a-file\n", "secret.txt")
    file = write(SECRET + '"file:secret.txt"')
    assert secret_of(file) == "from-a-file"
    assert load(Asked(file)).files == ["config.toml", "secret.txt"]


def test_a_reference_to_nothing_is_said_with_its_line(write):
    (found,) = problems(write(SECRET + '"${NOWHERE}"'))[:1]
    assert found == "config.toml:5: credentials[0].secret_access_key: the environment has no variable NOWHERE"
    (found,) = problems(write(SECRET + '"file:nowhere"'))[:1]
    assert "config.toml:5: credentials[0].secret_access_key: nowhere cannot be read" in found


def test_a_file_reference_is_for_secrets_only(write):
    assert settings(write('owner_display_name = "file:x"')).owner_display_name == "file:x"


def test_backend_options_may_be_numbers_and_booleans(write):
    found = settings(write(BUCKET + "skip_signature = true\nport = 5\n"))
    assert found.buckets[0].backend_options["skip_signature"] == "true"


def test_keys_of_flags_and_environment_stand_beside_those_of_the_file(write):
    file = write(SECRET + '"from-the-file"')
    environment = {"BUCKETPORT_ACCESS_KEY": "MAIN", "BUCKETPORT_SECRET_KEY": "main-secret"}
    loaded = load(Asked(file, (), [parse_user("bob:BOB:bob:secret")], environment))
    found = [(row.access_key_id, row.principal_name) for row in loaded.settings.credentials]
    assert found == [("K", "p"), ("MAIN", "admin"), ("BOB", "bob")]
    assert loaded.settings.credentials[2].secret_access_key.reveal() == "bob:secret"
    assert [loaded.place(("credentials", number)) for number in range(3)] == [
        "config.toml:1",
        "environment BUCKETPORT_ACCESS_KEY",
        "flag --user",
    ]


def test_a_configuration_of_multistore_is_taken_unchanged(write):
    text = """
owner_id = "79a59df900b949e5"
owner_display_name = "The Team"

[[buckets]]
name = "public-data"
backend_type = "s3"
anonymous_access = true
allowed_roles = []
[buckets.backend_options]
endpoint = "https://s3.us-west-2.amazonaws.com"
bucket_name = "opendata"
region = "us-west-2"
skip_signature = "true"
timeout = "30s"

[[buckets]]
name = "deploy-bundles"
backend_type = "az"
backend_prefix = "v2"
anonymous_access = false
allowed_roles = ["github-actions"]
[buckets.backend_options]
account_name = "acct"
container_name = "bundles"
access_key = "${AZURE_KEY}"

[[buckets]]
name = "ml"
backend_type = "gcs"
anonymous_access = false
[buckets.backend_options]
bucket_name = "ml-artifacts"
service_account_key = '{"type": "service_account"}'

[[roles]]
role_id = "github-actions"
name = "GitHub Actions"
trusted_oidc_issuers = ["https://token.actions.githubusercontent.com"]
required_audience = "sts.amazonaws.com"
subject_conditions = ["repo:org/repo:*"]
max_session_duration_secs = 3600
[[roles.allowed_scopes]]
bucket = "{repository}"
prefixes = []
actions = ["get_object", "head_object", "put_object"]

[[credentials]]
access_key_id = "AKLOCAL0000000000001"
secret_access_key = "localdev/secret/key/00000000000000000000"
principal_name = "local-dev"
created_at = "2024-01-15T00:00:00Z"
expires_at = 2027-01-15T00:00:00Z
enabled = true
[[credentials.allowed_scopes]]
bucket = "public-data"
prefixes = ["a/"]
actions = ["get_object", "get_object_version", "head_object", "put_object", "delete_object", "list_bucket",
  "create_multipart_upload", "upload_part", "complete_multipart_upload", "abort_multipart_upload"]
"""
    loaded = load(Asked(write(text), environment={"AZURE_KEY": "a2V5"}))
    assert [bucket.name for bucket in loaded.settings.buckets] == ["public-data", "deploy-bundles", "ml"]
    assert not loaded.settings.has_store
    assert [str(warning) for warning in loaded.warnings] == [
        "config.toml:15: buckets[0].backend_options.timeout: unknown option, not used",
        "config.toml:36: roles: roles are checked, but tokens are not exchanged for sessions yet",
    ]

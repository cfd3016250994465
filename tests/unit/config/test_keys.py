"""Which keys come from outside the file? The main key by any of three pairs, and further users."""

import pytest

from bucketport.config.first_key import ensure_first_key, known_key, make_key
from bucketport.config.keys import MAIN_USER, main_key, parse_user
from bucketport.config.load import Asked, load
from bucketport.config.trouble import UsageError
from bucketport.registry.sqlite import SqliteCredentials

OWN = {"BUCKETPORT_ACCESS_KEY": "OWN", "BUCKETPORT_SECRET_KEY": "own-secret"}
MINIO = {"MINIO_ROOT_USER": "MINIO", "MINIO_ROOT_PASSWORD": "minio-secret"}
AWS = {"AWS_ACCESS_KEY_ID": "AWS", "AWS_SECRET_ACCESS_KEY": "aws-secret"}


def main(environment, is_gateway=False):
    found = main_key(environment, is_gateway=is_gateway)
    return found and found.row["access_key_id"]


@pytest.mark.parametrize(
    ("environment", "name"),
    [(OWN | MINIO | AWS, "OWN"), (MINIO | AWS, "MINIO"), (AWS, "AWS"), ({}, None)],
)
def test_the_first_pair_that_is_there_counts(environment, name):
    assert main(environment) == name


def test_the_main_key_belongs_to_the_same_user_whatever_it_is():
    assert {main_key(pair, is_gateway=False).row["principal_name"] for pair in (OWN, MINIO, AWS)} == {MAIN_USER}


def test_a_gateway_keeps_its_own_keys_to_the_cloud_to_itself():
    assert main(AWS, is_gateway=True) is None
    assert main(MINIO | AWS, is_gateway=True) == "MINIO"


def test_keys_of_a_session_are_not_taken():
    assert main(AWS | {"AWS_SESSION_TOKEN": "token"}) is None


def test_a_container_s_secrets_are_read_from_files(tmp_path):
    (tmp_path / "user").write_text("from-a-file\n")
    (tmp_path / "password").write_text("secret-from-a-file\n")
    files = {"MINIO_ROOT_USER_FILE": f"{tmp_path}/user", "MINIO_ROOT_PASSWORD_FILE": f"{tmp_path}/password"}
    assert main_key(files, is_gateway=False).row["secret_access_key"] == "secret-from-a-file"
    assert main(files) == "from-a-file"
    with pytest.raises(UsageError, match=r"MINIO_ROOT_USER_FILE: .*absent cannot be read: No such file"):
        main({"MINIO_ROOT_USER_FILE": f"{tmp_path}/absent"})


@pytest.mark.parametrize(
    ("there", "missing"),
    [
        ("BUCKETPORT_ACCESS_KEY", "BUCKETPORT_SECRET_KEY"),
        ("MINIO_ROOT_PASSWORD", "MINIO_ROOT_USER"),
        ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
    ],
)
def test_half_a_pair_is_refused_by_the_name_of_the_other_half(there, missing):
    with pytest.raises(UsageError, match=f"{there} is set but {missing} is not"):
        main({there: "x"})


def test_a_user_has_a_name_a_key_and_a_secret():
    assert parse_user("bob:KEY:with:colons").row["secret_access_key"] == "with:colons"


@pytest.mark.parametrize("text", ["", "bob", "bob:KEY", "bob:KEY:", ":KEY:secret", "bob::secret"])
def test_a_user_that_lacks_a_part_is_refused(text):
    with pytest.raises(UsageError, match="NAME:ACCESS:SECRET"):
        parse_user(text)


@pytest.fixture
def registry(tmp_path):
    made = SqliteCredentials(str(tmp_path), lambda: 0.0)
    yield made
    made.close()


def entropy(count):
    return bytes(range(count))


def first(registry, users=(), **environment):
    loaded = load(Asked("", (), [parse_user(user) for user in users], environment))
    return ensure_first_key(loaded, registry, entropy, lambda: 5.0)


def test_the_first_start_makes_a_key_and_the_second_finds_it(registry):
    made = first(registry)
    assert made.user == MAIN_USER
    assert first(registry) is None
    assert known_key(load(Asked()), registry.all()).access_key == made.access_key


def test_no_key_is_made_when_one_is_given(registry):
    assert first(registry, **OWN) is None
    assert registry.all() == []


def test_a_further_user_is_besides_the_main_key(registry):
    assert first(registry, ["bob:BOB:bob-secret"]) is not None


def test_a_disabled_key_is_not_replaced_behind_ones_back(registry):
    made = first(registry)
    registry.enable(made.access_key, False)
    assert first(registry) is None
    assert known_key(load(Asked()), registry.all()) is None


def test_a_key_looks_as_clients_expect():
    made = make_key("admin", lambda count: bytes([255] * count))
    assert len(made.access_key) == 20
    assert made.access_key.isalnum()
    assert len(made.secret.reveal()) == 40
    assert made.secret.reveal().isalnum()

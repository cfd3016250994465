"""Does it all fit together? What no single setting can tell."""

import pytest

from bucketport.config.model import Settings
from bucketport.config.rules import check, parse_listen


def found(harmless=False, **data):
    return [
        (".".join(map(str, finding.path)), finding.message)
        for finding in check(Settings.model_validate(data, strict=True))
        if finding.harmless == harmless
    ]


def bucket(kind="memory", name="data", **options):
    return {"name": name, "backend_type": kind, "backend_options": options}


def credential(**more):
    return {
        "access_key_id": "K",
        "secret_access_key": "long-enough",
        "principal_name": "p",
        "unrestricted": True,
    } | more


def scoped(*actions):
    return credential(unrestricted=False, allowed_scopes=[{"bucket": "data", "actions": list(actions)}])


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:9000", ("127.0.0.1", 9000)),
        ("0.0.0.0:80", ("0.0.0.0", 80)),
        ("[::1]:9000", ("::1", 9000)),
        (":9000", ("", 9000)),
        ("localhost:0", ("localhost", 0)),
    ],
)
def test_an_address_to_listen_on_is_read(text, address):
    assert parse_listen(text) == address


@pytest.mark.parametrize("text", ["9000", "host:", "host:x", "host:65536", "::1:9000", "host:-1", "", "host:٣"])
def test_what_is_no_address_to_listen_on_is_refused(text):
    with pytest.raises(ValueError, match="such as"):
        parse_listen(text)


def test_the_defaults_fit():
    assert found() == found(harmless=True) == []


@pytest.mark.parametrize(
    ("server", "path"),
    [
        ({"listen": "x"}, "server.listen"),
        ({"tls_cert": "a"}, "server.tls_cert"),
        ({"tls_key": "a"}, "server.tls_key"),
        ({"domains": ["ok.example", "http://x"]}, "server.domains.1"),
        ({"public_urls": ["data.example.org"]}, "server.public_urls.0"),
        ({"trusted_proxies": ["10.0.0.0/8", "proxy"]}, "server.trusted_proxies.1"),
    ],
)
def test_what_the_server_cannot_use_is_named(server, path):
    assert [where for where, _ in found(server=server)] == [path]


def test_names_are_used_once():
    assert found(buckets=[bucket(), bucket()]) == [("buckets.1.name", "'data' is there twice")]
    assert found(credentials=[credential(), credential()]) == [("credentials.1.access_key_id", "'K' is there twice")]


def test_a_bucket_of_the_store_has_a_name_that_s3_allows():
    assert [where for where, _ in found(store={"buckets": ["ok-name", "Not_OK"]})] == ["store.buckets.1"]


def test_what_a_backend_needs_is_named():
    assert found(buckets=[bucket("s3")]) == [("buckets.0", "backend_options needs bucket_name for s3")]
    assert found(buckets=[bucket("az")]) == [
        ("buckets.0", "backend_options needs account_name for az"),
        ("buckets.0", "backend_options needs container_name for az"),
    ]
    assert found(default_backend={"backend_type": "s3"}) == []


def test_half_a_pair_of_keys_is_named():
    assert found(buckets=[bucket("s3", bucket_name="b", access_key_id="k")]) == [
        ("buckets.0.backend_options.access_key_id", "secret_access_key is missing")
    ]


def test_names_of_object_store_are_taken():
    options = {
        "aws_bucket": "b",
        "AWS_ACCESS_KEY_ID": "k",
        "aws_secret_access_key": "s",
        "aws_endpoint_url": "http://x",
    }
    assert found(buckets=[bucket("s3", **options)]) == found(True, buckets=[bucket("s3", **options)]) == []
    assert [message for _, message in found(buckets=[bucket("s3", aws_bucket="b", bucket_name="b")])] == [
        "means the same as aws_bucket: give one of them"
    ]


def test_an_unknown_option_is_a_warning_with_the_nearest_name():
    assert found(True, buckets=[bucket("s3", bucket_name="b", regoin="x")]) == [
        ("buckets.0.backend_options.regoin", "unknown option, not used; did you mean region?")
    ]


def test_a_default_backend_names_no_bucket():
    options = {"bucket_name": "b"}
    assert [where for where, _ in found(default_backend={"backend_type": "s3", "backend_options": options})] == [
        "default_backend.backend_options.bucket_name"
    ]


def test_actions_are_known():
    assert found(credentials=[scoped("get_object", "copy", "*", "list_multipart_uploads", "put_bucket_policy")]) == []
    assert found(credentials=[scoped("put_objekt")]) == [
        ("credentials.0.allowed_scopes.0.actions.0", "unknown action 'put_objekt'; did you mean put_object?")
    ]


def test_a_key_that_may_do_nothing_is_a_warning():
    assert "may do nothing" in found(True, credentials=[credential(unrestricted=False)])[0][1]


def test_a_key_is_unrestricted_or_scoped():
    both = scoped("get_object") | {"unrestricted": True}
    assert [where for where, _ in found(credentials=[both])] == ["credentials.0.unrestricted"]


def test_a_secret_that_can_be_guessed_is_a_warning_and_an_empty_one_an_error():
    assert "can be guessed" in found(True, credentials=[credential(secret_access_key="test")])[0][1]
    assert found(credentials=[credential(secret_access_key="")]) == [("credentials.0.secret_access_key", "is empty")]


def test_a_role_names_its_audience_in_one_way():
    role = {"role_id": "r", "trusted_oidc_issuers": ["https://x"], "required_audiences": "a"}
    assert found(roles=[role]) == []
    assert [where for where, _ in found(roles=[role | {"required_audience": "b"}])] == ["roles.0.required_audience"]


def test_a_bucket_that_names_an_unknown_role_is_a_warning():
    role = {"role_id": "deploy", "trusted_oidc_issuers": ["https://x"]}
    wrong = bucket() | {"allowed_roles": ["deploi"]}
    assert ("buckets.0.allowed_roles.0", "there is no role 'deploi'; did you mean deploy?") in found(
        True, buckets=[wrong], roles=[role]
    )

"""Which `backend_options` does each kind of backend know, and what else are they called?

The names are multistore's; the aliases are those of arrow's object_store, so that what configures one of its users
configures this. An unknown option is a warning and not an error, because multistore passes anything on.
Source: https://docs.rs/object_store/latest/object_store/ (AmazonS3ConfigKey, AzureConfigKey, GoogleConfigKey)
"""

import difflib
from collections.abc import Iterator, Mapping

from bucketport.backends.remote.endpoint import parse_endpoint

_S3 = {
    "endpoint": "aws_endpoint aws_endpoint_url endpoint_url aws_endpoint_url_s3",
    "bucket_name": "aws_bucket aws_bucket_name bucket",
    "region": "aws_region aws_default_region default_region",
    "access_key_id": "aws_access_key_id",
    "secret_access_key": "aws_secret_access_key",
    "token": "aws_session_token aws_token session_token",
    "profile": "aws_profile",
    "skip_signature": "aws_skip_signature",
    "virtual_hosted_style_request": "aws_virtual_hosted_style_request",
    "unsigned_payload": "aws_unsigned_payload",
    "role_arn": "aws_role_arn",
    "role_session_name": "aws_role_session_name",
    "web_identity_token_file": "aws_web_identity_token_file",
    "container_credentials_relative_uri": "aws_container_credentials_relative_uri",
    "container_credentials_full_uri": "aws_container_credentials_full_uri",
    "container_authorization_token_file": "aws_container_authorization_token_file",
    "metadata_endpoint": "aws_metadata_endpoint",
}

_AZURE = {
    "account_name": "azure_storage_account_name",
    "container_name": "azure_container_name bucket_name bucket",
    "access_key": "azure_storage_account_key azure_storage_access_key azure_storage_master_key account_key master_key",
    "sas_token": "azure_storage_sas_key azure_storage_sas_token sas_key",
    "token": "azure_storage_token bearer_token",
    "client_id": "azure_storage_client_id azure_client_id",
    "client_secret": "azure_storage_client_secret azure_client_secret",
    "tenant_id": "azure_storage_tenant_id azure_storage_authority_id azure_tenant_id azure_authority_id authority_id",
    "authority_host": "azure_storage_authority_host azure_authority_host",
    "federated_token_file": "azure_federated_token_file",
    "endpoint": "azure_storage_endpoint azure_endpoint",
    "msi_endpoint": "azure_msi_endpoint azure_identity_endpoint identity_endpoint",
    "skip_signature": "azure_skip_signature",
    "use_emulator": "azure_storage_use_emulator",
}

_GOOGLE = {
    "bucket_name": "google_bucket google_bucket_name bucket",
    "service_account_key": "google_service_account_key",
    "service_account": "google_service_account google_service_account_path service_account_path",
    "application_credentials": "google_application_credentials",
    "project_id": "google_project google_cloud_project project",
    "endpoint": "google_base_url base_url",
    "skip_signature": "google_skip_signature",
}

_ANY = {
    "auth_type": "",
    "oidc_role_arn": "",
    "oidc_subject": "",
    "allow_http": "aws_allow_http azure_allow_http google_allow_http",
}

_KNOWN = {
    "s3": _S3 | _ANY,
    "az": _AZURE | _ANY,
    "gcs": _GOOGLE | _ANY,
    "local": {"bucket_name": "bucket", "path": ""},
    "memory": {"bucket_name": "bucket"},
}

SECRETS = frozenset(("secret_access_key", "token", "access_key", "sas_token", "client_secret", "service_account_key"))
"""Options whose values are not to be shown."""

_NEEDED = {"s3": ("bucket_name",), "az": ("account_name", "container_name"), "gcs": ("bucket_name",)}

KINDS = tuple(_KNOWN)
"""The kinds of backends that are always there."""

_OF_ONE_BUCKET = frozenset({"bucket_name", "container_name"})

_BOOLEANS = frozenset(
    ("skip_signature", "virtual_hosted_style_request", "unsigned_payload", "use_emulator", "allow_http")
)

_WORDS = frozenset({"true", "false", "1", "0", "yes", "no", "on", "off"})


def _names(kind: str) -> dict[str, str]:
    """Every name of an option, in lower case, with the one that it stands for."""
    found = {}
    for name, aliases in _KNOWN.get(kind, {}).items():
        found[name] = name
        found |= dict.fromkeys(aliases.split(), name)
    return found


def canonical(kind: str, given: Mapping[str, str]) -> dict[str, str]:
    """The options under their own names; what is not known stays as it is. The first of two names for one counts."""
    names = _names(kind)
    found: dict[str, str] = {}
    for name, value in given.items():
        found.setdefault(names.get(name.lower(), name), value)
    return found


def is_secret(name: str) -> bool:
    """Whether the value of that option, of whatever kind of backend, is not to be shown."""
    return any(_names(kind).get(name.lower(), name) in SECRETS for kind in _KNOWN)


def check(kind: str, given: Mapping[str, str], *, one_bucket: bool) -> Iterator[tuple[str, str, bool]]:
    """(what is wrong, the option, whether it is harmless) for the options of a bucket or of a whole account."""
    if kind not in _KNOWN:
        return  # another package's, which says itself what it needs
    seen: dict[str, str] = {}
    yield from check_names(kind, given, seen, one_bucket=one_bucket)
    emulated = given.get(seen.get("use_emulator", ""), "").lower() in ("true", "1", "yes", "on")
    for name in _NEEDED.get(kind, ()):
        if (
            name not in seen
            and (one_bucket or name not in _OF_ONE_BUCKET)
            and not (emulated and name == "account_name")
        ):
            yield f"backend_options needs {name} for {kind}", "", False


def check_names(
    kind: str, given: Mapping[str, str], seen: dict[str, str], *, one_bucket: bool
) -> Iterator[tuple[str, str, bool]]:
    """As `check`, but that nothing has to be there. `seen` is filled with the options' own names and those given."""
    names = _names(kind)
    for name, value in given.items():
        own = names.get(name.lower())
        if own is None:
            near = difflib.get_close_matches(name.lower(), names, 1)
            yield f"unknown option, not used{f'; did you mean {near[0]}?' if near else ''}", name, True
        elif own in seen:
            yield f"means the same as {seen[own]}: give one of them", name, False
        elif own in _OF_ONE_BUCKET and not one_bucket:
            yield "has no place here: every name leads to the bucket of that name", name, False
        else:
            seen[own] = name
            yield from _value(own, value, name)
    yield from _keys(seen)


def _value(own: str, value: str, name: str) -> Iterator[tuple[str, str, bool]]:
    if own in _BOOLEANS and value.lower() not in _WORDS:
        yield f"true or false is expected, not {value[:80]!r}", name, False
    if own == "endpoint":
        try:
            parse_endpoint(value)
        except ValueError as error:
            yield str(error), name, False
    if own == "auth_type":
        yield "is not served yet: give the backend keys of its own", name, value == ""


def _keys(seen: Mapping[str, str]) -> Iterator[tuple[str, str, bool]]:
    for one, other in (("access_key_id", "secret_access_key"), ("secret_access_key", "access_key_id")):
        if one in seen and other not in seen:
            yield f"{other} is missing", seen[one], False

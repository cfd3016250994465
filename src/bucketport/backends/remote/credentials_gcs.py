"""With what does one sign for Google? A token, for a service account's JWT, a refresh token, or from the machine.

Source: https://developers.google.com/identity/protocols/oauth2/service-account (HTTP/REST), and the order of
google.auth.default (2026-11).
"""

import base64
import functools
import json
import posixpath
from collections.abc import Callable
from typing import Any

from bucketport.backends.remote.credentials import Keys, Lease
from bucketport.backends.remote.dialect import Plan
from bucketport.backends.remote.endpoint import parse_endpoint
from bucketport.backends.remote.fetching import Machine, form, renewed, token_of
from bucketport.backends.remote.gcs.signing import UrlSigner
from bucketport.backends.remote.sending import Surroundings
from bucketport.message import HttpRequest
from bucketport.model import Secret
from bucketport.record import record

SCOPE = "https://www.googleapis.com/auth/devstorage.full_control"

_TOKENS = "https://oauth2.googleapis.com/token"
_LIFETIME = 3600
"""Seconds that a JWT may ask for at most."""

SignRs256 = Callable[[str, bytes], bytes]
"""The RS256 signature of a message by a PEM private key (`crypto.native.sign_rs256`). Raises: ValueError."""


@record
class Bearer:
    """A token for the Authorization header. `signer` is there where the token is that of a service account's key."""

    token: Secret
    signer: UrlSigner | None = None


def chain(
    machine: Machine, world: Surroundings, sign: SignRs256, report: Callable[[str], None] = lambda _: None
) -> Keys[Bearer]:
    """The keys of this machine: GOOGLE_APPLICATION_CREDENTIALS, gcloud's own file, the metadata server.

    Raises: ValueError for a file that cannot be used.
    """
    path = machine.get("GOOGLE_APPLICATION_CREDENTIALS")
    if path:
        try:
            return from_json(machine.read(path), world, sign, report)
        except OSError as error:
            raise ValueError(f"GOOGLE_APPLICATION_CREDENTIALS: {error}") from None
    folder = machine.get("CLOUDSDK_CONFIG") or posixpath.join(machine.home, ".config/gcloud")
    try:
        return from_json(
            machine.read(posixpath.join(folder, "application_default_credentials.json")), world, sign, report
        )
    except OSError:
        host = machine.get("GCE_METADATA_HOST") or "metadata.google.internal"
        return renewed(lambda: metadata_server(host, world.now()), world, report)


def from_json(
    text: str, world: Surroundings, sign: SignRs256, report: Callable[[str], None] = lambda _: None
) -> Keys[Bearer]:
    """The keys that a credentials file gives. Raises: ValueError that says what is missing, never what is there."""
    try:
        found = json.loads(text)
        kind = found["type"]
    except (ValueError, KeyError, TypeError):
        raise ValueError("the service account key is no JSON object with a type") from None
    wanted = {
        "service_account": ("client_email", "private_key"),
        "authorized_user": ("client_id", "client_secret", "refresh_token"),
    }.get(kind)
    if wanted is None:
        raise ValueError(f"credentials of type {str(kind)[:40]!r} are not supported")
    lacking = [name for name in wanted if not isinstance(found.get(name), str)]
    if lacking:
        raise ValueError(f"the {kind} key has no {', '.join(lacking)}")
    if kind == "service_account":
        sign(found["private_key"], b"")
        return renewed(lambda: service_account(found, sign, world.now()), world, report)
    return renewed(lambda: authorized_user(found, world.now()), world, report)


def service_account(key: dict[str, Any], sign: SignRs256, now: float) -> Plan[Lease[Bearer]]:
    """A token for a JWT that the account's key signs."""
    url = key.get("token_uri") or _TOKENS
    head = {"alg": "RS256", "typ": "JWT"} | ({"kid": key["private_key_id"]} if key.get("private_key_id") else {})
    claims = {
        "iss": key["client_email"],
        "scope": SCOPE,
        "aud": url,
        "iat": int(now),
        "exp": int(now) + _LIFETIME,
    }
    text = b".".join([_part(json.dumps(head).encode()), _part(json.dumps(claims).encode())])
    assertion = b".".join([text, _part(sign(key["private_key"], text))]).decode()
    answer = yield form(url, {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": assertion})
    token, over = token_of(answer, "Google", now)
    signer = UrlSigner(key["client_email"], functools.partial(sign, key["private_key"]))
    return Lease(Bearer(Secret(token), signer), over)


def signs_urls(text: str) -> bool:
    """Whether the keys that this credentials file gives (`from_json`) can sign URLs."""
    return bool(json.loads(text)["type"] == "service_account")


def _part(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def authorized_user(key: dict[str, Any], now: float) -> Plan[Lease[Bearer]]:
    """A token for a person's refresh token (`gcloud auth application-default login`)."""
    fields = {name: key[name] for name in ("client_id", "client_secret", "refresh_token")}
    answer = yield form(key.get("token_uri") or _TOKENS, fields | {"grant_type": "refresh_token"})
    token, over = token_of(answer, "Google", now)
    return Lease(Bearer(Secret(token)), over)


def metadata_server(host: str, now: float) -> Plan[Lease[Bearer]]:
    """The token of the machine's own account, on Google's machines."""
    endpoint = parse_endpoint(f"http://{host}")
    path = "/computeMetadata/v1/instance/service-accounts/default/token"
    answer = yield HttpRequest("GET", endpoint, path, headers={"metadata-flavor": "Google"})
    token, over = token_of(answer, "the metadata server", now)
    return Lease(Bearer(Secret(token)), over)

"""Which keys come from the environment or a flag? The main key by any of three pairs of names, and further users.

The main key's user is `admin`, whatever the key: so a new key keeps the buckets that the old one made.
"""

import pathlib
from collections.abc import Mapping
from typing import Any

from bucketport.config.trouble import UsageError
from bucketport.record import record

MAIN_USER = "admin"

PAIRS = (
    ("BUCKETPORT_ACCESS_KEY", "BUCKETPORT_SECRET_KEY"),
    ("MINIO_ROOT_USER", "MINIO_ROOT_PASSWORD"),
    ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
)
"""In this order; the first pair that is there counts. The first two may be files, see `_value`."""


@record
class GivenKey:
    """A row of `[[credentials]]` that does not stand in the file, and where it was said."""

    row: dict[str, Any]
    place: str


def main_key(environment: Mapping[str, str], *, is_gateway: bool) -> GivenKey | None:
    """The main key that the environment names. In a gateway AWS_* are its own keys to the cloud, never a client's.

    Raises: UsageError when half of a pair is missing.
    """
    for access_name, secret_name in PAIRS[:2] if is_gateway else PAIRS:
        access, secret = _value(environment, access_name), _value(environment, secret_name)
        if not access and not secret:
            continue
        if access_name == "AWS_ACCESS_KEY_ID" and environment.get("AWS_SESSION_TOKEN"):
            continue  # keys of a session, which works nowhere but at its own cloud
        if not access or not secret:
            there, missing = (access_name, secret_name) if access else (secret_name, access_name)
            raise UsageError(f"{there} is set but {missing} is not: set both, or neither.")
        return GivenKey(_row(MAIN_USER, access, secret), f"environment {access_name}")
    return None


def _value(environment: Mapping[str, str], name: str) -> str:
    """The variable, or the content of the file that `NAME_FILE` names, as containers are given secrets.

    Source: MinIO's container takes MINIO_ROOT_USER_FILE so, a bare name being one of /run/secrets.
    """
    found, file = environment.get(name, ""), environment.get(f"{name}_FILE", "")
    if found or not file or name.startswith("AWS_"):
        return found
    path = pathlib.Path("/run/secrets") / file
    try:
        return path.read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{name}_FILE: {path} cannot be read: {getattr(error, 'strerror', None) or error}.") from error


def parse_user(text: str) -> GivenKey:
    """The key that `--user NAME:ACCESS:SECRET` gives. Raises: UsageError."""
    name, _, rest = text.partition(":")
    access, _, secret = rest.partition(":")
    if not name or not access or not secret:
        raise UsageError("--user is NAME:ACCESS:SECRET, three parts with colons between them.")
    return GivenKey(_row(name, access, secret), "flag --user")


def _row(user: str, access: str, secret: str) -> dict[str, Any]:
    return {"access_key_id": access, "secret_access_key": secret, "principal_name": user, "unrestricted": True}

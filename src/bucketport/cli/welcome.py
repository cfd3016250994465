"""What does a server say when it is ready? Where it is, and lines that can be pasted as they are."""

import os
from typing import Any

from bucketport import __version__
from bucketport.config.load import Loaded
from bucketport.model import Credential
from bucketport.record import record

REGION = "us-east-1"
"""What clients need to say where any region is taken."""


@record
class Ready:
    """A server that has begun to listen. `made`: the key pair that was made just now."""

    loaded: Loaded
    url: str
    made: Credential | None
    key: Credential | None


def as_values(ready: Ready) -> dict[str, Any]:
    """For a script: the secret is there only when it was made just now, or came from the environment anyway."""
    server = ready.loaded.settings.server
    found: dict[str, Any] = {
        "kind": "ready",
        "url": ready.url,
        "version": __version__,
        "pid": os.getpid(),
        "data": os.path.abspath(server.data),
        "region": server.region or REGION,
    }
    key = ready.made or ready.key
    if key is not None:
        found["access_key"] = key.access_key
    if ready.made is not None:
        found["secret_key"] = ready.made.secret.reveal()
    if ready.loaded.settings.uploads.keys:
        found["uploads"] = [row.name for row in ready.loaded.settings.uploads.keys]
    return found


def as_text(ready: Ready) -> str:
    """For a person."""
    server = ready.loaded.settings.server
    lines = [f"bucketport {__version__} serves S3 at {ready.url}, data in {os.path.abspath(server.data)}"]
    if ready.made is not None:
        lines += _with_secret(ready.made, ready.url, server.region or REGION, server.data)
    elif ready.key is not None:
        lines += [
            f"The key of {ready.key.user} is {ready.key.access_key}; `bucketport keys --help` says how to make others.",
            f"  aws --endpoint-url {ready.url} s3 ls",
        ]
    lines += _about_uploads(ready)
    lines.append("Stop it with Ctrl-C.")
    return "\n".join(lines) + "\n"


def _about_uploads(ready: Ready) -> list[str]:
    uploads = ready.loaded.settings.uploads
    if not uploads.keys:
        return []
    names = ", ".join(row.name for row in uploads.keys)
    return [
        f"Apps may upload with the API key {names}. A URL for an upload:",
        f"  curl -X POST {uploads.public_url.rstrip('/') or ready.url}/presign \\",
        """    -H 'Authorization: Bearer API-KEY' -d '{"action": "upload"}'""",
    ]


def _with_secret(key: Credential, url: str, region: str, folder: str) -> list[str]:
    access, secret = key.access_key, key.secret.reveal()
    return [
        f"A key pair was made for {key.user}. It is kept in {folder}/state.sqlite and printed only now:",
        "",
        f"  access key  {access}",
        f"  secret key  {secret}",
        "",
        "aws-cli:",
        f"  export AWS_ACCESS_KEY_ID={access} AWS_SECRET_ACCESS_KEY={secret} AWS_DEFAULT_REGION={region}",
        f"  aws --endpoint-url {url} s3 mb s3://first-bucket",
        "boto3:",
        f'  boto3.client("s3", endpoint_url="{url}", region_name="{region}",',
        f'               aws_access_key_id="{access}", aws_secret_access_key="{secret}")',
        "rclone:",
        f"  rclone config create local s3 provider=Other endpoint={url} region={region} \\",
        f"    access_key_id={access} secret_access_key={secret}",
        "  rclone lsd local:",
        "",
    ]

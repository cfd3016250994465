"""`bucketport buckets`: which buckets does the store hold? Listed from the index; made and removed through the server
when one runs, else in the store itself.
"""

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bucketport.cli import presence
from bucketport.cli.asking import AsJson, Config, Data, ask
from bucketport.cli.output import print_json, print_table

if TYPE_CHECKING:
    from bucketport.config.load import Loaded

app = typer.Typer(no_args_is_help=True, help="Buckets of the embedded store: list, create, remove.")

Name = Annotated[str, typer.Argument(metavar="BUCKET", help="The bucket's name.")]
User = Annotated[str, typer.Option("--user", metavar="NAME", help="Who owns it.")]


@app.command("list")
def list_buckets(
    *,
    user: Annotated[str | None, typer.Option(metavar="NAME", help="This user's only.")] = None,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """List every user's buckets."""
    from bucketport.config import offline
    from bucketport.wire.dates import iso

    found = offline.list_buckets(_load(data, config).settings.server.data, user)
    rows: list[dict[str, Any]] = [
        {"name": b.name, "owner": b.owner, "region": b.region, "acl": b.acl, "created": iso(b.created_ms)}
        for b in found
    ]
    if as_json:
        print_json(rows)
    else:
        print_table(["NAME", "OWNER", "REGION", "ACL", "CREATED"], [list(row.values()) for row in rows])


@app.command("create")
def create_bucket(name: Name, *, user: User = "admin", data: Data = None, config: Config = None) -> None:
    """Make a bucket."""
    from bucketport.config import offline
    from bucketport.config.trouble import UsageError
    from bucketport.errors import InvalidBucketName
    from bucketport.model import BucketInfo
    from bucketport.wire.address import check_bucket_name

    try:
        check_bucket_name(name)
    except InvalidBucketName as error:
        raise UsageError(f"{name!r} is no name for a bucket: 3 to 63 of a-z, 0-9, dots and hyphens.") from error
    loaded = _load(data, config)
    if not _asked_server("PUT", name, user, loaded):
        region = loaded.settings.server.region or "us-east-1"
        offline.create_bucket(loaded, BucketInfo(name, user, int(time.time() * 1000), region))


@app.command("remove")
def remove_bucket(name: Name, *, user: User = "admin", data: Data = None, config: Config = None) -> None:
    """Remove an empty bucket; unfinished uploads go with it."""
    from bucketport.config import offline
    from bucketport.config.trouble import Failure

    loaded = _load(data, config)
    if not _asked_server("DELETE", name, user, loaded):
        if name not in {bucket.name for bucket in offline.list_buckets(loaded.settings.server.data, user)}:
            raise Failure(f"{user} has no bucket {name}; `bucketport buckets list` shows whose it is.")
        offline.remove_bucket(loaded, name)


def _load(data: str | None, config: str | None) -> "Loaded":
    from bucketport.config.load import load

    return load(ask(config, {"server.data data": data}))


def _asked_server(method: str, bucket: str, user: str, loaded: "Loaded") -> bool:
    """Have the running server do it with a key of that user; False when none runs. Raises: Failure."""
    server = presence.find(loaded.settings.server.data)
    if server is None:
        return False
    from bucketport.cli.calling import NotThere, call
    from bucketport.config.offline import key_of

    try:
        call(server, method, f"/{bucket}", key_of(loaded, user), loaded.settings.server.region)
    except NotThere:
        return False
    return True

"""`bucketport keys`: who may come in? The keys in the data folder; a server that runs notices a change in a second."""

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bucketport.cli.asking import AsJson, Config, Data, ask
from bucketport.cli.output import print_json, print_table
from bucketport.config.trouble import Failure, UsageError

if TYPE_CHECKING:
    from bucketport.config.offline import Keys
    from bucketport.model import Credential

app = typer.Typer(
    no_args_is_help=True,
    help="Keys in the data folder: list, create, disable, enable, remove. A running server notices within a second.",
)

Key = Annotated[str, typer.Argument(metavar="ACCESS_KEY", help="The key's name.")]

DAY = 86_400


@app.command("list")
def list_keys(
    *,
    secrets: Annotated[bool, typer.Option("--secrets", help="Print the secrets, too.")] = False,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """List the keys; secrets only when they are asked for."""
    with _open(data, config) as registry:
        rows = [_values(key.credential, key.created_at, secrets=secrets) for key in registry.all()]
    if as_json:
        print_json(rows)
        return
    heads = ["access_key", "user", "enabled", "created", "expires", *(["secret_key"] if secrets else [])]
    print_table([head.upper() for head in heads], [[_cell(row[head]) for head in heads] for row in rows])


@app.command("create")
def create_key(
    *,
    user: Annotated[str, typer.Option(metavar="NAME", help="Whose key it is: who owns the buckets.")] = "admin",
    access_key: Annotated[str | None, typer.Option(metavar="NAME", help="Its name. Default: a random one.")] = None,
    secret_stdin: Annotated[
        bool, typer.Option("--secret-stdin", help="Read the secret from standard input. Default: a random one.")
    ] = False,
    days: Annotated[
        float | None, typer.Option(metavar="N", min=0, help="How many days it works. Default: always.")
    ] = None,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Make a key and print it. To rotate: make another for the same user, change to it, remove the old one."""
    import dataclasses
    import os
    import sys

    from bucketport.config.first_key import make_key
    from bucketport.model import Secret

    made, now = make_key(user, os.urandom), time.time()
    if access_key is not None:
        made = dataclasses.replace(made, access_key=access_key)
    if secret_stdin:
        made = dataclasses.replace(made, secret=Secret(sys.stdin.readline().rstrip("\r\n")))
    if days is not None:
        made = dataclasses.replace(made, expires_at=now + days * DAY)
    _check(made)
    with _open(data, config, make=True) as registry:
        if not registry.add(made, now):
            raise UsageError(f"There is a key {made.access_key} already.")
    if as_json:
        print_json(_values(made, now, secrets=True))
    else:
        print(f"user        {made.user}\naccess key  {made.access_key}\nsecret key  {made.secret.reveal()}")


@app.command("disable")
def disable_key(access_key: Key, *, data: Data = None, config: Config = None) -> None:
    """Let a key in no more; it can be enabled again."""
    with _open(data, config) as registry:
        _must(registry.enable(access_key, False), access_key)


@app.command("enable")
def enable_key(access_key: Key, *, data: Data = None, config: Config = None) -> None:
    """Let a disabled key in again."""
    with _open(data, config) as registry:
        _must(registry.enable(access_key, True), access_key)


@app.command("remove")
def remove_key(access_key: Key, *, data: Data = None, config: Config = None) -> None:
    """Forget a key. Its user's buckets stay that user's."""
    with _open(data, config) as registry:
        _must(registry.remove(access_key), access_key)


def _open(data: str | None, config: str | None, *, make: bool = False) -> "Keys":
    from bucketport.config.load import load
    from bucketport.config.offline import Keys

    return Keys(load(ask(config, {"server.data data": data})).settings.server.data, make=make)


def _must(found: bool, access_key: str) -> None:
    if not found:
        raise Failure(
            f"There is no key {access_key} in the data folder; `bucketport keys list` shows them. "
            "Keys of the configuration and of the environment are changed there."
        )


def _check(key: "Credential") -> None:
    if not key.user or not key.secret.reveal():
        raise UsageError("A key needs a user and a secret.")
    if not key.access_key or not key.access_key.isprintable() or any(letter in key.access_key for letter in "/ ,="):
        raise UsageError("A key's name has no slash, space, comma or equals sign.")


def _values(key: "Credential", created_at: float, *, secrets: bool) -> dict[str, Any]:
    from bucketport.wire.dates import iso

    found: dict[str, Any] = {
        "access_key": key.access_key,
        "user": key.user,
        "enabled": key.enabled,
        "created": iso(int(created_at * 1000)),
        "expires": iso(int(key.expires_at * 1000)) if key.expires_at is not None else None,
    }
    return found | ({"secret_key": key.secret.reveal()} if secrets else {})


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value is None else str(value)

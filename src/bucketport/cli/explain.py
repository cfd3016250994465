"""`bucketport explain`: why may a key do that, or why not? Exit code 0 when it may, 1 when not."""

import dataclasses
import time
from typing import Annotated

import typer

from bucketport.cli.asking import AsJson, Config, Data, ask
from bucketport.cli.output import print_json

_WORDS = {True: "allowed", False: "denied", None: "undecided"}


def explain(
    target: Annotated[
        str, typer.Argument(metavar="s3://BUCKET[/KEY]", help="Where; for a listing, KEY is the prefix it asks for.")
    ],
    *,
    action: Annotated[str, typer.Option(metavar="NAME", help="What: as in a scope, such as get_object.")],
    access_key: Annotated[
        str | None, typer.Option(metavar="NAME", help="Who. Default: somebody without a key.")
    ] = None,
    config: Config = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Print what the server would decide, why, and the line of the configuration behind it."""
    from bucketport.config.explain import explain as decide
    from bucketport.config.load import load

    loaded = load(ask(config, {"server.data data": data}))
    found = decide(loaded, access_key, action, target, time.time())
    if as_json:
        print_json(dataclasses.asdict(found))
    else:
        print(f"{_WORDS[found.allowed]}: {found.reason}" + (f" ({found.place})" if found.place else ""))
    if not found.allowed:
        raise typer.Exit(1)

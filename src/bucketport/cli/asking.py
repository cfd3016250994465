"""What was asked for on the command line? Options that several commands share, as what `config.load` starts from."""

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from bucketport.config.load import Asked

Config = Annotated[
    str | None, typer.Option("--config", metavar="FILE", help="The configuration, TOML (JSON when it ends in .json).")
]
Data = Annotated[str | None, typer.Option("--data", metavar="DIR", help="The data folder. Default: bucketport-data.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]

NO_FLAGS: Mapping[str, str | None] = {}


def ask(
    config: str | None,
    flags: Mapping[str, Any],
    users: Sequence[str] = (),
    borderless: Mapping[str, str | None] = NO_FLAGS,
) -> "Asked":
    """What `load` starts from. `flags` maps `server.listen` to its value and is named for the option `--listen`;
    what is None or an empty list was not given. `borderless`: flags that borderless-storage has.
    """
    from bucketport.config.borderless import of_flags
    from bucketport.config.keys import parse_user
    from bucketport.config.load import Asked
    from bucketport.config.sources import Given

    given = [
        Given(tuple(setting.split(".")), value, f"flag --{option}")
        for name, value in flags.items()
        if value is not None and value != []
        for setting, _, option in [name.partition(" ")]
    ]
    given += of_flags(borderless, given)
    file = config or os.environ.get("BUCKETPORT_CONFIG", "")
    return Asked(file, given, [parse_user(text) for text in users], dict(os.environ))

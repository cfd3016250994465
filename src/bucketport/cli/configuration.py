"""`bucketport config`: what is in force, and who said so?"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bucketport.cli.asking import AsJson, Config, Data, ask
from bucketport.cli.output import complain, print_json, print_table

if TYPE_CHECKING:
    from bucketport.config.load import Loaded


def config(
    *,
    config: Config = None,
    data: Data = None,
    listen: Annotated[str | None, typer.Option(metavar="ADDRESS:PORT", help="As of serve.")] = None,
    domain: Annotated[list[str] | None, typer.Option(metavar="NAME", help="As of serve.")] = None,
    region: Annotated[str | None, typer.Option(metavar="NAME", help="As of serve.")] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Only say whether it can be used; exit code 2 if not.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show each setting with where it was said: a flag, a variable, a line of the file, or the default.

    Flags stand before the environment (BUCKETPORT_SERVER__LISTEN is `listen` of [server]), that before the file.
    """
    from bucketport.config.load import load

    flags = {
        "server.data data": data,
        "server.listen listen": listen,
        "server.domains domain": domain,
        "server.region region": region,
    }
    loaded = load(ask(config, flags))
    for warning in loaded.warnings:
        complain(f"warning: {warning}")
    if check:
        from bucketport.config.offline import try_out

        missing = try_out(loaded)
        for text in missing:
            complain(f"warning: on this machine: {text}")
        _say_checked([*map(str, loaded.warnings), *missing], as_json=as_json)
        return
    rows = list(_rows(loaded))
    if as_json:
        print_json([{"setting": setting, "value": value, "from": place} for setting, value, place in rows])
    else:
        print_table(["SETTING", "VALUE", "FROM"], [[setting, _shown(value), place] for setting, value, place in rows])


def _say_checked(warnings: list[str], *, as_json: bool) -> None:
    if as_json:
        print_json({"ok": True, "warnings": warnings})
    else:
        print("the configuration can be used")


def _rows(loaded: "Loaded") -> Iterator[tuple[str, Any, str]]:
    """Every setting as (name, value, where it was said)."""
    from bucketport.config.load import written
    from bucketport.config.shown import leaves

    for path, value in leaves(loaded.settings):
        yield written(path), value, loaded.place(path)


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "-"
    return "-" if value in ("", None) else str(value)

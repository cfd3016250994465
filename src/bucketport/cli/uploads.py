"""`bucketport uploads`: which upload sessions are there? Listed also while a server runs, which sweeps by itself."""

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bucketport.cli import presence
from bucketport.cli.asking import AsJson, Config, Data, ask
from bucketport.cli.output import print_json, print_table
from bucketport.config.trouble import Failure

if TYPE_CHECKING:
    from bucketport.config.load import Loaded
    from bucketport.sessions import Session

app = typer.Typer(no_args_is_help=True, help="Upload sessions of apps: list, sweep. A running server sweeps by itself.")

_HEADS = ("id", "bucket", "key", "state", "created", "expires")


@app.command("list")
def list_uploads(
    *,
    bucket: Annotated[str | None, typer.Option(metavar="NAME", help="This bucket's only.")] = None,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """List the sessions: `empty` (nothing has arrived), `open`, `committed`, `expired` (the next sweep takes it)."""
    from bucketport.config.sweeping import sessions

    found = sessions(_load(data, config).settings.server.data, bucket)
    rows = [_values(session, int(time.time() * 1000)) for session in found]
    if as_json:
        print_json(rows)
    else:
        print_table([head.upper() for head in _HEADS], [[row[head] for head in _HEADS] for row in rows])


@app.command("sweep")
def sweep_uploads(
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Give up sessions whose time is up, with what they hold; where no server runs, for that one does it itself."""
    loaded = _load(data, config)
    folder = loaded.settings.server.data
    if presence.find(folder) is not None:
        raise Failure(
            f"A server runs on {folder} and sweeps every minute; `bucketport uploads list` shows what has expired."
        )
    from bucketport.config.sweeping import sweep

    done = sweep(loaded, dry_run=dry_run)
    if as_json:
        print_json(
            {
                "dry_run": dry_run,
                "aborted": list(done.aborted),
                "forgotten": list(done.forgotten),
                "failed": list(done.failed),
                "bytes": done.bytes,
            }
        )
    else:
        would = "would be " if dry_run else ""
        print(
            f"{len(done.aborted)} {would}given up ({done.bytes} bytes), {len(done.forgotten)} committed ones "
            f"{would}forgotten, {len(done.failed)} cannot be cleaned now"
        )
    if done.failed:
        raise typer.Exit(1)


def _load(data: str | None, config: str | None) -> "Loaded":
    from bucketport.config.load import load

    return load(ask(config, {"server.data data": data}))


def _values(session: "Session", now_ms: int) -> dict[str, Any]:
    from bucketport.wire.dates import iso

    if session.outcome is not None:
        state = "committed"
    elif session.expires_ms <= now_ms:
        state = "expired"
    else:
        state = "empty" if session.draft is None else "open"
    return {
        "id": session.id,
        "bucket": session.bucket,
        "key": session.key,
        "state": state,
        "created": iso(session.created_ms),
        "expires": iso(session.expires_ms),
    }

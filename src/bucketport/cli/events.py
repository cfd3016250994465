"""`bucketport events`: what were webhooks told? The events of committed uploads in the data folder, also while a server
runs; what is replayed there it tells within seconds.
"""

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bucketport.cli.asking import AsJson, Config, Data, ask
from bucketport.cli.output import print_json, print_table
from bucketport.config.trouble import UsageError

if TYPE_CHECKING:
    from bucketport.config.events import Events, News
    from bucketport.sessions import Event

app = typer.Typer(
    no_args_is_help=True,
    help="Events of committed uploads, and whether webhooks took them: list, show, replay, follow; and the secret.",
)

EVERY = 0.5
"""Seconds between two looks for new events."""

_HEADS = ("id", "made", "state", "tries", "next", "session", "target", "trouble")


@app.command("list")
def list_events(
    *,
    failed: Annotated[bool, typer.Option("--failed", help="Only those that were given up.")] = False,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """List the events, the oldest first."""
    with _open(data, config) as events:
        rows = [_values(event) for event in events.after() if event.failed or not failed]
    if as_json:
        print_json(rows)
    else:
        print_table([head.upper() for head in _HEADS], [[str(row[head] or "-") for head in _HEADS] for row in rows])


@app.command("show")
def show_event(
    event_id: Annotated[str, typer.Argument(metavar="ID", help="The event's id.")],
    *,
    data: Data = None,
    config: Config = None,
) -> None:
    """Print an event as JSON, with what its webhook is told."""
    import json

    with _open(data, config) as events:
        event = events.find(event_id)
    print_json(_values(event) | {"payload": json.loads(event.payload)})


@app.command("replay")
def replay_events(
    event_id: Annotated[str | None, typer.Argument(metavar="[ID]", help="The event's id.")] = None,
    *,
    failed: Annotated[bool, typer.Option("--failed", help="All that were given up.")] = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Have a webhook told once more, even when it took the event before; prints what will be told."""
    if (event_id is None) != failed:
        raise UsageError("Say which event is to be replayed: its ID, or --failed for all that were given up.")
    with _open(data, config) as events:
        chosen = [events.find(event_id)] if event_id is not None else [each for each in events.after() if each.failed]
        for event in chosen:
            events.replay(event, int(time.time() * 1000))
            print(f"{event.id}  {event.target}")


@app.command("follow")
def follow_events(
    *,
    everything: Annotated[bool, typer.Option("--all", help="Begin with those that are there already.")] = False,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Print new events as they come, a line each, until Ctrl-C."""
    from bucketport.config.events import News

    with _open(data, config) as events:
        try:
            _follow(News(events, everything=everything), as_json=as_json)
        except KeyboardInterrupt:
            return


@app.command("secret")
def show_secret(*, data: Data = None, config: Config = None, as_json: AsJson = False) -> None:
    """Print the secret with which webhooks check that a delivery is this server's."""
    from bucketport.config.events import signing_secret
    from bucketport.config.load import load

    secret = signing_secret(load(ask(config, {"server.data data": data})).settings).reveal()
    if as_json:
        print_json({"secret": secret})
    else:
        print(secret)


def _follow(news: "News", *, as_json: bool) -> None:
    import json

    while True:
        for event in news.look():
            row = _values(event)
            if as_json:
                row["payload"] = json.loads(event.payload)
                print(json.dumps(row, ensure_ascii=False), flush=True)
            else:
                print("  ".join(str(row[head]) for head in ("made", "id", "session", "target")), flush=True)
        time.sleep(EVERY)


def _open(data: str | None, config: str | None) -> "Events":
    from bucketport.config.events import Events
    from bucketport.config.load import load

    return Events(load(ask(config, {"server.data data": data})).settings.server.data)


def _values(event: "Event") -> dict[str, Any]:
    from bucketport.wire.dates import iso

    waits = not event.done_ms and not event.failed
    return {
        "id": event.id,
        "made": iso(event.made_ms),
        "state": "failed" if event.failed else "waiting" if waits else "done",
        "tries": event.tries,
        "next": iso(event.due_ms) if waits else None,
        "done": iso(event.done_ms) if event.done_ms else None,
        "session": event.session,
        "target": event.target,
        "trouble": event.trouble,
    }

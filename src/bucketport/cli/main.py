"""Which commands are there, and how do they end? Every command ends here, with one of these exit codes:

0  done; a server that was asked to stop and did
1  it could not be done: the message says why (fsck: it found faults; explain: it is not allowed)
2  the command line or the configuration is wrong
3  the address cannot be listened on
4  the data folder is in use, was written by a newer release, or cannot be read

A mistake of ours ends with 70 and asks for a report. Heavy things are imported inside the commands, so that `--help`
answers at once.
"""

import os
import sys
from types import TracebackType
from typing import Annotated

import typer

from bucketport import __version__
from bucketport.cli import buckets, configuration, events, explain, fsck, keys, presign, serve, uploads
from bucketport.cli.output import complain
from bucketport.config.trouble import Failure

BUG = 70
"""Exit code of a mistake of ours. Source: EX_SOFTWARE of sysexits.h"""

app = typer.Typer(
    name="bucketport",
    help="One S3 endpoint for every bucket you have: a durable S3 server for one machine, and a gateway.",
    epilog="Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 cannot listen, 4 data folder unusable.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command()(serve.serve)
app.add_typer(keys.app, name="keys")
app.add_typer(buckets.app, name="buckets")
app.add_typer(uploads.app, name="uploads")
app.add_typer(events.app, name="events")
app.command("config")(configuration.config)
app.command()(presign.presign)
app.command()(explain.explain)
app.command()(fsck.fsck)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"bucketport {__version__}")
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    """What stands before every command."""


def run() -> None:
    """The program: run the command of `sys.argv` and exit with its code. The one place that answers trouble."""
    sys.excepthook = _tell_bug
    sys.exit(code_of(sys.argv[1:]))


def code_of(arguments: list[str]) -> int:
    """Run a command; its exit code. Trouble is told on standard error, in a line each."""
    try:
        # Not by calling `app`, which would put a hook of its own in the place of ours.
        typer.main.get_command(app)(arguments, prog_name="bucketport")
    except Failure as failure:
        complain(str(failure))
        return failure.exit_code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 0
    return 0


def _tell_bug(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """A mistake of ours: one line, and the rest for whoever asks for it."""
    if os.environ.get("BUCKETPORT_LOG", "").lower() in ("debug", "trace"):
        sys.__excepthook__(kind, error, trace)
    else:
        complain(
            f"this is a mistake of bucketport's own: {kind.__name__}: {error}. "
            "Please report it, with what BUCKETPORT_LOG=debug prints in addition."
        )
    sys.stderr.flush()
    os._exit(BUG)

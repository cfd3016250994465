"""What is wrong with what was asked for? Sentences for whoever typed the command or wrote the file.

These are the only exceptions that a command may end with. `exit_code` is what the process exits with.
"""

from collections.abc import Sequence

from bucketport.record import record


class Failure(Exception):
    """A command cannot do what was asked; the message is one line that says why and what to do."""

    exit_code = 1


class UsageError(Failure):
    """The command line or the configuration is wrong."""

    exit_code = 2


class CannotListen(Failure):
    """The address cannot be listened on."""

    exit_code = 3


class DataUnusable(Failure):
    """The data folder is in use, newer than this release, or cannot be read."""

    exit_code = 4


@record
class Problem:
    """One thing that is wrong: where (`config.toml:12`, `environment BUCKETPORT_X`), with which setting, and what."""

    place: str
    setting: str
    message: str

    def __str__(self) -> str:
        return ": ".join(part for part in (self.place, self.setting, self.message) if part)


class BadConfiguration(UsageError):
    """The configuration cannot be used; `problems` says all that is wrong with it, in the order of the file."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(map(str, self.problems)))

"""How does a change of the configuration come into force? Whole or not at all: there is a new application, or none.

Running requests finish on the application that they began with.
"""

import os
from collections.abc import Sequence

from bucketport.app import App
from bucketport.config.build import Foundation, assemble
from bucketport.config.load import Asked, Loaded, load
from bucketport.config.trouble import Failure
from bucketport.metering.prometheus import Reading
from bucketport.record import record

_AT_START = ("listen", "data", "tls_cert", "tls_key", "log_format", "access_log", "verbose")
"""Settings of `[server]` that count when the process begins."""


@record
class Taken:
    """An application made from what the files say now, and lines to tell about it."""

    app: App
    notes: list[str]


class Reloader:
    """Knows what is in force, and what was asked for at the start."""

    def __init__(self, asked: Asked, loaded: Loaded, foundation: Foundation) -> None:
        self._asked, self._loaded, self._foundation = asked, loaded, foundation
        self._first = loaded
        self._seen = _stamps(loaded.files)
        self._done = self._refused = 0
        foundation.meter.add(
            Reading("config_reloads", "Configurations that came into force.", lambda: self._done, "counter"),
            Reading("config_refusals", "Configurations that were refused.", lambda: self._refused, "counter"),
        )

    def changed(self) -> bool:
        """Whether one of the files looks different from when it was last read."""
        return _stamps(self._loaded.files) != self._seen

    def reload(self) -> Taken | None:
        """What the file says now, as an application; None when there is no file.

        Raises: Failure when it is not good; nothing has changed then.
        """
        if not self._asked.file:
            return None
        self._seen = _stamps(self._loaded.files)
        try:
            loaded = load(self._asked)
            app = assemble(loaded, self._foundation)
        except Failure:
            self._refused += 1
            raise
        self._done += 1
        self._loaded, self._seen = loaded, _stamps(loaded.files)
        notes = [f"warning: {warning}" for warning in loaded.warnings]
        return Taken(app, [f"the configuration {self._asked.file} is in force", *notes, *self._postponed(loaded)])

    def _postponed(self, loaded: Loaded) -> list[str]:
        """What has changed but waits for the next start."""
        old, new = self._first.settings, loaded.settings
        names = [f"server.{name}" for name in _AT_START if getattr(old.server, name) != getattr(new.server, name)]
        if old.limits != new.limits:
            names.append("limits")
        if old.store != new.store:
            names.append("store")
        return [f"{name} has changed: it counts from the next start" for name in names]


def _stamps(files: Sequence[str]) -> dict[str, tuple[int, int, int]]:
    """What tells one state of the files from another."""
    found = {}
    for file in files:
        try:
            status = os.stat(file)
        except OSError:
            found[file] = (0, 0, 0)
        else:
            found[file] = (status.st_mtime_ns, status.st_size, status.st_ino)
    return found

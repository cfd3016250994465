"""Where do lines go, so that nobody waits for a slow reader of them? Through one thread; what is too much is dropped.

The access log goes to standard output, everything else to standard error.
"""

import json
import os
import threading
from typing import Literal

from bucketport.ports import Now
from bucketport.wire.dates import iso

HELD = 8 << 20
"""Bytes that wait to be written; what comes beyond is dropped and counted. A reader that slow has lost already."""

OUT, ERROR = 1, 2
"""File descriptors of standard output and standard error."""


class LineWriter:
    """Writes whole lines to file descriptors, in a thread of its own, in the order in which they came."""

    def __init__(self) -> None:
        self._ready = threading.Condition()
        self._waiting: list[tuple[int, bytes]] = []
        self._held = 0
        self._closed = False
        self.dropped = 0
        self._thread = threading.Thread(target=self._run, name="bucketport-log", daemon=True)
        self._thread.start()

    def put(self, descriptor: int, lines: bytes) -> None:
        """Have these lines written soon."""
        with self._ready:
            if self._held > HELD or self._closed:
                self.dropped += lines.count(b"\n")
                return
            self._held += len(lines)
            self._waiting.append((descriptor, lines))
            self._ready.notify()

    def close(self, seconds: float = 5.0) -> None:
        """Write what waits, for at most that long."""
        with self._ready:
            self._closed = True
            self._ready.notify()
        self._thread.join(seconds)

    def _run(self) -> None:
        gone: set[int] = set()
        while True:
            with self._ready:
                while not self._waiting and not self._closed:
                    self._ready.wait()
                batch, self._waiting = self._waiting, []
                self._held = 0
            if not batch:
                return
            for descriptor, lines in batch:
                if descriptor not in gone and not _write(descriptor, lines):
                    gone.add(descriptor)


def _write(descriptor: int, lines: bytes) -> bool:
    """Whether somebody still reads there."""
    left = memoryview(lines)
    try:
        while left:
            left = left[os.write(descriptor, left) :]
    except OSError:
        return False
    return True


def _shown(text: str) -> str:
    """An event's text, in which a client's words (a key in a traceback) may stand: its further lines are set in, so
    that none of them looks like an event, and what would change a terminal is escaped.
    """
    return "\n    ".join(line if line.isprintable() else _escaped(line) for line in text.split("\n"))


def _escaped(line: str) -> str:
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line)


class Journal:
    """What the server tells of itself, as text or as JSON (one line an event). `now` is seconds since 1970."""

    def __init__(self, kind: Literal["text", "json"], writer: LineWriter, now: Now, *, verbose: bool = False) -> None:
        self._json, self._writer, self._now, self._verbose = kind == "json", writer, now, verbose

    def say(self, text: str) -> None:
        """An event that matters to whoever runs the server."""
        time = iso(int(self._now() * 1000))
        if self._json:
            line = json.dumps({"time": time, "kind": "event", "text": text})
        else:
            line = f"{time} bucketport: {_shown(text)}"
        self._writer.put(ERROR, f"{line}\n".encode(errors="backslashreplace"))

    def mention(self, text: str) -> None:
        """An event that is told only when it is asked to be verbose."""
        if self._verbose:
            self.say(text)

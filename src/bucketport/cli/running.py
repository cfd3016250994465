"""How does the server begin, and how does it end? Everything is opened before it listens, and closed in reverse.

SIGTERM and SIGINT: readiness goes down, running requests finish within `limits.drain_seconds`, the store closes clean.
A second one ends the process at once (what was acknowledged is safe all the same). SIGHUP reads the certificate again,
and the configuration.
"""

import asyncio
import json
import os
import signal
import time
from typing import Any

from bucketport.cli import presence, welcome
from bucketport.cli.log import ERROR, OUT, Journal, LineWriter
from bucketport.config import data_folder
from bucketport.config.build import Foundation, Surroundings, access_log, add_process_readings, assemble
from bucketport.config.first_key import ensure_first_key, known_key
from bucketport.config.load import Asked, Loaded, load
from bucketport.config.reload import Reloader
from bucketport.config.rules import parse_listen
from bucketport.config.trouble import CannotListen, Failure, UsageError
from bucketport.runtimes.server import Server, TlsFiles, run
from bucketport.runtimes.timers import Timers

WATCH_SECONDS = 2.0
"""Between two looks at the files of the configuration."""

SWEEP_SECONDS = 60.0
"""Between two looks for upload sessions whose time is up."""

DELIVER_SECONDS = 1.0
"""Between two looks for webhooks to tell."""

LOG_SECONDS = 0.05
"""How long a line of the access log waits for others."""

SAME_SIGNAL_SECONDS = 1.0
"""A second signal so soon is the first one come twice: `make` hands on what the whole process group got already."""

AT_ONCE = 1
"""Exit code after a second signal."""


def serve_until_stopped(asked: Asked, *, as_json: bool) -> None:
    """Serve until a signal says otherwise. Raises: Failure when it cannot begin."""
    loaded = load(asked)
    writer = LineWriter()
    try:
        run(_Running(asked, loaded, writer, as_json=as_json).serve())
    finally:
        writer.close()


class _Running:
    """One run of the server."""

    def __init__(self, asked: Asked, loaded: Loaded, writer: LineWriter, *, as_json: bool) -> None:
        self._asked, self._loaded, self._writer, self._as_json = asked, loaded, writer, as_json
        chosen = loaded.settings.server
        self._journal = Journal(chosen.log_format, writer, time.time, verbose=chosen.verbose)
        self._stopping = asyncio.Event()
        self._asked_at = 0.0
        self._server: Server | None = None

    async def serve(self) -> None:
        """From the first file opened to the last one closed."""
        chosen = self._loaded.settings.server
        for warning in self._loaded.warnings:
            self._journal.say(f"warning: {warning}")
        if beside := data_folder.said_of(chosen.data):
            self._journal.say(f"warning: {beside}")
        foundation = Foundation(
            self._loaded.settings,
            Surroundings(time.time, time.monotonic, os.urandom, self._journal.say, self._is_ready),
        )
        try:
            await self._serve(foundation)
        finally:
            presence.withdraw(foundation.folder)
            await foundation.close()
        self._journal.mention("stopped clean")

    def _is_ready(self) -> bool:
        return not self._stopping.is_set()

    async def _serve(self, foundation: Foundation) -> None:
        loaded, settings = self._loaded, self._loaded.settings
        for name in await foundation.make_buckets(settings):
            self._journal.mention(f"made bucket {name}")
        log = access_log(settings, lambda lines: self._writer.put(OUT, lines), self._soon)
        server = self._server = self._make_server(foundation, [foundation.meter, *log])
        add_process_readings(foundation.meter, lambda: server.connections, lambda: server.in_flight)
        url = await self._listen(server)
        # Only now, because it is printed once: a start that fails before this would keep it to itself.
        made = ensure_first_key(loaded, foundation.keys, os.urandom, time.time)
        presence.announce(foundation.folder, presence.Presence(url, os.getpid(), settings.server.tls_cert))
        reloader = Reloader(self._asked, loaded, foundation)
        self._take_signals(reloader)
        self._greet(welcome.Ready(loaded, url, made, known_key(loaded, foundation.keys.all())))
        self._watch(reloader)
        timers = self._begin_timers(foundation)
        await self._stopping.wait()
        self._journal.mention("stopping: running requests may finish")
        await asyncio.gather(server.drain(settings.limits.drain_seconds), timers.stop())
        for meter in log:
            meter.flush()

    def _begin_timers(self, foundation: Foundation) -> Timers:
        """What is done beside answering, for what is open by then: a changed configuration may open more."""

        async def sweep() -> float | None:
            return await foundation.uploads.sweep() if foundation.uploads is not None else None

        async def deliver() -> float | None:
            return await foundation.uploads.deliver() if foundation.uploads is not None else None

        timers = Timers(self._journal.say)
        timers.every(SWEEP_SECONDS, "sweep of upload sessions", sweep)
        timers.every(DELIVER_SECONDS, "delivery to webhooks", deliver)
        return timers

    def _make_server(self, foundation: Foundation, meters: list[Any]) -> Server:
        chosen = self._loaded.settings.server
        tls = TlsFiles(chosen.tls_cert, chosen.tls_key) if chosen.tls_cert else None
        try:
            return Server(
                assemble(self._loaded, foundation),
                self._loaded.settings.limits,
                meters=meters,
                now=time.time,
                monotonic=time.monotonic,
                new_id=foundation.new_id,
                tls=tls,
                report=self._journal.say,
            )
        except OSError as error:
            raise UsageError(f"{_about_tls(chosen.tls_cert, chosen.tls_key, error)}.") from error

    async def _listen(self, server: Server) -> str:
        """Begin; the URL by which clients on this machine reach it. Raises: CannotListen."""
        chosen = self._loaded.settings.server
        host, port = parse_listen(chosen.listen)
        try:
            _, port = await server.start(host, port)
        except OSError as error:
            raise CannotListen(
                f"{chosen.listen} cannot be listened on: {os.strerror(error.errno) if error.errno else error}. "
                "Stop what uses it, or choose another address with --listen."
            ) from error
        near = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
        shown = f"[{near}]" if ":" in near else near
        return f"{'https' if chosen.tls_cert else 'http'}://{shown}:{port}"

    def _greet(self, ready: welcome.Ready) -> None:
        line = f"{json.dumps(welcome.as_values(ready))}\n".encode()
        if self._as_json:
            self._writer.put(OUT, line)
        elif self._loaded.settings.server.log_format == "json":
            self._writer.put(ERROR, line)
        else:
            self._writer.put(ERROR, welcome.as_text(ready).encode())

    def _soon(self, work: Any) -> None:
        asyncio.get_running_loop().call_later(LOG_SECONDS, work)

    def _take_signals(self, reloader: Reloader) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        loop.add_signal_handler(signal.SIGHUP, self._reload, reloader)

    def _stop(self) -> None:
        if not self._stopping.is_set():
            self._stopping.set()
            self._asked_at = time.monotonic()
        elif time.monotonic() - self._asked_at >= SAME_SIGNAL_SECONDS:
            os._exit(AT_ONCE)

    def _reload(self, reloader: Reloader) -> None:
        """Take the certificate and the configuration as they are now; what cannot be used changes nothing."""
        server = self._server
        assert server is not None
        try:
            server.reload_tls()
        except OSError as error:
            chosen = self._loaded.settings.server
            self._journal.say(f"the old certificate stays: {_about_tls(chosen.tls_cert, chosen.tls_key, error)}")
        try:
            taken = reloader.reload()
        except Failure as failure:
            self._journal.say(f"the old configuration stays: {failure}")
            return
        if taken is not None:
            server.app = taken.app
            for line in taken.notes:
                self._journal.say(line)

    def _watch(self, reloader: Reloader) -> None:
        """Look at the files now and then, and reload when one has changed."""
        if not self._asked.file or self._stopping.is_set():
            return
        if reloader.changed():
            self._reload(reloader)
        asyncio.get_running_loop().call_later(WATCH_SECONDS, self._watch, reloader)


def _about_tls(certificate: str, key: str, error: OSError) -> str:
    """What is wrong with the two files."""
    for path in (certificate, key):
        try:
            with open(path, "rb"):
                pass
        except OSError as unreadable:
            return f"{path} cannot be read: {unreadable.strerror}"
    return f"{certificate} and {key} are no PEM certificate chain and the key that belongs to it ({error.strerror})"

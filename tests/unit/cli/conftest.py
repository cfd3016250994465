"""How are commands tried? In this process, in a folder of their own; a server as a child that says when it is ready."""

import json
import os
import signal
import subprocess
import sys

import pytest

from bucketport.cli.main import code_of

PROGRAM = "from bucketport.cli.main import run; run()"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The current folder, empty; nothing of the caller's environment that would be taken for settings."""
    for name in list(os.environ):
        if name.startswith(("BUCKETPORT_", "MINIO_", "AWS_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def command(capfd):
    """Run a command: its exit code, standard output and standard error."""

    def run(*words):
        code = code_of(list(words))
        said = capfd.readouterr()
        return code, said.out, said.err

    return run


class Running:
    """A server that runs; `ready` is what it said of itself, `port` where it listens."""

    def __init__(self, folder, *words, **environment):
        self.folder = folder
        listen = () if "--config" in words else ("--listen", "127.0.0.1:0")
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, "serve", "--json", *listen, *words],
            cwd=folder,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        line = self.process.stdout.readline()
        assert line, self.process.stderr.read().decode()
        self.ready = json.loads(line)
        self.url = self.ready["url"]
        self.port = int(self.url.rpartition(":")[2])

    def stop(self, how=signal.SIGTERM):
        """Ask it to end: exit code, the rest of standard output, standard error."""
        self.process.send_signal(how)
        out, err = self.process.communicate(timeout=30)
        return self.process.returncode, out.decode(), err.decode()

    def next_event(self):
        """The next line that it says on standard error."""
        return self.process.stderr.readline().decode()


@pytest.fixture
def serve(folder):
    """Start servers; what still runs at the end is killed."""
    started = []

    def start(*words, **environment):
        started.append(Running(folder, *words, **environment))
        return started[-1]

    yield start
    for running in started:
        if running.process.poll() is None:
            running.process.kill()
            running.process.communicate()

"""Azure, by Azurite. It is found by BUCKETPORT_AZURITE, on PATH, or in ~/.cache/bucketport, where
`npm install azurite@3.35.0` brings it."""

import asyncio
import contextlib
import os
import pathlib
import random
import shutil
import socket
import subprocess
import time

import pytest

from bucketport.backends.remote.azure.dialect import Azure
from bucketport.backends.remote.azure.requests import Place, Tools
from bucketport.backends.remote.azure.signing import sealing_key
from bucketport.backends.remote.backend import Remote
from bucketport.backends.remote.credentials import Lasting
from bucketport.backends.remote.credentials_azure import SharedKey
from bucketport.backends.remote.endpoint import parse_endpoint
from bucketport.backends.remote.sending import Surroundings
from bucketport.model import Secret
from bucketport.testing.fakes import DIGESTS
from bucketport.transports.http1 import Http1Client

ACCOUNT = "devstoreaccount1"
KEY = SharedKey(
    ACCOUNT, Secret("Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==")
)
"""The account that Azurite always has. Source: https://learn.microsoft.com/azure/storage/common/storage-use-azurite"""

PART_MINIMUM = 1000


def find_azurite():
    """The program's path, or None."""
    named = os.environ.get("BUCKETPORT_AZURITE")
    if named:
        return named
    cache = pathlib.Path.home() / ".cache" / "bucketport" / "node_modules" / ".bin"
    return shutil.which("azurite-blob", path=os.pathsep.join([os.environ.get("PATH", ""), str(cache)]))


class Azurite:
    """A server that can be killed."""

    def __init__(self, program, folder):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/{ACCOUNT}"
        command = [program, "--blobHost", "127.0.0.1", "--blobPort", str(self.port), "-l", str(folder), "--silent"]
        command += ["--disableTelemetry", "--disableProductStyleUrl"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def wait(self):
        """Until it answers; False when it ended."""
        for _ in range(600):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return True
            if self.process.poll() is not None:
                return False
            time.sleep(0.05)
        return False

    def kill(self):
        self.process.kill()
        self.process.wait(30)


@contextlib.contextmanager
def running(folder):
    """A server, or a skip."""
    program = find_azurite()
    if program is None or not pathlib.Path(program).exists():
        pytest.skip("azurite-blob is not installed: npm install azurite@3.35.0")
    server = Azurite(program, folder)
    try:
        if not server.wait():
            pytest.skip("azurite-blob does not start")
        yield server
    finally:
        server.kill()


@pytest.fixture(scope="session")
def azurite(tmp_path_factory):
    with running(tmp_path_factory.mktemp("azurite")) as server:
        yield server


def dialect_of(url, **how):
    how.setdefault("part_minimum", PART_MINIMUM)
    how.setdefault("signs_urls", True)
    tools = Tools(time.time, random.Random().randbytes, DIGESTS, sealing_key(KEY))
    return Azure(Place(parse_endpoint(url), account=ACCOUNT), tools, **how)


@contextlib.contextmanager
def dialling(runner, url, key=KEY, **how):
    """A Remote of a server; afterwards no connection is in use."""
    client = Http1Client()
    world = Surroundings(client, time.time, time.monotonic, asyncio.sleep, random.random, "bucketport/contract")
    yield Remote(dialect_of(url, **how), Lasting(key), world)
    runner.run(asyncio.sleep(0.001))  # what closed a moment ago is told in the loop's next turn
    busy = client.connections - client.idle
    runner.run(client.close())
    assert busy == 0, f"{busy} connections were left in use"


@pytest.fixture
def part_minimum():
    return PART_MINIMUM


@pytest.fixture
def backend(runner, azurite):
    with dialling(runner, azurite.url) as made:
        yield made


@pytest.fixture
def dial(runner):
    """A Remote of the server at a URL, for a `with`."""
    return lambda url, key=KEY, **how: dialling(runner, url, key, **how)


@pytest.fixture
def another(azurite):
    """Another gateway's dialect for the same account: it has nothing in memory of the first."""
    return lambda: dialect_of(azurite.url)


@pytest.fixture
def mortal(tmp_path):
    """A server of the test's own, which it may kill."""
    with running(tmp_path) as server:
        yield server

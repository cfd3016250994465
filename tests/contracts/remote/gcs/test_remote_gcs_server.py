"""Google Cloud Storage, by fake-gcs-server: what it can prove. It is found by BUCKETPORT_FAKE_GCS_SERVER, on PATH, or in
GOPATH/bin; `go install github.com/fsouza/fake-gcs-server@latest` brings it.

What it gets wrong, or lacks, is proven against documents only: see tests/unit/backends/remote/gcs and
docs/conformance.md.
"""

import asyncio
import contextlib
import os
import pathlib
import random
import shutil
import socket
import subprocess
import time
import urllib.request

import pytest

from bucketport.backends.remote.backend import Remote
from bucketport.backends.remote.credentials import Lasting
from bucketport.backends.remote.endpoint import parse_endpoint
from bucketport.backends.remote.gcs.dialect import Gcs
from bucketport.backends.remote.gcs.requests import Place
from bucketport.backends.remote.sending import Surroundings
from bucketport.testing.contracts import *  # noqa: F403
from bucketport.testing.fakes import DIGESTS
from bucketport.transports.http1 import Http1Client

NO_PARTS = "fake-gcs-server does not speak the XML API's uploads in parts"

EXCUSED = dict.fromkeys(
    (
        "TestUploads",
        "TestPartListing",
        "TestUploadListing",
        "TestPartCopy",
        "TestReadingParts",
        "TestCompleting",
        "TestCompletingAgain",
        "TestRefusedCompleting",
        "TestCompleteConditions",
        "TestChecksumsOfParts",
        "TestAttributesOfParts",
    ),
    NO_PARTS,
)


def find_server():
    """The program's path, or None."""
    named = os.environ.get("BUCKETPORT_FAKE_GCS_SERVER")
    if named:
        return named
    folders = [os.environ.get("GOBIN", ""), os.path.join(os.environ.get("GOPATH", os.path.expanduser("~/go")), "bin")]
    folders.append(os.path.expanduser("~/.cache/bucketport/bin"))
    return shutil.which("fake-gcs-server", path=os.pathsep.join([os.environ.get("PATH", ""), *filter(None, folders)]))


@pytest.fixture(scope="session")
def gcs_url():
    """A running server."""
    program = find_server()
    if program is None or not pathlib.Path(program).exists():
        pytest.skip("fake-gcs-server is not installed: go install github.com/fsouza/fake-gcs-server@latest")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = [program, "-scheme", "http", "-host", "127.0.0.1", "-port", str(port), "-backend", "memory"]
    command += ["-public-host", f"127.0.0.1:{port}", "-external-url", url]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(600):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{url}/_internal/healthcheck", timeout=1).close()
                break
            if process.poll() is not None:
                pytest.skip(f"fake-gcs-server ended with {process.returncode}")
            time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture
def excused():
    return EXCUSED


@pytest.fixture
def backend(runner, gcs_url):
    """The server as a backend; afterwards no connection is in use."""
    client = Http1Client()
    world = Surroundings(client, time.time, time.monotonic, asyncio.sleep, random.random, "bucketport/contract")
    dialect = Gcs(Place(parse_endpoint(gcs_url), project="contract"), DIGESTS, random.Random().randbytes)
    yield Remote(dialect, Lasting(None), world)
    runner.run(asyncio.sleep(0.001))
    busy = client.connections - client.idle
    runner.run(client.close())
    assert busy == 0, f"{busy} connections were left in use"

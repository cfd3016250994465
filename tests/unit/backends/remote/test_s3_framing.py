"""Does long content arrive with its signatures and its checksum? What is framed here, our own decoder takes apart."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bucketport.backends.remote import upload as uploads
from bucketport.backends.remote.credentials import AwsKey
from bucketport.backends.remote.endpoint import parse_endpoint
from bucketport.backends.remote.s3 import framing
from bucketport.backends.remote.s3.dialect import S3
from bucketport.backends.remote.s3.requests import Place
from bucketport.errors import BadDigest
from bucketport.model import ObjectName, Promised, Secret
from bucketport.options import PutOptions
from bucketport.testing.fakes import FakeContent, checksum
from bucketport.wire.chunked import decoder_for
from bucketport.wire.sigv4 import ChunkSigner, scope

SECRET, STAMP = Secret("secret"), "20261121T092801Z"
KEY = AwsKey("AKID", SECRET)
NAME = ObjectName("b", "k")


async def sent(url, content):
    """The signed request of a PUT, and all bytes of its body."""
    spoken = S3(Place(parse_endpoint(url)))
    upload = await uploads.take(content, needs_md5=False)
    plan = spoken.put(NAME, upload, PutOptions("me", {"content-encoding": "gzip"}))
    request = spoken.sign(next(plan), KEY, 1_795_253_281)
    blocks = [b"".join(map(bytes, pieces)) async for pieces in request.body.blocks()]
    plan.close()
    return request, blocks


@settings(max_examples=30, deadline=None)
@given(
    st.integers(uploads.SMALL + 1, 3 << 20),
    st.sampled_from([1_000, 65_536, 300_000, 4 << 20]),
    st.sampled_from(["http://s3.test", "https://s3.test"]),
    st.sampled_from(["", "CRC32", "SHA512"]),
)
def test_what_is_framed_is_what_was_meant(size, piece, url, algorithm):
    data = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    content = FakeContent(data, piece=piece, promised=Promised(algorithm=algorithm))
    request, blocks = asyncio.run(sent(url, content))
    raw = b"".join(blocks)
    assert len(raw) == request.body.length
    if url.startswith("https") and not algorithm:
        assert raw == data
        assert request.headers["content-encoding"] == "gzip"
        return
    assert request.headers["content-encoding"] == "aws-chunked,gzip"
    payload = request.headers["x-amz-content-sha256"]
    signer = ChunkSigner(SECRET, scope(STAMP[:8], "us-east-1"), STAMP, request.headers["authorization"][-64:])
    decoder = decoder_for(payload, request.headers, signer)
    assert b"".join(map(bytes, decoder.feed(raw))) == data
    trailers = decoder.finish()
    assert trailers == ({f"x-amz-checksum-{algorithm.lower()}": checksum(algorithm, data)} if algorithm else {})


async def all_of(body, taken):
    async for pieces in body.blocks():
        taken.extend(map(len, pieces))


@pytest.mark.parametrize("url", ["http://s3.test", "https://s3.test"])
@pytest.mark.parametrize("algorithm", ["", "CRC32"])
@pytest.mark.parametrize("piece", [70_000, None])
def test_last_block_waits_for_every_check(url, algorithm, piece):
    data = b"x" * 200_000
    taken = []

    async def run():
        spoken = S3(Place(parse_endpoint(url)))
        content = FakeContent(data, piece=piece, promised=Promised(algorithm=algorithm), fails=BadDigest())
        upload = await uploads.take(content, needs_md5=False)
        request = spoken.sign(next(spoken.put(NAME, upload, PutOptions("me"))), KEY, 1_795_253_281)
        with pytest.raises(BadDigest):
            await all_of(request.body, taken)
        assert sum(taken) < request.body.length

    asyncio.run(run())


@pytest.mark.parametrize("size", [0, 1, 8191, 65_537, framing._SIGNED_CHUNK, framing._SIGNED_CHUNK + 1, 10 << 20])
def test_length_is_known_beforehand(size):
    assert framing._framed(size, framing._SIGNED_CHUNK, framing._EXTENSION) >= size

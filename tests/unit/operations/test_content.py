"""Content is what it was declared to be, or nothing is stored: every declaration, right and wrong."""

import asyncio
import base64
import hashlib
import zlib

import pytest

from bucketport.crypto.digests import WheelDigests
from bucketport.errors import (
    BadDigest,
    ContentSHA256Mismatch,
    EntityTooLarge,
    IncompleteBody,
    InvalidDigest,
    InvalidRequest,
    MissingContentLength,
    S3Error,
)
from bucketport.message import BytesBody, Request
from bucketport.model import ANONYMOUS, Sealed
from bucketport.operations.content import Admitted, check_length_is_said, declare, read_whole
from bucketport.ports import Proof

DATA = b"hello, content" * 100
DIGESTS = WheelDigests()


def b64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


def taken(data: bytes, payload: str = "UNSIGNED-PAYLOAD", limit: int = 1 << 20, **headers: str) -> tuple[bytes, Sealed]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = Request("PUT", "/b/k", "", named, BytesBody(data, 7))
    content = Admitted(request.body, declare(request, Proof(ANONYMOUS, payload), limit), DIGESTS)

    async def take() -> bytes:
        pieces = []
        while raw := await content.pull():
            pieces.extend(bytes(piece) for piece in content.accept(raw))
        return b"".join(pieces)

    return asyncio.run(take()), content.finish()


def test_plain_content_has_its_md5_and_the_default_checksum() -> None:
    data, sealed = taken(DATA)
    assert data == DATA
    assert sealed.size == len(DATA)
    assert sealed.md5 == hashlib.md5(DATA).digest()
    assert list(sealed.checksums) == ["CRC64NVME"]


def test_the_signed_hash_is_compared() -> None:
    assert taken(DATA, hashlib.sha256(DATA).hexdigest())[0] == DATA
    with pytest.raises(ContentSHA256Mismatch):
        taken(DATA, hashlib.sha256(b"other").hexdigest())


def test_content_md5_is_compared() -> None:
    assert taken(DATA, content_md5=b64(hashlib.md5(DATA).digest()))[0] == DATA
    with pytest.raises(BadDigest):
        taken(DATA, content_md5=b64(hashlib.md5(b"other").digest()))


@pytest.mark.parametrize("value", ["", "x", "YWJj", "!" * 24])
def test_a_content_md5_that_is_none_is_refused(value: str) -> None:
    with pytest.raises(InvalidDigest):
        taken(DATA, content_md5=value)


def test_a_checksum_header_is_compared_and_kept() -> None:
    value = b64(zlib.crc32(DATA).to_bytes(4, "big"))
    assert taken(DATA, x_amz_checksum_crc32=value)[1].checksums == {"CRC32": value}
    with pytest.raises(BadDigest):
        taken(DATA, x_amz_checksum_crc32=b64(b"\0\0\0\0"))


def test_too_large_content_is_refused_before_it_is_read() -> None:
    with pytest.raises(EntityTooLarge):
        taken(DATA, limit=10)


def test_a_chunked_body_need_not_say_its_length_but_has_the_limit() -> None:
    body = BytesBody(DATA)
    body.length = None
    request = Request("PUT", "/b/k", "", {"transfer-encoding": "chunked"}, body)
    check_length_is_said(request)
    content = Admitted(body, declare(request, Proof(ANONYMOUS), len(DATA)), DIGESTS)
    content.accept(DATA)
    assert content.finish().size == len(DATA)
    with pytest.raises(EntityTooLarge):
        content.accept(b"x")


def test_content_without_a_length_or_framing_is_refused() -> None:
    with pytest.raises(MissingContentLength):
        check_length_is_said(Request("PUT", "/b/k", "", {}, BytesBody(b"")))


def framed(data: bytes, trailer: str = "") -> bytes:
    return b"%x\r\n%s\r\n0\r\n%s\r\n" % (len(data), data, trailer.encode())


TRAILING = {
    "payload": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
    "x_amz_trailer": "x-amz-checksum-crc32",
    "x_amz_decoded_content_length": str(len(DATA)),
}


def test_framing_is_taken_off_and_the_trailing_checksum_compared() -> None:
    value = b64(zlib.crc32(DATA).to_bytes(4, "big"))
    data, sealed = taken(framed(DATA, f"x-amz-checksum-crc32:{value}\r\n"), **TRAILING)
    assert data == DATA
    assert sealed.checksums == {"CRC32": value}
    with pytest.raises(BadDigest):
        taken(framed(DATA, "x-amz-checksum-crc32:AAAAAA==\r\n"), **TRAILING)


def test_a_missing_trailer_is_refused() -> None:
    with pytest.raises(S3Error):
        taken(framed(DATA), **TRAILING)


def test_framed_content_that_breaks_off_is_refused() -> None:
    with pytest.raises(IncompleteBody):
        taken(framed(DATA)[:50], **TRAILING)


def test_signed_chunks_need_a_signed_request() -> None:
    with pytest.raises(InvalidRequest):
        taken(framed(DATA), "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", x_amz_decoded_content_length="5")


def test_a_further_checksum_is_computed_on_demand() -> None:
    request = Request("PUT", "/b/k", "", {}, BytesBody(DATA))
    content = Admitted(request.body, declare(request, Proof(ANONYMOUS), 1 << 20), DIGESTS)
    content.also("SHA256")
    content.accept(DATA)
    assert content.finish().checksums["SHA256"] == b64(hashlib.sha256(DATA).digest())


def test_a_short_body_is_refused() -> None:
    body = BytesBody(DATA)
    body.length = len(DATA) + 1
    request = Request("PUT", "/b/k", "", {}, body)
    with pytest.raises(IncompleteBody):
        asyncio.run(read_whole(body, declare(request, Proof(ANONYMOUS), 1 << 20), DIGESTS))

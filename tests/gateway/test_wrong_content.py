"""What is left of content that is not what it was said to be? Nothing, on any kind of backend."""

import base64
import hashlib
import http.client

import pytest

SIZES = [20, 300_000]
FRAMED = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
WRONG = base64.b64encode(b"four").decode()


def _wrong_hash(client, path, content, frame, crc32):
    return client.ask("PUT", path, body=content, payload=hashlib.sha256(b"other").hexdigest())


def _wrong_md5(client, path, content, frame, crc32):
    return client.ask("PUT", path, {"content-md5": base64.b64encode(bytes(16)).decode()}, content)


def _wrong_checksum(client, path, content, frame, crc32):
    return client.ask("PUT", path, {"x-amz-checksum-crc32": WRONG}, content)


def _in_frames(client, path, body, size):
    headers = {"x-amz-trailer": "x-amz-checksum-crc32", "x-amz-decoded-content-length": str(size)}
    return client.ask("PUT", path, headers | {"content-encoding": "aws-chunked"}, body, payload=FRAMED)


def _wrong_trailer(client, path, content, frame, crc32):
    return _in_frames(client, path, frame(content, {"x-amz-checksum-crc32": WRONG}), len(content))


def _no_trailer(client, path, content, frame, crc32):
    return _in_frames(client, path, frame(content), len(content))


def _fewer_frames(client, path, content, frame, crc32):
    short = content[:-1]
    return _in_frames(client, path, frame(short, {"x-amz-checksum-crc32": crc32(short)}), len(content))


def _more_frames(client, path, content, frame, crc32):
    more = content + b"x"
    return _in_frames(client, path, frame(more, {"x-amz-checksum-crc32": crc32(more)}), len(content))


def _broken_frames(client, path, content, frame, crc32):
    made = frame(content, {"x-amz-checksum-crc32": crc32(content)})
    return _in_frames(client, path, made.replace(b"\r\n0\r\n", b"\r\nZ\r\n"), len(content))


def _cut_short(client, path, content, frame, crc32):
    try:
        return client.ask("PUT", path, body=content[:-1], payload="UNSIGNED-PAYLOAD", length=len(content))
    except (http.client.HTTPException, OSError):
        return None  # a connection that is closed without a word is an answer, too


WAYS = [
    _wrong_hash,
    _wrong_md5,
    _wrong_checksum,
    _wrong_trailer,
    _no_trailer,
    _fewer_frames,
    _more_frames,
    _broken_frames,
    _cut_short,
]


@pytest.fixture(scope="module")
def bucket(of_kind, new_bucket):
    return new_bucket(of_kind)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__[1:])
def test_nothing_is_stored(of_kind, bucket, way, size, frame, crc32):
    path = f"{bucket}/{way.__name__}-{size}"
    answer = way(of_kind, path, b"c" * size, frame, crc32)
    assert answer is None or answer.status == 400, answer
    assert of_kind.ask("HEAD", path).status == 404
    assert of_kind.ask("PUT", path, body=b"kept").status == 200
    way(of_kind, path, b"c" * size, frame, crc32)
    assert of_kind.ask("GET", path).body == b"kept"


@pytest.mark.parametrize("size", SIZES)
def test_right_frames_are_stored(of_kind, bucket, size, frame, crc32):
    content = b"c" * size
    path = f"{bucket}/right-{size}"
    answer = _in_frames(of_kind, path, frame(content, {"x-amz-checksum-crc32": crc32(content)}), size)
    assert answer.status == 200, answer
    got = of_kind.ask("GET", path, {"x-amz-checksum-mode": "ENABLED"})
    assert got.body == content
    assert got.headers.get("x-amz-checksum-crc32") == crc32(content)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__[1:])
def test_no_part_is_stored(of_kind, bucket, kind, way, size, frame, crc32):
    if kind == "gcs":
        pytest.skip("fake-gcs-server has no uploads in parts")
    path = f"{bucket}/parts-{way.__name__}-{size}"
    upload = of_kind.begin(path)
    answer = way(of_kind, f"{path}?partNumber=1&uploadId={upload}", b"c" * size, frame, crc32)
    assert answer is None or answer.status == 400, answer
    assert b"<Part>" not in of_kind.ask("GET", f"{path}?uploadId={upload}").body
    assert of_kind.ask("DELETE", f"{path}?uploadId={upload}").status == 204

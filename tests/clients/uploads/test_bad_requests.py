"""What does each bad request get, over a real socket? JSON with a code and a sentence that says what is wrong.

The table is that of the presigned-URL store's users: bytes in, status and members out. Nothing of it is stored.
"""

import base64
import hashlib
import hmac
import json
import socket
import time

import pytest

API_KEY = "a-key-of-these-tests"
LIMIT, JSON_LIMIT = 2000, 100 << 10
SECRET = "a-secret-for-urls-of-these-tests"
TYPE = b"Content-Type: text/plain\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory, launch):
    limits = {
        "PRESIGN_API_KEY": API_KEY,
        "RQ_TIMEOUT_SECS": "1",
        "MAX_DATA_RQ_SIZE": str(LIMIT),
        "PRESIGN_HMAC_SECRET": SECRET,
    }
    running = launch(tmp_path_factory.mktemp("bad"), **limits)
    yield running
    stored = running.s3().list_buckets()["Buckets"]
    assert [bucket["Name"] for bucket in stored] in ([], ["photos"])
    assert running.stop() == 0, running.said()


def exchange(server, sent):
    """The one answer to these bytes: status, headers, body."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(sent)
        received = b""
        while b"\r\n\r\n" not in received:
            piece = connection.recv(65536)
            assert piece, received
            received += piece
        head, _, body = received.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
        while len(body) < int(headers["content-length"]):
            body += connection.recv(65536)
    return int(lines[0].split()[1]), headers, body


def target(server, action="upload", key="file", bucket="photos", **terms):
    status, _, body = exchange(server, presign({"action": action, "blob_id": key, "bucket": bucket} | terms))
    assert status == 200, body
    url = json.loads(body)["url"]
    return url.removeprefix("http://x").encode()


def request(method, path, body=b"", fields=b"", length=True):
    said = b"Content-Length: %d\r\n" % len(body) if length else b""
    return b"%b %b HTTP/1.1\r\nHost: x\r\n%b%b\r\n%b" % (method, path, said, fields, body)


def presign(asked, key=API_KEY, fields=b""):
    body = asked if isinstance(asked, bytes) else json.dumps(asked).encode()
    return request(b"POST", b"/presign", body, b"Authorization: Bearer %b\r\n" % key.encode() + fields)


def signed(path, name, expires):
    """A URL that is signed with the right secret for something that nobody mints."""
    text = f"bucketport-ticket-1\nPOST\n{expires}\n\n\n\n{name}"
    made = base64.b64encode(hmac.digest(SECRET.encode(), text.encode(), hashlib.sha256)).decode()
    return f"{path}?expires={expires}&sig={made.replace('+', '%2B').replace('/', '%2F').replace('=', '%3D')}".encode()


def expired(server):
    return signed("/photos/file", "photos/file", int(time.time()) - 1)


def chunk(server, body=b"content", **fields):
    said = {"x-upload-type": "chunked", "x-chunk-total": "3"} | {
        name.replace("_", "-"): text for name, text in fields.items()
    }
    lines = "".join(f"{name}: {text}\r\n" for name, text in said.items() if text is not None)
    return request(b"POST", target(server, key="chunked"), body, lines.encode())


def upload(server, body=b"content", fields=b"", **terms):
    return request(b"POST", target(server, **terms), body, fields)


def chunks_of(body, size=500):
    """The content as transfer coding `chunked` has it; what it decodes to is said nowhere."""
    cut = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in cut) + b"0\r\n\r\n"


STRANGER, DENIED = {"code": "Unauthorized"}, {"code": "AccessDenied"}
TOO_LARGE, TOO_SLOW = {"code": "EntityTooLarge"}, {"code": "RequestTimeout"}
BEARER = b"Authorization: Bearer %b\r\n" % API_KEY.encode()
CHUNKED = b"Transfer-Encoding: chunked\r\n"
LINE_END = b'{"bucket":"photos","key":"k","metadata":{"a":"b\\r\\nc: d"}}'
INWARDS = b'{"bucket":"photos","key":"k","on_commit":"https://169.254.169.254/"}'
WRONG_SHA = {"sha256": "0" * 64}

TABLE = {
    # Who asks
    "no key": (lambda s: request(b"POST", b"/presign", b"{}"), 401, STRANGER),
    "wrong key": (lambda s: presign({"action": "upload"}, "another"), 401, STRANGER),
    "key in another scheme": (
        lambda s: request(b"POST", b"/presign", b"{}", b"Authorization: Basic %b\r\n" % API_KEY.encode()),
        401,
        STRANGER,
    ),
    "wrong key for sessions": (
        lambda s: request(b"POST", b"/-/uploads", b"{}", b"Authorization: Bearer x\r\n"),
        401,
        STRANGER,
    ),
    "wrong key for statistics": (lambda s: request(b"GET", b"/admin/stats"), 401, STRANGER),
    # URLs
    "expired": (lambda s: request(b"POST", expired(s), b"x"), 403, {"message": "This URL has expired."}),
    "another path": (lambda s: upload(s).replace(b"/file?", b"/other?"), 403, DENIED),
    "another bucket": (lambda s: upload(s).replace(b"/photos/", b"/default/"), 403, DENIED),
    "another method": (lambda s: upload(s).replace(b"POST", b"PUT", 1), 403, DENIED),
    "a download where an upload is signed": (lambda s: request(b"GET", target(s)), 403, DENIED),
    "a method that no URL is for": (lambda s: request(b"PATCH", target(s), b"x"), 405, {"code": "MethodNotAllowed"}),
    "later expiry": (lambda s: upload(s).replace(b"expires=1", b"expires=2"), 403, DENIED),
    "no signature": (lambda s: request(b"POST", b"/photos/file?sig=&expires=1", b"x"), 403, DENIED),
    "signature of other bytes": (
        lambda s: request(b"POST", b"/photos/file?sig=AAAA&expires=99999999999", b"x"),
        403,
        DENIED,
    ),
    "a name beside it that cannot be read": (
        lambda s: request(b"GET", b"/photos/file?sig=AAAA&expires=99999999999&%zz=1"),
        403,
        DENIED,
    ),
    "signature twice": (lambda s: upload(s).replace(b"&sig=", b"&sig=AAAA&sig="), 403, DENIED),
    "terms left out": (lambda s: upload(s, max_size=5).replace(b"&max_size=5", b""), 403, DENIED),
    "terms changed": (lambda s: upload(s, max_size=5).replace(b"max_size=5", b"max_size=9"), 403, DENIED),
    # Names
    "../ in a name": (lambda s: presign({"action": "upload", "blob_id": "../x"}), 400, {"member": "blob_id"}),
    "../ in the middle": (lambda s: presign({"action": "upload", "blob_id": "a/../b"}), 400, {"member": "blob_id"}),
    "../ in a path": (lambda s: upload(s).replace(b"/photos/file", b"/photos/../etc/passwd"), 403, DENIED),
    "escaped ../ in a path": (lambda s: upload(s).replace(b"/photos/file", b"/photos/%2e%2e%2fetc"), 403, DENIED),
    "escaped path of a bucket": (lambda s: upload(s).replace(b"/photos/file", b"/%2e%2e/file"), 403, DENIED),
    "an escape that is none": (lambda s: upload(s).replace(b"/file", b"/fi%zzle"), 403, DENIED),
    "NUL in a name": (lambda s: presign({"action": "upload", "blob_id": "a\0b"}), 400, {"member": "blob_id"}),
    "half a character": (lambda s: presign(b'{"action":"upload","blob_id":"\\ud800"}'), 400, {"member": "blob_id"}),
    "a name too long": (lambda s: presign({"action": "upload", "blob_id": "x" * 1025}), 400, {"member": "blob_id"}),
    **{
        f"bucket {name!r}": (
            lambda s, name=name: presign({"action": "upload", "bucket": name}),
            400,
            {"code": "InvalidBucketName", "bucket": name},
        )
        for name in (
            "with.dots",
            "with space",
            "",
            "..",
            "../x",
            "a/b",
            "bücket",
            "a\r\nb",
            "admin",
            "FILES",
            "upload",
            "presign",
            "healthz",
            "minio",
            "x" * 64,
        )
    },
    # JSON
    "100 KiB and one byte": (
        lambda s: presign(b'{"action":"upload"%b}' % (b" " * (JSON_LIMIT + 1 - 19))),
        413,
        {"code": "EntityTooLarge", "ProposedSize": str(JSON_LIMIT + 1), "MaxSizeAllowed": str(JSON_LIMIT)},
    ),
    "100 KiB and one byte, unannounced": (
        lambda s: request(
            b"POST", b"/presign", chunks_of(b" " * (JSON_LIMIT + 1), 10_000), BEARER + CHUNKED, length=False
        ),
        413,
        TOO_LARGE,
    ),
    "no JSON": (lambda s: presign(b"{"), 400, {"position": "1"}),
    "another type of JSON": (lambda s: presign(b"[]"), 400, {"code": "InvalidRequest"}),
    "a hundred thousand brackets": (lambda s: presign(b"[" * 100_000), 400, {"code": "InvalidRequest"}),
    "objects in objects": (lambda s: presign(b'{"a":' * 20_000), 400, {"code": "InvalidRequest"}),
    "a number of many digits": (lambda s: presign(b'{"action":"upload","expires_in":%b}' % (b"9" * 90_000)), 400, {}),
    "a number beyond all": (
        lambda s: presign(b'{"action":"upload","expires_in":1e999}'),
        400,
        {"member": "expires_in"},
    ),
    "not UTF-8": (lambda s: presign(b'{"action":"\xff"}'), 400, {"code": "InvalidRequest"}),
    # Chunks
    "index 0": (lambda s: chunk(s, x_chunk_index="0"), 400, {"header": "x-chunk-index", "value": "0"}),
    "index above the total": (lambda s: chunk(s, x_chunk_index="4"), 400, {"header": "x-chunk-index"}),
    "index that is none": (lambda s: chunk(s, x_chunk_index="one"), 400, {"header": "x-chunk-index"}),
    "negative index": (lambda s: chunk(s, x_chunk_index="-1"), 400, {"header": "x-chunk-index"}),
    "no index": (lambda s: chunk(s), 400, {"header": "x-chunk-index"}),
    "no total": (lambda s: chunk(s, x_chunk_total=None, x_chunk_index="1"), 400, {"header": "x-chunk-total"}),
    "total 0": (lambda s: chunk(s, x_chunk_total="0", x_chunk_index="1"), 400, {"header": "x-chunk-total"}),
    "merge before chunks": (
        lambda s: chunk(s, b"", x_chunk_merge="true"),
        400,
        {"missing": [1, 2, 3], "code": "InvalidRequest"},
    ),
    "another kind of upload": (
        lambda s: chunk(s, x_upload_type="resumable"),
        400,
        {"code": "InvalidRequest", "value": "resumable"},
    ),
    "a chunk above the limit": (lambda s: chunk(s, b"x" * (LIMIT + 1), x_chunk_index="1"), 413, TOO_LARGE),
    # Content
    "more than the server takes": (
        lambda s: upload(s, b"x" * (LIMIT + 1)),
        413,
        {"code": "EntityTooLarge", "MaxSizeAllowed": str(LIMIT)},
    ),
    "more than the URL allows": (
        lambda s: upload(s, b"123456", max_size=5),
        413,
        {"code": "EntityTooLarge", "MaxSizeAllowed": "5"},
    ),
    "more than the URL allows, unannounced": (
        lambda s: request(b"POST", target(s, max_size=5), chunks_of(b"123456"), CHUNKED, length=False),
        413,
        {"MaxSizeAllowed": "5"},
    ),
    "more than the server takes, unannounced": (
        lambda s: request(b"POST", target(s), chunks_of(b"x" * (LIMIT + 1)), CHUNKED, length=False),
        413,
        {"MaxSizeAllowed": str(LIMIT)},
    ),
    "more than it says in aws-chunked": (
        lambda s: upload(
            s,
            chunks_of(b"x" * 100),
            b"Content-Encoding: aws-chunked\r\nx-amz-decoded-content-length: 3\r\n"
            b"x-amz-content-sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER\r\n",
            max_size=5,
        ),
        413,
        TOO_LARGE,
    ),
    "another type": (lambda s: upload(s, b"x", TYPE, content_types=["image/*"]), 415, {"content_type": "text/plain"}),
    "no type": (lambda s: upload(s, b"x", content_types=["image/png"]), 415, {"content_type": ""}),
    "another SHA-256": (lambda s: upload(s, b"x", **WRONG_SHA), 400, {"code": "BadDigest", "expected": "0" * 64}),
    "another MD5": (
        lambda s: upload(s, b"x", b"Content-MD5: %b\r\n" % base64.b64encode(bytes(16))),
        400,
        {"code": "BadDigest"},
    ),
    "another checksum": (lambda s: upload(s, b"x", b"x-amz-checksum-crc32: AAAAAA==\r\n"), 400, {"code": "BadDigest"}),
    "an MD5 that is none": (lambda s: upload(s, b"x", b"Content-MD5: x\r\n"), 400, {"code": "InvalidDigest"}),
    "no length": (lambda s: upload(s).replace(b"Content-Length: 7\r\n", b""), 411, {"code": "MissingContentLength"}),
    "a line end in metadata": (
        lambda s: upload(s, b"x", b"x-amz-meta-a: b\nX-Evil: c\r\n"),
        400,
        {"code": "InvalidRequest"},
    ),
    "a bare CR in metadata": (lambda s: upload(s, b"x", b"x-amz-meta-a: b\rc\r\n"), 400, {"code": "InvalidRequest"}),
    "a body that does not come": (
        lambda s: request(b"POST", target(s), b"x", b"Content-Length: 9\r\n", length=False),
        408,
        TOO_SLOW,
    ),
    "a chunk that does not come": (
        lambda s: chunk(s, b"x", x_chunk_index="1").replace(b"Length: 1\r", b"Length: 9\r"),
        408,
        TOO_SLOW,
    ),
    "JSON that does not come": (lambda s: presign(b"{").replace(b"Length: 1\r", b"Length: 9\r"), 408, TOO_SLOW),
    "chunks that are none": (
        lambda s: request(b"POST", target(s), b"zz\r\n", CHUNKED, length=False),
        400,
        {"code": "InvalidRequest"},
    ),
    # Elsewhere
    "nothing there": (lambda s: request(b"GET", b"/admin/nothing"), 404, {"code": "NoSuchKey"}),
    "an object that is not": (lambda s: request(b"GET", target(s, "download", "none")), 404, {}),
    "a token that is none": (lambda s: request(b"GET", b"/-/uploads/abc.1.def"), 403, DENIED),
    "a session by its id without a key": (lambda s: request(b"GET", b"/-/uploads/" + b"a" * 32), 403, {}),
    "a session's key with line ends": (
        lambda s: request(b"POST", b"/-/uploads", LINE_END, BEARER),
        400,
        {"code": "InvalidRequest"},
    ),
    "a session's webhook in here": (
        lambda s: request(b"POST", b"/-/uploads", INWARDS, BEARER),
        400,
        {"code": "InvalidArgument"},
    ),
}


@pytest.mark.parametrize("case", TABLE)
def test_a_bad_request_is_told_what_is_wrong(server, case):
    made, status, members = TABLE[case]
    got, headers, body = exchange(server, made(server))
    assert got == status
    said = json.loads(body)
    assert headers["content-type"] == "application/json"
    assert said["success"] is False
    assert len(said["message"]) > 10
    assert {name: said.get(name) for name in members} == members


def test_names_of_buckets_are_taken_in_lower_case(server):
    asked = {"action": "upload", "blob_id": "lower", "bucket": "PhoTos"}
    said = json.loads(exchange(server, presign(asked))[2])
    assert (said["bucket"], said["url"].partition("?")[0]) == ("photos", "http://x/photos/lower")


@pytest.mark.parametrize("value", ["a%0D%0AX-Evil: 1", "=?UTF-8?Q?a=0D=0AX-Evil:_1?="])
def test_a_line_end_in_disguise_stays_one_value(server, value):
    url = target(server, "update", "disguised")
    fields = f"x-amz-meta-a: {value}\r\nContent-Disposition: {value}\r\n".encode()
    assert exchange(server, request(b"PUT", url, b"x", fields))[0] == 200
    status, headers, _ = exchange(server, request(b"GET", target(server, "download", "disguised")))
    assert (status, headers["x-amz-meta-a"], headers["content-disposition"]) == (200, value, value)
    assert "x-evil" not in headers
    assert exchange(server, request(b"DELETE", target(server, "delete", "disguised")))[0] == 200


def test_nothing_of_it_was_stored(server):
    said = json.loads(exchange(server, request(b"GET", b"/admin/stats", b"", BEARER))[2])
    assert said["stats"]["total_objects"] == 0

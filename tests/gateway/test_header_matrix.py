"""Is any request header lost on the way to a backend? Each comes back, or is refused; the table is in `matrix`."""

import base64
import hashlib
import importlib.util
import pathlib
import urllib.parse

import pytest

from bucketport.testing.fakes import checksum

SPEC = importlib.util.spec_from_file_location("matrix", pathlib.Path(__file__).with_name("matrix.py"))
matrix = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(matrix)

CONTENTS = {"put": b"content", "long": b"content" * 50_000, "parts": b"content", "copy": b"content"}
ROWS = [row for rows in matrix.GROUPS.values() for row in rows]


@pytest.fixture(scope="module")
def bucket(of_kind, new_bucket):
    path = new_bucket(of_kind)
    assert of_kind.ask("PUT", f"{path}/source", {"x-amz-meta-source": "1"}, b"content").status == 200
    return path


def _write(client, bucket, way, row):
    """Write an object with those headers; its path, and the first answer that says how that went."""
    path = f"{bucket}/{ROWS.index(row)}-{way}"
    if way == "parts":
        answer = client.ask("POST", f"{path}?uploads", row.sent)
        if answer.status == 200:
            upload = answer.value("UploadId")
            answer = client.complete(path, upload, [client.put_part(path, upload, 1, CONTENTS[way])])
        return path, answer
    if way == "copy":
        directives = {"x-amz-metadata-directive": "REPLACE", "x-amz-tagging-directive": "REPLACE"}
        return path, client.ask("PUT", path, {"x-amz-copy-source": f"{bucket}/source"} | directives | row.sent)
    return path, client.ask("PUT", path, row.sent, CONTENTS[way])


def _text(value):
    """A header's text, from its bytes as latin-1; None stays None."""
    return None if value is None else value.encode("latin-1").decode()


def _back(client, kind, path, name):
    """What a read tells of that header."""
    if name == "x-amz-tagging":
        answer = client.ask("GET", f"{path}?tagging")
        pairs = [(tag.find("{*}Key").text, tag.find("{*}Value").text or "") for tag in answer.all("Tag")]
        return urllib.parse.urlencode(sorted(pairs))
    if name == "x-amz-acl":
        permissions = [grant.find("{*}Permission").text for grant in client.ask("GET", f"{path}?acl").all("Grant")]
        return sorted(set(permissions))  # the bucket's owner may be the object's, and is named once or twice
    head, got = client.ask("HEAD", path), client.ask("GET", path)
    if (kind, name) in matrix.READ_BY_GET:
        return got.headers.get(name)
    # What is archived cannot be read.
    read = got.status != 403
    assert not read or head.headers.get(name) == got.headers.get(name)
    return _text(head.headers.get(name))


ACLS = {
    "private": ["FULL_CONTROL"],
    "public-read": ["FULL_CONTROL", "READ"],
    "authenticated-read": ["FULL_CONTROL", "READ"],
    "bucket-owner-full-control": ["FULL_CONTROL"],
}


def _wanted(row, name):
    if name == "x-amz-tagging":
        return urllib.parse.urlencode(sorted(urllib.parse.parse_qsl(row.sent[name], keep_blank_values=True)))
    if name == "x-amz-acl":
        return ACLS[row.sent[name]]
    return row.back.get(name, row.sent.get(name))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: ascii(row.title)[1:70])
def test_a_header_comes_back_or_is_refused(of_kind, kind, bucket, row):
    ways = [way for way in row.ways if (kind, way) not in matrix.UNTRIED]
    outcomes = {}
    for way in ways:
        path, answer = _write(of_kind, bucket, way, row)
        if answer.status != 200:
            outcomes[way] = f"{answer.status} {answer.code}"
            continue
        if kind in row.taken:
            outcomes[way] = "taken"
            continue
        lost = {
            name: (got, wanted)
            for name in row.sent | row.back
            if (got := _back(of_kind, kind, path, name)) != (wanted := _wanted(row, name))
        }
        outcomes[way] = f"lost {lost}" if lost else "comes back"
    wanted = "taken" if kind in row.taken else row.refused.get(kind, "comes back")
    assert outcomes == dict.fromkeys(ways, wanted)


CONTENT = b"content " * 40_000


@pytest.mark.parametrize("size", [10, len(CONTENT)])
@pytest.mark.parametrize("name", matrix.CHECKSUMS)
def test_a_checksum_comes_back(of_kind, bucket, frame, name, size):
    content, header = CONTENT[:size], f"x-amz-checksum-{name.lower()}"
    value = checksum(name, content)
    path = f"{bucket}/checksum-{name}-{size}"
    framing = {"x-amz-trailer": header, "x-amz-decoded-content-length": str(size), "content-encoding": "aws-chunked"}
    payload = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
    for answer in (
        of_kind.ask("PUT", path, {header: value}, content),
        of_kind.ask("PUT", f"{path}-trailer", framing, frame(content, {header: value}), payload=payload),
    ):
        assert (answer.status, answer.headers.get(header)) == (200, value), answer
    for written in (path, f"{path}-trailer"):
        for method in ("HEAD", "GET"):
            got = of_kind.ask(method, written, {"x-amz-checksum-mode": "ENABLED"})
            assert (got.headers.get(header), got.headers.get("x-amz-checksum-type")) == (value, "FULL_OBJECT")
            assert "content-encoding" not in got.headers
    wrong = checksum(name, b"other")
    refused = of_kind.ask("PUT", path, {header: wrong}, content)
    assert (refused.status, refused.code) == (400, "BadDigest")


def test_what_is_judged_is_judged(of_kind, bucket):
    path, past, future = f"{bucket}/judged", "Tue, 06 May 2014 07:08:09 GMT", "Tue, 06 May 2036 07:08:09 GMT"
    etag = of_kind.ask("PUT", path, body=b"content").headers["etag"]
    digest = base64.b64encode(hashlib.md5(b"content").digest()).decode()
    assert of_kind.ask("PUT", path, {"content-md5": digest}, b"content").status == 200
    assert of_kind.ask("PUT", path, {"content-md5": digest}, b"other").code == "BadDigest"
    assert of_kind.ask("PUT", path, {"if-none-match": "*"}, b"other").code == "PreconditionFailed"
    assert of_kind.ask("PUT", path, {"if-match": '"0"'}, b"other").code == "PreconditionFailed"
    reads = (("if-match", '"0"', 412), ("if-none-match", etag, 304), ("if-unmodified-since", past, 412))
    for name, value, status in reads:
        assert of_kind.ask("GET", path, {name: value}).status == status, name
        copied = of_kind.ask("PUT", f"{path}-copy", {"x-amz-copy-source": path, f"x-amz-copy-source-{name}": value})
        assert copied.status == 412, name
    for name, value in (("if-match", etag), ("if-none-match", '"0"'), ("if-unmodified-since", future)):
        assert of_kind.ask("GET", path, {name: value}).body == b"content", name
    assert of_kind.ask("HEAD", f"{path}-copy").status == 404

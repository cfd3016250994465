"""What arrives when an object is copied from one backend to another? All of it, or nothing."""

import hashlib
import random

import pytest

STORED = {
    "content-type": "text/x-odd; charset=utf-8",
    "cache-control": "max-age=60",
    "content-disposition": "attachment",
    "content-language": "de",
    "content-encoding": "gzip",
    "expires": "Tue, 06 May 2031 07:08:09 GMT",
    "x-amz-meta-colour": "blue",
    "x-amz-meta-umlaut": "\u00fc",
}
LARGE = random.Random(5).randbytes(6 << 20)
CONTENTS = {"empty": b"", "small": b"small", "large": LARGE}


@pytest.fixture(scope="module")
def client(gateways):
    return gateways[0]


@pytest.fixture(scope="module")
def cloud(store, new_bucket):
    """The path of a bucket behind the gateway."""
    return new_bucket(store)


@pytest.fixture(params=["memory", "stored"])
def here(request):
    """The path of a bucket that the gateway has itself."""
    return f"/{request.param}"


@pytest.fixture(params=["to the cloud", "from the cloud"])
def ends(request, cloud, here):
    """Source and target."""
    return (here, cloud) if request.param == "to the cloud" else (cloud, here)


def _told(answer):
    return {name: answer.headers.get(name) for name in (*STORED, "content-length", "x-amz-tagging-count")}


@pytest.mark.parametrize("content", CONTENTS)
def test_an_object_arrives_whole(client, ends, content):
    source, target = f"{ends[0]}/from {content}", f"{ends[1]}/to {content}"
    put = client.ask("PUT", source, STORED | {"x-amz-tagging": "team=blue"}, CONTENTS[content])
    assert put.status == 200
    copied = client.ask("PUT", target, {"x-amz-copy-source": source.replace(" ", "%20")})
    assert copied.status == 200, copied
    got, original = client.ask("GET", target), client.ask("GET", source)
    assert hashlib.sha256(got.body).digest() == hashlib.sha256(CONTENTS[content]).digest()
    assert _told(got) == _told(original)
    assert got.headers["etag"] == original.headers["etag"] == copied.value("ETag")
    assert client.ask("GET", f"{target}?tagging").value("Value") == "blue"


def test_metadata_is_replaced_on_the_way(client, ends):
    client.ask("PUT", f"{ends[0]}/from", STORED, b"content")
    headers = {"x-amz-metadata-directive": "REPLACE", "x-amz-meta-new": "1", "content-type": "text/new"}
    copied = client.ask("PUT", f"{ends[1]}/to", {"x-amz-copy-source": f"{ends[0]}/from"} | headers)
    assert copied.status == 200
    got = client.ask("GET", f"{ends[1]}/to")
    assert (got.body, got.headers["content-type"], got.headers["x-amz-meta-new"]) == (b"content", "text/new", "1")
    assert "x-amz-meta-colour" not in got.headers


def test_a_checksum_arrives_too(client, ends, crc32):
    client.ask("PUT", f"{ends[0]}/from", {"x-amz-checksum-crc32": crc32(b"content")}, b"content")
    client.ask("PUT", f"{ends[1]}/to", {"x-amz-copy-source": f"{ends[0]}/from"})
    got = client.ask("HEAD", f"{ends[1]}/to", {"x-amz-checksum-mode": "ENABLED"})
    assert got.headers["x-amz-checksum-crc32"] == crc32(b"content")


def test_parts_come_from_elsewhere(client, ends):
    client.ask("PUT", f"{ends[0]}/from", body=LARGE)
    path = f"{ends[1]}/of parts"
    upload = client.begin(path)
    etags = []
    for number, span in enumerate((f"0-{(5 << 20) - 1}", f"{5 << 20}-{len(LARGE) - 1}"), 1):
        headers = {"x-amz-copy-source": f"{ends[0]}/from", "x-amz-copy-source-range": f"bytes={span}"}
        answer = client.ask("PUT", f"{path}?partNumber={number}&uploadId={upload}", headers)
        assert answer.status == 200, answer
        etags.append(answer.value("ETag"))
    assert client.complete(path, upload, etags).status == 200
    assert hashlib.sha256(client.ask("GET", path).body).digest() == hashlib.sha256(LARGE).digest()


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        ({"x-amz-copy-source-if-match": '"other"'}, 412),
        ({"x-amz-copy-source-if-modified-since": "Tue, 06 May 2036 07:08:09 GMT"}, 412),
        ({}, 404),
    ],
)
def test_a_source_that_fails_leaves_nothing(client, ends, condition, status):
    if condition:
        client.ask("PUT", f"{ends[0]}/absent or not", body=b"content")
    else:
        client.ask("DELETE", f"{ends[0]}/absent or not")
    source = {"x-amz-copy-source": f"{ends[0]}/absent%20or%20not"} | condition
    path = f"{ends[1]}/never made"
    assert client.ask("PUT", path, source).status == status
    assert client.ask("HEAD", path).status == 404
    upload = client.begin(path)
    assert client.ask("PUT", f"{path}?partNumber=1&uploadId={upload}", source).status == status
    assert b"<Part>" not in client.ask("GET", f"{path}?uploadId={upload}").body
    assert client.ask("DELETE", f"{path}?uploadId={upload}").status == 204


def test_a_target_that_exists_is_judged(client, ends):
    client.ask("PUT", f"{ends[0]}/from", body=b"new")
    client.ask("PUT", f"{ends[1]}/taken", body=b"old")
    copied = client.ask("PUT", f"{ends[1]}/taken", {"x-amz-copy-source": f"{ends[0]}/from", "if-none-match": "*"})
    assert copied.status == 412
    assert client.ask("GET", f"{ends[1]}/taken").body == b"old"


def test_a_source_that_breaks_off_leaves_nothing(serve, broken):
    """The cloud promises more than it sends: no short object comes of it."""
    stored = '[[buckets]]\nname = "stored"\nbackend_type = "local"\n[store]\nbuckets = ["stored"]\n'
    client = serve("broken", broken + stored)
    for path in ("/stored/k", "/stored/k?partNumber=1&uploadId=" + client.begin("/stored/k")):
        answer = client.ask("PUT", path, {"x-amz-copy-source": "/broken/k"})
        assert answer.status == 503, answer
        assert b"<Part>" not in client.ask("GET", f"/stored/k?{path.partition('?')[2] or 'uploads'}").body
    assert client.ask("HEAD", "/stored/k").status == 404

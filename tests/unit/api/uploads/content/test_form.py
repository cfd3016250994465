"""A browser's form over a session: its file is the object, and what fails leaves nothing behind."""

import json

import pytest

from bucketport.message import BytesBody
from bucketport.sessions import Terms

BOUNDARY = "----x7G"
KIND = f"multipart/form-data; boundary={BOUNDARY}"


def field(name, content, more="", kind=""):
    head = f'Content-Disposition: form-data; name="{name}"{more}\r\n' + (f"Content-Type: {kind}\r\n" if kind else "")
    return f"--{BOUNDARY}\r\n{head}\r\n".encode() + content + b"\r\n"


def file(content, kind="image/jpeg"):
    return field("file", content, '; filename="cat.jpg"', kind)


def whole(*fields):
    return b"".join(fields) + f"--{BOUNDARY}--\r\n".encode()


def post(world, path, body, kind=KIND):
    return world.ask("POST", f"{path}/form", body, content_type=kind)


def message(answer):
    return json.loads(answer.body)["message"]


def test_the_file_of_a_form_is_the_object(world):
    path = world.open()
    answer = post(world, path, whole(field("note", b"hello"), file(b"content\r\n--" + b"x" * 100), field("end", b"")))
    assert answer.status == 201
    made = json.loads(answer.body)
    assert made["success"] is True
    stored = made["object"]
    assert (stored["bucket"], stored["key"], stored["size"]) == ("photos", "cat.jpg", 111)
    assert answer.headers["ETag"] == f'"{stored["etag"]}"'
    assert world.content() == b"content\r\n--" + b"x" * 100
    assert world.headers["content-type"] == "image/jpeg"
    assert world.session.outcome is not None


def test_a_committed_session_takes_no_form(world):
    path = world.open()
    post(world, path, whole(file(b"one")))
    assert post(world, path, whole(file(b"two"))).status == 409
    assert world.content() == b"one"


def test_an_empty_file_is_an_object_of_no_bytes(world):
    path = world.open()
    assert post(world, path, whole(file(b""))).status == 201
    assert world.content() == b""


def test_a_large_file_is_many_parts(world, monkeypatch):
    monkeypatch.setattr("bucketport.api.uploads.form.SEGMENT", 8)
    path = world.open()
    assert post(world, path, whole(file(bytes(range(100))))).status == 201
    assert world.content() == bytes(range(100))


def test_a_form_that_breaks_off_leaves_the_session_open(world, cut, monkeypatch):
    monkeypatch.setattr("bucketport.api.uploads.form.SEGMENT", 8)
    path = world.open()
    body = whole(file(b"x" * 100))
    for stop in (10, 120, 180, len(body) - 4):
        broken = cut(body[:stop], length=len(body))
        assert post(world, path, broken).status == 400
        assert broken.outlived
        assert post(world, path, body[:stop]).status == 400
        assert set(world.sizes().values()) <= {0}
    assert post(world, path, whole(file(b"again"))).status == 201
    assert world.content() == b"again"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (whole(field("other", b"x")), 400),
        (whole(), 400),
        (b"", 400),
        (b"hello", 400),
        (whole(file(b"one"), file(b"two")), 400),
        (whole(file(b"one"), field("other", b"two", '; filename="b"')), 400),
        (whole(file(b"one")) + b"more", 400),
        (whole(file(b"one"), field("x", b"y" * (1 << 20))), 413),
        (whole(file(b"x" * 101)), 413),
        (whole(file(b"x", "text/plain")), 400),
        (whole(field("file", b"x")), 400),
    ],
)
def test_a_form_that_is_refused_leaves_nothing(world, body, status):
    path = world.open(Terms(max_size=100, content_types=("image/*",)))
    assert post(world, path, body).status == status
    assert set(world.sizes().values()) <= {0}
    assert world.session.outcome is None
    assert post(world, path, whole(file(b"fine"))).status == 201


def test_content_that_is_not_what_was_promised_is_refused(world):
    path = world.open(Terms(size=5, sha256="0" * 64))
    for content, status in ((b"four", 409), (b"hello", 400)):
        assert post(world, path, whole(file(content))).status == status
        assert set(world.sizes().values()) <= {0}
    assert world.session.outcome is None


def test_a_form_that_is_too_long_is_refused_unread(world):
    path = world.open(Terms(max_size=10))
    body = BytesBody(whole(file(b"x")))
    body.length = (1 << 20) + 11
    assert post(world, path, body).status == 413
    assert body._at == 0


@pytest.mark.parametrize("kind", ["multipart/form-data", "application/x-www-form-urlencoded", "text/plain"])
def test_only_forms_are_taken(world, kind):
    assert post(world, world.open(), whole(file(b"x")), kind).status == 400


def test_unknown_and_expired_sessions_are_refused(world):
    path = world.open()
    assert post(world, path.replace("s1.", "s2."), whole(file(b"x"))).status == 404
    world.clock.advance(3601)
    assert post(world, path, whole(file(b"x"))).status == 410

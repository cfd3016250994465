"""tus 1.0 over a session: creation, offsets, broken connections, checksums, termination, concatenation, commits."""

import asyncio
import base64
import dataclasses
import hashlib

import pytest

from bucketport.errors import RequestTimeout
from bucketport.message import BytesBody
from bucketport.sessions import LANE, Terms
from bucketport.wire import tus

TYPE = tus.CONTENT_TYPE


def create(world, path, length=None, body=b"", **headers):
    if length is not None:
        headers["upload_length"] = str(length)
    return world.ask("POST", f"{path}/tus", body, **headers)


def patch(world, url, offset, body, **headers):
    headers = {"content_type": TYPE} | headers
    return world.ask("PATCH", url, body, upload_offset=str(offset), **headers)


def offset(world, url):
    answer = world.ask("HEAD", url)
    assert answer.status == 200, answer
    return int(answer.headers["Upload-Offset"])


def sha1(content):
    return "sha1 " + base64.b64encode(hashlib.sha1(content).digest()).decode()


@pytest.fixture
def path(world):
    return world.open()


@pytest.fixture
def url(world, path):
    return create(world, path, 20).headers["Location"]


def test_options_tell_what_is_offered_without_a_version(world, path):
    for target in (f"{path}/tus", f"{path}/tus/1"):
        answer = world.ask("OPTIONS", target, tus_resumable=None)
        assert answer.status == 204
        assert answer.headers["Tus-Version"] == "1.0.0"
        assert "concatenation" in answer.headers["Tus-Extension"]
        assert int(answer.headers["Tus-Max-Size"]) > 1 << 40


def test_another_version_is_refused_with_ours(world, path, url):
    for answer in (
        create(world, path, 5, tus_resumable="0.2.2"),
        world.ask("HEAD", url, tus_resumable=None),
        patch(world, url, 0, b"x", tus_resumable="2.0.0"),
    ):
        assert (answer.status, answer.headers["Tus-Version"], answer.headers["Tus-Resumable"]) == (
            412,
            "1.0.0",
            "1.0.0",
        )
    assert offset(world, url) == 0


def test_a_new_upload_has_an_absolute_url_and_an_end(world, path):
    answer = create(world, path, 20, upload_metadata="filename Y2F0LmpwZw==,empty")
    assert answer.status == 201
    assert answer.headers["Location"].startswith(f"https://up.example{path}/tus/")
    assert answer.headers["Upload-Expires"].endswith("GMT")
    assert answer.headers["Tus-Resumable"] == "1.0.0"
    assert "Upload-Offset" not in answer.headers
    said = world.ask("HEAD", answer.headers["Location"]).headers
    assert (said["Upload-Offset"], said["Upload-Length"]) == ("0", "20")
    assert said["Upload-Metadata"] == "filename Y2F0LmpwZw==,empty"
    assert said["Cache-Control"] == "no-store"
    assert not {"Upload-Defer-Length", "Upload-Concat"} & said.keys()


def test_content_in_several_requests_is_one_object(world, url):
    for at, piece in ((0, b"hello "), (6, b""), (6, b"wonderful"), (15, b"world")):
        answer = patch(world, url, at, piece)
        assert (answer.status, answer.headers["Upload-Offset"]) == (204, str(at + len(piece)))
        assert "Upload-Expires" in answer.headers
    assert list(world.sizes().values()) == [6, 9, 5]
    assert world.session.outcome is None
    assert world.commit() == b"hello wonderfulworld"
    assert offset(world, url) == 20


def test_many_requests_do_not_list_what_all_before_them_stored(world, path, monkeypatch):
    listed = []
    parts = world.uploads.parts

    async def counted(*bounds):
        found = await parts(*bounds)
        listed.append(len(found))
        return found

    monkeypatch.setattr(world.uploads, "parts", counted)
    url = create(world, path, 30).headers["Location"]
    for at in range(30):
        assert patch(world, url, at, b"x").status == 204
        assert offset(world, url) == at + 1
    assert max(listed) == 1
    # Another process knows nothing of it, and comes to the same end.
    world.handlers._marks.clear()
    assert offset(world, url) == 30
    assert world.commit() == b"x" * 30


def test_what_another_process_stored_is_seen(world, url):
    patch(world, url, 0, b"hello")
    remembered = dict(world.handlers._marks)
    patch(world, url, 5, b" world")
    world.handlers._marks.update(remembered)
    assert offset(world, url) == 11
    assert patch(world, url, 11, b"!").status == 204
    (name,) = remembered
    world.handlers._marks[name] = type(remembered[name])(dataclasses.replace(remembered[name].part, etag="else"), 5)
    assert offset(world, url) == 12


def test_a_wrong_offset_changes_nothing(world, url):
    patch(world, url, 0, b"hello")
    for at in (0, 4, 6):
        assert patch(world, url, at, b"x").status == 409
    assert offset(world, url) == 5


def test_content_that_breaks_off_is_kept(world, url, cut):
    body = cut(b"hello wond", length=20)
    answer = patch(world, url, 0, body)
    assert body.outlived
    assert (answer.status, answer.headers["Upload-Offset"], answer.close) == (204, "10", True)
    assert "IncompleteBody" in world.exchange.reason
    assert offset(world, url) == 10
    answer = patch(world, url, 10, cut(b"erful", error=RequestTimeout()))
    assert (answer.status, answer.headers["Upload-Offset"], answer.close) == (204, "15", True)
    patch(world, url, 15, b"world")
    assert world.commit() == b"hello wonderfulworld"


def test_a_body_that_breaks_off_at_once_makes_no_part(world, url, cut):
    assert patch(world, url, 0, cut(b"")).status == 204
    assert offset(world, url) == 0


def test_content_beyond_the_length_is_refused(world, url):
    assert patch(world, url, 0, b"x" * 21).status == 413
    assert offset(world, url) == 0
    body = BytesBody(b"x" * 21, 4)
    body.length = None
    assert patch(world, url, 0, body).status == 413
    assert offset(world, url) == 0
    body = BytesBody(b"x" * 20, 4)
    body.length = None
    assert patch(world, url, 0, body).status == 204


def test_segments_end_exactly(world, url, monkeypatch):
    monkeypatch.setattr("bucketport.api.uploads.tus.SEGMENT", 8)
    content = bytes(range(20))
    assert patch(world, url, 0, content).headers["Upload-Offset"] == "20"
    assert list(world.sizes().values()) == [8, 8, 4]
    assert list(world.sizes()) == [LANE + 1, LANE + 2, LANE + 3]
    assert world.commit() == content


def test_earlier_segments_of_what_is_too_much_are_kept(world, path, monkeypatch):
    monkeypatch.setattr("bucketport.api.uploads.tus.SEGMENT", 8)
    url = create(world, path, upload_defer_length="1").headers["Location"]
    assert patch(world, url, 0, b"x" * 10, upload_length="10").status == 204
    url = create(world, path, 16).headers["Location"]
    body = BytesBody(b"x" * 17, 16)
    body.length = None
    assert patch(world, url, 0, body).status == 413
    assert offset(world, url) in (0, 8)


@pytest.mark.parametrize(
    "headers",
    [{"upload_offset": None}, {"upload_offset": "-1"}, {"upload_checksum": "md4 AAAA"}, {"upload_length": "21"}],
)
def test_a_malformed_patch_is_refused(world, url, headers):
    said = {"content_type": TYPE, "upload_offset": "0"} | headers
    assert world.ask("PATCH", url, b"x", **said).status == 400
    assert offset(world, url) == 0


def test_content_of_another_type_is_refused(world, url):
    for kind in (None, "application/octet-stream"):
        assert patch(world, url, 0, b"x", content_type=kind).status == 415


def test_unknown_uploads_and_sessions_are_not_found(world, path, url):
    for target in (f"{path}/tus/99", f"{path}/tus/x", f"{path}/tus/", url.replace("s1.", "s2.")):
        answer = world.ask("HEAD", target)
        assert (answer.status, "Upload-Offset" in answer.headers) == (404, False)


def test_an_expired_session_is_gone(world, url):
    world.clock.advance(3601)
    assert world.ask("HEAD", url).status == 410
    assert patch(world, url, 0, b"x").status == 410


# Length told later


def test_a_length_may_be_told_later_but_once(world, path):
    url = create(world, path, upload_defer_length="1").headers["Location"]
    said = world.ask("HEAD", url).headers
    assert (said["Upload-Defer-Length"], "Upload-Length" in said) == ("1", False)
    patch(world, url, 0, b"hello")
    assert patch(world, url, 5, b"!", upload_length="4").status == 400
    assert patch(world, url, 5, b" world", upload_length="11").status == 204
    assert world.ask("HEAD", url).headers["Upload-Length"] == "11"
    assert patch(world, url, 11, b"", upload_length="12").status == 400
    assert patch(world, url, 11, b"", upload_length="11").status == 204
    assert world.commit() == b"hello world"


# Creation with content, and what a session wants


def test_content_may_come_with_the_creation(world, path):
    answer = create(world, path, 11, b"hello", content_type=TYPE)
    assert (answer.status, answer.headers["Upload-Offset"]) == (201, "5")
    patch(world, answer.headers["Location"], 5, b" world")
    assert world.commit() == b"hello world"
    assert create(world, path, 11, b"hello").status == 415


def test_terms_are_checked_at_the_creation(world):
    path = world.open(Terms(max_size=10, content_types=("image/*",)))
    assert create(world, path, 11).status == 413
    jpeg, text = "filetype aW1hZ2UvanBlZw==", "filetype dGV4dC9wbGFpbg=="
    assert create(world, path, 10, upload_metadata=text).status == 400
    url = create(world, path, 10, upload_metadata=jpeg).headers["Location"]
    assert patch(world, url, 0, b"x" * 10).status == 204
    assert world.commit() == b"x" * 10
    assert world.headers["content-type"] == "image/jpeg"


def test_a_size_that_is_told_must_be_kept(world):
    path = world.open(Terms(size=10))
    assert create(world, path, 11).status == 413
    assert create(world, path, 9).status == 400
    assert create(world, path, 10).status == 201
    url = create(world, path, upload_defer_length="1").headers["Location"]
    assert patch(world, url, 0, b"x" * 11).status == 413
    assert patch(world, url, 0, b"x" * 5, upload_length="5").status == 400
    assert create(world, path, 1 << 60).status == 413


# Commits


def test_a_session_may_commit_by_itself(world):
    path = world.open(auto_commit=True)
    url = create(world, path, 11).headers["Location"]
    patch(world, url, 0, b"hello")
    assert world.session.outcome is None
    assert patch(world, url, 5, b" world").status == 204
    assert world.content() == b"hello world"
    assert (offset(world, url), world.ask("HEAD", url).headers["Upload-Length"]) == (11, "11")
    assert patch(world, url, 11, b"").status == 204
    assert patch(world, url, 5, b" world").status == 409
    assert create(world, path, 5).status == 409
    assert world.ask("DELETE", url).status == 204
    assert world.content() == b"hello world"


def test_an_upload_of_no_bytes_is_whole_at_once(world):
    path = world.open(auto_commit=True)
    assert create(world, path, 0).status == 201
    assert world.content() == b""


def test_a_commit_that_is_refused_is_told(world):
    path = world.open(Terms(sha256="0" * 64), auto_commit=True)
    url = create(world, path, 5).headers["Location"]
    answer = patch(world, url, 0, b"hello")
    assert (answer.status, answer.headers["Tus-Resumable"]) == (400, "1.0.0")
    assert world.session.outcome is None
    # A client that asks how far it is must not take that for success.
    assert world.ask("HEAD", url).status == 400


def test_what_a_crash_left_uncommitted_is_committed_when_the_client_asks(world, monkeypatch):
    path = world.open(auto_commit=True)
    url = create(world, path, 5).headers["Location"]

    async def crash(*_):
        raise RequestTimeout

    with monkeypatch.context() as patched:
        patched.setattr(world.uploads, "commit", crash)
        assert patch(world, url, 0, b"hello").status >= 400
    assert world.session.outcome is None
    assert offset(world, url) == 5
    assert world.content() == b"hello"


# Checksums


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "md5", "crc32", "sha512", "crc32c", "crc64nvme"])
def test_content_with_its_checksum_is_one_part(world, url, algorithm, monkeypatch):
    from bucketport.testing.fakes import checksum

    monkeypatch.setattr("bucketport.api.uploads.tus.SEGMENT", 2)
    right = f"{algorithm} {checksum(tus.ALGORITHMS[algorithm], b'hello')}"
    wrong = f"{algorithm} {checksum(tus.ALGORITHMS[algorithm], b'jello')}"
    assert patch(world, url, 0, b"hello", upload_checksum=wrong).status == 460
    assert (offset(world, url), world.sizes()) == (0, {})
    assert patch(world, url, 0, b"hello", upload_checksum=right).status == 204
    assert list(world.sizes().values()) == [5]
    assert patch(world, url, 5, b"", upload_checksum=right).status == 460


def test_content_with_a_checksum_that_breaks_off_is_discarded(world, url, cut):
    answer = patch(world, url, 0, cut(b"hello", length=5), upload_checksum=sha1(b"hello"))
    assert answer.status == 400
    assert (offset(world, url), world.sizes()) == (0, {})
    answer = create(world, "/-/uploads/s1.99.sig", 5, b"hello", content_type=TYPE, upload_checksum=sha1(b"jello"))
    assert answer.status == 460


# Termination


def test_a_terminated_upload_is_gone_and_holds_nothing(world, path, url):
    patch(world, url, 0, b"hello")
    assert world.ask("DELETE", url).status == 204
    assert world.ask("HEAD", url).status == 404
    assert patch(world, url, 5, b"x").status == 404
    assert world.ask("DELETE", url).status == 404
    assert set(world.sizes().values()) == {0}
    again = create(world, path, 2).headers["Location"]
    assert again != url
    patch(world, again, 0, b"ok")
    assert world.commit() == b"ok"


def test_methods_may_be_overridden(world, url):
    said = {"x_http_method_override": "PATCH", "content_type": TYPE, "upload_offset": "0"}
    assert world.ask("POST", url, b"hello", **said).headers["Upload-Offset"] == "5"
    assert world.ask("POST", url, x_http_method_override="HEAD").headers["Upload-Offset"] == "5"
    assert world.ask("POST", url, x_http_method_override="delete").status == 204
    assert world.ask("HEAD", url).status == 404
    assert world.ask("POST", url).status == 405


# Concatenation


def pieces(world, path, *contents):
    made = []
    for content in contents:
        url = create(world, path, len(content), upload_concat="partial").headers["Location"]
        patch(world, url, 0, content)
        made.append(url)
    return made


def test_partial_uploads_are_joined_in_the_order_that_is_named(world, path):
    second, first = pieces(world, path, b" world", b"hello")
    assert world.ask("HEAD", first).headers["Upload-Concat"] == "partial"
    answer = create(world, path, upload_concat=f"final;{first} {second.removeprefix('https://up.example')}")
    assert answer.status == 201
    final = answer.headers["Location"]
    said = world.ask("HEAD", final).headers
    assert (said["Upload-Offset"], said["Upload-Length"]) == ("11", "11")
    assert said["Upload-Concat"] == f"final;{first} {second}"
    assert patch(world, final, 11, b"!").status == 403
    assert world.commit() == b"hello world"


def test_a_concatenation_commits_a_session_that_does_so_by_itself(world):
    path = world.open(auto_commit=True)
    first, second = pieces(world, path, b"hello", b" world")
    assert world.session.outcome is None
    assert create(world, path, upload_concat=f"final;{first} {second}").status == 201
    assert world.content() == b"hello world"


def test_only_whole_partial_uploads_of_the_session_are_joined(world, path, url):
    (whole,) = pieces(world, path, b"hello")
    open_piece = create(world, path, 5, upload_concat="partial").headers["Location"]
    unknown = create(world, path, upload_defer_length="1", upload_concat="partial").headers["Location"]
    for joined in (open_piece, unknown, url, f"{path}/tus/99", whole.replace("s1.", "s2.")):
        assert create(world, path, upload_concat=f"final;{whole} {joined}").status == 400
    assert create(world, path, upload_concat=f"final;{whole}", upload_length="5").status == 400
    assert create(world, path, body=b"x", upload_concat=f"final;{whole}", content_type=TYPE).status == 403


def test_a_piece_of_a_final_upload_is_not_terminated_before_it(world, path):
    (piece,) = pieces(world, path, b"hello")
    final = create(world, path, upload_concat=f"final;{piece}").headers["Location"]
    assert world.ask("DELETE", piece).status == 409
    assert world.ask("DELETE", final).status == 204
    assert world.ask("DELETE", piece).status == 204


# Two at once


class Stalled(BytesBody):
    """A body that gives what it has, and then nothing until it is told to end."""

    def __init__(self, content):
        super().__init__(content)
        self.length = None
        self.reading, self._ended = asyncio.Event(), asyncio.Event()

    def within(self, seconds):
        self._ended.set()

    async def read(self):
        piece = await super().read()
        if not piece:
            self.reading.set()
            await self._ended.wait()
            raise RequestTimeout
        return piece


def test_a_second_request_ends_the_first_and_goes_on_after_it(world, url):
    async def both():
        body = Stalled(b"hello")
        headers = {"content_type": TYPE, "upload_offset": "0"}
        first = asyncio.ensure_future(world.send("PATCH", url, body, **headers))
        await body.reading.wait()
        refused = await world.send("DELETE", url)
        second = await world.send("PATCH", url, b"hello", **headers)
        done = await first
        return refused, second, done, await world.send("PATCH", url, b" world", **headers | {"upload_offset": "5"})

    refused, second, done, after = asyncio.run(both())
    assert (refused.status, second.status, second.headers["Retry-After"]) == (423, 423, "1")
    assert (done.status, done.headers["Upload-Offset"]) == (204, "5")
    assert (after.status, after.headers["Upload-Offset"]) == (204, "11")


def test_pieces_may_arrive_at_the_same_time(world, path):
    urls = [create(world, path, 5, upload_concat="partial").headers["Location"] for _ in range(4)]

    async def all_at_once():
        headers = {"content_type": TYPE, "upload_offset": "0"}
        return await asyncio.gather(
            *(world.send("PATCH", url, b"%d" % at * 5, **headers) for at, url in enumerate(urls))
        )

    assert {answer.status for answer in asyncio.run(all_at_once())} == {204}
    create(world, path, upload_concat=f"final;{' '.join(reversed(urls))}")
    assert world.commit() == b"33333222221111100000"

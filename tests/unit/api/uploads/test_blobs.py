"""What the holder of a URL can do with it, and what not."""

import asyncio
import base64
import hashlib
import json
from typing import Any

import pytest

from bucketport.errors import IncompleteBody, RequestTimeout
from bucketport.identity.ticket import TicketUrl
from bucketport.message import BytesBody
from bucketport.model import Secret
from bucketport.wire.ticket import FREE


def code(answer: Any) -> tuple[int, str]:
    return answer.status, json.loads(answer.body)["code"]


class Unannounced(BytesBody):
    """A body whose length nobody said."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content, 4)
        self.length = None


class Unread(BytesBody):
    """A body that must not be touched."""

    async def read(self) -> bytes:
        raise AssertionError("the body was read before the request was allowed")


class Broken(BytesBody):
    """A body that ends before its end."""

    def __init__(self, error: Exception) -> None:
        super().__init__(b"0123456789", 4)
        self.error = error

    async def read(self) -> bytes:
        return await super().read() if self._at == 0 else self._fail()

    def _fail(self) -> bytes:
        raise self.error


def test_an_upload_answers_what_it_stored(world: Any) -> None:
    answer = world.upload(b"hello")
    said = json.loads(answer.body)
    assert answer.status == 200
    assert (said["success"], said["blob_id"], said["bucket"], said["bytes_written"]) == (True, "one", "default", 5)
    assert said["etag"] == hashlib.md5(b"hello").hexdigest()
    assert answer.headers["ETag"] == f'"{said["etag"]}"'
    assert world.used == ["default"]


def test_what_was_said_of_it_comes_back(world: Any) -> None:
    sent = {
        "content_type": "image/png",
        "content_disposition": 'attachment; filename="a.png"',
        "content_language": "de",
        "cache_control": "no-cache",
        "x_amz_meta_colour": "blue",
    }
    world.upload(b"x", **sent)
    got = world.ask("GET", world.url("download", blob_id="one"))
    assert got.body == b"x"
    assert got.headers["Content-Type"] == "image/png"
    assert got.headers["Content-Disposition"] == 'attachment; filename="a.png"'
    assert got.headers["x-amz-meta-colour"] == "blue"
    assert got.headers["Cache-Control"] == "no-cache"


def test_an_object_that_exists_is_not_overwritten_by_an_upload(world: Any) -> None:
    assert world.upload(b"first").status == 200
    assert code(world.upload(b"second")) == (409, "AlreadyExists")
    assert code(world.upload(b"x" * 100_000)) == (409, "AlreadyExists")
    assert world.ask("GET", world.url("download", blob_id="one")).body == b"first"


def test_a_large_upload_in_vain_is_not_read(world: Any) -> None:
    world.upload(b"first")
    assert code(world.ask("POST", world.url(blob_id="one"), Unread(b"x" * 100_000), content_length="100000"))[0] == 409


def test_an_update_replaces_and_creates(world: Any) -> None:
    url = world.url("update", blob_id="one")
    assert world.ask("PUT", url, b"first").status == 200
    assert world.ask("PUT", url, b"second", if_none_match="*").status == 412
    assert world.ask("PUT", url, b"second").status == 200
    assert world.ask("GET", world.url("download", blob_id="one")).body == b"second"


def test_a_download_in_part_and_under_conditions(world: Any) -> None:
    etag = world.upload(b"0123456789").headers["ETag"]
    url = world.url("download", blob_id="one")
    part = world.ask("GET", url, range="bytes=2-4")
    assert (part.status, part.body, part.headers["Content-Range"]) == (206, b"234", "bytes 2-4/10")
    beyond = world.ask("GET", url, range="bytes=10-")
    assert (code(beyond), beyond.headers["Content-Range"]) == ((416, "InvalidRange"), "bytes */10")
    same = world.ask("GET", url, if_none_match=etag)
    assert (same.status, same.body, same.headers["ETag"]) == (304, b"", etag)
    assert code(world.ask("GET", url, if_match='"other"')) == (412, "PreconditionFailed")
    head = world.ask("HEAD", url)
    assert (head.status, head.body, head.headers["Content-Length"]) == (200, b"", "10")
    assert world.ask("HEAD", url, range="bytes=2-4").headers["Content-Length"] == "3"


def test_the_older_form_serves_the_default_bucket(world: Any) -> None:
    for short in ("/upload/", "/files/"):
        url = world.url(blob_id=f"a/{short[1]}").replace("/default/", short)
        assert world.ask("POST", url, b"x").status == 200
        url = world.url("download", blob_id=f"a/{short[1]}").replace("/default/", short)
        assert world.ask("GET", url).body == b"x"


def test_a_delete_deletes_once(world: Any) -> None:
    world.upload(b"x")
    url = world.url("delete", blob_id="one")
    assert json.loads(world.ask("DELETE", url).body)["success"]
    assert code(world.ask("DELETE", url)) == (404, "NoSuchKey")
    assert code(world.ask("GET", world.url("download", blob_id="one"))) == (404, "NoSuchKey")


def test_nothing_is_in_a_bucket_that_is_not(world: Any) -> None:
    assert code(world.ask("GET", world.url("download", bucket="none", blob_id="x"))) == (404, "NoSuchBucket")
    assert code(world.ask("DELETE", world.url("delete", bucket="none", blob_id="x"))) == (404, "NoSuchBucket")
    head = world.ask("HEAD", world.url("download", bucket="none", blob_id="x"))
    assert (head.status, head.body) == (404, b"")


def test_a_url_is_for_one_method_one_object_and_a_time(world: Any) -> None:
    url = world.url(blob_id="one")
    for method in ("PUT", "GET", "HEAD", "DELETE"):
        assert world.ask(method, url, Unread(b"x")).status == 403
    for other in (
        "/default/two",
        "/other/one",
        "/default/one/x",
        "/default//one",
        "/default/../default/one",
        "/default/%2e%2e/one",
    ):
        assert code(world.ask("POST", url.replace("/default/one", other), Unread(b"x"))) == (403, "AccessDenied")
    assert code(world.ask("POST", url.replace("expires=1", "expires=2"), Unread(b"x"))) == (403, "AccessDenied")
    world.clock.advance(901)
    late = world.ask("POST", url, Unread(b"x"))
    assert code(late) == (403, "AccessDenied")
    assert "expired" in json.loads(late.body)["message"]


def test_a_new_secret_leaves_old_urls_good(world: Any) -> None:
    for secret, status in (("old", 200), ("older", 403)):
        query = TicketUrl([Secret(secret)], "admin").query("POST", ("default", secret), 1_795_000_900, FREE)
        assert world.ask("POST", f"/default/{secret}?{query}", b"x").status == status


def test_headers_that_would_say_more_than_the_ticket_say_nothing(world: Any) -> None:
    world.upload(b"x", x_amz_acl="public-read", x_amz_storage_class="GLACIER", x_amz_tagging="a=b")
    got = world.ask("GET", "/default/one")
    assert got.status == 403
    mine = world.ask("GET", world.url("download", blob_id="one") + "&versionId=7&response-content-type=text/html")
    assert (mine.status, mine.headers["Content-Type"]) == (200, "binary/octet-stream")
    assert "x-amz-storage-class" not in mine.headers
    assert "x-amz-tagging-count" not in mine.headers


@pytest.mark.parametrize("body", [BytesBody(b"0123456789"), Unannounced(b"0123456789")], ids=["said", "unsaid"])
def test_more_than_the_url_allows_is_refused(world: Any, body: BytesBody) -> None:
    url = world.url(blob_id="one", max_size=9)
    headers = {"transfer_encoding": "chunked"} if body.length is None else {"content_length": "10"}
    assert code(world.ask("POST", url, body, **headers)) == (413, "EntityTooLarge")
    assert world.ask("GET", world.url("download", blob_id="one")).status == 404
    assert world.ask("POST", url, b"123456789").status == 200


def test_more_than_the_server_allows_is_refused_unread(make_world: Any) -> None:
    world = make_world(max_upload=9)
    assert code(world.ask("POST", world.url(), Unread(b"0123456789"), content_length="10")) == (413, "EntityTooLarge")
    assert code(world.ask("POST", world.url(max_size=50), Unread(b"0123456789"), content_length="10"))[0] == 413
    body = Unannounced(b"0123456789")
    assert code(world.ask("POST", world.url(), body, transfer_encoding="chunked"))[0] == 413


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ("image/png", 200),
        ("IMAGE/PNG; a=b", 200),
        ("text/plain", 200),
        ("text/html", 415),
        ("image/", 415),
        ("imagex/png", 415),
        ("", 415),
    ],
)
def test_another_type_than_the_url_allows_is_refused(world: Any, sent: str, status: int) -> None:
    url = world.url(blob_id="one", content_types=["image/*", "text/plain"])
    answer = world.ask("POST", url, b"x", content_type=sent)
    assert answer.status == status
    if status == 415:
        assert code(answer) == (415, "UnsupportedMediaType")


def test_other_content_than_the_url_is_for_is_not_stored(world: Any) -> None:
    url = world.url(blob_id="one", sha256=hashlib.sha256(b"hello").hexdigest())
    assert code(world.ask("POST", url, b"hullo")) == (400, "BadDigest")
    assert world.ask("GET", world.url("download", blob_id="one")).status == 404
    assert world.ask("POST", url, b"hello").status == 200


def test_what_a_client_declares_is_checked_too(world: Any) -> None:
    wrong = base64.b64encode(hashlib.md5(b"other").digest()).decode()
    assert code(world.upload(b"hello", content_md5=wrong)) == (400, "BadDigest")
    assert code(world.upload(b"hello", x_amz_checksum_crc32="AAAAAA=="))[0] == 400
    assert world.upload(b"hello").status == 200


def test_an_upload_that_breaks_off_stores_nothing(world: Any) -> None:
    for error, status in ((IncompleteBody(), 400), (RequestTimeout(), 408)):
        answer = world.ask("POST", world.url(blob_id="one"), Broken(error), content_length="10")
        assert answer.status == status
    assert world.ask("GET", world.url("download", blob_id="one")).status == 404


@pytest.mark.parametrize("value", ["a\r\nx-evil: 1", "a\nb", "a\0b"])
def test_a_line_end_in_metadata_is_refused(world: Any, value: str) -> None:
    assert code(world.upload(b"x", x_amz_meta_a=value)) == (400, "InvalidArgument")
    assert code(world.upload(b"x", content_disposition=value)) == (400, "InvalidArgument")


def test_an_upload_says_how_long_it_is(world: Any) -> None:
    assert code(world.ask("POST", world.url(), BytesBody(b""))) == (411, "MissingContentLength")


def test_a_kind_of_upload_that_is_none_is_refused(world: Any) -> None:
    assert code(world.upload(b"x", x_upload_type="zip")) == (400, "InvalidRequest")
    assert world.upload(b"x", x_upload_type="full").status == 200


def test_two_first_uploads_to_a_bucket_both_succeed(world: Any) -> None:
    urls = [world.url(blob_id=name, bucket="fresh") for name in ("a", "b")]

    async def both() -> list[Any]:
        return await asyncio.gather(*(world.send("POST", url, b"x") for url in urls))

    assert [answer.status for answer in asyncio.run(both())] == [200, 200]

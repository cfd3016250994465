"""How an application server gets URLs, and what it may not ask for."""

import json
import uuid
from typing import Any

import pytest

from bucketport.api.uploads.presign import uuid7
from bucketport.errors import RequestTimeout
from bucketport.message import BytesBody


def refused(world: Any, asked: Any, key: str = "key-1") -> tuple[int, dict[str, Any]]:
    body = asked if isinstance(asked, bytes) else json.dumps(asked).encode()
    answer = world.ask("POST", "/presign", body, authorization=f"Bearer {key}")
    said = json.loads(answer.body)
    assert not said["success"]
    return answer.status, said


@pytest.mark.parametrize(
    ("action", "method"), [("upload", "POST"), ("update", "PUT"), ("download", "GET"), ("delete", "DELETE")]
)
@pytest.mark.parametrize("path", ["/presign", "/admin/presign"])
def test_each_action_has_its_method(world: Any, path: str, action: str, method: str) -> None:
    body = json.dumps({"action": action, "bucket": "Pictures", "blob_id": "a b", "expires_in": 60}).encode()
    answer = world.ask("POST", path, body, authorization="Bearer key-1")
    said = json.loads(answer.body)
    assert answer.status == 200
    assert list(said) == ["success", "action", "bucket", "blob_id", "url", "method", "expires_in"]
    assert (said["success"], said["action"], said["bucket"], said["blob_id"]) == (True, action, "pictures", "a b")
    assert (said["method"], said["expires_in"]) == (method, 60)
    assert said["url"].startswith("https://up.example/pictures/a%20b?expires=1795000060&sig=")
    assert (world.exchange.bucket, world.exchange.key, world.exchange.access_key) == ("pictures", "a b", "all")


def test_an_upload_needs_no_name(world: Any) -> None:
    made = world.presign()
    assert (made["bucket"], made["expires_in"]) == ("default", 900)
    found = uuid.UUID(made["blob_id"])
    assert (found.version, found.variant) == (7, uuid.RFC_4122)
    assert int(found) >> 80 == 1_795_000_000_000
    assert made["blob_id"] != world.presign()["blob_id"]
    assert world.presign(blob_id=None, bucket=None, expires_in=None)["bucket"] == "default"


def test_ids_are_in_the_order_of_their_time() -> None:
    ids = [uuid7(now, bytes([255 - now] * 10)) for now in range(50)]
    assert ids == sorted(ids)
    assert all(uuid.UUID(one).version == 7 and uuid.UUID(one).variant == uuid.RFC_4122 for one in ids)
    assert {len(uuid7(2**48 - 1, bytes(range(at, at + 10)))) for at in range(100)} == {36}


@pytest.mark.parametrize("name", ["admin", "files", "upload", "presign", "healthz", "minio", "-", "ADMIN"])
def test_a_bucket_that_paths_begin_with_is_refused(world: Any, name: str) -> None:
    status, said = refused(world, {"action": "upload", "bucket": name})
    assert (status, said["code"]) == (400, "InvalidBucketName")


@pytest.mark.parametrize("name", ["", "a/b", "../x", "a b", "a\r\nb", "bücket", "a" * 64, "dotted.name", 7, ["a"], {}])
def test_a_bucket_of_another_shape_is_refused(world: Any, name: Any) -> None:
    status, said = refused(world, {"action": "upload", "bucket": name})
    assert (status, said["code"]) == (400, "InvalidBucketName")


def test_a_dotted_bucket_that_exists_is_good(world: Any) -> None:
    world.make_bucket("dotted.name")
    assert world.presign(bucket="dotted.name")["bucket"] == "dotted.name"


@pytest.mark.parametrize(
    "key", ["", "../x", "a/../b", "a/..", "./a", ".", "a\0b", "x" * 1025, "é" * 513, "\ud800", 7, []]
)
def test_a_name_that_no_url_can_bear_is_refused(world: Any, key: Any) -> None:
    status, said = refused(world, {"action": "upload", "blob_id": key})
    assert (status, said["code"], said["member"]) == (400, "InvalidRequest", "blob_id")


@pytest.mark.parametrize(
    "key", ["a..b", "...", ".hidden", "a//b", "/a", "a/", "x" * 1024, "é" * 512, "a\nb", "%2e%2e", "+"]
)
def test_any_other_name_is_a_keys(world: Any, key: str) -> None:
    assert world.upload(b"x", key).status == 200
    assert world.ask("GET", world.url("download", blob_id=key)).body == b"x"


@pytest.mark.parametrize("seconds", [0, -1, 604_801, 1.5, "900", True, [], 10**30])
def test_a_url_lives_one_second_to_seven_days(world: Any, seconds: Any) -> None:
    status, said = refused(world, {"action": "upload", "expires_in": seconds})
    assert (status, said["member"]) == (400, "expires_in")
    assert world.presign(expires_in=604_800)["expires_in"] == 604_800


@pytest.mark.parametrize("action", [None, "", "Upload", "head", 1, ["upload"]])
def test_an_action_that_is_none_is_refused(world: Any, action: Any) -> None:
    status, said = refused(world, {"action": action})
    assert (status, said["member"]) == (400, "action")


@pytest.mark.parametrize("action", ["download", "update", "delete"])
def test_only_an_upload_may_leave_its_name_out(world: Any, action: str) -> None:
    status, said = refused(world, {"action": action})
    assert (status, said["member"]) == (400, "blob_id")


@pytest.mark.parametrize(
    "asked",
    [
        {"action": "upload", "max_size": -1},
        {"action": "upload", "max_size": "5"},
        {"action": "upload", "max_size": True},
        {"action": "upload", "content_types": ["image"]},
        {"action": "upload", "content_types": [1]},
        {"action": "upload", "content_types": []},
        {"action": "upload", "content_types": "a/b\r\nx: y"},
        {"action": "upload", "sha256": "abc"},
        {"action": "upload", "sha256": 5},
        {"action": "download", "blob_id": "x", "max_size": 5},
        {"action": "upload", "max_sise": 5},
    ],
)
def test_terms_that_mean_nothing_are_refused(world: Any, asked: dict[str, Any]) -> None:
    assert refused(world, asked)[0] == 400


def test_terms_stand_in_the_url(world: Any) -> None:
    url = world.url(blob_id="x", max_size=0, content_types=["image/*", "text/plain"], sha256="AB" * 32)
    assert "&max_size=0&content_types=image%2F%2A%2Ctext%2Fplain&sha256=" + "ab" * 32 + "&sig=" in url


def test_a_key_that_is_for_some_buckets_gets_urls_for_those(world: Any) -> None:
    assert world.presign(bucket="pictures", key="key-2")["success"]
    for action in ("upload", "download", "update", "delete"):
        assert refused(world, {"action": action, "bucket": "music", "blob_id": "x"}, "key-2")[0] == 403
    assert refused(world, {"action": "upload"}, "key-2")[0] == 403


@pytest.mark.parametrize(
    ("body", "position"), [(b'{"action": "upload",}', "20"), (b"", "0"), (b"{} x", "3"), (b"{'a': 1}", "1")]
)
def test_malformed_json_is_told_where(world: Any, body: bytes, position: str) -> None:
    status, said = refused(world, body)
    assert (status, said["position"]) == (400, position)


@pytest.mark.parametrize("body", [b"[]", b'"x"', b"\xff\xfe{", b"[" * 50_000, b"1" * 5000, b"null"])
def test_what_is_no_object_is_refused(world: Any, body: bytes) -> None:
    assert refused(world, body)[0] == 400


def test_a_document_has_at_most_a_hundred_kib(world: Any) -> None:
    fill = json.dumps({"action": "upload"}).encode()
    assert world.ask("POST", "/presign", fill.ljust(100 << 10), authorization="Bearer key-1").status == 200
    status, said = refused(world, fill.ljust((100 << 10) + 1))
    assert (status, said["code"]) == (413, "EntityTooLarge")


class Unannounced(BytesBody):
    """A body whose length nobody said."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content, 1000)
        self.length = None


def test_a_document_that_did_not_say_its_length_is_bounded_too(world: Any) -> None:
    body = Unannounced(b" " * ((100 << 10) + 1))
    assert world.ask("POST", "/presign", body, authorization="Bearer key-1").status == 413


class Slow(BytesBody):
    """A body that is still not here when its time is over."""

    allowed = 0.0

    def within(self, seconds: float) -> None:
        self.allowed = seconds

    async def read(self) -> bytes:
        raise RequestTimeout


def test_a_document_that_does_not_come_is_a_408(world: Any) -> None:
    body = Slow(b"{}")
    answer = world.ask("POST", "/presign", body, authorization="Bearer key-1")
    assert (answer.status, json.loads(answer.body)["code"]) == (408, "RequestTimeout")
    assert body.allowed == 30.0


class Unread(BytesBody):
    """A body that must not be touched."""

    async def read(self) -> bytes:
        raise AssertionError("read before the key was found good")


def test_nothing_is_read_from_a_stranger(world: Any) -> None:
    assert world.ask("POST", "/presign", Unread(b"{}"), authorization="Bearer no").status == 401


def test_without_a_public_url_the_clients_own_is_used(make_world: Any) -> None:
    assert make_world(public_url="").presign()["url"].startswith("http://up.example/default/")

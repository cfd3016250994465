"""Promises of wire/headers.py."""

import pytest

from bucketport.errors import InvalidArgument, InvalidStorageClass, InvalidTag, MetadataTooLarge
from bucketport.model import ObjectInfo
from bucketport.wire import headers


def on_wire(text: str) -> str:
    """What a runtime makes of UTF-8 bytes in a header."""
    return text.encode().decode("latin-1")


def test_only_the_objects_own_headers_are_stored() -> None:
    request = {
        "host": "x",
        "authorization": "secret",
        "content-length": "3",
        "content-md5": "x",
        "content-type": "text/plain",
        "cache-control": "no-store",
        "content-disposition": on_wire('attachment; filename="é"'),
        "content-language": "de",
        "expires": "0",
        "x-amz-website-redirect-location": "/other",
        "x-amz-meta-mtime": "1.5",
        "x-amz-meta-empty": "",
        "x-amz-acl": "private",
    }
    assert headers.stored(request) == {
        "content-type": "text/plain",
        "cache-control": "no-store",
        "content-disposition": 'attachment; filename="é"',
        "content-language": "de",
        "expires": "0",
        "x-amz-website-redirect-location": "/other",
        "x-amz-meta-mtime": "1.5",
        "x-amz-meta-empty": "",
    }


@pytest.mark.parametrize("request_headers", [{}, {"content-type": ""}])
def test_content_type_has_a_default(request_headers: dict[str, str]) -> None:
    assert headers.stored(request_headers) == {"content-type": "binary/octet-stream"}


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("gzip", "gzip"),
        ("deflate, gzip", "deflate, gzip"),
        ("gzip, aws-chunked", "gzip"),
        ("aws-chunked, gzip", "gzip"),
        ("aws-chunked,gzip,br", "gzip, br"),
        ("AWS-Chunked", None),
        ("aws-chunked, aws-chunked", None),
        ("", None),
    ],
)
def test_aws_chunked_is_never_stored(sent: str, kept: str | None) -> None:
    assert headers.stored({"content-encoding": sent}).get("content-encoding") == kept


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        ("plain  value", "plain  value"),
        (on_wire("é😀"), "é😀"),
        ("Hello World\xe9", "Hello World\xe9"),
        ("=?UTF-8?B?w6k=?=", "é"),
        ("=?utf-8?q?=C3=A9_x?=", "é x"),
        ("=?ISO-8859-1?Q?=E9?=", "é"),
        ("=?UTF-8?B?w6k=?= =?UTF-8?B?w6k=?= end", "éé end"),
        ("a =?UTF-8?B?w6k=?= b", "a é b"),
        ("=?UTF-8?B?###?=", "=?UTF-8?B?###?="),
        ("=?UTF-8?B?/w==?=", "=?UTF-8?B?/w==?="),
        ("=?koi8-r?B?w6k=?=", "=?koi8-r?B?w6k=?="),
        ("=?UTF-8?B?DQo=?=", "=?UTF-8?B?DQo=?="),
        ("=?UTF-8?X?a?=", "=?UTF-8?X?a?="),
        ("1=?2", "1=?2"),
    ],
)
def test_metadata_is_read_as_text(sent: str, text: str) -> None:
    assert headers.stored({"x-amz-meta-a": sent})["x-amz-meta-a"] == text


@pytest.mark.parametrize("value", ["a\r\nx: y", "a\n", "\0"])
@pytest.mark.parametrize("name", ["x-amz-meta-a", "content-type", "cache-control"])
def test_line_breaks_and_nul_are_refused(name: str, value: str) -> None:
    with pytest.raises(InvalidArgument):
        headers.stored({name: value})


def test_metadata_of_two_kib_is_the_most() -> None:
    assert headers.stored({"x-amz-meta-ab": "v" * 2046})
    with pytest.raises(MetadataTooLarge) as caught:
        headers.stored({"x-amz-meta-ab": "v" * 2047})
    assert caught.value.fields == {"Size": "2049", "MaxSizeAllowed": "2048"}
    assert headers.stored({"x-amz-meta-a": on_wire("é" * 1023)})
    with pytest.raises(MetadataTooLarge):
        headers.stored({"x-amz-meta-a": on_wire("é" * 1024)})


def test_plain_object_answers_with_few_headers() -> None:
    info = ObjectInfo("k", 3, "abc", 1795253281123, {"content-type": "text/plain"})
    assert headers.answer(info) == {
        "Last-Modified": "Sat, 21 Nov 2026 09:28:01 GMT",
        "ETag": '"abc"',
        "Accept-Ranges": "bytes",
        "Content-Type": "text/plain",
    }


def test_everything_stored_is_answered() -> None:
    info = ObjectInfo(
        "k",
        3,
        "abc",
        0,
        {"cache-control": "é", "expires": "0", "x-amz-meta-a": "é", "x-amz-meta-b": "b", "content-language": "de"},
        storage_class="STANDARD_IA",
        tags_count=2,
        version_id="v1",
        extra={"x-amz-expiration": "never"},
    )
    answer = headers.answer(info)
    assert answer["Cache-Control"] == "Ã©"
    assert answer["x-amz-meta-a"] == "=?UTF-8?B?w6k=?="
    assert answer["x-amz-meta-b"] == "b"
    assert answer["Content-Language"] == "de"
    assert answer["x-amz-storage-class"] == "STANDARD_IA"
    assert answer["x-amz-tagging-count"] == "2"
    assert answer["x-amz-version-id"] == "v1"
    assert answer["x-amz-expiration"] == "never"


def test_unprintable_metadata_is_encoded() -> None:
    assert headers.encode_metadata("a\x01") == "=?UTF-8?B?YQE=?="
    assert headers.encode_metadata("tab\tand space ") == "tab\tand space "


def test_storage_class_is_known_or_refused() -> None:
    assert headers.storage_class({}) == "STANDARD"
    assert headers.storage_class({"x-amz-storage-class": "GLACIER_IR"}) == "GLACIER_IR"
    for unknown in ("standard", "", "GOLD"):
        with pytest.raises(InvalidStorageClass):
            headers.storage_class({"x-amz-storage-class": unknown})


def test_tagging_header_is_a_query() -> None:
    assert headers.tagging("foo=bar&bar") == {"bar": "", "foo": "bar"}
    assert list(headers.tagging("b=2&a=%C3%A9+1%2B")) == ["a", "b"]
    assert headers.tagging("a=%C3%A9+1%2B") == {"a": "é 1+"}
    assert headers.tagging("") == {}


@pytest.mark.parametrize("header", ["a=1&a=2", "a=%zz", "a=%FF", "a&%61"])
def test_tagging_header_that_is_no_query_is_refused(header: str) -> None:
    with pytest.raises(InvalidArgument):
        headers.tagging(header)


def test_largest_tags_pass() -> None:
    pairs = [(f"{i}" + "k" * 127, "v" * 256) for i in range(10)]
    assert headers.check_tags(pairs) == dict(pairs)
    assert headers.check_tags([("Ünï 1_.:/=+-@", "日本\u00a0")])


@pytest.mark.parametrize(
    "pairs",
    [
        [(f"k{i}", "") for i in range(11)],
        [("k" * 129, "")],
        [("k", "v" * 257)],
        [("", "v")],
        [("a", "1"), ("a", "2")],
        [("aws:x", "1")],
        [("a?", "1")],
        [("a", "<b>")],
        [("a", "\n")],
    ],
)
def test_tags_that_s3_does_not_allow_are_refused(pairs: list[tuple[str, str]]) -> None:
    with pytest.raises(InvalidTag):
        headers.check_tags(pairs)

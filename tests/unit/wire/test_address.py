"""Promises of wire/address.py: keys are opaque, cut before decoded, decoded once."""

import pytest

from bucketport.errors import InvalidArgument, InvalidBucketName, InvalidURI, KeyTooLongError
from bucketport.wire.address import Address, Level, check_bucket_name, copy_source, split

HOST = "127.0.0.1:9000"


@pytest.mark.parametrize(
    ("raw_path", "bucket", "key"),
    [
        ("/b/k", "b", "k"),
        ("/b/a//b", "b", "a//b"),
        ("/b//a", "b", "/a"),
        ("/b//", "b", "/"),
        ("/b/dir/", "b", "dir/"),
        ("/b/./x", "b", "./x"),
        ("/b/../x", "b", "../x"),
        ("/b/..", "b", ".."),
        ("/b/%2E%2E/x", "b", "../x"),
        ("/b/a%2Fb", "b", "a/b"),
        ("/b/a%252Fb", "b", "a%2Fb"),
        ("/b/a+b", "b", "a+b"),
        ("/b/a%2Bb%20c", "b", "a+b c"),
        ("/b/%F0%9F%98%80", "b", "😀"),
        ("/b/%c3%a9", "b", "é"),
        ("/b/Ã©", "b", "é"),
        ("/b/a?b", "b", "a?b"),
        ("/b%2Dc/k", "b-c", "k"),
        ("/b/%0A", "b", "\n"),
    ],
)
def test_key_is_decoded_once_and_never_normalised(raw_path: str, bucket: str, key: str) -> None:
    assert split(raw_path, HOST, ()) == Address(Level.OBJECT, bucket, key, False)


@pytest.mark.parametrize("raw_path", ["/b", "/b/"])
def test_path_of_one_name_is_a_bucket(raw_path: str) -> None:
    assert split(raw_path, HOST, ()) == Address(Level.BUCKET, "b", "", False)


def test_root_is_the_service() -> None:
    assert split("/", HOST, ("s3.test",)).level is Level.SERVICE


@pytest.mark.parametrize(
    "raw_path",
    ["", "*", "b/k", "/b/%", "/b/%2", "/b/%zz", "/b/%FF", "/b/\xff", "/b/%C0%AF", "/b/%ED%A0%80", "/b/a%00", "/b/\0"],
)
def test_what_is_no_path_is_refused(raw_path: str) -> None:
    with pytest.raises(InvalidURI):
        split(raw_path, HOST, ())


@pytest.mark.parametrize("raw_path", ["//", "//k", "/%2F/k", "/a%2Fb", "/a%2Fb/k"])
def test_bucket_name_that_no_store_can_hold_is_refused(raw_path: str) -> None:
    with pytest.raises(InvalidBucketName):
        split(raw_path, HOST, ())


def test_key_of_1024_bytes_is_the_longest() -> None:
    assert split("/b/" + "k" * 1024, HOST, ()).key == "k" * 1024
    assert split("/b/" + "%C3%A9" * 512, HOST, ()).key == "é" * 512
    for raw in ("k" * 1025, "%C3%A9" * 512 + "k", "%F0%9F%98%80" * 257):
        with pytest.raises(KeyTooLongError) as caught:
            split("/b/" + raw, HOST, ())
        assert caught.value.fields["MaxSizeAllowed"] == "1024"


@pytest.mark.parametrize(
    ("host", "raw_path", "expected"),
    [
        ("pics.s3.test", "/a/b", Address(Level.OBJECT, "pics", "a/b", True)),
        ("pics.s3.test:9000", "/", Address(Level.BUCKET, "pics", "", True)),
        ("PICS.S3.Test", "//a", Address(Level.OBJECT, "pics", "/a", True)),
        ("a.b.s3.test.", "/k", Address(Level.OBJECT, "a.b", "k", True)),
        ("s3.test", "/b/k", Address(Level.OBJECT, "b", "k", False)),
        ("eu.s3.test:80", "/b/k", Address(Level.OBJECT, "b", "k", False)),
        ("pics.eu.s3.test", "/k", Address(Level.OBJECT, "pics", "k", True)),
        ("xs3.test", "/b/k", Address(Level.OBJECT, "b", "k", False)),
        (".s3.test", "/b/k", Address(Level.OBJECT, "b", "k", False)),
        ("[::1]:9000", "/b/k", Address(Level.OBJECT, "b", "k", False)),
        ("[::1]", "/b", Address(Level.BUCKET, "b", "", False)),
        ("", "/b", Address(Level.BUCKET, "b", "", False)),
    ],
)
def test_host_name_may_hold_the_bucket(host: str, raw_path: str, expected: Address) -> None:
    assert split(raw_path, host, ("s3.test", "eu.S3.test")) == expected


@pytest.mark.parametrize(
    "name", ["abc", "a" * 63, "a-b.c", "0ab", "my.bucket-1", "1.2.3", "192.168.5.4.1", "xn-foo", "amzn-s3-other"]
)
def test_good_bucket_name_passes(name: str) -> None:
    check_bucket_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "a",
        "ab",
        "a" * 64,
        "Abc",
        "a_b",
        "_abc",
        "-abc",
        "abc-",
        ".abc",
        "abc.",
        "a..b",
        "foo.-bar",
        "foo-.bar",
        "192.168.5.123",
        "xn--abc",
        "sthree-abc",
        "amzn-s3-demo-abc",
        "abc-s3alias",
        "abc--ol-s3",
        "abc.mrap",
        "abc--x-s3",
        "abc--table-s3",
        "äbc",
        "a b",
        "abc\n",
        "١٢٣",
    ],
)
def test_bad_bucket_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidBucketName):
        check_bucket_name(name)


@pytest.mark.parametrize(
    ("text", "bucket", "key", "version"),
    [
        ("b/k", "b", "k", None),
        ("/b/k", "b", "k", None),
        ("b/a%2Fb//c+d", "b", "a/b//c+d", None),
        ("b%2Fa%2Fb", "b", "a/b", None),
        ("%2Fb%2Fk", "b", "k", None),
        ("b//k", "b", "/k", None),
        ("b/k?versionId=v%2B1", "b", "k", "v+1"),
        ("b/a?b", "b", "a?b", None),
        ("b/a%3FversionId=x?versionId=null", "b", "a?versionId=x", "null"),
        ("b/Ã©", "b", "é", None),
    ],
)
def test_copy_source_names_bucket_key_and_version(text: str, bucket: str, key: str, version: str | None) -> None:
    assert copy_source(text) == (Address(Level.OBJECT, bucket, key, False), version)


@pytest.mark.parametrize("text", ["", "/", "b", "b/", "/b/", "//k", "?versionId=x", "b/k?versionId="])
def test_copy_source_without_bucket_or_key_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument):
        copy_source(text)


def test_copy_source_follows_the_rules_of_keys() -> None:
    with pytest.raises(InvalidURI):
        copy_source("b/%GG")
    with pytest.raises(InvalidURI):
        copy_source("b/%00")
    with pytest.raises(KeyTooLongError):
        copy_source("b/" + "k" * 1025)

"""Which bucket and which key does a request's target name?

The raw path is cut at its slashes first and percent-decoded after, once and strictly; nothing is ever normalised: a key
is opaque, so `/b//a` names the key `/a` and `/b/../x` the key `../x`. `+` is a plus in a path.
"""

import enum
import re
from collections.abc import Sequence

from bucketport.errors import InvalidArgument, InvalidBucketName, InvalidURI, KeyTooLongError, S3Error
from bucketport.record import record
from bucketport.wire.query import unescape

KEY_BYTES = 1024
"""The longest key, in bytes of UTF-8. Source: AWS user guide, "Naming Amazon S3 objects"."""


class Level(enum.Enum):
    """What a request is about: the account, a bucket, or one object."""

    SERVICE = "service"
    BUCKET = "bucket"
    OBJECT = "object"


@record
class Address:
    """The bucket and key that a target names, decoded; empty where its level has none.

    `virtual`: the bucket came from the host name, not from the path.
    """

    level: Level
    bucket: str
    key: str
    virtual: bool


_SERVICE = Address(Level.SERVICE, "", "", False)


def split(raw_path: str, host: str, domains: Sequence[str]) -> Address:
    """The address that a target names: path style, or virtual-hosted where `host` is `<bucket>.<one of domains>`.

    `raw_path` is the target's bytes as latin-1 text; `host` may carry a port.
    Raises: InvalidURI (bad escape, bad UTF-8, NUL, no leading slash), KeyTooLongError, InvalidBucketName (an empty
    name, or one with a slash in it).
    Source: AWS user guide, "Virtual hosting of general purpose buckets".
    """
    if raw_path[:1] != "/":
        raise _invalid_uri(raw_path)
    bucket = _virtual_bucket(host, domains) if domains else ""
    virtual = bucket != ""
    if virtual:
        key = raw_path[1:]
    elif raw_path == "/":
        return _SERVICE
    else:
        _, _, rest = raw_path.partition("/")
        bucket, _, key = rest.partition("/")
        if "%" in bucket or not bucket.isascii():
            bucket = decode(bucket)
        if not bucket or "/" in bucket:
            raise InvalidBucketName(fields={"BucketName": bucket[:200]})
    if not key:
        return Address(Level.BUCKET, bucket, "", virtual)
    if "%" in key or "\0" in key or not key.isascii():
        key = decode(key)
    if len(key) > 256:  # a code point has at most four bytes
        _check_length(key)
    return Address(Level.OBJECT, bucket, key, virtual)


def copy_source(text: str) -> tuple[Address, str | None]:
    """The object and the version that `x-amz-copy-source` names: `[/]bucket/key[?versionId=id]`, percent-encoded.

    The whole is decoded before it is cut, because SDKs encode the slash behind the bucket too (`bucket%2Fkey`).
    Raises: InvalidArgument when no bucket or no key is named, or the version is empty; InvalidURI, KeyTooLongError.
    Source: AWS CopyObject, x-amz-copy-source.
    """
    path, mark, version = text.rpartition("?versionId=")
    bucket, _, key = decode(path if mark else text).removeprefix("/").partition("/")
    if not bucket or not key:
        raise _invalid_source(text, "Copy Source must mention the source bucket and key: sourcebucket/sourcekey")
    if mark and not version:
        raise _invalid_source(text, "Version id cannot be the empty string")
    _check_length(key)
    return Address(Level.OBJECT, bucket, key, False), decode(version) if mark else None


def _invalid_source(text: str, message: str) -> S3Error:
    return InvalidArgument(message, fields={"ArgumentName": "x-amz-copy-source", "ArgumentValue": text[:200]})


def decode(raw: str) -> str:
    """Percent-decode a part of a path (latin-1 text) once. Raises: InvalidURI for a bad escape, bad UTF-8 or a NUL."""
    text = unescape(raw)
    if "\0" in text:
        raise _invalid_uri(raw)
    return text


def _check_length(key: str) -> None:
    size = len(key.encode())
    if size > KEY_BYTES:
        raise KeyTooLongError(fields={"Size": str(size), "MaxSizeAllowed": str(KEY_BYTES)})


def _invalid_uri(raw: str) -> S3Error:
    return InvalidURI(fields={"URI": raw[:200]})


def _virtual_bucket(host: str, domains: Sequence[str]) -> str:
    """The bucket in a host name; empty when the host is a domain itself or none of ours."""
    name = host.lower()
    if ":" in name and not name.endswith("]"):
        name = name.rpartition(":")[0]
    name = name.removesuffix(".")
    found = ""
    for domain in domains:
        domain = domain.lower()
        if name == domain:
            return ""
        # The longest domain wins, so that the shortest bucket does: `eu.s3.test` and `s3.test` may both be ours.
        if name.endswith("." + domain):
            bucket = name[: -len(domain) - 1]
            if bucket and (not found or len(bucket) < len(found)):
                found = bucket
    return found


_BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_NOT_HOST_LABELS = re.compile(r"\.[.-]|-\.")
_ADDRESS_SHAPE = re.compile(r"\d+\.\d+\.\d+\.\d+", re.ASCII)
_RESERVED_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
_RESERVED_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")


def check_bucket_name(name: str) -> None:
    """Refuse a name that S3 gives to no bucket. For CreateBucket alone: what exists elsewhere may be named otherwise.

    Raises: InvalidBucketName.
    Source: AWS user guide, "General purpose bucket naming rules" (2026-11); that every label between dots begins and
    ends with a letter or digit is the rule of host names, which Ceph's s3-tests expect too.
    """
    if (
        not _BUCKET_NAME.fullmatch(name)
        or _NOT_HOST_LABELS.search(name)
        or _ADDRESS_SHAPE.fullmatch(name)
        or name.startswith(_RESERVED_PREFIXES)
        or name.endswith(_RESERVED_SUFFIXES)
    ):
        raise InvalidBucketName(fields={"BucketName": name[:200]})

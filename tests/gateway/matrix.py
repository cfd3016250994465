"""What becomes of each request header at each kind of backend? One table: the test proves it, `make docs` prints it."""

from typing import NamedTuple

KINDS = ("memory", "store", "s3", "az", "gcs")
"""Kinds of backends, in the order of the page's columns. `s3` is another bucketport."""

CHECKSUMS = ("CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256", "MD5", "SHA512", "XXHASH64", "XXHASH3", "XXHASH128")
"""Checksums, each by header and by trailer: they come back to a read that asks for them."""

JUDGED = (
    ("if-none-match: *", "412 on a write of a key that exists"),
    ("if-match", "412 on a write of another ETag than the object's"),
    ("content-md5", "400 BadDigest when the content differs"),
    ("if-match, if-none-match, if-modified-since, if-unmodified-since", "412 or 304 on a read"),
    ("x-amz-copy-source-if-*", "412 on a copy"),
)
"""What is not kept but judged, by every kind alike."""

NOT_HELD = "501 NotImplemented"


UNTRIED = frozenset({("gcs", "parts")})
"""Ways that no server at hand can prove: fake-gcs-server has no uploads in parts."""

READ_BY_GET = frozenset({("gcs", "x-amz-storage-class")})
"""What only a GET can prove: in its descriptions fake-gcs-server gives every object the class STANDARD."""


class Row(NamedTuple):
    """Headers of a write. `back` is what a read answers where that differs from what was sent; None: without it.

    `refused` tells the kinds that answer with an error instead, `taken` those where it asks for what is so anyway and
    cannot be read, `ways` how it is written.
    """

    title: str
    sent: dict
    back: dict = {}
    refused: dict = {}
    taken: tuple = ()
    ways: tuple = ("put", "long", "parts", "copy")


def everywhere(answer):
    """Every kind refuses it so."""
    return dict.fromkeys(KINDS, answer)


def stored(name, value, back=None, title="", **more):
    """A row of one header."""
    return Row(title or f"{name}: {value}", {name: value}, {} if back is None else {name: back}, **more)


def meta(name, value, back=None, title="", **more):
    """A row of one header of user metadata."""
    return stored(f"x-amz-meta-{name}", value, back, title, **more)


PROPERTIES = (
    Row("none of them", {}, {"content-type": "binary/octet-stream", "cache-control": None, "expires": None}),
    stored("content-type", "text/x-odd; charset=utf-8"),
    stored("content-type", 'text/plain; name="\u00fc"'),
    stored("cache-control", "max-age=60, public"),
    stored("content-disposition", 'attachment; filename="a b.txt"'),
    stored("content-disposition", 'attachment; filename="\u00fc.txt"'),
    stored("content-encoding", "gzip"),
    Row("content-encoding: aws-chunked", {"content-encoding": "aws-chunked"}, {"content-encoding": None}),
    stored("content-encoding", "aws-chunked, gzip", "gzip"),
    stored("content-language", "de, en"),
    stored("expires", "Tue, 06 May 2031 07:08:09 GMT"),
    stored("expires", "never"),
    stored("x-amz-website-redirect-location", "/elsewhere"),
    stored("x-amz-website-redirect-location", "https://example.org/?a=b"),
)

METADATA = (
    meta("colour", "blue"),
    meta("empty", ""),
    meta("spaces", "a  b   c"),
    meta("signs", "\"quoted\", back\\slash; (a=b) <c> 100%41 'd'"),
    meta("with-dash", "1"),
    meta("with_underscore", "1"),
    meta("with.dot", "1"),
    meta("1digit", "1"),
    meta("token!#$%&'*+^`|~", "1", title="x-amz-meta-*: a name of every sign that HTTP allows"),
    Row("x-amz-meta-*: names that differ by - and _", {"x-amz-meta-a-b": "1", "x-amz-meta-a_b": "2"}),
    meta("bucketport_owner", "mine", title="x-amz-meta-bucketport_owner: a name as we use it at clouds"),
    meta("utf8", "gr\u00fcn \u6f22 \U0001f600", "=?UTF-8?B?Z3LDvG4g5ryiIPCfmIA=?=", title="x-amz-meta-*: UTF-8"),
    meta("rfc2047", "=?UTF-8?Q?gr=C3=BCn?=", "=?UTF-8?B?Z3LDvG4=?=", title="x-amz-meta-*: an RFC 2047 word"),
    meta("no-word", "=?not a word?="),
    meta("long", "x" * 2000, title="x-amz-meta-*: 2,000 bytes in one value"),
    Row("x-amz-meta-*: 80 names", {f"x-amz-meta-name{number}": str(number) for number in range(80)}),
    meta("long", "x" * 2045, title="x-amz-meta-*: more than 2,048 bytes", refused=everywhere("400 MetadataTooLarge")),
)

TAGS = (
    stored("x-amz-tagging", "team=blue&note=a%20b%2Bc"),
    stored("x-amz-tagging", "empty=&alone"),
    stored("x-amz-tagging", "umlaut=%C3%BC", refused={"az": "400 InvalidTag"}),
    stored("x-amz-tagging", "a=1&a=2", refused=everywhere("400 InvalidArgument")),
    stored(
        "x-amz-tagging",
        "&".join(f"t{number}=1" for number in range(11)),
        title="x-amz-tagging: eleven tags",
        refused=everywhere("400 InvalidTag"),
    ),
)

CLASSES = (
    Row("x-amz-storage-class: STANDARD", {"x-amz-storage-class": "STANDARD"}, {"x-amz-storage-class": None}),
    *(
        stored("x-amz-storage-class", name)
        for name in (
            "REDUCED_REDUNDANCY",
            "STANDARD_IA",
            "ONEZONE_IA",
            "INTELLIGENT_TIERING",
            "GLACIER_IR",
            "GLACIER",
            "DEEP_ARCHIVE",
        )
    ),
    stored(
        "x-amz-storage-class",
        "EXPRESS_ONEZONE",
        refused={"az": "400 InvalidStorageClass", "gcs": "400 InvalidStorageClass"},
    ),
    stored("x-amz-storage-class", "NONESUCH", refused=everywhere("400 InvalidStorageClass")),
)

CLOUDS = ("az", "gcs")
ACLS = (
    stored("x-amz-acl", "private", taken=CLOUDS),
    stored("x-amz-acl", "bucket-owner-full-control", taken=CLOUDS),
    stored("x-amz-acl", "public-read", refused=dict.fromkeys(CLOUDS, NOT_HELD)),
    stored("x-amz-acl", "authenticated-read", refused=dict.fromkeys(CLOUDS, NOT_HELD)),
    stored("x-amz-acl", "nonesuch", refused=everywhere("400 InvalidArgument")),
)

NOT_MODELLED = tuple(
    stored(name, value, refused=everywhere(NOT_HELD))
    for name, value in (
        ("x-amz-server-side-encryption", "AES256"),
        ("x-amz-server-side-encryption", "aws:kms"),
        ("x-amz-server-side-encryption-aws-kms-key-id", "key"),
        ("x-amz-server-side-encryption-context", "e30="),
        ("x-amz-server-side-encryption-bucket-key-enabled", "true"),
        ("x-amz-server-side-encryption-customer-algorithm", "AES256"),
        ("x-amz-server-side-encryption-customer-key", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="),
        ("x-amz-server-side-encryption-customer-key-md5", "hRasmdxgYDKV3nvbahU1MA=="),
        ("x-amz-object-lock-mode", "GOVERNANCE"),
        ("x-amz-object-lock-retain-until-date", "2031-05-06T07:08:09Z"),
        ("x-amz-object-lock-legal-hold", "ON"),
        ("x-amz-grant-read", 'id="somebody"'),
        ("x-amz-grant-full-control", 'id="somebody"'),
        ("x-amz-grant-read-acp", 'id="somebody"'),
        ("x-amz-grant-write-acp", 'id="somebody"'),
    )
)

GROUPS = {
    "Properties": PROPERTIES,
    "User metadata": METADATA,
    "Tags": TAGS,
    "Storage class": CLASSES,
    "ACL": ACLS,
    "Encryption, object lock, grants": NOT_MODELLED,
}

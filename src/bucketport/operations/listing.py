"""Which keys are there? ListObjects in its two versions.

A page's continuation is the last key or common prefix of it; a backend with tokens of its own has those passed through.
"""

import base64
import binascii
from collections.abc import Sequence
from typing import Self

from bucketport.errors import InvalidArgument
from bucketport.message import Request, Response
from bucketport.model import Claim, Entry, Listing
from bucketport.operations.base import BUCKET, Context, Query, integer, operation
from bucketport.operations.documents import document, element, optional, owner, truth
from bucketport.options import ListQuery
from bucketport.record import record
from bucketport.wire.address import Address
from bucketport.wire.dates import iso
from bucketport.wire.query import encode_key
from bucketport.wire.xml import escape

PAGE = 1000
"""Keys a page. Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html"""


def encoding_of(query: Query) -> str:
    """`url` or empty. Raises: InvalidArgument."""
    encoding = query.get("encoding-type", "")
    if encoding not in ("", "url"):
        raise InvalidArgument(
            "Invalid Encoding Method specified in Request",
            fields={"ArgumentName": "encoding-type", "ArgumentValue": encoding[:200]},
        )
    return encoding


def shown(text: str, encoding: str) -> str:
    """A key or prefix as a listing shows it."""
    return encode_key(text) if encoding else escape(text)


def prefixes_xml(prefixes: Sequence[str], encoding: str, before: str = "") -> str:
    """The CommonPrefixes elements. `before` stands before every key that the client knows."""
    return "".join(
        f"<CommonPrefixes><Prefix>{shown(before + prefix, encoding)}</Prefix></CommonPrefixes>" for prefix in prefixes
    )


def entries_xml(entries: Sequence[Entry], encoding: str, with_owner: bool, before: str = "") -> str:
    """The Contents elements, in S3's order. One escape check serves a page whose keys need none."""
    keys = [before + entry[0] for entry in entries] if before else [entry[0] for entry in entries]
    if encoding:
        keys = [encode_key(key) for key in keys]
    else:
        joined = "".join(keys)
        if escape(joined) != joined:
            keys = [escape(key) for key in keys]
    owners = {user: owner(user) for user in {entry[5] for entry in entries}} if with_owner else {}
    parts = []
    for key, (_, size, etag, modified, storage, user, algorithm, kind) in zip(keys, entries, strict=True):
        checksum = f"<ChecksumAlgorithm>{algorithm}</ChecksumAlgorithm>" if algorithm else ""
        if kind:
            checksum += f"<ChecksumType>{kind}</ChecksumType>"
        parts.append(
            f"<Contents><Key>{key}</Key><LastModified>{iso(modified)}</LastModified><ETag>&quot;{etag}&quot;</ETag>"
            f"{checksum}<Size>{size}</Size>{owners[user] if with_owner else ''}"
            f"<StorageClass>{storage}</StorageClass></Contents>"
        )
    return "".join(parts)


def echo(name: str, text: str, encoding: str) -> str:
    """An element that repeats what was asked, encoded like keys."""
    return f"<{name}>{shown(text, encoding)}</{name}>"


@operation("ListObjects", "GET", BUCKET, action="list_bucket")
@record
class ListObjects:
    """The first version, by marker. https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjects.html"""

    bucket: str
    ask: ListQuery
    encoding: str

    @classmethod
    def parse(cls, address: Address, request: Request, query: Query) -> Self:
        """Raises: InvalidArgument."""
        ask = ListQuery(
            query.get("prefix", ""),
            query.get("delimiter", ""),
            query.get("marker", ""),
            integer(query, "max-keys", PAGE, PAGE),
            fetch_owner=True,
        )
        return cls(address.bucket, ask, encoding_of(query))

    def claims(self) -> tuple[Claim, ...]:
        """To list under the prefix."""
        return (Claim("list_bucket", self.bucket, prefix=self.ask.prefix),)

    async def run(self, context: Context) -> Response:
        """A page."""
        page = await context.backend.list(self.bucket, self.ask)
        ask, encoding, before = self.ask, self.encoding, context.shown.prefix
        inner = [
            element("Name", context.bucket_shown),
            echo("Prefix", before + ask.prefix, encoding),
            echo("Marker", before + ask.after if ask.after else "", encoding),
            echo("NextMarker", before + page.next_after, encoding) if page.truncated and page.next_after else "",
            f"<MaxKeys>{ask.limit}</MaxKeys>",
            echo("Delimiter", ask.delimiter, encoding) if ask.delimiter else "",
            optional("EncodingType", encoding),
            f"<IsTruncated>{truth(page.truncated)}</IsTruncated>",
            entries_xml(page.entries, encoding, True, before),
            prefixes_xml(page.prefixes, encoding, before),
        ]
        return document("ListBucketResult", "".join(inner))


@operation("ListObjectsV2", "GET", BUCKET, "list-type", action="list_bucket")
@record
class ListObjectsV2:
    """The second version, by token. https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html"""

    bucket: str
    ask: ListQuery
    encoding: str
    start_after: str
    token: str | None

    @classmethod
    def parse(cls, address: Address, request: Request, query: Query) -> Self:
        """Raises: InvalidArgument."""
        if query["list-type"] != "2":
            raise InvalidArgument(
                "Invalid List Type specified in Request",
                fields={"ArgumentName": "list-type", "ArgumentValue": query["list-type"][:200]},
            )
        start_after, token = query.get("start-after", ""), query.get("continuation-token")
        after, backend_token = read_token(token) if token else (start_after, None)
        ask = ListQuery(
            query.get("prefix", ""),
            query.get("delimiter", ""),
            after,
            integer(query, "max-keys", PAGE, PAGE),
            backend_token,
            fetch_owner=query.get("fetch-owner") == "true",
        )
        return cls(address.bucket, ask, encoding_of(query), start_after, token)

    def claims(self) -> tuple[Claim, ...]:
        """To list under the prefix."""
        return (Claim("list_bucket", self.bucket, prefix=self.ask.prefix),)

    async def run(self, context: Context) -> Response:
        """A page."""
        page = await context.backend.list(self.bucket, self.ask)
        ask, encoding, before = self.ask, self.encoding, context.shown.prefix
        inner = [
            element("Name", context.bucket_shown),
            echo("Prefix", before + ask.prefix, encoding),
            echo("StartAfter", before + self.start_after, encoding) if self.start_after else "",
            element("ContinuationToken", self.token) if self.token is not None else "",
            element("NextContinuationToken", make_token(page)) if page.truncated else "",
            f"<KeyCount>{len(page.entries) + len(page.prefixes)}</KeyCount><MaxKeys>{ask.limit}</MaxKeys>",
            echo("Delimiter", ask.delimiter, encoding) if ask.delimiter else "",
            optional("EncodingType", encoding),
            f"<IsTruncated>{truth(page.truncated)}</IsTruncated>",
            entries_xml(page.entries, encoding, ask.fetch_owner, before),
            prefixes_xml(page.prefixes, encoding, before),
        ]
        return document("ListBucketResult", "".join(inner))


def make_token(page: Listing) -> str:
    """A continuation token: the backend's own behind `t`, else the position behind `k`; opaque to clients."""
    text = "k" + page.next_after if page.next_token is None else "t" + page.next_token
    return base64.urlsafe_b64encode(text.encode()).decode()


def read_token(token: str) -> tuple[str, str | None]:
    """The position and the backend's token that `make_token` put in. Raises: InvalidArgument."""
    try:
        text = base64.b64decode(token.encode(), altchars=b"-_", validate=True).decode()
        if text[:1] in ("k", "t"):
            return (text[1:], None) if text[0] == "k" else ("", text[1:])
    except (binascii.Error, UnicodeError):
        pass
    raise InvalidArgument(
        "The continuation token provided is incorrect",
        fields={"ArgumentName": "continuation-token", "ArgumentValue": token[:200]},
    )

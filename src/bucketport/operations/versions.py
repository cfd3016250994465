"""Which versions are there? ListObjectVersions; a bucket without versions shows each object as its only one, `null`."""

from typing import Self

from bucketport.errors import InvalidArgument
from bucketport.message import Request, Response
from bucketport.model import Claim, VersionEntry
from bucketport.operations.base import BUCKET, Context, Query, integer, operation
from bucketport.operations.documents import document, element, optional, owner, truth
from bucketport.operations.listing import PAGE, echo, encoding_of, prefixes_xml, shown
from bucketport.options import ListQuery
from bucketport.record import record
from bucketport.wire.address import Address
from bucketport.wire.dates import iso


@operation("ListObjectVersions", "GET", BUCKET, "versions", action="list_bucket_versions")
@record
class ListObjectVersions:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html"""

    bucket: str
    ask: ListQuery
    encoding: str

    @classmethod
    def parse(cls, address: Address, request: Request, query: Query) -> Self:
        """Raises: InvalidArgument."""
        after, after_id = query.get("key-marker", ""), query.get("version-id-marker", "")
        if after_id and not after:
            raise InvalidArgument(
                "A version-id marker cannot be specified without a key marker.",
                fields={"ArgumentName": "version-id-marker", "ArgumentValue": after_id[:200]},
            )
        ask = ListQuery(
            query.get("prefix", ""),
            query.get("delimiter", ""),
            after,
            integer(query, "max-keys", PAGE, PAGE),
            after_id=after_id,
            fetch_owner=True,
        )
        return cls(address.bucket, ask, encoding_of(query))

    def claims(self) -> tuple[Claim, ...]:
        """To list versions under the prefix."""
        return (Claim("list_bucket_versions", self.bucket, prefix=self.ask.prefix),)

    async def run(self, context: Context) -> Response:
        """A page of versions, newest of a key first."""
        page = await context.backend.list_versions(self.bucket, self.ask)
        ask, encoding, before = self.ask, self.encoding, context.shown.prefix
        inner = [
            element("Name", context.bucket_shown),
            echo("Prefix", before + ask.prefix, encoding),
            echo("KeyMarker", before + ask.after if ask.after else "", encoding),
            element("VersionIdMarker", ask.after_id),
            echo("NextKeyMarker", before + page.next_after, encoding) if page.truncated else "",
            optional("NextVersionIdMarker", page.next_id) if page.truncated else "",
            f"<MaxKeys>{ask.limit}</MaxKeys>",
            echo("Delimiter", ask.delimiter, encoding) if ask.delimiter else "",
            optional("EncodingType", encoding),
            f"<IsTruncated>{truth(page.truncated)}</IsTruncated>",
            "".join(_entry_xml(entry, encoding, before) for entry in page.entries),
            prefixes_xml(page.prefixes, encoding, before),
        ]
        return document("ListVersionsResult", "".join(inner))


def _entry_xml(entry: VersionEntry, encoding: str, before: str) -> str:
    key, size, etag, modified, storage, user, version, latest, marker, algorithm, kind = entry
    head = (
        f"<Key>{shown(before + key, encoding)}</Key>{element('VersionId', version)}<IsLatest>{truth(latest)}</IsLatest>"
        f"<LastModified>{iso(modified)}</LastModified>"
    )
    if marker:
        return f"<DeleteMarker>{head}{owner(user)}</DeleteMarker>"
    checksum = optional("ChecksumAlgorithm", algorithm) + optional("ChecksumType", kind)
    return (
        f"<Version>{head}<ETag>&quot;{etag}&quot;</ETag>{checksum}<Size>{size}</Size>{owner(user)}"
        f"<StorageClass>{storage}</StorageClass></Version>"
    )

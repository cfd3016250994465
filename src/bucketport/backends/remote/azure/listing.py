"""Which keys and containers are there? Azure's own listings, page by page, with its markers as tokens.

A page of Azure's may be shorter than asked, or empty, and yet go on; so several may make one of ours. Never more than a
page is held. A position that is a key (`after`) is asked for as `startFrom`; what comes before it is skipped, which is
all there is where the service does not know that parameter.
"""

from collections.abc import Iterable, Mapping
from urllib.parse import unquote
from xml.etree import ElementTree

from bucketport.backends.remote.azure.answers import META, shown_in_list
from bucketport.backends.remote.azure.names import OURS, check_container, decode_value, encode_value
from bucketport.backends.remote.azure.own_blob import is_own
from bucketport.backends.remote.azure.reading import tree_of
from bucketport.backends.remote.azure.requests import Requests
from bucketport.backends.remote.dialect import Plan
from bucketport.backends.remote.s3.answers import modified_of, number
from bucketport.errors import (
    AccessDenied,
    BucketAlreadyExists,
    BucketAlreadyOwnedByYou,
    BucketNotEmpty,
    InvalidToken,
    NoSuchBucket,
    NoSuchKey,
)
from bucketport.message import HttpAnswer
from bucketport.model import BucketInfo, BucketPage, Entry, Listing, VersionEntry, VersionListing
from bucketport.options import ListQuery

_LAST = "\U0010ffff"
_OWNER = META + OURS + "owner"


class _Page:
    """The page of ours that is being filled."""

    def __init__(self, query: ListQuery) -> None:
        self.query = query
        self.entries: list[Entry] = []
        self.prefixes: list[str] = []
        self.doubtful = ""
        after, delimiter = query.after, query.delimiter
        rest = after[len(query.prefix) :] if delimiter and after.startswith(query.prefix) else ""
        self.group = after if rest.endswith(delimiter) and rest.find(delimiter) == len(rest) - len(delimiter) else ""
        if not rest:
            self.group = ""

    @property
    def left(self) -> int:
        return self.query.limit - len(self.entries) - len(self.prefixes)

    def wants(self, name: str) -> bool:
        """Whether a name comes after the position."""
        return name > self.query.after and not (self.group and name.startswith(self.group))

    def take_prefix(self, name: str) -> None:
        """Take a common prefix; of one that the position lies in, the rest has to be asked for."""
        if self.query.after.startswith(name):
            self.doubtful = name if name != self.group else ""
        elif self.wants(name) and name not in self.prefixes[-1:]:
            self.prefixes.append(name)

    @property
    def last(self) -> str:
        """The last key or common prefix: some services list prefixes apart."""
        return max(self.entries[-1].key if self.entries else "", self.prefixes[-1] if self.prefixes else "")


class Listings(Requests):
    """The calls that list, and those about containers."""

    def list(self, bucket: str, query: ListQuery) -> Plan[Listing]:
        """List Blobs."""
        page, marker = _Page(query), query.token or ""
        begin = "" if marker or not query.after else (page.group + _LAST if page.group else query.after)
        while True:
            asked = {"restype": "container", "comp": "list", "include": "metadata"}
            asked["maxresults"] = str(max(page.left, 1))
            if query.prefix:
                asked["prefix"] = query.prefix
            if query.delimiter:
                asked["delimiter"] = query.delimiter
            if begin:
                asked["startFrom"] = begin
            if marker:
                asked["marker"] = marker
            answer = yield self.request("GET", self.container(bucket), asked)
            if answer.status == 400 and begin and self.code_of(answer) in _UNKNOWN:
                begin = ""
                continue
            if answer.status != 200:
                raise self._refused(answer, query)
            marker = self._read(answer, page)
            if page.doubtful:
                rest = yield from self.list(bucket, ListQuery(page.doubtful, after=query.after, limit=1))
                page.prefixes[:0] = [page.doubtful] if rest.entries else []
                page.doubtful = ""
            if page.left <= 0 or not marker:
                break
        if query.limit <= 0 or not marker:
            return Listing(page.entries, page.prefixes)
        return Listing(page.entries, page.prefixes, True, page.last, marker)

    def _refused(self, answer: HttpAnswer, query: ListQuery) -> Exception:
        if query.token and self.code_of(answer) in ("InvalidQueryParameterValue", "OutOfRangeInput"):
            return InvalidToken("The continuation token provided is incorrect")
        error = self.refusal(answer)
        return NoSuchBucket() if isinstance(error, NoSuchKey) else error

    def _read(self, answer: HttpAnswer, page: _Page) -> str:
        """Take what fits of a page of Azure's; its marker, empty at the end."""
        tree = tree_of(answer, "EnumerationResults")
        found = tree.find("Blobs")
        for node in () if found is None else found:
            name = _name(node)
            if page.left <= 0:
                break
            if node.tag == "BlobPrefix":
                page.take_prefix(name)
            elif node.tag == "Blob" and page.wants(name) and not _is_folder(node) and not is_own(name):
                page.entries.append(_entry(name, node, self.place.tier))
        return tree.findtext("NextMarker") or ""

    def list_versions(self, bucket: str, query: ListQuery) -> Plan[VersionListing]:
        """Every object is its own only version, `null`."""
        found = yield from self.list(bucket, query)
        rows = [VersionEntry(*row[:6], checksum_algorithm=row[6], checksum_type=row[7]) for row in found.entries]
        last = "null" if rows and rows[-1].key == found.next_after else ""
        return VersionListing(rows, found.prefixes, found.truncated, found.next_after, last)

    def bucket(self, name: str) -> Plan[BucketInfo]:
        """Get Container Properties."""
        answer = yield self.request("HEAD", self.container(name), {"restype": "container"})
        if answer.status != 200:
            raise self._refused(answer, ListQuery())
        owner = decode_value(answer.headers.get(_OWNER, ""))
        return BucketInfo(name, owner, modified_of(answer.headers.get("last-modified")))

    def list_buckets(self, prefix: str, after: str, limit: int) -> Plan[BucketPage]:
        """List Containers."""
        found: list[BucketInfo] = []
        marker = ""
        while len(found) <= limit:
            asked = {"comp": "list", "include": "metadata", "maxresults": str(min(limit + 1, 5000))}
            asked |= {"prefix": prefix} if prefix else {}
            asked |= {"marker": marker} if marker else {}
            answer = yield self.request("GET", self.place.endpoint.base + "/", asked)
            if answer.status != 200:
                raise self.refusal(answer)
            tree = tree_of(answer, "EnumerationResults")
            found += [info for info in map(_bucket, tree.iterfind("Containers/Container")) if info.name > after]
            marker = tree.findtext("NextMarker") or ""
            if not marker:
                break
        # The service's own containers ($logs, $root, $web) are no buckets.
        shown = [info for info in found if not info.name.startswith("$")]
        return BucketPage(shown[:limit], shown[limit - 1].name if 0 < limit < len(shown) else "")

    def create_bucket(self, info: BucketInfo) -> Plan[None]:
        """Create Container, private. Raises: NotImplemented for another ACL."""
        check_container(info.name)
        headers = {_OWNER: encode_value(info.owner)} if info.owner else {}
        path = self.container(info.name)
        answer = yield self.request("PUT", path, {"restype": "container"}, headers, idempotent=False)
        if answer.status == 201:
            return
        error = self.refusal(answer)
        if isinstance(error, BucketAlreadyOwnedByYou):
            there = yield from self.bucket(info.name)
            if there.owner != info.owner:
                raise BucketAlreadyExists(fields={"BucketName": info.name})
        raise error

    def delete_bucket(self, name: str) -> Plan[None]:
        """Delete Container, once a listing found nothing in it: Azure itself would remove what is there."""
        if self.place.container:
            raise AccessDenied(reason="the container is configured; it is not removed through the gateway")
        page = yield from self.list(name, ListQuery(limit=1))
        if page.entries:
            raise BucketNotEmpty(fields={"BucketName": name})
        answer = yield self.request("DELETE", self.container(name), {"restype": "container"})
        if answer.status != 202:
            raise self._refused(answer, ListQuery())


_UNKNOWN = frozenset({"UnsupportedQueryParameter", "InvalidQueryParameterValue"})
"""What a service says to `startFrom` that does not know it."""


def _name(node: ElementTree.Element) -> str:
    """A blob's name or prefix; what XML cannot hold is percent-encoded and says so."""
    found = node.find("Name")
    if found is None:
        return ""
    text = found.text or ""
    return unquote(text) if found.get("Encoded") == "true" else text


def _is_folder(node: ElementTree.Element) -> bool:
    """Whether it is a directory of an account with a hierarchical namespace, which is no object."""
    return node.findtext("Properties/ResourceType") == "directory"


def _texts(nodes: Iterable[ElementTree.Element] | None) -> Mapping[str, str]:
    return {node.tag: node.text or "" for node in nodes} if nodes is not None else {}


def _entry(name: str, node: ElementTree.Element, standard: str) -> Entry:
    had = _texts(node.find("Properties"))
    metadata = _texts(node.find("Metadata"))
    tier = standard if had.get("AccessTierInferred") == "true" else had.get("AccessTier", "")
    shown = shown_in_list(metadata, had.get("Content-MD5", ""), had.get("Etag", ""), tier, standard)
    modified = modified_of(had.get("Last-Modified"))
    return Entry(name, number(had.get("Content-Length")), shown[0], modified, *shown[1:])


def _bucket(node: ElementTree.Element) -> BucketInfo:
    metadata = {key.lower(): text for key, text in _texts(node.find("Metadata")).items()}
    modified = _texts(node.find("Properties")).get("Last-Modified")
    return BucketInfo(
        node.findtext("Name") or "", decode_value(metadata.get(OURS + "owner", "")), modified_of(modified)
    )

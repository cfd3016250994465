"""Which keys, versions and uploads are there? Listings, read by the C parser: a page has a thousand rows.

Keys are asked for URL-encoded, because XML cannot hold all of them.
"""

from collections.abc import Iterable, Mapping
from urllib.parse import unquote_plus
from xml.etree import ElementTree  # a backend of our own choosing; see _tree

from bucketport.backends.remote.dialect import Plan
from bucketport.backends.remote.s3.answers import moment, nonsense, number
from bucketport.backends.remote.s3.requests import Requests
from bucketport.message import HttpAnswer
from bucketport.model import Entry, Listing, UploadEntry, UploadListing, VersionEntry, VersionListing
from bucketport.options import ListQuery

_LAST = "\U0010ffff"
"""After a common prefix this sorts behind every key beneath it."""


def position(query: ListQuery) -> str:
    """`after`, moved behind everything beneath it when it is a common prefix.

    S3's `start-after` does not skip what is beneath a common prefix; only markers of the first version do.
    """
    after, delimiter = query.after, query.delimiter
    if delimiter and after.startswith(query.prefix) and after.endswith(delimiter):
        rest = after[len(query.prefix) :]
        if rest.find(delimiter) == len(rest) - len(delimiter):
            return after + _LAST
    return after


class Listings(Requests):
    """The calls that list."""

    def list(self, bucket: str, query: ListQuery) -> Plan[Listing]:
        """ListObjectsV2, whichever version our client speaks: its positions are keys, or S3's own tokens."""
        asked = {"list-type": "2"} | _asked(query, "max-keys")
        if query.token is not None:
            asked["continuation-token"] = query.token
        elif query.after:
            asked["start-after"] = position(query)
        if query.fetch_owner:
            asked["fetch-owner"] = "true"
        answer = yield self.request("GET", bucket, None, asked)
        if answer.status != 200:
            raise self.refusal(answer)
        page = _Page(answer, "ListBucketResult")
        entries = [
            Entry(
                page.text(row.get("Key")),
                number(row.get("Size")),
                (row.get("ETag") or "").strip('"'),
                page.moment(row.get("LastModified")),
                row.get("StorageClass") or "STANDARD",
                row.get("Owner") or "",
                row.get("ChecksumAlgorithm") or "",
                row.get("ChecksumType") or "",
            )
            for row in page.rows("Contents")
        ]
        prefixes = page.prefixes()
        token = page.value("NextContinuationToken")
        truncated = page.truncated
        last = max(entries[-1].key if entries else "", prefixes[-1] if prefixes else "") if truncated else ""
        return Listing(entries, prefixes, truncated, last, token or None)

    def list_versions(self, bucket: str, query: ListQuery) -> Plan[VersionListing]:
        """ListObjectVersions."""
        asked = {"versions": ""} | _asked(query, "max-keys")
        if query.after:
            asked["key-marker"] = query.after
        if query.after_id:
            asked["version-id-marker"] = query.after_id
        answer = yield self.request("GET", bucket, None, asked)
        if answer.status != 200:
            raise self.refusal(answer)
        page = _Page(answer, "ListVersionsResult")
        entries = [
            VersionEntry(
                page.text(row.get("Key")),
                number(row.get("Size")),
                (row.get("ETag") or "").strip('"'),
                page.moment(row.get("LastModified")),
                row.get("StorageClass") or "STANDARD",
                row.get("Owner") or "",
                row.get("VersionId") or "null",
                row.get("IsLatest") != "false",
                row[""] == "DeleteMarker",
                row.get("ChecksumAlgorithm") or "",
                row.get("ChecksumType") or "",
            )
            for row in page.rows("Version", "DeleteMarker")
        ]
        after = page.text(page.value("NextKeyMarker"))
        return VersionListing(entries, page.prefixes(), page.truncated, after, page.value("NextVersionIdMarker"))

    def list_uploads(self, bucket: str, query: ListQuery) -> Plan[UploadListing]:
        """ListMultipartUploads."""
        asked = {"uploads": ""} | _asked(query, "max-uploads")
        if query.after:
            asked["key-marker"] = query.after
        if query.after_id:
            asked["upload-id-marker"] = query.after_id
        answer = yield self.request("GET", bucket, None, asked)
        if answer.status != 200:
            raise self.refusal(answer)
        page = _Page(answer, "ListMultipartUploadsResult")
        entries = [
            UploadEntry(
                page.text(row.get("Key")),
                row.get("UploadId") or "",
                page.moment(row.get("Initiated")),
                row.get("Owner") or "",
                row.get("StorageClass") or "STANDARD",
                row.get("ChecksumAlgorithm") or "",
                row.get("ChecksumType") or "",
            )
            for row in page.rows("Upload")
        ]
        after = page.text(page.value("NextKeyMarker"))
        return UploadListing(entries, page.prefixes(), page.truncated, after, page.value("NextUploadIdMarker"))


def _asked(query: ListQuery, limit: str) -> dict[str, str]:
    made = {"encoding-type": "url", limit: str(query.limit)}
    if query.prefix:
        made["prefix"] = query.prefix
    if query.delimiter:
        made["delimiter"] = query.delimiter
    return made


class _Page:
    """A page's XML: its rows as dicts from a child's name to its text, an Owner's as its ID."""

    def __init__(self, answer: HttpAnswer, root: str) -> None:
        tree = _tree(answer.content)
        self._space = tree.tag[: tree.tag.find("}") + 1]
        if tree.tag != self._space + root:
            raise nonsense(f"{tree.tag} is not {root}")
        self._tree = tree
        self._encoded = self.value("EncodingType") == "url"
        self.truncated = self.value("IsTruncated") == "true"

    def value(self, name: str) -> str:
        return self._tree.findtext(self._space + name) or ""

    def text(self, text: str | None) -> str:
        """A key as it is."""
        if text is None:
            return ""
        return unquote_plus(text) if self._encoded and ("%" in text or "+" in text) else text

    def moment(self, text: str | None) -> int:
        return moment(text) if text else 0

    def rows(self, *names: str) -> Iterable[Mapping[str, str | None]]:
        """The rows of these names in order; "" is the row's own name."""
        cut = len(self._space)
        wanted = {self._space + name: name for name in names}
        for child in self._tree:
            name = wanted.get(child.tag)
            if name is None:
                continue
            row: dict[str, str | None] = {part.tag[cut:]: part.text for part in child}
            row[""] = name
            if "Owner" in row:
                row["Owner"] = child.findtext(f"{self._space}Owner/{self._space}ID")
            yield row

    def prefixes(self) -> list[str]:
        path = f"{self._space}CommonPrefixes/{self._space}Prefix"
        return [self.text(node.text) for node in self._tree.iterfind(path)]


def _tree(data: bytes) -> ElementTree.Element:
    """The document's root. No document type is taken, so there are no entities to grow. Raises: BackendError."""
    if b"<!DOCTYPE" in data[:4096]:
        raise nonsense("a listing with a document type")
    try:
        return ElementTree.fromstring(data)  # noqa: S314
    except ElementTree.ParseError:
        raise nonsense(f"a listing that is no XML: {data[:100]!r}") from None

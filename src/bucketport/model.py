"""Which things does everybody here speak of? Users, buckets, objects, versions, parts, pages.

Only values: no behaviour beyond what follows from the fields. Times are UTC milliseconds since 1970, sizes are bytes,
keys are text whose order is the order of its code points (which is the order of its UTF-8 bytes, as S3 sorts).
"""

import enum
import functools
import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from bucketport.record import record

if TYPE_CHECKING:
    from bucketport.message import ResponseBody


class _Nothing(dict[str, str]):
    """An empty mapping that may be the default of a field, because it hashes and cannot be filled."""

    __slots__ = ()
    __hash__ = object.__hash__  # type: ignore[assignment]

    def __setitem__(self, key: str, value: str) -> None:
        raise TypeError("the shared empty mapping cannot be changed; make a dict of your own")


NO_HEADERS: Mapping[str, str] = _Nothing()


class Secret:
    """A secret text: no repr, no `==`, so that it reaches neither a log nor an early-exit comparison."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself; call it only where a MAC is computed or a file is written."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(...)"

    def __eq__(self, other: object) -> bool:
        raise TypeError("a Secret is compared with hmac.compare_digest on what reveal() gives")

    __hash__ = None  # type: ignore[assignment]


@record
class Owner:
    """Who owns a bucket or an object, as S3 shows it: a canonical id of 64 hex digits and a display name."""

    id: str
    name: str


@functools.lru_cache(maxsize=4096)
def owner_of(user: str) -> Owner:
    """The Owner that stands for the user of this name. The id is derived from the name, so it survives a new key.

    A name that is already a canonical id (64 hex digits, as a cloud reports it) is kept as the id.
    """
    if len(user) == 64 and all(c in "0123456789abcdef" for c in user):
        return Owner(user, user)
    return Owner(hashlib.sha256(b"bucketport-user:" + user.encode()).hexdigest(), user)


@record
class Scope:
    """What a key may do: `actions` on keys under `prefixes` of `bucket` (`*` any; no prefixes: the whole bucket)."""

    bucket: str
    prefixes: tuple[str, ...] = ()
    actions: frozenset[str] = frozenset()


@record
class Credential:
    """An access key. `expires_at` is seconds since 1970; `scopes` None: no limit but ownership."""

    access_key: str
    secret: Secret
    user: str
    enabled: bool = True
    expires_at: float | None = None
    scopes: tuple[Scope, ...] | None = None


@record
class Identity:
    """Who asks. `user` is the name that owns buckets; `access_key` is for logs; ANONYMOUS is nobody in particular."""

    user: str
    access_key: str = ""
    scopes: tuple[Scope, ...] | None = None
    anonymous: bool = False


ANONYMOUS = Identity(user="", anonymous=True)


@record
class Claim:
    """What a request asks leave for: an action (`get_object`, see `access.actions`) on a bucket, or on one key of it.

    `bucket` empty: the account itself (ListBuckets). `prefix` is what a listing is limited to.
    """

    action: str
    bucket: str = ""
    key: str | None = None
    version: str | None = None
    prefix: str | None = None


@record
class ObjectName:
    """A key in a bucket. Both exactly as the client means them: percent-decoded once, never normalised."""

    bucket: str
    key: str


@record
class UploadName:
    """One multipart upload: its bucket, key and upload id."""

    bucket: str
    key: str
    upload_id: str


class Offer(enum.Enum):
    """What a backend can hold. An operation whose row needs more than its mount offers answers 501."""

    OBJECTS = "objects"
    BUCKETS = "buckets"
    COPY = "copy"
    MULTIPART = "multipart"
    VERSIONS = "versions"
    TAGS = "tags"
    ACLS = "acls"
    ATTRIBUTES = "attributes"
    RELAY = "relay"
    DRAFTS = "drafts"
    DIRECT = "direct"
    CORS = "cors"


@record
class BucketInfo:
    """A bucket: its owner's user name, its region, its canned ACL (`private`, `public-read`, ...).

    `cors`: its CORS rules, a text that only those who write and apply them understand; empty: none.
    """

    name: str
    owner: str
    created_ms: int
    region: str = "us-east-1"
    acl: str = "private"
    cors: str = ""


@record
class Span:
    """Bytes start (inclusive) to stop (exclusive) of an object of `size` bytes."""

    start: int
    stop: int
    size: int

    @property
    def length(self) -> int:
        """How many bytes the span holds."""
        return self.stop - self.start

    @property
    def content_range(self) -> str:
        """The value of a Content-Range header; an empty part has no first byte. Source: RFC 9110 section 14.4."""
        if self.start == self.stop:
            return f"bytes */{self.size}"
        return f"bytes {self.start}-{self.stop - 1}/{self.size}"


@record
class PartInfo:
    """A part of an upload or of a completed object. `checksums`: algorithm name (`CRC32C`) to base64 value."""

    number: int
    size: int
    etag: str
    modified_ms: int = 0
    checksums: Mapping[str, str] = NO_HEADERS


@record
class ObjectInfo:
    """One version of an object without its content.

    `headers` is what the client set and gets back, lower-case names: content-type, cache-control, content-encoding,
    content-disposition, content-language, expires, x-amz-website-redirect-location, and every x-amz-meta-*. Values are
    text (UTF-8 already decoded). `etag` has no quotes. `checksums` maps algorithm names to base64 values (a composite
    one ends in `-N`). `parts_count` is 0 for an object that was not uploaded in parts. `version_id` is None where the
    bucket was never versioned. `extra` holds response headers of a cloud that are passed on as they are.
    """

    key: str
    size: int
    etag: str
    modified_ms: int
    headers: Mapping[str, str] = NO_HEADERS
    owner: str = ""
    storage_class: str = "STANDARD"
    acl: str = "private"
    checksums: Mapping[str, str] = NO_HEADERS
    checksum_type: str = ""
    parts_count: int = 0
    tags_count: int = 0
    version_id: str | None = None
    delete_marker: bool = False
    extra: Mapping[str, str] = NO_HEADERS


class Entry(NamedTuple):
    """A row of a listing. A plain tuple in this order serves too (a thousand records cost a millisecond to build)."""

    key: str
    size: int
    etag: str
    modified_ms: int
    storage_class: str
    owner: str
    checksum_algorithm: str = ""
    checksum_type: str = ""


class VersionEntry(NamedTuple):
    """A row of ListObjectVersions. `version_id` is `null` where the bucket was never versioned."""

    key: str
    size: int
    etag: str
    modified_ms: int
    storage_class: str
    owner: str
    version_id: str = "null"
    is_latest: bool = True
    delete_marker: bool = False
    checksum_algorithm: str = ""
    checksum_type: str = ""


class UploadEntry(NamedTuple):
    """A row of ListMultipartUploads."""

    key: str
    upload_id: str
    started_ms: int
    owner: str
    storage_class: str = "STANDARD"
    checksum_algorithm: str = ""
    checksum_type: str = ""


@record
class Listing:
    """A page of ListObjects. `next_after` is the last key or common prefix of it when it is cut short, else empty."""

    entries: Sequence[Entry]
    prefixes: Sequence[str] = ()
    truncated: bool = False
    next_after: str = ""
    next_token: str | None = None


@record
class VersionListing:
    """A page of ListObjectVersions."""

    entries: Sequence[VersionEntry]
    prefixes: Sequence[str] = ()
    truncated: bool = False
    next_after: str = ""
    next_id: str = ""


@record
class UploadListing:
    """A page of ListMultipartUploads."""

    entries: Sequence[UploadEntry]
    prefixes: Sequence[str] = ()
    truncated: bool = False
    next_after: str = ""
    next_id: str = ""


@record
class BucketPage:
    """A page of ListBuckets; `next_after` is the last name when more follow, else empty."""

    buckets: Sequence[BucketInfo]
    next_after: str = ""


@record
class UploadInfo:
    """An upload under way, as ListParts shows it."""

    upload: UploadName
    owner: str
    started_ms: int
    storage_class: str = "STANDARD"
    checksum_algorithm: str = ""
    checksum_type: str = ""


@record
class PartsPage:
    """A page of ListParts; `next_after` is the last part number when more follow, else 0."""

    info: UploadInfo
    parts: Sequence[PartInfo]
    next_after: int = 0


@record
class Promised:
    """What a client said of its content before it sent it; whatever is empty was not said.

    `sha256` is hex, `md5` 16 bytes. `algorithm` is the checksum that it named, by header or by trailer, and `value`
    that checksum in base64 where it was in a header.
    """

    sha256: str = ""
    md5: bytes = b""
    algorithm: str = ""
    value: str = ""


NOTHING_PROMISED = Promised()


@record
class Sealed:
    """What content turned out to be, once all of it passed its checks: `md5` is 16 bytes, checksums base64."""

    size: int
    md5: bytes
    checksums: Mapping[str, str] = NO_HEADERS


@record
class Stored:
    """What a write made. `etag` has no quotes; `version_id` None where the bucket was never versioned."""

    etag: str
    modified_ms: int
    size: int = 0
    checksums: Mapping[str, str] = NO_HEADERS
    checksum_type: str = ""
    version_id: str | None = None
    source_version_id: str | None = None
    extra: Mapping[str, str] = NO_HEADERS


@record
class Deleted:
    """What a delete did: the version it removed or the marker it made."""

    version_id: str | None = None
    delete_marker: bool = False


@record
class Found:
    """A read's answer: the object, the span that was selected (None: the whole) and a handle to those bytes.

    A read by part number selects that part's span; `part` is what is known of it, where the object has parts.
    """

    info: ObjectInfo
    body: "ResponseBody" = b""
    span: Span | None = None
    part: PartInfo | None = None


@record
class Attributes:
    """GetObjectAttributes' answer: the object and a page of its parts (none unless it was uploaded in parts)."""

    info: ObjectInfo
    parts: Sequence[PartInfo] = ()
    next_after: int = 0

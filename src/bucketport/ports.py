"""Where does the core end? Every seam, as a Protocol; and three plain callables for what is not a value.

The core awaits these and nothing else; what implements them is chosen in one place (`config.build`).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from bucketport.errors import S3Error
from bucketport.exchange import Exchange
from bucketport.message import HttpAnswer, HttpRequest, Request, Response
from bucketport.model import (
    Attributes,
    BucketInfo,
    BucketPage,
    Credential,
    Deleted,
    Found,
    Identity,
    Listing,
    ObjectInfo,
    ObjectName,
    Offer,
    PartInfo,
    PartsPage,
    Promised,
    Sealed,
    Stored,
    UploadInfo,
    UploadListing,
    UploadName,
    VersionListing,
)
from bucketport.options import (
    CompleteOptions,
    CopyOptions,
    DeleteItem,
    ListQuery,
    PutOptions,
    RelayedCall,
    UploadOptions,
    Want,
    WriteConditions,
)
from bucketport.record import record

Now = Callable[[], float]
"""Seconds since 1970."""

NewId = Callable[[], str]
"""A fresh request id: upper-case letters and digits."""

Entropy = Callable[[int], bytes]
"""That many unpredictable bytes."""


class Hasher(Protocol):
    """A running digest."""

    def update(self, data: bytes | memoryview, /) -> None:
        """Take in the next bytes."""
        ...

    def digest(self) -> bytes:
        """The digest of all bytes so far, most significant byte first."""
        ...


class Digests(Protocol):
    """The checksum algorithms of S3, by their names there: CRC32 CRC32C CRC64NVME SHA1 SHA256 MD5 SHA512 XXHASH64
    XXHASH3 XXHASH128. MD5 and SHA256 also serve the ETag and the payload hash."""

    def new(self, algorithm: str) -> Hasher:
        """A fresh digest of that algorithm."""
        ...


class Content(Protocol):
    """What a client sends to be stored, checked by whoever stores it while it passes.

    The one who stores pulls raw bytes on the event loop, hands batches of them to `accept` (in any one thread at a
    time: it is CPU work), writes what comes back, and calls `finish` before it commits. Nothing may become visible
    when any of the three raises.
    """

    length: int | None
    """Bytes of decoded content, when the client declared them."""

    promised: Promised
    """What the client said of the content beforehand; `finish` holds it to that."""

    def forgo_md5(self) -> None:
        """Spare the MD5 (`Sealed.md5` is then empty) unless the client declared it. Before the first `accept` only."""
        ...

    def also(self, algorithm: str) -> None:
        """Compute this checksum too and give it in `Sealed.checksums`. Before the first `accept` only."""
        ...

    async def pull(self) -> bytes:
        """The next raw bytes; empty at the end."""
        ...

    def accept(self, raw: bytes) -> Sequence[bytes | memoryview]:
        """The content in `raw`: framing decoded, signatures of chunks checked, every digest updated."""
        ...

    def finish(self) -> Sealed:
        """Raises an S3Error when anything declared (length, hash, checksum, trailer, signature) disagrees."""
        ...


class Backend(Protocol):
    """Objects in buckets. What a backend offers beyond it is in `offers`; the Protocols below say with which calls.

    Raises everywhere: NoSuchBucket, NoSuchKey and the other S3Errors of the operation; BackendError for trouble.
    """

    offers: frozenset[Offer]

    async def get(self, name: ObjectName, want: Want) -> Found:
        """The object with a handle to the wanted bytes. Raises: NotModified, PreconditionFailed, InvalidRange."""
        ...

    async def head(self, name: ObjectName, want: Want) -> Found:
        """As `get`, but with an empty body; the span is still there."""
        ...

    async def put(self, name: ObjectName, content: Content, options: PutOptions) -> Stored:
        """Store the content; when this returns it is durable. Conditions are judged inside the commit."""
        ...

    async def delete(self, name: ObjectName, version: str | None, conditions: WriteConditions) -> Deleted:
        """Remove; an absent key is no error (unless a condition says it must match)."""
        ...

    async def delete_many(self, bucket: str, items: Sequence[DeleteItem]) -> Sequence[Deleted | Exception]:
        """As `delete` for each item, in one go where the backend can: a result or an S3Error for each, in order."""
        ...

    async def list(self, bucket: str, query: ListQuery) -> Listing:
        """A page of keys."""
        ...


class BucketBackend(Backend, Protocol):
    """Offer.BUCKETS: buckets can be made and removed."""

    async def bucket(self, name: str) -> BucketInfo:
        """Raises: NoSuchBucket."""
        ...

    async def list_buckets(self, owner: str | None, prefix: str, after: str, limit: int) -> BucketPage:
        """The buckets of that owner (None: everybody's), by name."""
        ...

    async def create_bucket(self, info: BucketInfo) -> None:
        """Raises: BucketAlreadyOwnedByYou, BucketAlreadyExists (somebody else's)."""
        ...

    async def delete_bucket(self, name: str) -> None:
        """Unfinished uploads go with it. Raises: BucketNotEmpty."""
        ...


class CopyBackend(Backend, Protocol):
    """Offer.COPY: an object is copied without its bytes passing through us."""

    async def copy(self, source: ObjectName, want: Want, name: ObjectName, options: CopyOptions) -> Stored:
        """Copy the wanted version under its read conditions; `want.range` is not used."""
        ...


class MultipartBackend(Backend, Protocol):
    """Offer.MULTIPART."""

    async def create_upload(self, name: ObjectName, options: UploadOptions) -> UploadName:
        """Begin an upload."""
        ...

    async def upload(self, upload: UploadName) -> UploadInfo:
        """Raises: NoSuchUpload."""
        ...

    async def put_part(self, upload: UploadName, number: int, content: Content) -> PartInfo:
        """Store a part; a number used before is replaced."""
        ...

    async def copy_part(self, upload: UploadName, number: int, source: ObjectName, want: Want) -> PartInfo:
        """Make a part of an object or of a range of it (`want.range`, `bytes=first-last`), under read conditions.

        Raises: InvalidArgument when the range is not within the source.
        """
        ...

    async def list_parts(self, upload: UploadName, after: int, limit: int) -> PartsPage:
        """Parts with a number above `after`."""
        ...

    async def list_uploads(self, bucket: str, query: ListQuery) -> UploadListing:
        """Uploads under way, by key and then by start; `query.after` and `query.after_id` are the markers."""
        ...

    async def complete(self, upload: UploadName, options: CompleteOptions) -> Stored:
        """Make the object. Repeating it with the same parts answers the same.

        Raises: InvalidPart, InvalidPartOrder, EntityTooSmall, BadDigest, PreconditionFailed, NoSuchUpload.
        """
        ...

    async def abort(self, upload: UploadName) -> None:
        """Raises: NoSuchUpload."""
        ...


class DraftsBackend(MultipartBackend, Protocol):
    """Offer.DRAFTS: an upload need not keep S3's rules (`CompleteOptions.loose`), and its content can be hashed."""

    async def digest_parts(self, upload: UploadName, numbers: Sequence[int], algorithm: str) -> str:
        """The checksum (base64, an algorithm of `Digests`) of these parts' content in this order.

        Raises: NoSuchUpload, InvalidPart.
        """
        ...


class DirectBackend(MultipartBackend, Protocol):
    """Offer.DIRECT: a client can send parts to the backend itself."""

    async def presign_part(self, upload: UploadName, number: int, seconds: int) -> HttpRequest:
        """What the client has to send, within that time: method, URL, headers; its content is the part's.

        `list_parts` and `complete` know the part then as if it had come through us. The upload was begun with
        `UploadOptions.direct`. Raises: NoSuchUpload; InvalidRequest where it was not, and would have had to be.
        """
        ...


class VersionsBackend(Backend, Protocol):
    """Offer.VERSIONS. (A backend without versions still lists each object as its only version, `null`.)"""

    async def list_versions(self, bucket: str, query: ListQuery) -> VersionListing:
        """A page of versions, newest of a key first; `query.after` and `query.after_id` are the markers."""
        ...


class TagsBackend(Backend, Protocol):
    """Offer.TAGS."""

    async def tags(self, name: ObjectName, version: str | None) -> Mapping[str, str]:
        """The object's tags, empty when it has none."""
        ...

    async def put_tags(self, name: ObjectName, version: str | None, tags: Mapping[str, str]) -> str | None:
        """Replace them (empty: remove them all); the version id they were put on."""
        ...


class AclBackend(Backend, Protocol):
    """Offer.ACLS: a canned ACL for each bucket and object."""

    async def object_acl(self, name: ObjectName, version: str | None) -> ObjectInfo:
        """The object's row: `owner` and `acl` are what matters. Raises: NoSuchKey."""
        ...

    async def put_object_acl(self, name: ObjectName, version: str | None, acl: str) -> None:
        """Set an object's canned ACL."""
        ...

    async def put_bucket_acl(self, bucket: str, acl: str) -> None:
        """Set a bucket's canned ACL."""
        ...


class CorsBackend(Backend, Protocol):
    """Offer.CORS: a bucket keeps its CORS rules (`BucketInfo.cors`)."""

    async def put_bucket_cors(self, bucket: str, rules: str) -> None:
        """Set them, a text that is kept as it is; empty: remove them. Raises: NoSuchBucket."""
        ...


class AttributesBackend(Backend, Protocol):
    """Offer.ATTRIBUTES."""

    async def attributes(self, name: ObjectName, version: str | None, after: int, limit: int) -> Attributes:
        """The object and a page of its parts."""
        ...


class RelayBackend(Backend, Protocol):
    """Offer.RELAY: the backend is S3 itself, and does what we do not model."""

    async def relay(self, call: RelayedCall) -> Response:
        """Its answer as it came, but for what names the backend. Raises: its errors."""
        ...


class StoreBackend(
    BucketBackend,
    CopyBackend,
    MultipartBackend,
    VersionsBackend,
    TagsBackend,
    AclBackend,
    CorsBackend,
    AttributesBackend,
    Protocol,
):
    """Everything that the embedded store and the memory backend offer: what operations are typed against."""


class HttpClient(Protocol):
    """Outbound HTTP. What it sends is what the request says, byte for byte; redirects are not followed."""

    normalises_paths: bool
    """Whether `.` and `..` segments would be changed on the way (Workers' fetch does so): such keys are refused."""

    async def send(self, request: HttpRequest) -> HttpAnswer:
        """The answer, whatever its status. Its body is bytes when it is short.

        Raises: BackendError: UNREACHABLE (nothing was sent), TIMEOUT, BROKEN_OFF (no whole head came back); whatever
        the request's own body raised. A Stream's iterator raises BackendError too.
        """
        ...


class Credentials(Protocol):
    """The registry of keys."""

    async def find(self, access_key: str) -> Credential | None:
        """The credential, also a disabled or an expired one (the caller judges); None when there is none."""
        ...


class Method(Protocol):
    """A way to say who one is."""

    def recognizes(self, request: Request) -> bool:
        """Whether the request tries this way. Exactly one way may be tried."""
        ...

    async def authenticate(self, request: Request, now: float) -> "Proof":
        """Who asks. Raises: an S3Error that says why not; never returns without proof."""
        ...


class Signer(Protocol):
    """What a signed streaming body is checked with: the seed signature and the signing key, kept inside."""

    def next_chunk(self, payload_sha256: bytes) -> bytes:
        """The hex signature that the next chunk must bear, given the SHA-256 of its payload; advances the chain."""
        ...

    def trailer(self, trailer_sha256: bytes) -> bytes:
        """The hex signature that the trailer must bear."""
        ...


@record
class Proof:
    """What authentication established. `payload` is the x-amz-content-sha256 that was signed (`UNSIGNED-PAYLOAD` for
    a presigned URL without one; empty for an anonymous request); `signer` is there for signed streaming payloads.
    """

    identity: Identity
    payload: str = ""
    signer: Signer | None = None
    presigned: bool = False


class Meter(Protocol):
    """Where finished requests are counted."""

    def record(self, exchange: Exchange) -> None:
        """Called once per request, when its last byte is out."""
        ...

    def expose(self) -> bytes:
        """All counters in the Prometheus text format."""
        ...


class Api(Protocol):
    """An HTTP surface."""

    def wants(self, request: Request) -> bool:
        """Whether this surface answers the request. The first that wants it gets it; s3 is last and wants the rest."""
        ...

    async def handle(self, request: Request, exchange: Exchange) -> Response:
        """The answer. Raises S3Error, rendered by `refuse`."""
        ...

    def refuse(self, error: S3Error, exchange: Exchange) -> Response:
        """The answer that says the S3Error; the exchange holds the method and the target."""
        ...

"""What does a cloud have to say for itself? A dialect: plans for every call, a signature, the meaning of its errors.

Plans are generators: pure, so they are tested with values. What is the same for every cloud (credentials, retries,
streaming, the meaning of a broken connection) is in `sending` and `backend`.
"""

from collections.abc import Generator, Mapping, Sequence
from typing import Generic, NoReturn, TypeVar

from bucketport.backends.remote import trouble
from bucketport.backends.remote.upload import Upload
from bucketport.errors import NotImplemented
from bucketport.message import HttpAnswer, HttpRequest, Response
from bucketport.model import (
    Attributes,
    BucketInfo,
    BucketPage,
    Deleted,
    Found,
    Listing,
    ObjectInfo,
    ObjectName,
    Offer,
    PartInfo,
    PartsPage,
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

T = TypeVar("T")
C = TypeVar("C")

Plan = Generator[HttpRequest, HttpAnswer, T]
"""An operation as a generator: it yields requests, is sent their answers, and returns the result or raises an S3Error
or a BackendError. A request that got no answer has a BackendError thrown in at its yield."""


def _lacks(what: str) -> NoReturn:
    raise NotImplemented(f"{what} is not implemented for this bucket")


class Dialect(Generic[C]):
    """A cloud's protocol; C is what its requests are signed with. Calls not overridden answer 501.

    The calls mean what `ports.StoreBackend` says of those of the same name, but that a bucket may be called otherwise
    there, which is the dialect's to know.
    """

    offers: frozenset[Offer] = frozenset({Offer.OBJECTS})

    account: str = ""
    """Endpoint and account: two dialects with the same text can copy natively from one to the other."""

    batches = False
    """Whether `delete_many` is a call of the cloud's own."""

    needs_md5 = False
    """Whether an upload has to know its MD5 when it is over (`Upload.sealed.md5`)."""

    def sign(self, request: HttpRequest, key: C | None, now: float) -> HttpRequest:
        """The request as it goes out. `key` None: nobody signs (public data). `now` is seconds since 1970."""
        raise NotImplementedError

    def code_of(self, answer: HttpAnswer) -> str:
        """The cloud's error code in an answer that is an error, empty when there is none."""
        raise NotImplementedError

    def refusal(self, answer: HttpAnswer) -> Exception:
        """What to raise for an answer below 500 that is no success. Override it where codes are not S3's."""
        return trouble.refusal(answer, self.code_of(answer))

    def stale(self, answer: HttpAnswer) -> bool:
        """Whether an answer says that our credentials are over, so that it is worth asking for new ones."""
        return answer.status == 401

    def real(self, name: ObjectName) -> ObjectName:
        """The object by its bucket's own name there."""
        return name

    def get(self, name: ObjectName, want: Want) -> Plan[Found]:
        """One request with `streamed=True`; its body goes into Found as it is."""
        _lacks("GetObject")

    def head(self, name: ObjectName, want: Want) -> Plan[Found]:
        """As `get`, without a body."""
        _lacks("HeadObject")

    def put(self, name: ObjectName, upload: Upload, options: PutOptions) -> Plan[Stored]:
        """Store the content."""
        _lacks("PutObject")

    def delete(self, name: ObjectName, version: str | None, conditions: WriteConditions) -> Plan[Deleted]:
        """Remove; an absent key is no error."""
        _lacks("DeleteObject")

    def delete_many(self, bucket: str, items: Sequence[DeleteItem]) -> Plan[Sequence[Deleted | Exception]]:
        """Only where `batches`."""
        _lacks("DeleteObjects")

    def list(self, bucket: str, query: ListQuery) -> Plan[Listing]:
        """A page of keys."""
        _lacks("ListObjects")

    def bucket(self, name: str) -> Plan[BucketInfo]:
        """What is known of a bucket."""
        _lacks("HeadBucket")

    def list_buckets(self, prefix: str, after: str, limit: int) -> Plan[BucketPage]:
        """The account's buckets, by name."""
        _lacks("ListBuckets")

    def create_bucket(self, info: BucketInfo) -> Plan[None]:
        """Make a bucket."""
        _lacks("CreateBucket")

    def delete_bucket(self, name: str) -> Plan[None]:
        """Remove a bucket; unfinished uploads go with it."""
        _lacks("DeleteBucket")

    def copy(self, source: ObjectName, want: Want, name: ObjectName, options: CopyOptions) -> Plan[Stored]:
        """Copy natively; `source` is by its bucket's own name (`real`)."""
        _lacks("CopyObject")

    def create_upload(self, name: ObjectName, options: UploadOptions) -> Plan[UploadName]:
        """Begin an upload."""
        _lacks("CreateMultipartUpload")

    def upload(self, upload: UploadName) -> Plan[UploadInfo]:
        """What is known of an upload."""
        _lacks("ListParts")

    def put_part(self, upload: UploadName, number: int, content: Upload) -> Plan[PartInfo]:
        """Store a part."""
        _lacks("UploadPart")

    def presign_part(self, upload: UploadName, number: int, seconds: int, key: C | None, now: float) -> HttpRequest:
        """What a client sends to put a part by itself: no plan, because nothing is asked. `now` as in `sign`."""
        _lacks("A part sent to the cloud itself")

    def copy_part(self, upload: UploadName, number: int, source: ObjectName, want: Want) -> Plan[PartInfo]:
        """Make a part of an object; `source` is by its bucket's own name (`real`)."""
        _lacks("UploadPartCopy")

    def list_parts(self, upload: UploadName, after: int, limit: int) -> Plan[PartsPage]:
        """Parts with a number above `after`."""
        _lacks("ListParts")

    def list_uploads(self, bucket: str, query: ListQuery) -> Plan[UploadListing]:
        """Uploads under way."""
        _lacks("ListMultipartUploads")

    def complete(self, upload: UploadName, options: CompleteOptions) -> Plan[Stored]:
        """Make the object."""
        _lacks("CompleteMultipartUpload")

    def abort(self, upload: UploadName) -> Plan[None]:
        """Give an upload up."""
        _lacks("AbortMultipartUpload")

    def list_versions(self, bucket: str, query: ListQuery) -> Plan[VersionListing]:
        """A page of versions."""
        _lacks("ListObjectVersions")

    def tags(self, name: ObjectName, version: str | None) -> Plan[Mapping[str, str]]:
        """The object's tags."""
        _lacks("GetObjectTagging")

    def put_tags(self, name: ObjectName, version: str | None, tags: Mapping[str, str]) -> Plan[str | None]:
        """Replace them."""
        _lacks("PutObjectTagging")

    def object_acl(self, name: ObjectName, version: str | None) -> Plan[ObjectInfo]:
        """The object's owner and canned ACL."""
        _lacks("GetObjectAcl")

    def put_object_acl(self, name: ObjectName, version: str | None, acl: str) -> Plan[None]:
        """Set it."""
        _lacks("PutObjectAcl")

    def put_bucket_acl(self, bucket: str, acl: str) -> Plan[None]:
        """Set a bucket's canned ACL."""
        _lacks("PutBucketAcl")

    def put_bucket_cors(self, bucket: str, rules: str) -> Plan[None]:
        """Set a bucket's CORS rules."""
        _lacks("PutBucketCors")

    def attributes(self, name: ObjectName, version: str | None, after: int, limit: int) -> Plan[Attributes]:
        """The object and a page of its parts."""
        _lacks("GetObjectAttributes")

    def relay(self, call: RelayedCall) -> Plan[Response]:
        """An operation that we do not model."""
        _lacks(call.name)

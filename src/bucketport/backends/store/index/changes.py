"""What can be asked of the index's writer? Changes: values that hold their preconditions, so that they can travel.

A change is judged and made inside one commit, in which others may be too; it fails alone. Keys are bytes (UTF-8), times
are milliseconds.
"""

from collections.abc import Sequence

from bucketport.backends.store.blobs.shelf import Blob
from bucketport.model import BucketInfo
from bucketport.options import NO_CONDITIONS, UNCONDITIONAL, DeleteItem, ReadConditions, WriteConditions
from bucketport.record import record


@record
class Face:
    """What an object's row holds beside its place: the columns from `size` to `parts_count`, in the table's order.

    `headers` and `tags` are JSON texts, `checksums` as `columns.checksums_text` writes them.
    """

    size: int
    etag: str
    modified_ms: int
    storage_class: str
    owner: str
    checksum_algorithm: str
    checksum_type: str
    acl: str
    headers: str
    checksums: str
    tags: str | None = None
    tags_count: int = 0
    parts_count: int = 0


@record
class PutObject:
    """Make an object the current one of its key; gives a Stored. `content` is inline; `blob` a durable file's.

    `sha256`: the content's, when it is to be kept once for all objects that have it.
    """

    bucket: str
    key: bytes
    face: Face
    content: bytes = b""
    blob: Blob | None = None
    conditions: WriteConditions = NO_CONDITIONS
    sha256: bytes = b""


@record
class DeleteObjects:
    """Remove objects; gives for each a Deleted or an S3Error, in order."""

    bucket: str
    items: Sequence[DeleteItem]


@record
class CopyObject:
    """Make a new row over the content of another, read anew inside the commit; gives a Stored.

    `headers` and `tags` None: the source's. `expected` is the source row's id when `checksums` were computed from its
    bytes; when the source has changed since, the change fails with `Outdated`.
    """

    source_bucket: str
    source_key: bytes
    source_version: str | None
    source_conditions: ReadConditions
    bucket: str
    key: bytes
    modified_ms: int
    owner: str
    acl: str
    storage_class: str
    headers: str | None = None
    tags: str | None = None
    replace_tags: bool = False
    tags_count: int = 0
    checksums: str = ""
    checksum_algorithm: str = ""
    expected: int | None = None
    conditions: WriteConditions = NO_CONDITIONS


@record
class PutTags:
    """Replace an object's tags; gives its version id."""

    bucket: str
    key: bytes
    version: str | None
    tags: str | None
    tags_count: int


@record
class PutObjectAcl:
    """Set an object's canned ACL."""

    bucket: str
    key: bytes
    version: str | None
    acl: str


@record
class PutBucketAcl:
    """Set a bucket's canned ACL."""

    bucket: str
    acl: str


@record
class PutBucketCors:
    """Set a bucket's CORS rules."""

    bucket: str
    rules: str


@record
class SwitchOnDedup:
    """Keep equal content that is put in the bucket from now on once."""

    bucket: str


@record
class CreateBucket:
    """Make a bucket."""

    info: BucketInfo


@record
class DeleteBucket:
    """Remove an empty bucket, with its unfinished uploads."""

    bucket: str


@record
class CreateUpload:
    """Begin an upload; `face` holds what the object will have (its size and etag are not used).

    `again`: it may be there, or be completed, already, and stays as it is then.
    """

    bucket: str
    key: bytes
    upload_id: str
    face: Face
    again: bool = False


@record
class PutPart:
    """Put a part in its place; `blob` None for one of no bytes. Gives nothing.

    `at`: where it begins in a blob that holds several (see `PutParts`); None when the blob is its own.
    """

    bucket: str
    key: bytes
    upload_id: str
    number: int
    size: int
    etag: str
    modified_ms: int
    checksums: str
    blob: Blob | None
    at: int | None = None


@record
class PutParts:
    """Put small parts, perhaps of many uploads, in their places: one behind the other they are the blob. Gives for each
    None or an S3Error, in order."""

    blob: Blob
    parts: Sequence[PutPart]


@record
class CopyPart:
    """Make a whole blob of an object a part, when the source's row is still `expected`. Gives nothing."""

    bucket: str
    key: bytes
    upload_id: str
    number: int
    modified_ms: int
    checksums: str
    source_bucket: str
    source_key: bytes
    expected: int
    source_conditions: ReadConditions = UNCONDITIONAL


@record
class CompleteUpload:
    """Make the object of the named parts, when the upload's manifest is still at `revision`; gives a Stored.

    `named` tells this list of parts from others; a repeat with the same gives the recorded answer. `loose`: the parts
    are numbered anew from 1, in this order; without any the object is empty. `dedup`: the content is to be hashed
    afterwards, and kept once.
    """

    bucket: str
    key: bytes
    upload_id: str
    named: str
    numbers: Sequence[int]
    revision: int
    face: Face
    conditions: WriteConditions = NO_CONDITIONS
    loose: bool = False
    dedup: bool = False


@record
class AbortUpload:
    """Forget an upload."""

    bucket: str
    key: bytes
    upload_id: str


@record
class RemoveGarbage:
    """Forget these garbage blobs: their files are gone."""

    blobs: Sequence[int]


@record
class Dismantle:
    """Let go of up to `limit` parts of a garbage manifest, and of itself when none is left; gives how many are."""

    manifest: int
    limit: int


@record
class MergeManifest:
    """Record the SHA-256 of an unmerged manifest's content; gives whether equal content was there already, which the
    manifest names from then on."""

    manifest: int
    sha256: bytes


@record
class StripManifest:
    """Let go of up to `limit` blobs of the parts of a manifest that names other content; gives how many are left."""

    manifest: int
    limit: int


@record
class ForgetCompleted:
    """Forget the answers to uploads that were completed before `before_ms`."""

    before_ms: int


Change = (
    PutObject
    | DeleteObjects
    | CopyObject
    | PutTags
    | PutObjectAcl
    | PutBucketAcl
    | PutBucketCors
    | SwitchOnDedup
    | CreateBucket
    | DeleteBucket
    | CreateUpload
    | PutPart
    | PutParts
    | CopyPart
    | CompleteUpload
    | AbortUpload
    | RemoveGarbage
    | Dismantle
    | MergeManifest
    | StripManifest
    | ForgetCompleted
)


class Outdated(Exception):
    """What a change was computed from has changed since: read again, and ask again."""

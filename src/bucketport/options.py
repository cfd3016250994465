"""What does a caller ask of a backend? Options in; what comes back is in `model`.

Every option is a value: a condition is judged by the backend inside its commit, so it can travel to another process or
to a cloud. Times are UTC milliseconds unless they say seconds, sizes are bytes.
"""

from collections.abc import Mapping, Sequence

from bucketport.model import NO_HEADERS, PartInfo
from bucketport.record import record

MAX_OBJECT = 5 << 30
"""Bytes of one PUT. Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html (checked 2026-11)"""


@record
class ListQuery:
    """Which keys a listing wants: under `prefix`, grouped by `delimiter` (empty: not), after a position, up to `limit`.

    `after` is a key (exclusive). When `after` is itself a common prefix under this delimiter, everything beneath it is
    skipped too: so the last key or common prefix of a page is the `after` of the next. `token` is a backend's own
    continuation (a cloud's); a backend that gave none is never handed one. `after_id` continues within one key
    (an upload id or a version id).
    """

    prefix: str = ""
    delimiter: str = ""
    after: str = ""
    limit: int = 1000
    token: str | None = None
    after_id: str = ""
    fetch_owner: bool = False


@record
class ReadConditions:
    """If-Match and its kin of a GET, a HEAD or a copy source, as sent (ETags may be lists, weak, or `*`).

    Times are seconds since 1970, None where the header was absent or no date.
    """

    if_match: str | None = None
    if_none_match: str | None = None
    if_modified_since: int | None = None
    if_unmodified_since: int | None = None


@record
class WriteConditions:
    """What must hold inside the commit: `if_match` an ETag or `*`, `if_none_match` an ETag or `*`; quotes taken off.

    `if_match_size` and `if_match_modified` (seconds) are DeleteObject's.
    """

    if_match: str | None = None
    if_none_match: str | None = None
    if_match_size: int | None = None
    if_match_modified: int | None = None


UNCONDITIONAL = ReadConditions()
NO_CONDITIONS = WriteConditions()


@record
class Want:
    """What of an object a read wants: a version, a range (the header as sent) or a part's number, and conditions.

    `extra` holds request headers of S3 that we do not model, for a backend that is S3 itself (the key of SSE-C).
    """

    version: str | None = None
    range: str | None = None
    part_number: int | None = None
    conditions: ReadConditions = UNCONDITIONAL
    extra: Mapping[str, str] = NO_HEADERS


WHOLE = Want()


@record
class PutOptions:
    """How an object is to be stored. `headers` as in ObjectInfo; `tags` in the client's order.

    `extra` holds request headers of S3 that we do not model (encryption, object lock, grants), for a backend that is
    S3 itself; whoever fills it judged that the caller may ask for them.
    """

    owner: str
    headers: Mapping[str, str] = NO_HEADERS
    storage_class: str = "STANDARD"
    acl: str = "private"
    tags: Mapping[str, str] = NO_HEADERS
    conditions: WriteConditions = NO_CONDITIONS
    extra: Mapping[str, str] = NO_HEADERS


@record
class CopyOptions:
    """How a copy differs from its source: None keeps what the source has (`headers`, `tags`).

    `checksum_algorithm` empty: the source's own checksums are kept. `extra` as in PutOptions.
    """

    owner: str
    headers: Mapping[str, str] | None = None
    tags: Mapping[str, str] | None = None
    storage_class: str = "STANDARD"
    acl: str = "private"
    checksum_algorithm: str = ""
    conditions: WriteConditions = NO_CONDITIONS
    extra: Mapping[str, str] = NO_HEADERS


@record
class UploadOptions:
    """How a multipart object is to be stored; `checksum_type` is `COMPOSITE`, `FULL_OBJECT` or empty (none asked).

    `upload_id` (Offer.DRAFTS): the id that the upload is to have, letters and digits. When one of that id is there, or
    was completed not long ago, nothing changes, so it can be asked for again. Empty: a new one.
    `direct` (Offer.DIRECT): clients will be given leave to send its parts themselves (`presign_part`).
    """

    put: PutOptions
    checksum_algorithm: str = ""
    checksum_type: str = ""
    upload_id: str = ""
    direct: bool = False


@record
class CompleteOptions:
    """What CompleteMultipartUpload names: the parts in order (size 0: unknown), and what the whole must be.

    `loose` (Offer.DRAFTS): parts of any size, any number and any order of numbers are taken, in the order given.
    `headers` (Offer.DRAFTS, as in ObjectInfo): they describe the object instead of those that the upload began with.
    """

    parts: Sequence[PartInfo]
    conditions: WriteConditions = NO_CONDITIONS
    checksums: Mapping[str, str] = NO_HEADERS
    checksum_type: str = ""
    size: int | None = None
    loose: bool = False
    headers: Mapping[str, str] | None = None


@record
class DeleteItem:
    """One key of a DeleteObjects request."""

    key: str
    version: str | None = None
    conditions: WriteConditions = NO_CONDITIONS


@record
class RelayedCall:
    """An S3 operation that we do not model, for a backend that is S3 itself. `name` is what S3 calls it.

    `key` None: it is about the bucket. `query` holds the decoded pairs without those that sign a URL. `headers`
    (lower-case names) may be all that the client sent: the backend passes on those of an allow-list, and those in
    `granted`, for which the caller was found to have leave (x-amz-acl, grants, governance bypass).
    """

    name: str
    method: str
    bucket: str
    key: str | None
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""
    granted: frozenset[str] = frozenset()

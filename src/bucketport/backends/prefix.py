"""How does a part of a bucket look like a bucket? A backend that puts a prefix before every key, and takes it off.

Keys, listings, positions, uploads and copy sources pass through here in both directions; nothing outside the prefix
can be named, because every key begins with it, whatever it is. What concerns the bucket as a whole is refused with the
reason.
"""

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar, cast

from bucketport.errors import KeyTooLongError, NotImplemented, S3Error
from bucketport.message import HttpRequest, Response
from bucketport.model import (
    Attributes,
    BucketInfo,
    BucketPage,
    Deleted,
    Entry,
    Found,
    Listing,
    ObjectInfo,
    ObjectName,
    Offer,
    PartInfo,
    PartsPage,
    Stored,
    UploadEntry,
    UploadInfo,
    UploadListing,
    UploadName,
    VersionEntry,
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
from bucketport.ports import Content, DirectBackend, DraftsBackend, RelayBackend, StoreBackend

T = TypeVar("T")

LONGEST = 1024
"""Bytes that a key may have in all. Source: S3, KeyTooLongError."""

_ABOUT_ALL = "This bucket is a part of another one, and the request is about the whole of it."

_HARMLESS = frozenset(
    {
        "GetBucketAccelerateConfiguration",
        "GetBucketEncryption",
        "GetBucketOwnershipControls",
        "GetBucketRequestPayment",
        "GetBucketVersioning",
        "GetObjectLockConfiguration",
    }
)
"""What may be seen of the whole bucket: no answer to these names a key or a prefix."""


def normalise(prefix: str) -> str:
    """A prefix as it is configured (`v2`, `/v2/`), as it stands before keys (`v2/`); empty stays empty."""
    prefix = prefix.removeprefix("/")
    return prefix if not prefix or prefix.endswith("/") else prefix + "/"


class Prefixed:
    """`inner` under a prefix. By `account`, `real` and `copy_real` copies stay native (`remote.copying`)."""

    def __init__(self, inner: StoreBackend, prefix: str) -> None:
        self._inner, self._prefix = inner, normalise(prefix)
        self._cut = len(self._prefix)
        self.offers = inner.offers - {Offer.BUCKETS}
        self.account: str = getattr(inner, "account", f"object {id(inner)}")

    # In and out.

    def _in(self, name: ObjectName) -> ObjectName:
        return ObjectName(name.bucket, self._key(name.key))

    def _key(self, key: str) -> str:
        whole = self._prefix + key
        if len(whole) * 4 > LONGEST and len(whole.encode()) > LONGEST:
            raise KeyTooLongError(fields={"MaxSizeAllowed": str(LONGEST - len(self._prefix.encode()))})
        return whole

    def _upload(self, upload: UploadName) -> UploadName:
        return UploadName(upload.bucket, self._key(upload.key), upload.upload_id)

    def _out(self, key: str) -> str:
        return key[self._cut :] if key.startswith(self._prefix) else ""

    def _ours(self, key: str) -> bool:
        return key.startswith(self._prefix)

    def _query(self, query: ListQuery) -> ListQuery:
        after = self._prefix + query.after if query.after else ""
        return replace(query, prefix=self._prefix + query.prefix, after=after)

    def _info(self, info: ObjectInfo) -> ObjectInfo:
        # Not dataclasses.replace: it costs 4 microseconds, and every GET comes by here.
        return ObjectInfo(
            self._out(info.key), info.size, info.etag, info.modified_ms, info.headers, info.owner, info.storage_class,
            info.acl, info.checksums, info.checksum_type, info.parts_count, info.tags_count, info.version_id,
            info.delete_marker, info.extra,
        )  # fmt: skip

    async def _ask(self, answer: Awaitable[T]) -> T:
        """Await, and take the prefix off what an error says."""
        try:
            return await answer
        except S3Error as error:
            if error.fields.get("Key", "").startswith(self._prefix):
                error.fields["Key"] = self._out(error.fields["Key"])
            raise

    # The calls.

    async def get(self, name: ObjectName, want: Want) -> Found:
        """As `ports.Backend`."""
        found = await self._ask(self._inner.get(self._in(name), want))
        return Found(self._info(found.info), found.body, found.span, found.part)

    async def head(self, name: ObjectName, want: Want) -> Found:
        """As `ports.Backend`."""
        found = await self._ask(self._inner.head(self._in(name), want))
        return Found(self._info(found.info), found.body, found.span, found.part)

    async def put(self, name: ObjectName, content: Content, options: PutOptions) -> Stored:
        """As `ports.Backend`."""
        return await self._ask(self._inner.put(self._in(name), content, options))

    async def delete(self, name: ObjectName, version: str | None, conditions: WriteConditions) -> Deleted:
        """As `ports.Backend`."""
        return await self._ask(self._inner.delete(self._in(name), version, conditions))

    async def delete_many(self, bucket: str, items: Sequence[DeleteItem]) -> Sequence[Deleted | Exception]:
        """As `ports.Backend`."""
        inside = [DeleteItem(self._key(item.key), item.version, item.conditions) for item in items]
        return await self._ask(self._inner.delete_many(bucket, inside))

    async def list(self, bucket: str, query: ListQuery) -> Listing:
        """As `ports.Backend`; the backend's own tokens go through as they are."""
        page = await self._ask(self._inner.list(bucket, self._query(query)))
        cut = self._cut
        # Rows may be plain tuples, and are then too: a thousand of them should not cost a millisecond.
        entries = [cast(Entry, (row[0][cut:], *row[1:])) for row in page.entries if self._ours(row[0])]
        prefixes = [self._out(prefix) for prefix in page.prefixes if self._ours(prefix)]
        return Listing(entries, prefixes, page.truncated, self._out(page.next_after), page.next_token)

    async def bucket(self, name: str) -> BucketInfo:
        """As `ports.BucketBackend`."""
        return await self._inner.bucket(name)

    async def list_buckets(self, owner: str | None, prefix: str, after: str, limit: int) -> BucketPage:
        """As `ports.BucketBackend`."""
        return await self._inner.list_buckets(owner, prefix, after, limit)

    async def create_bucket(self, info: BucketInfo) -> None:
        """Raises: NotImplemented."""
        raise NotImplemented(_ABOUT_ALL)

    async def delete_bucket(self, name: str) -> None:
        """Raises: NotImplemented."""
        raise NotImplemented(_ABOUT_ALL)

    async def copy(self, source: ObjectName, want: Want, name: ObjectName, options: CopyOptions) -> Stored:
        """As `ports.CopyBackend`; both names are under the prefix."""
        return await self._ask(self._inner.copy(self._in(source), want, self._in(name), options))

    def real(self, name: ObjectName) -> ObjectName:
        """The object by its name in the account."""
        inside = self._in(name)
        real = getattr(self._inner, "real", None)
        found: ObjectName = real(inside) if real is not None else inside
        return found

    async def copy_real(self, source: ObjectName, want: Want, name: ObjectName, options: CopyOptions) -> Stored:
        """As `copy`, with the source by its name in the account (`real`)."""
        copy = getattr(self._inner, "copy_real", self._inner.copy)
        return await self._ask(copy(source, want, self._in(name), options))

    async def create_upload(self, name: ObjectName, options: UploadOptions) -> UploadName:
        """As `ports.MultipartBackend`."""
        made = await self._ask(self._inner.create_upload(self._in(name), options))
        return UploadName(name.bucket, name.key, made.upload_id)

    async def upload(self, upload: UploadName) -> UploadInfo:
        """As `ports.MultipartBackend`."""
        info = await self._ask(self._inner.upload(self._upload(upload)))
        return replace(info, upload=upload)

    async def put_part(self, upload: UploadName, number: int, content: Content) -> PartInfo:
        """As `ports.MultipartBackend`."""
        return await self._ask(self._inner.put_part(self._upload(upload), number, content))

    async def copy_part(self, upload: UploadName, number: int, source: ObjectName, want: Want) -> PartInfo:
        """As `ports.MultipartBackend`; both names are under the prefix."""
        return await self._ask(self._inner.copy_part(self._upload(upload), number, self._in(source), want))

    async def copy_part_real(self, upload: UploadName, number: int, source: ObjectName, want: Want) -> PartInfo:
        """As `copy_part`, with the source by its name in the account (`real`)."""
        copy = getattr(self._inner, "copy_part_real", self._inner.copy_part)
        return await self._ask(copy(self._upload(upload), number, source, want))

    async def list_parts(self, upload: UploadName, after: int, limit: int) -> PartsPage:
        """As `ports.MultipartBackend`."""
        page = await self._ask(self._inner.list_parts(self._upload(upload), after, limit))
        return PartsPage(replace(page.info, upload=upload), page.parts, page.next_after)

    async def list_uploads(self, bucket: str, query: ListQuery) -> UploadListing:
        """As `ports.MultipartBackend`."""
        page = await self._ask(self._inner.list_uploads(bucket, self._query(query)))
        entries = [UploadEntry(self._out(row[0]), *row[1:]) for row in page.entries if self._ours(row[0])]
        prefixes = [self._out(prefix) for prefix in page.prefixes if self._ours(prefix)]
        return UploadListing(entries, prefixes, page.truncated, self._out(page.next_after), page.next_id)

    async def complete(self, upload: UploadName, options: CompleteOptions) -> Stored:
        """As `ports.MultipartBackend`."""
        return await self._ask(self._inner.complete(self._upload(upload), options))

    async def digest_parts(self, upload: UploadName, numbers: Sequence[int], algorithm: str) -> str:
        """As `ports.DraftsBackend`."""
        inner = cast(DraftsBackend, self._inner)
        return await self._ask(inner.digest_parts(self._upload(upload), numbers, algorithm))

    async def presign_part(self, upload: UploadName, number: int, seconds: int) -> HttpRequest:
        """As `ports.DirectBackend`."""
        inner = cast(DirectBackend, self._inner)
        return await self._ask(inner.presign_part(self._upload(upload), number, seconds))

    async def abort(self, upload: UploadName) -> None:
        """As `ports.MultipartBackend`."""
        await self._ask(self._inner.abort(self._upload(upload)))

    async def list_versions(self, bucket: str, query: ListQuery) -> VersionListing:
        """As `ports.VersionsBackend`."""
        page = await self._ask(self._inner.list_versions(bucket, self._query(query)))
        entries = [VersionEntry(self._out(row[0]), *row[1:]) for row in page.entries if self._ours(row[0])]
        prefixes = [self._out(prefix) for prefix in page.prefixes if self._ours(prefix)]
        return VersionListing(entries, prefixes, page.truncated, self._out(page.next_after), page.next_id)

    async def tags(self, name: ObjectName, version: str | None) -> Mapping[str, str]:
        """As `ports.TagsBackend`."""
        return await self._ask(self._inner.tags(self._in(name), version))

    async def put_tags(self, name: ObjectName, version: str | None, tags: Mapping[str, str]) -> str | None:
        """As `ports.TagsBackend`."""
        return await self._ask(self._inner.put_tags(self._in(name), version, tags))

    async def object_acl(self, name: ObjectName, version: str | None) -> ObjectInfo:
        """As `ports.AclBackend`."""
        return self._info(await self._ask(self._inner.object_acl(self._in(name), version)))

    async def put_object_acl(self, name: ObjectName, version: str | None, acl: str) -> None:
        """As `ports.AclBackend`."""
        await self._ask(self._inner.put_object_acl(self._in(name), version, acl))

    async def put_bucket_acl(self, bucket: str, acl: str) -> None:
        """Raises: NotImplemented."""
        raise NotImplemented(_ABOUT_ALL)

    async def put_bucket_cors(self, bucket: str, rules: str) -> None:
        """Raises: NotImplemented."""
        raise NotImplemented(_ABOUT_ALL)

    async def attributes(self, name: ObjectName, version: str | None, after: int, limit: int) -> Attributes:
        """As `ports.AttributesBackend`."""
        held = await self._ask(self._inner.attributes(self._in(name), version, after, limit))
        return Attributes(self._info(held.info), held.parts, held.next_after)

    async def relay(self, call: RelayedCall) -> Response:
        """As `ports.RelayBackend`, about keys; of the whole bucket only what names no key. Raises: NotImplemented."""
        if call.key is None:
            if call.name not in _HARMLESS:
                raise NotImplemented(_ABOUT_ALL)
        else:
            call = replace(call, key=self._key(call.key))
        inner: RelayBackend = self._inner  # type: ignore[assignment]
        return await self._ask(inner.relay(call))

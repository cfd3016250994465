"""Where do the bytes live? In a cloud that a dialect knows: this makes a StoreBackend of it.

Every call is a plan of the dialect, run by the sender. What is not the same line for every call is here too: content
becomes an upload, and deletes run side by side where the cloud has no batch of its own.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Generic, TypeVar

from bucketport.backends.remote import upload as uploads
from bucketport.backends.remote.credentials import Keys
from bucketport.backends.remote.dialect import Dialect
from bucketport.backends.remote.sending import Sender, Surroundings
from bucketport.errors import BackendError, NoSuchBucket, NoSuchKey, S3Error
from bucketport.message import HttpRequest, Response
from bucketport.model import (
    Attributes,
    BucketInfo,
    BucketPage,
    Deleted,
    Found,
    Listing,
    ObjectInfo,
    ObjectName,
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
from bucketport.ports import Content

C = TypeVar("C")

SIDE_BY_SIDE = 16
"""Single deletes that run at once for a batch, where the cloud has no batch of its own."""


class Remote(Generic[C]):
    """A cloud as a `ports.StoreBackend`, and as a RelayBackend where the dialect offers it.

    `account` is the text by which one may tell whether two of them can copy natively from one to the other.
    """

    def __init__(self, dialect: Dialect[C], keys: Keys[C], surroundings: Surroundings) -> None:
        self.dialect = dialect
        self.offers = dialect.offers
        self.account = dialect.account
        self._sender = Sender(dialect, keys, surroundings)
        self._run = self._sender.run

    async def get(self, name: ObjectName, want: Want) -> Found:
        """As `ports.Backend`; a long body is a Stream, and breaks off when the cloud's does."""
        try:
            return await self._run(self.dialect.get(name, want))
        except NoSuchKey as absent:
            absent.fields.setdefault("Key", name.key)
            raise

    async def head(self, name: ObjectName, want: Want) -> Found:
        """As `ports.Backend`."""
        return await self._run(self.dialect.head(name, want))

    async def put(self, name: ObjectName, content: Content, options: PutOptions) -> Stored:
        """As `ports.Backend`; the length has to be declared. Raises: MissingContentLength."""
        upload = await uploads.take(content, needs_md5=self.dialect.needs_md5)
        return await self._run(self.dialect.put(name, upload, options))

    async def delete(self, name: ObjectName, version: str | None, conditions: WriteConditions) -> Deleted:
        """As `ports.Backend`."""
        return await self._run(self.dialect.delete(name, version, conditions))

    async def delete_many(self, bucket: str, items: Sequence[DeleteItem]) -> Sequence[Deleted | Exception]:
        """As `ports.Backend`: the cloud's own batch, or single deletes side by side."""
        if self.dialect.batches:
            return await self._run(self.dialect.delete_many(bucket, items)) if items else []
        turns = asyncio.Semaphore(SIDE_BY_SIDE)

        async def one(item: DeleteItem) -> Deleted | Exception:
            async with turns:
                try:
                    return await self.delete(ObjectName(bucket, item.key), item.version, item.conditions)
                except NoSuchBucket:
                    raise  # No key has an answer of its own then.
                except (S3Error, BackendError) as error:
                    return error

        return await asyncio.gather(*[one(item) for item in items])

    async def list(self, bucket: str, query: ListQuery) -> Listing:
        """As `ports.Backend`."""
        return await self._run(self.dialect.list(bucket, query))

    async def bucket(self, name: str) -> BucketInfo:
        """As `ports.BucketBackend`."""
        return await self._run(self.dialect.bucket(name))

    async def list_buckets(self, owner: str | None, prefix: str, after: str, limit: int) -> BucketPage:
        """As `ports.BucketBackend`, but that a cloud does not know our users: all of the account's buckets."""
        return await self._run(self.dialect.list_buckets(prefix, after, limit))

    async def create_bucket(self, info: BucketInfo) -> None:
        """As `ports.BucketBackend`."""
        await self._run(self.dialect.create_bucket(info))

    async def delete_bucket(self, name: str) -> None:
        """As `ports.BucketBackend`."""
        await self._run(self.dialect.delete_bucket(name))

    async def copy(self, source: ObjectName, want: Want, name: ObjectName, options: CopyOptions) -> Stored:
        """As `ports.CopyBackend`, between buckets of this backend."""
        return await self.copy_real(self.dialect.real(source), want, name, options)

    async def copy_real(self, source: ObjectName, want: Want, name: ObjectName, options: CopyOptions) -> Stored:
        """As `copy`, with the source by its bucket's own name in the cloud (`real`, perhaps of another backend)."""
        return await self._run(self.dialect.copy(source, want, name, options))

    def real(self, name: ObjectName) -> ObjectName:
        """The object by its bucket's own name in the cloud."""
        return self.dialect.real(name)

    async def create_upload(self, name: ObjectName, options: UploadOptions) -> UploadName:
        """As `ports.MultipartBackend`."""
        return await self._run(self.dialect.create_upload(name, options))

    async def upload(self, upload: UploadName) -> UploadInfo:
        """As `ports.MultipartBackend`."""
        return await self._run(self.dialect.upload(upload))

    async def put_part(self, upload: UploadName, number: int, content: Content) -> PartInfo:
        """As `ports.MultipartBackend`."""
        taken = await uploads.take(content, needs_md5=self.dialect.needs_md5)
        return await self._run(self.dialect.put_part(upload, number, taken))

    async def copy_part(self, upload: UploadName, number: int, source: ObjectName, want: Want) -> PartInfo:
        """As `ports.MultipartBackend`, between buckets of this backend."""
        return await self.copy_part_real(upload, number, self.dialect.real(source), want)

    async def copy_part_real(self, upload: UploadName, number: int, source: ObjectName, want: Want) -> PartInfo:
        """As `copy_part`, with the source by its bucket's own name in the cloud."""
        return await self._run(self.dialect.copy_part(upload, number, source, want))

    async def list_parts(self, upload: UploadName, after: int, limit: int) -> PartsPage:
        """As `ports.MultipartBackend`."""
        return await self._run(self.dialect.list_parts(upload, after, limit))

    async def list_uploads(self, bucket: str, query: ListQuery) -> UploadListing:
        """As `ports.MultipartBackend`."""
        return await self._run(self.dialect.list_uploads(bucket, query))

    async def complete(self, upload: UploadName, options: CompleteOptions) -> Stored:
        """As `ports.MultipartBackend`."""
        return await self._run(self.dialect.complete(upload, options))

    async def presign_part(self, upload: UploadName, number: int, seconds: int) -> HttpRequest:
        """As `ports.DirectBackend`; it is over sooner when the key is temporary and is."""
        return await self._sender.presign(lambda key, now: self.dialect.presign_part(upload, number, seconds, key, now))

    async def abort(self, upload: UploadName) -> None:
        """As `ports.MultipartBackend`."""
        await self._run(self.dialect.abort(upload))

    async def list_versions(self, bucket: str, query: ListQuery) -> VersionListing:
        """As `ports.VersionsBackend`."""
        return await self._run(self.dialect.list_versions(bucket, query))

    async def tags(self, name: ObjectName, version: str | None) -> Mapping[str, str]:
        """As `ports.TagsBackend`."""
        return await self._run(self.dialect.tags(name, version))

    async def put_tags(self, name: ObjectName, version: str | None, tags: Mapping[str, str]) -> str | None:
        """As `ports.TagsBackend`."""
        return await self._run(self.dialect.put_tags(name, version, tags))

    async def object_acl(self, name: ObjectName, version: str | None) -> ObjectInfo:
        """As `ports.AclBackend`."""
        return await self._run(self.dialect.object_acl(name, version))

    async def put_object_acl(self, name: ObjectName, version: str | None, acl: str) -> None:
        """As `ports.AclBackend`."""
        await self._run(self.dialect.put_object_acl(name, version, acl))

    async def put_bucket_acl(self, bucket: str, acl: str) -> None:
        """As `ports.AclBackend`."""
        await self._run(self.dialect.put_bucket_acl(bucket, acl))

    async def put_bucket_cors(self, bucket: str, rules: str) -> None:
        """As `ports.CorsBackend`."""
        await self._run(self.dialect.put_bucket_cors(bucket, rules))

    async def attributes(self, name: ObjectName, version: str | None, after: int, limit: int) -> Attributes:
        """As `ports.AttributesBackend`."""
        return await self._run(self.dialect.attributes(name, version, after, limit))

    async def relay(self, call: RelayedCall) -> Response:
        """As `ports.RelayBackend`."""
        return await self._run(self.dialect.relay(call))

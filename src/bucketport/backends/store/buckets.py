"""Which buckets and keys are there? Buckets, and the listings of what is in them."""

from bucketport.backends.store.base import KNOWN, Base
from bucketport.backends.store.index import listing
from bucketport.backends.store.index.changes import CreateBucket, DeleteBucket, PutBucketCors, SwitchOnDedup
from bucketport.model import (
    BucketInfo,
    BucketPage,
    Entry,
    Listing,
    UploadEntry,
    UploadListing,
    VersionEntry,
    VersionListing,
)
from bucketport.options import ListQuery


class Buckets(Base):
    """Buckets and listings."""

    async def bucket(self, name: str) -> BucketInfo:
        """Raises: NoSuchBucket."""
        info = self._known.get(name)
        if info is None:
            if len(self._known) >= KNOWN:
                self._known.clear()
            info = self._known[name] = self._read.bucket(name)
        return info

    async def list_buckets(self, owner: str | None, prefix: str, after: str, limit: int) -> BucketPage:
        """The buckets of that owner (None: everybody's), by name."""
        if limit <= 0:
            return BucketPage([])
        found = self._read.buckets(owner, prefix, after, limit + 1)
        page = found[:limit]
        return BucketPage(page, page[-1].name if len(found) > limit else "")

    async def create_bucket(self, info: BucketInfo) -> None:
        """Raises: BucketAlreadyOwnedByYou, BucketAlreadyExists (somebody else's)."""
        await self._submit(CreateBucket(info), self._forget_bucket(info.name))

    async def delete_bucket(self, name: str) -> None:
        """Unfinished uploads go with it. Raises: BucketNotEmpty."""
        await self._submit(DeleteBucket(name), self._forget_bucket(name))

    async def put_bucket_cors(self, bucket: str, rules: str) -> None:
        """Set a bucket's CORS rules, kept as they are; empty: remove them."""
        await self._submit(PutBucketCors(bucket, rules), self._forget_bucket(bucket))

    async def set_dedup(self, bucket: str) -> None:
        """Keep equal content that is put there from now on once; costs nothing when it is so already.

        What the bucket holds by then stays as it is. Raises: NoSuchBucket.
        """
        if not self._dedups(bucket):
            await self._submit(SwitchOnDedup(bucket), self._forget_bucket(bucket))

    async def list(self, bucket: str, query: ListQuery) -> Listing:
        """A page of keys."""
        number = self._read.bucket_number(bucket)
        page = listing.page(self._read, number, query, listing.ENTRIES)
        entries: list[Entry] = page.rows  # type: ignore[assignment]
        return Listing(entries, page.prefixes, page.truncated, page.last if page.truncated else "")

    async def list_versions(self, bucket: str, query: ListQuery) -> VersionListing:
        """A page of versions, newest of a key first; `query.after` and `query.after_id` are the markers."""
        number = self._read.bucket_number(bucket)
        page = listing.page(self._read, number, query, listing.VERSIONS)
        entries: list[VersionEntry] = page.rows  # type: ignore[assignment]
        if not page.truncated:
            return VersionListing(entries, page.prefixes)
        last_is_key = bool(entries) and entries[-1][0] == page.last
        return VersionListing(entries, page.prefixes, True, page.last, entries[-1][6] if last_is_key else "")

    async def list_uploads(self, bucket: str, query: ListQuery) -> UploadListing:
        """Uploads under way, by key and then by start; `query.after` and `query.after_id` are the markers."""
        number = self._read.bucket_number(bucket)
        rows, prefixes, truncated = listing.uploads_page(self._read, number, query)
        entries: list[UploadEntry] = rows  # type: ignore[assignment]
        if not truncated:
            return UploadListing(entries, prefixes)
        if entries and (not prefixes or entries[-1][0] > prefixes[-1]):
            return UploadListing(entries, prefixes, True, entries[-1][0], entries[-1][1])
        return UploadListing(entries, prefixes, True, prefixes[-1] if prefixes else "", "")

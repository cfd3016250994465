"""Where does a bucket's name lead on a server with a store of its own? Always into the store.

Looking a bucket up is a read of the store's index (three microseconds), so nothing is kept here that could be stale.
"""

from collections.abc import Collection

from bucketport.model import BucketInfo, BucketPage, Identity, Scope
from bucketport.mounts import Mount
from bucketport.ports import StoreBackend


class EmbeddedBuckets:
    """The buckets of one backend. `public` names those that everybody may read and list."""

    def __init__(self, backend: StoreBackend, public: Collection[str] = ()) -> None:
        self._backend, self._public = backend, frozenset(public)

    async def find(self, bucket: str, caller: Identity) -> Mount:
        """Raises: NoSuchBucket."""
        info = await self._backend.bucket(bucket)
        return Mount(
            bucket, self._backend, info.owner, info.acl, info.region, info.created_ms, bucket in self._public
        )  # fmt: skip

    async def list(self, caller: Identity, prefix: str, after: str, limit: int) -> BucketPage:
        """The caller's own; with a key that has scopes, the buckets that its scopes name, whoever owns them."""
        if caller.scopes is None:
            return await self._backend.list_buckets(caller.user, prefix, after, limit)
        found: list[BucketInfo] = []
        while True:
            page = await self._backend.list_buckets(None, prefix, after, limit)
            found += [info for info in page.buckets if _named(caller.scopes, info.name)]
            after = page.next_after
            if len(found) > limit:
                return BucketPage(found[:limit], found[limit - 1].name)
            if not after:
                return BucketPage(found)

    async def create(self, info: BucketInfo, caller: Identity) -> None:
        """Raises: BucketAlreadyOwnedByYou, BucketAlreadyExists."""
        await self._backend.create_bucket(info)


def _named(scopes: Collection[Scope], bucket: str) -> bool:
    return any(scope.bucket in ("*", bucket) for scope in scopes)

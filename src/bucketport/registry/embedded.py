"""Where does a bucket's name lead on a server with a store of its own? Always into the store.

The backend is asked each time; a mount is made anew when it answers with another row than before, so none is stale.
"""

from collections.abc import Collection

from bucketport.model import BucketInfo, BucketPage, Identity
from bucketport.mounts import Mount
from bucketport.ports import StoreBackend
from bucketport.registry.gateway import uses

KEPT = 4096
"""Mounts that are kept."""


class EmbeddedBuckets:
    """The buckets of one backend. `public` names those that everybody may read and list."""

    def __init__(self, backend: StoreBackend, public: Collection[str] = ()) -> None:
        self._backend, self._public = backend, frozenset(public)
        self._mounts: dict[str, tuple[BucketInfo, Mount]] = {}

    async def find(self, bucket: str, caller: Identity) -> Mount:
        """Raises: NoSuchBucket."""
        info = await self._backend.bucket(bucket)
        kept = self._mounts.get(bucket)
        if kept is not None and kept[0] is info:
            return kept[1]
        public = bucket in self._public
        mount = Mount(
            bucket, self._backend, info.owner, info.acl, info.region, info.created_ms, public, info.cors
        )  # fmt: skip
        if len(self._mounts) >= KEPT:
            self._mounts.clear()
        self._mounts[bucket] = info, mount
        return mount

    async def list(self, caller: Identity, prefix: str, after: str, limit: int) -> BucketPage:
        """The caller's own; with a key that has scopes, the buckets that its scopes name, whoever owns them."""
        if caller.scopes is None:
            return await self._backend.list_buckets(caller.user, prefix, after, limit)
        found: list[BucketInfo] = []
        while True:
            page = await self._backend.list_buckets(None, prefix, after, limit)
            found += [info for info in page.buckets if uses(caller, info.name)]
            after = page.next_after
            if len(found) > limit:
                return BucketPage(found[:limit], found[limit - 1].name)
            if not after:
                return BucketPage(found)

    async def create(self, info: BucketInfo, caller: Identity) -> None:
        """Raises: BucketAlreadyOwnedByYou, BucketAlreadyExists."""
        await self._backend.create_bucket(info)

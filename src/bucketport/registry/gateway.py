"""Where does a bucket's name lead in a gateway? To what the configuration says; the rest to an account or the store.

A configured bucket shadows one of the same name behind it. ListBuckets shows what the caller may use.
"""

from collections.abc import Callable, Mapping

from bucketport.errors import AccessDenied, BucketAlreadyExists, NoSuchBucket
from bucketport.model import BucketInfo, BucketPage, Identity
from bucketport.mounts import Buckets, Mount
from bucketport.ports import StoreBackend


class Gateway:
    """A registry of configured buckets before another registry (None: nothing is behind them)."""

    def __init__(self, mounts: Mapping[str, Mount], behind: Buckets | None) -> None:
        self._mounts = dict(sorted(mounts.items()))
        self._behind = behind

    async def find(self, bucket: str, caller: Identity) -> Mount:
        """Raises: NoSuchBucket."""
        mount = self._mounts.get(bucket)
        if mount is not None:
            return mount
        if self._behind is None:
            raise NoSuchBucket(fields={"BucketName": bucket})
        return await self._behind.find(bucket, caller)

    async def list(self, caller: Identity, prefix: str, after: str, limit: int) -> BucketPage:
        """The configured buckets that the caller may use, merged by name with those behind."""
        found = {
            name: BucketInfo(name, mount.owner, mount.created_ms, mount.region, mount.acl)
            for name, mount in self._mounts.items()
            if name.startswith(prefix) and name > after and uses(caller, name)
        }
        last = ""
        if self._behind is not None:
            page = await self._behind.list(caller, prefix, after, limit)
            last = page.next_after
            found = {info.name: info for info in page.buckets} | found
        # What lies past the end of the other page belongs to a later page here too.
        names = sorted(name for name in found if not last or name <= last)
        if len(names) > limit:
            last = names[limit - 1]
        return BucketPage([found[name] for name in names[:limit]], last)

    async def create(self, info: BucketInfo, caller: Identity) -> None:
        """Behind the configured ones. Raises: BucketAlreadyExists, AccessDenied where there is no place for it."""
        if info.name in self._mounts:
            raise BucketAlreadyExists(fields={"BucketName": info.name})
        if self._behind is None:
            raise AccessDenied(
                reason="the configuration names all buckets; set [store] or [default_backend] to make more"
            )
        await self._behind.create(info, caller)


def uses(caller: Identity, bucket: str) -> bool:
    """Whether any scope of the caller's key speaks of that bucket; a key without scopes speaks of all."""
    if caller.scopes is None:
        return not caller.anonymous
    return any(scope.bucket in ("*", bucket) for scope in caller.scopes)


class Account:
    """Every bucket of a cloud account under the name it has there.

    `backend_of` gives each caller the backend that acts with their keys there.
    """

    def __init__(self, backend_of: Callable[[Identity], StoreBackend], *, anonymous_read: bool, region: str) -> None:
        self._backend_of, self._anonymous_read, self._region = backend_of, anonymous_read, region

    async def find(self, bucket: str, caller: Identity) -> Mount:
        """Always there: the account itself says NoSuchBucket when it is asked.

        Strangers read what the account shows to strangers. A key goes there with keys that may see more, so it does
        what its scopes say and no more.
        """
        public = self._anonymous_read and caller.anonymous
        return Mount(
            bucket, self._backend_of(caller), region=self._region, anonymous_read=public, sure=False
        )  # fmt: skip

    async def list(self, caller: Identity, prefix: str, after: str, limit: int) -> BucketPage:
        """The account's buckets that the caller may use."""
        page = await self._backend_of(caller).list_buckets(None, prefix, after, limit)
        return BucketPage([info for info in page.buckets if uses(caller, info.name)], page.next_after)

    async def create(self, info: BucketInfo, caller: Identity) -> None:
        """Make it there."""
        await self._backend_of(caller).create_bucket(info)

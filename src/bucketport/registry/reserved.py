"""Which names may no new bucket have? Those whose paths another surface answers; buckets that are there stay."""

from bucketport.errors import InvalidBucketName
from bucketport.model import BucketInfo, BucketPage, Identity
from bucketport.mounts import Buckets


class Reserved:
    """A registry of buckets in which some names cannot be made."""

    def __init__(self, behind: Buckets, names: frozenset[str]) -> None:
        self._behind, self._names = behind, names
        self.find = behind.find  # called for every request: nothing stands between

    async def list(self, caller: Identity, prefix: str, after: str, limit: int) -> BucketPage:
        """As behind."""
        return await self._behind.list(caller, prefix, after, limit)

    async def create(self, info: BucketInfo, caller: Identity) -> None:
        """As behind. Raises: InvalidBucketName for one of the names."""
        if info.name in self._names:
            raise InvalidBucketName(
                f"The bucket name {info.name} is reserved: its path belongs to uploads for apps.",
                fields={"BucketName": info.name},
            )
        await self._behind.create(info, caller)

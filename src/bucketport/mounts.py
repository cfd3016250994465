"""Where does a bucket's name lead, and how do copies get from one place to another? Mounts, and who knows them."""

from typing import Protocol

from bucketport.model import BucketInfo, BucketPage, Identity, ObjectName, PartInfo, Stored, UploadName
from bucketport.options import CopyOptions, Want
from bucketport.ports import StoreBackend
from bucketport.record import record


@record
class Mount:
    """Where a bucket's name leads: a backend, and what is known of the bucket before its content is touched.

    `anonymous_read`: GET, HEAD and LIST need no signature there. `owner` empty: the gateway itself owns it. `cors`: the
    bucket's CORS rules, as `model.BucketInfo` has them. `sure` False: nobody looked whether there is such a bucket.
    """

    bucket: str
    backend: StoreBackend
    owner: str = ""
    acl: str = "private"
    region: str = "us-east-1"
    created_ms: int = 0
    anonymous_read: bool = False
    cors: str = ""
    sure: bool = True


@record
class Located:
    """An object and the backend that holds it, or is to hold it."""

    backend: StoreBackend
    name: ObjectName


class Copier(Protocol):
    """Copies between the backends of two buckets: natively where they can, else by streaming through here."""

    async def copy(self, source: Located, want: Want, target: Located, options: CopyOptions) -> Stored:
        """Raises: as `CopyBackend.copy`; nothing is left when it fails."""
        ...

    async def copy_part(
        self, source: Located, want: Want, target: StoreBackend, upload: UploadName, number: int
    ) -> PartInfo:
        """Raises: as `MultipartBackend.copy_part`."""
        ...


class Buckets(Protocol):
    """The registry of buckets: which name leads where, and who may see it."""

    async def find(self, bucket: str, caller: Identity) -> Mount:
        """Where the name leads. A whole account behind one address may lead each caller there with keys of their own.

        Raises: NoSuchBucket.
        """
        ...

    async def list(self, caller: Identity, prefix: str, after: str, limit: int) -> BucketPage:
        """The buckets that the caller may use, by name."""
        ...

    async def create(self, info: BucketInfo, caller: Identity) -> None:
        """Raises: BucketAlreadyOwnedByYou, BucketAlreadyExists, AccessDenied where buckets are fixed."""
        ...

"""What does an extension look like? One of each kind, as small as it can be and still be of use."""

import hmac

from bucketport.backends.memory import Memory
from bucketport.config.extensions import Means
from bucketport.errors import AccessDenied, InvalidAccessKeyId, NoSuchBucket
from bucketport.message import Request
from bucketport.model import BucketInfo, BucketPage, Credential, Identity, ObjectName, Secret, Stored
from bucketport.mounts import Buckets, Mount
from bucketport.options import PutOptions
from bucketport.ports import Content, Credentials, Proof


class Told(Memory):
    """A backend in memory that tells of every object that it stores."""

    def __init__(self, means: Means) -> None:
        super().__init__(now=means.now, new_id=means.new_id, digests=means.digests)
        self._report = means.report

    async def put(self, name: ObjectName, content: Content, options: PutOptions) -> Stored:
        """As any backend; the content has passed its checks when this returns."""
        stored = await super().put(name, content, options)
        self._report(f"stored {name.bucket}/{name.key}: {stored.size} bytes of {options.owner}")
        return stored


def told(means: Means) -> Told:
    """The entry point: `backend_type = "told"`."""
    return Told(means)


class Derived:
    """Keys `USER-anything` whose secrets follow from one master secret: none of them is stored anywhere."""

    def __init__(self, master: str) -> None:
        self._master = master.encode()

    async def find(self, access_key: str) -> Credential | None:
        """The key; None when its name is no name of ours."""
        user, mark, _ = access_key.partition("-")
        if not user or not mark:
            return None
        return Credential(access_key, Secret(self.secret_of(access_key)), user)

    def secret_of(self, access_key: str) -> str:
        """What to give to the key's holder."""
        return hmac.new(self._master, access_key.encode(), "sha256").hexdigest()[:40]


def derived(means: Means) -> Derived:
    """The entry point. Raises: ValueError, which the server says with the line of the configuration."""
    if "master" not in means.options:
        raise ValueError("options need a master secret")
    return Derived(means.options["master"])


class Tenants:
    """Buckets are called `USER-anything`; nobody can find, see or make one that is called after somebody else."""

    def __init__(self, behind: Buckets) -> None:
        self._behind = behind

    async def find(self, bucket: str, caller: Identity) -> Mount:
        """Raises: NoSuchBucket."""
        if not bucket.startswith(f"{caller.user}-"):
            raise NoSuchBucket(fields={"BucketName": bucket})
        return await self._behind.find(bucket, caller)

    async def list(self, caller: Identity, prefix: str, after: str, limit: int) -> BucketPage:
        """What is behind, as far as it is the caller's."""
        page = await self._behind.list(caller, prefix, after, limit)
        return BucketPage([row for row in page.buckets if row.name.startswith(f"{caller.user}-")], page.next_after)

    async def create(self, info: BucketInfo, caller: Identity) -> None:
        """Raises: AccessDenied."""
        if not info.name.startswith(f"{caller.user}-"):
            raise AccessDenied(reason=f"{caller.user} makes buckets whose names begin with {caller.user}-")
        await self._behind.create(info, caller)


def tenants(means: Means, behind: Buckets) -> Tenants:
    """The entry point: it stands before whatever registry there is."""
    return Tenants(behind)


class Bearer:
    """`Authorization: Bearer ACCESS:SECRET`, for tools that cannot sign. Over TLS only: it sends the secret itself."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def recognizes(self, request: Request) -> bool:
        """Whether it is this way that the request tries; exactly one may be tried."""
        return request.headers.get("authorization", "").startswith("Bearer ")

    async def authenticate(self, request: Request, now: float) -> Proof:
        """Who it is. Raises: InvalidAccessKeyId, whatever was wrong; the log tells it apart."""
        access_key, _, secret = request.headers["authorization"].removeprefix("Bearer ").partition(":")
        found = await self._credentials.find(access_key)
        if found is None or not hmac.compare_digest(found.secret.reveal().encode(), secret.encode("latin-1")):
            raise InvalidAccessKeyId(reason="no such key, or another secret")
        if not found.enabled or (found.expires_at is not None and now >= found.expires_at):
            raise InvalidAccessKeyId(reason="the key is disabled or expired")
        return Proof(Identity(found.user, found.access_key, found.scopes), "UNSIGNED-PAYLOAD")


def bearer(means: Means, credentials: Credentials) -> Bearer:
    """The entry point: `credentials` are all registries of keys as one."""
    return Bearer(credentials)

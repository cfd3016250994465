"""Where do the names of buckets lead? Configured ones to their backends, the rest to an account or the store."""

from bucketport.backends.store.store import Store
from bucketport.config.model import DefaultBackend, Settings
from bucketport.config.remotes import Backends
from bucketport.model import Identity
from bucketport.ports import Buckets, Mount, StoreBackend
from bucketport.registry.embedded import EmbeddedBuckets
from bucketport.registry.gateway import Account, Gateway


def registry(settings: Settings, store: Store | None, backends: Backends, started_ms: int) -> Buckets:
    """The registry of buckets that the settings describe. `started_ms` is the date that configured ones show.

    Raises: UsageError.
    """
    behind: Buckets | None = None
    if settings.default_backend is not None:
        behind = _account(settings, settings.default_backend, backends)
    elif store is not None:
        behind = EmbeddedBuckets(store, settings.store_settings.public)
    if not settings.buckets and behind is not None:
        return behind
    mounts = {
        row.name: Mount(
            row.name,
            backends.bucket(row.name, row.backend_type, row.backend_prefix, row.backend_options),
            region=row.backend_options.get("region") or settings.server.region or "us-east-1",
            created_ms=started_ms,
            anonymous_read=row.anonymous_access,
        )
        for row in settings.buckets
    }
    return Gateway(mounts, behind)


def _account(settings: Settings, row: DefaultBackend, backends: Backends) -> Account:
    """A whole account: each user with the keys that are theirs there, strangers with none."""
    shared = backends.backend(row.backend_type, row.backend_options)
    own = {
        user.principal_name: backends.backend(row.backend_type, row.backend_options | user.backend_options)
        for user in row.users
    }
    unsigned = backends.backend(row.backend_type, row.backend_options | {"skip_signature": "true"})

    def backend_of(caller: Identity) -> StoreBackend:
        if caller.anonymous:
            return unsigned if row.anonymous_access else shared
        return own.get(caller.user, shared)

    region = row.backend_options.get("region") or settings.server.region or "us-east-1"
    return Account(backend_of, anonymous_read=row.anonymous_access, region=region)

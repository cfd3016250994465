"""Where do the names of buckets lead? Configured ones to their backends, the rest to an account or the store."""

from bucketport.backends.store.store import Store
from bucketport.config.model import Settings
from bucketport.config.trouble import UsageError
from bucketport.ports import Buckets
from bucketport.registry.embedded import EmbeddedBuckets


def registry(settings: Settings, store: Store | None) -> Buckets:
    """The registry of buckets that the settings describe. Raises: UsageError."""
    if settings.buckets or settings.default_backend or store is None:
        raise UsageError("Buckets that lead to other backends are not served yet.")
    return EmbeddedBuckets(store, settings.store_settings.public)

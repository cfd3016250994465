"""Who is known, which buckets are there, and how may one say who one is? What is configured, and what packages add.

Extensions are made anew each time, for their options may have changed.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from bucketport.config import extensions, mounts
from bucketport.config.load import Loaded, written
from bucketport.config.remotes import Backends
from bucketport.config.scopes import credential_of
from bucketport.config.trouble import BadConfiguration, Problem, UsageError
from bucketport.identity.header import HeaderSignature
from bucketport.identity.presigned import PresignedUrl
from bucketport.identity.presigned_v2 import PresignedUrlV2
from bucketport.mounts import Buckets
from bucketport.ports import Credentials, Method, StoreBackend
from bucketport.registry.static import Chain, StaticCredentials


def all_credentials(loaded: Loaded, stored: Sequence[Credentials], backends: Backends) -> Credentials:
    """The configured keys, then those of `stored`, then extensions'. Raises: BadConfiguration."""
    configured = StaticCredentials(credential_of(row) for row in loaded.settings.credentials)
    return Chain((configured, *stored, *_made(loaded, backends, "credentials")))


def all_buckets(loaded: Loaded, store: StoreBackend | None, backends: Backends, started_ms: int) -> Buckets:
    """The configured registry behind those of extensions, of which the first is asked first.

    Raises: BadConfiguration.
    """
    registry = mounts.registry(loaded, store, backends, started_ms)
    for number, row in reversed(list(enumerate(loaded.settings.extensions))):
        if row.kind == "buckets":
            registry = _make(loaded, backends, number, registry)
    return registry


def all_methods(loaded: Loaded, credentials: Credentials, backends: Backends) -> tuple[Method, ...]:
    """S3's own ways and those of extensions. Raises: BadConfiguration."""
    region, mapped = loaded.settings.server.region, loaded.settings.paths.bucket_segments > 1
    return (
        HeaderSignature(credentials, region),
        PresignedUrl(credentials, region),
        PresignedUrlV2(credentials, loaded.settings.server.domains, mapped=mapped),
        *_made(loaded, backends, "methods", credentials),
    )


def _made(loaded: Loaded, backends: Backends, kind: str, *more: object) -> Iterator[Any]:
    for number, row in enumerate(loaded.settings.extensions):
        if row.kind == kind:
            yield _make(loaded, backends, number, *more)


def _make(loaded: Loaded, backends: Backends, number: int, *more: object) -> Any:
    row = loaded.settings.extensions[number]
    try:
        return extensions.make(row.kind, row.name, backends.means(row.options), *more)
    except UsageError as error:
        path = ("extensions", number)
        raise BadConfiguration([Problem(loaded.place(path), written(path), str(error))]) from error

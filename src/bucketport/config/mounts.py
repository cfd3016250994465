"""Where do the names of buckets lead? Configured ones to their backends, the rest to an account or the store."""

from collections.abc import Callable
from typing import TypeVar

from bucketport.config.lines import Path
from bucketport.config.load import Loaded, written
from bucketport.config.model import Bucket, DefaultBackend, Settings
from bucketport.config.options import canonical
from bucketport.config.remotes import Backends
from bucketport.config.trouble import BadConfiguration, Problem, UsageError
from bucketport.model import Identity
from bucketport.mounts import Buckets, Mount
from bucketport.ports import StoreBackend
from bucketport.registry.embedded import EmbeddedBuckets
from bucketport.registry.gateway import Account, Gateway
from bucketport.wire.cors import to_json

T = TypeVar("T")


def registry(loaded: Loaded, store: StoreBackend | None, backends: Backends, started_ms: int) -> Buckets:
    """The registry of buckets that the settings describe. `started_ms` is the date that configured ones show.

    Raises: BadConfiguration with every backend that cannot be used, and its line.
    """
    settings = loaded.settings
    problems: list[Problem] = []

    def attempt(path: Path, make: Callable[[], T]) -> T | None:
        try:
            return make()
        except UsageError as error:
            problems.append(Problem(loaded.place(path), written(path), str(error)))
            return None

    behind: Buckets | None = None
    account = settings.default_backend
    if account is not None:
        behind = attempt(("default_backend",), lambda: _account(settings, account, backends))
    elif store is not None:
        behind = EmbeddedBuckets(store, settings.store_settings.public)
    mounts: dict[str, Mount] = {}
    for number, row in enumerate(settings.buckets):
        mount = attempt(("buckets", number), lambda row=row: _mount(settings, row, backends, started_ms))  # type: ignore[misc]
        if mount is not None:
            mounts[row.name] = mount
    if problems:
        raise BadConfiguration(problems)
    return Gateway(mounts, behind) if settings.buckets or behind is None else behind


def _mount(settings: Settings, row: Bucket, backends: Backends, started_ms: int) -> Mount:
    return Mount(
        row.name,
        backends.bucket(row.name, row.backend_type, row.backend_prefix, row.backend_options),
        region=canonical(row.backend_type, row.backend_options).get("region") or settings.server.region or "us-east-1",
        created_ms=started_ms,
        anonymous_read=row.anonymous_access,
        cors=to_json([rule.rule() for rule in row.cors]) if row.cors else "",
    )


def _account(settings: Settings, row: DefaultBackend, backends: Backends) -> Account:
    """A whole account: each user with the keys that are theirs there, strangers with none."""
    kind, options = row.backend_type, canonical(row.backend_type, row.backend_options)
    shared = backends.backend(kind, options)
    own = {
        user.principal_name: backends.backend(kind, options | canonical(kind, user.backend_options))
        for user in row.users
    }
    unsigned = backends.backend(kind, options | {"skip_signature": "true"})

    def backend_of(caller: Identity) -> StoreBackend:
        if caller.anonymous:
            return unsigned if row.anonymous_access else shared
        return own.get(caller.user, shared)

    region = options.get("region") or settings.server.region or "us-east-1"
    return Account(backend_of, anonymous_read=row.anonymous_access, region=region)

"""Of what are uploads for apps put together? What they keep open, and their surface on it.

This is imported only where a key for them is set.
"""

from typing import TYPE_CHECKING

from bucketport.access.cors import Cors
from bucketport.api.uploads.context import Services
from bucketport.api.uploads.context import Settings as SurfaceSettings
from bucketport.api.uploads.presign import RESERVED
from bucketport.api.uploads.surface import UploadsApi
from bucketport.backends.store.base import Settings as StoreSettings
from bucketport.backends.store.open import open_store
from bucketport.backends.store.store import Store
from bucketport.backends.store.trouble import CannotOpen
from bucketport.config.kept_secret import kept_secret
from bucketport.config.keys import MAIN_USER
from bucketport.config.model import Settings
from bucketport.config.model_uploads import Uploads as Chosen
from bucketport.config.trouble import DataUnusable
from bucketport.errors import BackendError, BucketAlreadyExists, BucketAlreadyOwnedByYou
from bucketport.identity.bearer import ApiKey, Bearer
from bucketport.identity.ticket import TicketUrl
from bucketport.metering.prometheus import Reading
from bucketport.model import BucketInfo, Secret
from bucketport.mounts import Buckets
from bucketport.registry.sqlite_uploads import SqliteSessions
from bucketport.sessions import STAGING
from bucketport.wire.cors import Rule
from bucketport.wire.forwarded import Proxies

if TYPE_CHECKING:
    from bucketport.config.build import Foundation

KEPT = "uploads.secret"
"""The file of the secret that is made when none is given."""

NO_CLOUDS = frozenset({"local", "memory"})
"""Kinds of backends that gather uploads in their own place."""

EXPOSED = (
    "ETag", "Content-Range", "Content-Length", "Content-Disposition", "Accept-Ranges", "Last-Modified", "Location",
    "Tus-Resumable", "Tus-Version", "Tus-Extension", "Tus-Max-Size", "Tus-Checksum-Algorithm", "Upload-Offset",
    "Upload-Length", "Upload-Expires", "Upload-Metadata", "Upload-Concat", "x-amz-request-id",
)  # fmt: skip
"""Answer headers that pages may read: what a download says of itself, and tus."""

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
PREFLIGHT_SECONDS = 3600


class UploadsFoundation:
    """What is opened once: the registry of sessions, the staging store, the secret.

    Make it on the event loop's thread. Raises: DataUnusable.
    """

    reserved = RESERVED
    """Names that no new bucket may have."""

    def __init__(self, settings: Settings, foundation: "Foundation") -> None:
        self._folder, self._foundation, self._surroundings = settings.server.data, foundation, foundation.surroundings
        self._secret: Secret | None = None
        try:
            self.sessions = SqliteSessions(self._folder)
        except BackendError as error:
            raise DataUnusable(f"The uploads in the data folder cannot be used: {error.detail}") from error
        self.staging = open_staging(self._folder, foundation) if has_cloud(settings) else None

    async def begin(self) -> None:
        """Make what cannot be made without waiting. Raises: DataUnusable."""
        if self.staging is None:
            return
        info = BucketInfo(STAGING, MAIN_USER, int(self._surroundings.now() * 1000))
        try:
            await self.staging.create_bucket(info)
        except (BucketAlreadyOwnedByYou, BucketAlreadyExists):
            return
        except BackendError as error:
            raise DataUnusable(f"The staging store cannot be used: {error.detail}.") from error

    def secrets(self, chosen: Chosen) -> tuple[Secret, ...]:
        """What is signed with: those that were given, else one that is kept in the data folder."""
        if chosen.hmac_secrets:
            return tuple(chosen.hmac_secrets)
        if self._secret is None:
            self._secret = kept_secret(f"{self._folder}/{KEPT}", self._surroundings.entropy)
        return (self._secret,)

    def surface(self, settings: Settings, buckets: Buckets, proxies: Proxies | None) -> UploadsApi:
        """The surface that these settings describe. Raises: DataUnusable."""
        chosen, surroundings = settings.uploads, self._surroundings
        keys = [ApiKey(row.name, row.key, () if "*" in row.buckets else tuple(row.buckets)) for row in chosen.keys]
        return UploadsApi(
            Services(
                buckets,
                self._foundation.digests,
                surroundings.now,
                surroundings.entropy,
                _surface_settings(settings, proxies),
                key=Bearer(keys, chosen.user),
                ticket=TicketUrl(self.secrets(chosen), chosen.user),
            )
        )

    def readings(self) -> list[Reading]:
        """What metrics show of it."""
        return []

    async def close(self) -> None:
        """Let everything go."""
        self.sessions.close()
        if self.staging is not None:
            await self.staging.close()


def open_staging(folder: str, foundation: "Foundation") -> Store:
    """The store in which uploads to clouds gather. Raises: DataUnusable."""
    surroundings = foundation.surroundings
    try:
        return open_store(
            f"{folder}/staging",
            now=surroundings.now,
            entropy=surroundings.entropy,
            digests=foundation.digests,
            log=surroundings.report,
            settings=StoreSettings(reserve_bytes=0),
        )
    except CannotOpen as error:
        raise DataUnusable(str(error)) from error


def has_cloud(settings: Settings) -> bool:
    """Whether some bucket may lie where drafts cannot: in a cloud, or where another package keeps it."""
    account = settings.default_backend
    kinds = [row.backend_type for row in settings.buckets] + ([account.backend_type] if account is not None else [])
    return not NO_CLOUDS.issuperset(kinds)


def _surface_settings(settings: Settings, proxies: Proxies | None) -> SurfaceSettings:
    chosen = settings.uploads
    return SurfaceSettings(
        public_url=chosen.public_url.rstrip("/"),
        owner=chosen.user,
        region=settings.server.region or "us-east-1",
        domains=tuple(settings.server.domains),
        max_upload=chosen.max_bytes,
        max_json_bytes=chosen.max_json_bytes,
        json_seconds=chosen.json_seconds,
        orphan_seconds=chosen.orphan_seconds,
        cors=_cors(chosen),
        proxies=proxies,
    )


def _cors(chosen: Chosen) -> Cors | None:
    if not chosen.cors_origins:
        return None
    return Cors((Rule(tuple(chosen.cors_origins), METHODS, ("*",), EXPOSED, PREFLIGHT_SECONDS),))

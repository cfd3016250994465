"""Of what are uploads for apps put together? What they keep open, and their surface on it.

This is imported only where a key for them is set.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from bucketport.access.cors import Cors
from bucketport.api.uploads.context import Services, Statistics
from bucketport.api.uploads.context import Settings as SurfaceSettings
from bucketport.api.uploads.presign import RESERVED
from bucketport.api.uploads.surface import UploadsApi
from bucketport.backends.remote.copying import Copier, account_of
from bucketport.backends.store.base import Settings as StoreSettings
from bucketport.backends.store.open import open_store
from bucketport.backends.store.store import Store
from bucketport.backends.store.trouble import CannotOpen
from bucketport.config.findings import parse_network
from bucketport.config.kept_secret import UPLOADS, kept_secret
from bucketport.config.model import Settings
from bucketport.config.model_uploads import Uploads as Chosen
from bucketport.config.trouble import DataUnusable
from bucketport.errors import BackendError, NoSuchBucket
from bucketport.identity.bearer import ApiKey, Bearer
from bucketport.identity.ticket import TicketUrl
from bucketport.identity.token import SessionToken
from bucketport.metering.prometheus import Reading
from bucketport.model import Secret
from bucketport.mounts import Buckets, Mount
from bucketport.registry.sqlite_uploads import Counts, SqliteSessions
from bucketport.sessions import Event
from bucketport.transports.http1 import Http1Client
from bucketport.transports.http1_messages import Waits
from bucketport.transports.resolver import SystemResolver
from bucketport.uploads.delivery import Delivery, DeliverySettings, receivers_secret
from bucketport.uploads.engine import Settings as EngineSettings
from bucketport.uploads.engine import Uploads, identity_of
from bucketport.uploads.keys import SessionKeys
from bucketport.uploads.targets import TargetRules
from bucketport.uploads.tokens import ACCESS_KEY, Tokens
from bucketport.wire.cors import Rule
from bucketport.wire.forwarded import Proxies

if TYPE_CHECKING:
    from bucketport.config.build import Foundation

NO_CLOUDS = frozenset({"local", "memory"})
"""Kinds of backends that gather uploads in their own place."""

EXPOSED = (
    "ETag", "Content-Range", "Content-Length", "Content-Disposition", "Accept-Ranges", "Last-Modified", "Location",
    "Tus-Resumable", "Tus-Version", "Tus-Extension", "Tus-Max-Size", "Tus-Checksum-Algorithm", "Upload-Offset",
    "Upload-Length", "Upload-Defer-Length", "Upload-Expires", "Upload-Metadata", "Upload-Concat", "x-amz-request-id",
)  # fmt: skip
"""Answer headers that pages may read: what a download says of itself, and tus."""

SWEPT = 200
"""Most sessions of one sweep, so that it takes a moment and not minutes."""

DELIVERED = 32
"""Most webhooks told at once."""

FORGET_SECONDS = 3600.0

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
PREFLIGHT_SECONDS = 3600


class UploadsFoundation:
    """What is opened once: the registry of sessions, the staging store, the secret; and what works beside requests.

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
        self._resolver = SystemResolver()
        seconds = settings.uploads.webhooks.seconds
        self._client = Http1Client(Waits(connect=min(seconds, 5.0), head=seconds, idle=seconds))
        self.staging: Store | None = None
        self._engine: Uploads | None = None
        self._delivery: Delivery | None = None
        self._swept = self._swept_bytes = self._unswept = 0
        self._counts = Counts()
        self._keep_seconds = settings.uploads.webhooks.keep_seconds
        self._forget_at = 0.0

    def secrets(self, chosen: Chosen) -> tuple[Secret, ...]:
        """What is signed with: those that were given, else one that is kept in the data folder."""
        if chosen.hmac_secrets:
            return tuple(chosen.hmac_secrets)
        if self._secret is None:
            self._secret = kept_secret(f"{self._folder}/{UPLOADS}", self._surroundings.entropy)
        return (self._secret,)

    def keys(self, settings: Settings) -> SessionKeys:
        """The S3 keys of sessions. Raises: DataUnusable."""
        return SessionKeys(self.sessions, Tokens(self.secrets(settings.uploads)))

    def surface(self, settings: Settings, buckets: Buckets, proxies: Proxies | None) -> UploadsApi:
        """The surface that these settings describe; sweep and delivery go by them from now on. Raises: DataUnusable."""
        chosen, surroundings = settings.uploads, self._surroundings
        secrets = self.secrets(chosen)
        tokens = Tokens(secrets)
        engine = self.prepare(settings, buckets, tokens)
        self._delivery = self._make_delivery(chosen, secrets)
        self._keep_seconds = chosen.webhooks.keep_seconds
        rows = [ApiKey(row.name, row.key, () if "*" in row.buckets else tuple(row.buckets)) for row in chosen.keys]
        key = Bearer(rows, chosen.user)
        return UploadsApi(
            Services(
                buckets,
                self._foundation.digests,
                surroundings.now,
                surroundings.entropy,
                _surface_settings(settings, proxies, self._foundation.store),
                key=key,
                ticket=TicketUrl(secrets, chosen.user),
                token=SessionToken(self.sessions, tokens.open, identity_of, key),
                uploads=engine,
            )
        )

    def prepare(self, settings: Settings, buckets: Buckets, tokens: Tokens | None = None) -> Uploads:
        """The engine that goes by these settings, which sweeps use from now on. Raises: DataUnusable."""
        surroundings, digests = self._surroundings, self._foundation.digests
        if self.staging is None and has_cloud(settings):
            self.staging = open_staging(self._folder, self._foundation)
        self._engine = Uploads(
            self.sessions,
            buckets,
            staging=self.staging,
            copier=Copier(digests),
            digests=digests,
            now=surroundings.now,
            entropy=surroundings.entropy,
            settings=_engine_settings(settings.uploads),
            tokens=tokens,
        )
        return self._engine

    def _make_delivery(self, chosen: Chosen, secrets: tuple[Secret, ...]) -> Delivery:
        hooks = chosen.webhooks
        return Delivery(
            self.sessions,
            self._client,
            self._resolver,
            DeliverySettings(hooks.secret or receivers_secret(secrets[0]), _target_rules(chosen), hooks.tries),
            now=self._surroundings.now,
            entropy=self._surroundings.entropy,
            together=_at_once,
        )

    async def sweep(self) -> float | None:
        """Give up what nobody finished, a bounded number at a time; the seconds until more is to be done, None: the
        usual ones. Raises: BackendError."""
        if self._engine is None:
            return None
        swept = await self._engine.sweep(SWEPT)
        self._swept += len(swept.aborted)
        self._swept_bytes += swept.bytes
        self._unswept = len(swept.failed)
        self._counts = await self.sessions.counts()
        now = self._surroundings.now()
        if now >= self._forget_at:
            self._forget_at = now + FORGET_SECONDS
            await self.sessions.forget(int((now - self._keep_seconds) * 1000))
        return 0 if len(swept.aborted) + len(swept.forgotten) >= SWEPT else None

    async def deliver(self) -> float | None:
        """Tell webhooks what is due; the seconds until more is. Raises: BackendError."""
        return None if self._delivery is None else await self._delivery.run_due(DELIVERED)

    def parts_cors(self, settings: Settings) -> tuple[str, Cors] | None:
        """What holds for pages of other origins at the URLs of parts, and how the access keys of those URLs begin."""
        cors = _cors(settings.uploads)
        return None if cors is None else (ACCESS_KEY, cors)

    def readings(self) -> list[Reading]:
        """What metrics show of it."""
        return [
            Reading("uploads_swept", "Upload sessions that were given up unfinished.", lambda: self._swept, "counter"),
            Reading("uploads_swept_bytes", "Bytes that they held here.", lambda: self._swept_bytes, "counter"),
            Reading("uploads_unswept", "Those that the last sweep could not clean.", lambda: self._unswept),
            Reading("uploads_sessions", "Sessions at the last sweep.", lambda: self._counts.sessions),
            Reading("webhooks_waiting", "Events to be told, at the last sweep.", lambda: self._counts.waiting),
            Reading("webhooks_failed", "Events given up, at the last sweep.", lambda: self._counts.failed),
        ]

    async def close(self) -> None:
        """Let everything go."""
        await self._client.close()
        self._resolver.close()
        self.sessions.close()
        if self.staging is not None:
            await self.staging.close()


def _engine_settings(chosen: Chosen) -> EngineSettings:
    return EngineSettings(
        chosen.verify_direct == "after", chosen.direct, chosen.max_session_seconds, _target_rules(chosen)
    )  # fmt: skip


def _target_rules(chosen: Chosen) -> TargetRules:
    hooks = chosen.webhooks
    return TargetRules(hooks.allow_http, tuple(parse_network(text) for text in hooks.allow_networks))


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


async def _at_once(work: Callable[[Event], Awaitable[None]], events: Sequence[Event]) -> None:
    """Webhooks wait for none but their own."""
    await asyncio.gather(*map(work, events))


def has_cloud(settings: Settings) -> bool:
    """Whether some bucket may lie where drafts cannot: in a cloud, or where another package keeps it."""
    account = settings.default_backend
    kinds = [row.backend_type for row in settings.buckets] + ([account.backend_type] if account is not None else [])
    return not NO_CLOUDS.issuperset(kinds)


def _surface_settings(settings: Settings, proxies: Proxies | None, store: Store | None) -> SurfaceSettings:
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
        used=used_in(store) if store is not None and chosen.dedup else _nothing,
        statistics=_statistics(store) if store is not None else None,
        bucket_figures=lambda mount: _bucket_figures(store, mount),
    )


def _bucket_figures(store: Store | None, mount: Mount) -> tuple[int, int] | None:
    """The objects and bytes of a bucket of the store."""
    if store is None or mount.backend is not store:
        return None
    found = store.bucket_storage(mount.bucket)
    return found.object_count, found.total_size


def used_in(store: Store) -> Callable[[Mount], Awaitable[None]]:
    """What has a bucket keep equal content once, also one that shows a part of it; others stay as they are."""
    ours = account_of(store)

    async def used(mount: Mount) -> None:
        if mount.backend is store or account_of(mount.backend) == ours:
            with contextlib.suppress(NoSuchBucket):
                await store.set_dedup(mount.bucket)

    return used


async def _nothing(mount: Mount) -> None:
    """What is done where no bucket is to change by being used."""


def _statistics(store: Store) -> Callable[[], Awaitable[Statistics]]:
    async def statistics() -> Statistics:
        found = store.storage()
        return Statistics(
            found.total_objects, found.unique_content_count, found.actual_storage_size, found.total_logical_size,
            found.exact,
        )  # fmt: skip

    return statistics


def _cors(chosen: Chosen) -> Cors | None:
    if not chosen.cors_origins:
        return None
    return Cors((Rule(tuple(chosen.cors_origins), METHODS, ("*",), EXPOSED, PREFLIGHT_SECONDS),))

"""Of what is the product put together? The one place that knows every concrete class.

A `Foundation` is opened once and lives as long as the process: the store, the registry of keys, the counters. On it
`assemble` makes an application from settings, as often as they change; what serves requests swaps one for the other.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from bucketport.access.cors import Cors
from bucketport.api.health import HealthApi
from bucketport.api.metrics import MetricsApi
from bucketport.api.s3 import S3Api
from bucketport.api.s3 import Settings as S3Settings
from bucketport.app import App
from bucketport.backends.remote.copying import Copier
from bucketport.backends.store.base import Settings as StoreSettings
from bucketport.backends.store.open import open_store
from bucketport.backends.store.store import Store
from bucketport.backends.store.trouble import CannotOpen
from bucketport.config import data_folder
from bucketport.config.findings import parse_network
from bucketport.config.keys import MAIN_USER
from bucketport.config.load import Loaded
from bucketport.config.model import Cors as CorsSettings
from bucketport.config.model import Paths, Server, Settings
from bucketport.config.registries import all_buckets, all_credentials, all_methods
from bucketport.config.remotes import Backends, World
from bucketport.config.trouble import DataUnusable
from bucketport.crypto.digests import WheelDigests
from bucketport.errors import BackendError, BucketAlreadyExists, BucketAlreadyOwnedByYou
from bucketport.metering.access_log import AccessLog
from bucketport.metering.prometheus import PrometheusMeter, Reading
from bucketport.model import BucketInfo, Owner
from bucketport.ports import Api, Credentials, Entropy, NewId, Now
from bucketport.record import record
from bucketport.registry.reserved import Reserved
from bucketport.registry.sqlite import SqliteCredentials
from bucketport.wire.forwarded import Proxies, parse_public_url
from bucketport.wire.path_mapping import PathMapping

if TYPE_CHECKING:
    from bucketport.config.uploads import UploadsFoundation

_STATISTICS_SECONDS = 1.0
"""How long the store's statistics serve one scrape: it reads them figure by figure."""


@record
class Surroundings:
    """What the process gives: the time, clocks, chance, and where a line about trouble goes. `ready`: new requests are
    welcome."""

    now: Now
    monotonic: Callable[[], float]
    entropy: Entropy
    report: Callable[[str], None]
    ready: Callable[[], bool] = lambda: True


def request_ids(entropy: Entropy) -> NewId:
    """Ids of 16 hex digits, made from randomness that is fetched for many at once."""
    held: list[str] = []

    def new_id() -> str:
        if not held:
            text = entropy(4096).hex().upper()
            held.extend(text[at : at + 16] for at in range(0, len(text), 16))
        return held.pop()

    return new_id


class Foundation:
    """What is opened once. Make it on the event loop's thread.

    Raises: DataUnusable when the data folder cannot be used.
    """

    def __init__(self, settings: Settings, surroundings: Surroundings) -> None:
        self.surroundings = surroundings
        self.new_id = request_ids(surroundings.entropy)
        self.digests = WheelDigests()
        self.meter = PrometheusMeter()
        self.store: Store | None = None
        self.folder = settings.server.data
        if settings.has_store:
            self.store = open_store_of(settings, surroundings, self.digests)
            self.meter.add(*_store_readings(self.store, surroundings.monotonic))
        self.started_ms = int(surroundings.now() * 1000)
        self.backends = Backends(
            World(
                surroundings.now, surroundings.monotonic, surroundings.entropy, self.new_id, self.digests,
                surroundings.report,
            ),
            self.store,
        )  # fmt: skip
        self.meter.add(
            Reading("backend_connections", "Open connections to backends.", lambda: self.backends.connections)
        )
        self.keys = open_keys(settings.server.data, surroundings.monotonic)
        self.uploads: UploadsFoundation | None = None

    def uploads_for(self, settings: Settings) -> "UploadsFoundation | None":
        """What uploads for apps stand on, opened when first asked for; None while no key for them is set.

        Raises: DataUnusable.
        """
        if not settings.uploads.keys:
            return None
        if self.uploads is None:
            # Only here, because most servers are without.
            from bucketport.config import uploads

            self.uploads = uploads.UploadsFoundation(settings, self)
            self.meter.add(*self.uploads.readings())
        return self.uploads

    async def make_buckets(self, settings: Settings) -> list[str]:
        """Make those that the settings name and that are absent; the names of the new ones."""
        made = []
        wanted = settings.store_settings
        for name in dict.fromkeys((*wanted.buckets, *wanted.public)):
            now_ms = int(self.surroundings.now() * 1000)
            info = BucketInfo(name, MAIN_USER, now_ms, settings.server.region or "us-east-1")
            try:
                if self.store is not None:
                    await self.store.create_bucket(info)
                    made.append(name)
            except (BucketAlreadyOwnedByYou, BucketAlreadyExists):
                continue
            except BackendError as error:
                raise DataUnusable(f"The bucket {name} cannot be made: {error.detail}.") from error
        return made

    async def close(self) -> None:
        """Let everything go, with nothing left half written."""
        await self.backends.close()
        if self.uploads is not None:
            await self.uploads.close()
        self.keys.close()
        if self.store is not None:
            await self.store.close()


def assemble(loaded: Loaded, foundation: Foundation) -> App:
    """The application that these settings describe."""
    settings, surroundings = loaded.settings, foundation.surroundings
    server, opened = settings.server, foundation.uploads_for(settings)
    stored: list[Credentials] = [foundation.keys, *([opened.keys(settings)] if opened is not None else [])]
    credentials = all_credentials(loaded, stored, foundation.backends)
    buckets = all_buckets(loaded, foundation.store, foundation.backends, foundation.started_ms)
    proxies = _proxies(server, settings.uploads.public_url if opened is not None else "")
    apis: list[Api] = [HealthApi(surroundings.ready), MetricsApi(foundation.meter)]
    if opened is not None:
        buckets = Reserved(buckets, opened.reserved)
        apis.append(opened.surface(settings, buckets, proxies))
    s3 = S3Api(
        buckets,
        all_methods(loaded, credentials, foundation.backends),
        foundation.digests,
        surroundings.now,
        S3Settings(
            tuple(server.domains),
            server.region,
            settings.max_upload_bytes,
            settings.limits.query_pairs,
            proxies,
            _mapping(settings.paths),
            Owner(settings.owner_id, settings.owner_display_name) if settings.owner_id else None,
            _cors(settings.cors),
            opened.parts_cors(settings) if opened is not None else None,
        ),
        copier=Copier(foundation.digests),
    )
    return App((*apis, s3), surroundings.report)


def _cors(rules: CorsSettings) -> Cors | None:
    if not rules.allowed_origins:
        return None
    return Cors((rules.rule(),))


def _mapping(paths: Paths) -> PathMapping | None:
    if paths.bucket_segments == 1:
        return None
    return PathMapping(paths.bucket_segments, paths.bucket_separator, paths.display_bucket_segments)


def _proxies(server: Server, uploads_url: str) -> Proxies | None:
    """Who is believed. The URL that minted URLs begin with is one of ours: parts are sent there, signed as S3 does."""
    urls = [*server.public_urls, *([uploads_url] if uploads_url else [])]
    if not urls and not server.trusted_proxies:
        return None
    return Proxies(
        tuple(parse_network(text) for text in server.trusted_proxies), tuple(parse_public_url(text) for text in urls)
    )


def open_keys(folder: str, clock: Callable[[], float]) -> SqliteCredentials:
    """The registry of keys in a data folder. Raises: DataUnusable."""
    try:
        return SqliteCredentials(folder, clock)
    except BackendError as error:
        raise DataUnusable(f"The keys in the data folder cannot be used: {error.detail}") from error


def open_store_of(settings: Settings, surroundings: Surroundings, digests: WheelDigests) -> Store:
    """The embedded store in the settings' data folder. Raises: DataUnusable."""
    chosen = settings.store_settings
    data_folder.check(settings.server.data)
    try:
        return open_store(
            settings.server.data,
            now=surroundings.now,
            entropy=surroundings.entropy,
            digests=digests,
            log=surroundings.report,
            settings=StoreSettings(
                inline_bytes=chosen.inline_bytes, verify_reads=chosen.verify_reads, dedup=chosen.dedup
            ),
        )
    except CannotOpen as error:
        raise DataUnusable(str(error)) from error


def _store_readings(store: Store, clock: Callable[[], float]) -> list[Reading]:
    """What metrics show of the store."""
    kept = (store.statistics(), clock())

    def figure(name: str) -> Callable[[], float]:
        def read() -> float:
            nonlocal kept
            if clock() - kept[1] >= _STATISTICS_SECONDS:
                kept = (store.statistics(), clock())
            return float(getattr(kept[0], name))

        return read

    return [
        Reading("store_buckets", "Buckets in the store.", figure("buckets")),
        Reading("store_objects", "Objects in the store.", figure("objects")),
        Reading("store_bytes", "Bytes of content in the store.", figure("bytes")),
        Reading("store_commits", "Commits of the index.", figure("commits"), "counter"),
        Reading(
            "store_changes", "Changes in them; by store_commits it is the batch size.", figure("changes"), "counter"
        ),
        Reading("store_largest_commit", "Changes in the largest commit so far.", figure("largest_commit")),
        Reading("store_failed_commits", "Commits that failed.", figure("failed_commits"), "counter"),
        Reading("store_checkpoints", "Times the WAL was written back.", figure("checkpoints"), "counter"),
        Reading("store_wal_pages", "Pages in the WAL.", figure("wal_pages")),
        Reading("store_leased_blobs", "Blobs that are being read.", figure("leased")),
    ]


def access_log(
    settings: Settings, write: Callable[[bytes], None], soon: Callable[[Callable[[], None]], None]
) -> list[AccessLog]:
    """The access log as one meter, or none where it is switched off."""
    chosen = settings.server
    return [AccessLog(chosen.log_format, write, soon)] if chosen.access_log else []


def add_process_readings(meter: PrometheusMeter, connections: Callable[[], int], in_flight: Callable[[], int]) -> None:
    """What metrics show of the server that runs."""
    meter.add(
        Reading("connections", "Open connections.", connections),
        Reading("requests_in_flight", "Requests at work, this one among them.", in_flight),
    )

"""What can be done with a data folder from outside the server? Look into it, prove it, and change it when no server has
it open.
"""

import asyncio
import contextlib
import os
import time
from collections.abc import Awaitable, Callable

from bucketport.backends.memory import Memory
from bucketport.backends.store import fsck
from bucketport.backends.store.index.sqlite import open_for_reading
from bucketport.backends.store.store import Store
from bucketport.backends.store.trouble import CannotOpen
from bucketport.config.build import Surroundings, open_keys, open_store_of
from bucketport.config.first_key import known_key
from bucketport.config.load import Loaded
from bucketport.config.registries import all_buckets, all_credentials, all_methods
from bucketport.config.remotes import Backends, World
from bucketport.config.trouble import DataUnusable, Failure, UsageError
from bucketport.crypto.digests import WheelDigests
from bucketport.errors import BackendError, S3Error
from bucketport.model import BucketInfo, Credential
from bucketport.registry.sqlite import NAME as STATE
from bucketport.registry.sqlite import SqliteCredentials


def list_buckets(folder: str, owner: str | None = None) -> list[BucketInfo]:
    """The store's buckets by name, also while a server runs (reading takes no lock). Raises: DataUnusable."""
    _check_folder(folder)
    try:
        reader = open_for_reading(f"{folder}/index.sqlite")
        with contextlib.closing(reader.connection):
            return reader.buckets(owner, "", "", -1)
    except BackendError as error:
        raise DataUnusable(f"The index in {folder} cannot be read: {error.detail}.") from error


def create_bucket(loaded: Loaded, info: BucketInfo) -> None:
    """Make a bucket while no server has the folder. Raises: Failure."""
    _with_store(loaded, lambda store: store.create_bucket(info))


def remove_bucket(loaded: Loaded, name: str) -> None:
    """Remove an empty bucket while no server has the folder. Raises: Failure."""
    _with_store(loaded, lambda store: store.delete_bucket(name))


def prove(folder: str, *, deep: bool) -> fsck.Report:
    """Check the whole store; `deep` reads all content too. Raises: DataUnusable."""
    try:
        return fsck.fsck(folder, digests=WheelDigests(), deep=deep)
    except CannotOpen as error:
        raise DataUnusable(str(error)) from error


def stored_keys(folder: str, *, make: bool = False) -> SqliteCredentials:
    """The data folder's registry of keys. Raises: DataUnusable when there is none, unless it may be made."""
    if not make and not os.path.exists(f"{folder}/{STATE}"):
        raise DataUnusable(f"{folder} holds no keys yet: name the data folder with --data, or start the server once.")
    return open_keys(folder, time.monotonic)


def key_of(loaded: Loaded, user: str, access_key: str = "") -> Credential:
    """A key of that user that works, or the one of that name. Raises: UsageError when none is known."""
    folder = loaded.settings.server.data
    registry = stored_keys(folder) if os.path.exists(f"{folder}/{STATE}") else None
    try:
        found = known_key(loaded, registry.all() if registry is not None else (), user, access_key)
    finally:
        if registry is not None:
            registry.close()
    if found is None:
        whose = f"named {access_key}" if access_key else f"of {user}"
        raise UsageError(f"No key {whose} is known in {folder} or the environment: `bucketport keys create` makes one.")
    return found


def try_out(loaded: Loaded) -> list[str]:
    """Make all that the settings name, and ask no backend anything; what is to be mentioned.

    That this machine has no keys to a cloud is such a thing: the gateway will perhaps run on another one.
    Raises: BadConfiguration.
    """
    digests, said = WheelDigests(), list[str]()
    world = World(time.time, time.monotonic, os.urandom, lambda: "0", digests, said.append, needs_keys=False)
    stands_in = Memory(now=time.time, new_id=lambda: "0", digests=digests) if loaded.settings.has_store else None
    backends = Backends(world, stands_in)
    all_buckets(loaded, stands_in, backends, 0)
    all_methods(loaded, all_credentials(loaded, (), backends), backends)
    return list(dict.fromkeys(said))


def _check_folder(folder: str) -> None:
    if not os.path.exists(f"{folder}/index.sqlite"):
        raise DataUnusable(f"{folder} is no data folder: name it with --data.")


def _with_store(loaded: Loaded, work: Callable[[Store], Awaitable[None]]) -> None:
    async def run() -> None:
        store = open_store_of(
            loaded.settings, Surroundings(time.time, time.monotonic, os.urandom, lambda _: None), WheelDigests()
        )
        try:
            await work(store)
        except (S3Error, BackendError) as error:
            raise Failure(error.message if isinstance(error, S3Error) else error.detail) from error
        finally:
            await store.close()

    asyncio.run(run())


class Keys:
    """The data folder's registry of keys for as long as a `with` lasts; `make` it when it is not there yet."""

    def __init__(self, folder: str, *, make: bool = False) -> None:
        self._registry = stored_keys(folder, make=make)

    def __enter__(self) -> SqliteCredentials:
        return self._registry

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._registry.close()
        if isinstance(error, BackendError):
            raise DataUnusable(f"The keys in the data folder cannot be used: {error.detail}") from error

"""How is a data folder opened? Locked, checked, swept, and only then served.

FOLDER/lock                     held as long as the store is open: a second server is refused
FOLDER/index.sqlite             the index, and small content
FOLDER/blobs/TOP/FOLDER/NUMBER  all other content
FOLDER/temporary/START          what is being written; older ones are swept at open
FOLDER/reserve                  room for deleting something when the disk is full
"""

import contextlib
from collections.abc import Callable

from bucketport.backends.store.base import Rooms, Settings
from bucketport.backends.store.blobs.files import Files
from bucketport.backends.store.blobs.shelf import Shelf
from bucketport.backends.store.index.reserve import Reserve
from bucketport.backends.store.index.sqlite import SqliteIndex
from bucketport.backends.store.leases import Leases
from bucketport.backends.store.lock import Lock
from bucketport.backends.store.store import Store
from bucketport.backends.store.trouble import CannotOpen
from bucketport.errors import BackendError
from bucketport.ports import Digests, Entropy, Now

CHECKED_FOLDERS = 2
"""Newest blob folders searched for files without a row: a number is taken just before the file gets its name, so what
a crash left is among the last few hundred, in one folder or two."""


def _say_nothing(line: str) -> None:
    """The log of whoever wants none."""


def open_store(
    path: str,
    *,
    now: Now,
    entropy: Entropy,
    digests: Digests,
    log: Callable[[str], None] = _say_nothing,
    settings: Settings | None = None,
    files: Files | None = None,
    vfs: str | None = None,
) -> Store:
    """Open the data folder at `path`, made when absent. `files` and `vfs` (SQLite's) are for tests of faults.

    Raises: CannotOpen with a sentence for whoever started the server.
    """
    files, settings = files or Files(), settings or Settings()
    with contextlib.ExitStack() as undo:
        try:
            release = undo.enter_context(contextlib.closing(Lock(path)))
            shelf = _prepare(path, files, digests, entropy(6).hex())
            wake: list[Callable[[], None]] = []
            reserve = Reserve(files, f"{path}/reserve", settings.reserve_bytes)
            index = SqliteIndex(f"{path}/index.sqlite", reserve, lambda: wake[0](), vfs)
            undo.callback(index.close)
            _find_last(index, shelf, log)
        except OSError as error:
            raise CannotOpen(f"The data folder {path} cannot be used: {error.strerror or error}.") from error
        except BackendError as error:
            raise CannotOpen(f"The data folder {path} cannot be opened: {error}.") from error
        rooms = Rooms(index, shelf, Leases(), now, entropy, digests, log, settings)
        store = Store(rooms, release.close)
        wake.append(store.tidy)
        undo.pop_all()
    store.resume()
    return store


def _prepare(path: str, files: Files, digests: Digests, start: str) -> Shelf:
    """The folders: blobs, and a temporary one of this start alone, older ones swept."""
    temporary = f"{path}/temporary"
    made = [files.make_folder(f"{path}/blobs"), files.make_folder(temporary)]
    if files.size(f"{path}/index.sqlite") < 0:
        # SQLite gives its other files the mode of this one: nobody else may read them.
        files.close(files.create(f"{path}/index.sqlite"))
    for old in files.names(temporary):
        for name in files.names(f"{temporary}/{old}"):
            files.remove(f"{temporary}/{old}/{name}")
        files.remove_folder(f"{temporary}/{old}")
    files.make_folder(f"{temporary}/{start}")
    if any(made):
        files.sync_folder(path)
    return Shelf(f"{path}/blobs", f"{temporary}/{start}", files, digests)


def _find_last(index: SqliteIndex, shelf: Shelf, log: Callable[[str], None]) -> None:
    """Remove files that a crash left without a row, and take new numbers above every old one."""
    last = index.highest_blob()
    for folder in shelf.newest_folders(CHECKED_FOLDERS):
        blobs = [int(name, 16) for name in shelf.files.names(folder)]
        last = max([last, *blobs])
        strays = sorted(set(blobs) - index.known(blobs))
        if strays:
            shelf.remove(strays)
            log(f"removed {len(strays)} files in {folder} that were never committed")
    shelf.begin_after(last)

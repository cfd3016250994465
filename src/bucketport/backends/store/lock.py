"""Who has the data folder? One process: the lock is the kernel's, so it ends with the process, however that ends."""

import fcntl
import os

from bucketport.backends.store.trouble import CannotOpen


class Lock:
    """The exclusive lock on a data folder. The kernel lets it go when the process ends, however it ends."""

    def __init__(self, path: str) -> None:
        os.makedirs(path, mode=0o700, exist_ok=True)
        self._handle = os.open(f"{path}/lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(self._handle, 20, 0).decode(errors="replace").strip()
            os.close(self._handle)
            raise CannotOpen(
                f"The data folder {path} is in use by another bucketport{f' (process {holder})' if holder else ''}. "
                "Stop that one, or use another folder."
            ) from error
        os.ftruncate(self._handle, 0)
        os.pwrite(self._handle, f"{os.getpid()}\n".encode(), 0)

    def close(self) -> None:
        """Let another one in."""
        os.close(self._handle)

"""Is a blob's file there, whole, and what was stored? For reads that verify, the scrubber and fsck. Blocks."""

from bucketport.backends.store.blobs.files import Files
from bucketport.backends.store.blobs.segments import SEGMENT, WIDTH, count
from bucketport.backends.store.trouble import altered, of_os_error, vanished
from bucketport.ports import Digests, Hasher
from bucketport.record import record


@record
class Suspect:
    """A blob to be checked: its file, the size and CRCs that the index holds, and which segments matter."""

    path: str
    size: int
    crcs: bytes
    first: int = 0
    stop: int | None = None


def check_blob(files: Files, digests: Digests, suspect: Suspect, also: Hasher | None = None) -> int:
    """How many bytes were read and found as they were stored; `also` takes them in. Raises: BackendError (CORRUPT)."""
    path, size = suspect.path, suspect.size
    if files.size(path) != size:
        raise vanished(path, size)
    stop = count(size) if suspect.stop is None else suspect.stop
    try:
        handle = files.open(path)
    except OSError as error:
        raise of_os_error(error, path) from error
    try:
        for segment in range(suspect.first, stop):
            content = files.read(handle, segment * SEGMENT, SEGMENT)
            running = digests.new("CRC32C")
            running.update(content)
            if running.digest() != suspect.crcs[segment * WIDTH : (segment + 1) * WIDTH]:
                raise altered(path, segment)
            if also is not None:
                also.update(content)
    except OSError as error:
        raise of_os_error(error, path) from error
    finally:
        files.close(handle)
    return min(stop * SEGMENT, size) - suspect.first * SEGMENT

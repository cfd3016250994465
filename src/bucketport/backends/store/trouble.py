"""What went wrong with the disk, in words that the rest of the product knows?

An OSError becomes a BackendError whose detail holds the path, for the log; the client sees the S3Error of its kind.
"""

import errno

from bucketport.errors import BackendError, Trouble

_KINDS = {
    errno.ENOSPC: Trouble.FULL,
    errno.EDQUOT: Trouble.FULL,
    errno.EFBIG: Trouble.FULL,
    errno.EROFS: Trouble.READ_ONLY,
    errno.EACCES: Trouble.READ_ONLY,
    errno.EPERM: Trouble.READ_ONLY,
    errno.EIO: Trouble.CORRUPT,
    errno.EMFILE: Trouble.THROTTLED,
    errno.ENFILE: Trouble.THROTTLED,
}


def of_os_error(error: OSError, path: str) -> BackendError:
    """The BackendError that says what `error` at `path` means to a caller."""
    kind = _KINDS.get(error.errno or 0, Trouble.UNEXPECTED)
    return BackendError(kind, f"{path}: {error.strerror or error}")


def vanished(path: str, expected: int) -> BackendError:
    """The BackendError for a blob file that is missing or has not the size that the index says."""
    return BackendError(Trouble.CORRUPT, f"{path}: the blob is missing or is not {expected} bytes long")


def altered(path: str, segment: int) -> BackendError:
    """The BackendError for a blob whose content is not what was stored; `segment` counts its MiB from 0."""
    return BackendError(Trouble.CORRUPT, f"{path}: the content differs from what was stored, in MiB {segment}")


class CannotOpen(Exception):
    """The data folder cannot be opened; the message is a sentence for whoever started the server."""

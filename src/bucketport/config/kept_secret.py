"""With which secret is signed when nobody gave one? One that the first start makes and keeps in the data folder."""

import contextlib
import os

from bucketport.config.trouble import DataUnusable
from bucketport.model import Secret
from bucketport.ports import Entropy

SIZE = 32
"""Bytes. Source: RFC 2104 section 3: as long as the hash's output."""


UPLOADS = "uploads.secret"
"""The file of the secret that signs URLs of uploads."""


def kept_secret(path: str, entropy: Entropy) -> Secret:
    """The secret in the file at `path`, which is made when absent, for its owner's eyes only.

    It appears whole or not at all; of two processes that make it at once, both get the same. Raises: DataUnusable.
    """
    try:
        if not os.path.exists(path):
            _make(path, entropy(SIZE).hex())
        with open(path, encoding="ascii") as file:
            text = file.read().strip()
    except OSError as error:
        raise DataUnusable(f"The secret {path} cannot be used: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise DataUnusable(f"{path} is no secret: it holds bytes that are no text.") from error
    if not text:
        raise DataUnusable(f"{path} is empty: remove it, and a new secret is made; old URLs cease to work then.")
    return Secret(text)


def _make(path: str, text: str) -> None:
    folder = os.path.dirname(path)
    os.makedirs(folder, mode=0o700, exist_ok=True)
    fresh = f"{path}.{os.getpid()}"
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "w") as file:
        file.write(f"{text}\n")
        file.flush()
        os.fsync(file.fileno())
    with contextlib.suppress(FileExistsError):
        os.link(fresh, path)  # and not a rename: one that is there already stays
    os.unlink(fresh)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

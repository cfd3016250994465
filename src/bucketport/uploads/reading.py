"""What is the SHA-256 of an object that is stored already? Read once, whatever holds its bytes."""

import hashlib
from collections.abc import AsyncIterator

from bucketport.errors import BackendError, Trouble
from bucketport.message import FileSpans, ResponseBody, Stream, release
from bucketport.model import ObjectName
from bucketport.options import WHOLE, Want
from bucketport.ports import Backend

_PIECE = 1 << 20


async def sha256_of(backend: Backend, name: ObjectName, version: str | None = None) -> str:
    """The hash in hex of the object's current content, or of a version's. Raises: NoSuchKey, BackendError."""
    found = await backend.get(name, Want(version=version) if version else WHOLE)
    try:
        hasher = hashlib.sha256()
        async for piece in _pieces(found.body):
            hasher.update(piece)
        return hasher.hexdigest()
    finally:
        release(found.body)


async def _pieces(body: ResponseBody) -> AsyncIterator[bytes]:
    if isinstance(body, bytes):
        yield body
    elif isinstance(body, Stream):
        async for piece in body.chunks:
            yield piece
    elif isinstance(body, FileSpans):
        for path, start, stop in body.spans:
            with open(path, "rb") as file:  # noqa: ASYNC230  # pieces of a MiB, and only where a commit is redone
                file.seek(start)
                while start < stop:
                    piece = file.read(min(_PIECE, stop - start))
                    if not piece:
                        raise BackendError(Trouble.CORRUPT, f"{path} is shorter than it should be")
                    start += len(piece)
                    yield piece
    else:
        raise BackendError(Trouble.UNEXPECTED, "a runtime's own stream cannot be read here")

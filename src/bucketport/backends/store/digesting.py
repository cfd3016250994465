"""What is the checksum of content that came in parts? They are read again, in order, and hashed while they are held.

A batch at a time: its blobs are held from the turn in which their rows are read, and one thread reads and hashes it. So
many small parts do not cost a trip through a thread each, and a large one does not keep a thread for seconds.
"""

import base64
import contextlib
from collections.abc import Sequence

from bucketport.backends.store.base import Base
from bucketport.backends.store.blobs.files import Files
from bucketport.backends.store.trouble import of_os_error, vanished
from bucketport.errors import InvalidPart
from bucketport.model import UploadName
from bucketport.ports import Hasher

PIECE = 1 << 20
"""Bytes read at once."""

BATCH = 16 << 20
"""Bytes hashed on one trip through a thread: some ten milliseconds."""

PARTS = 256
"""Parts whose rows are read in one turn of the event loop: about a millisecond."""

Span = tuple[int, int, int]
"""A blob's number, and bytes start to stop of it."""


class Digesting(Base):
    """Checksums of parts."""

    async def digest_parts(self, upload: UploadName, numbers: Sequence[int], algorithm: str) -> str:
        """The checksum (base64, an algorithm of `Digests`) of these parts' content in this order.

        A part that is replaced meanwhile counts with either content: whoever completes names ETags, and learns of it.
        Raises: NoSuchUpload, InvalidPart.
        """
        hasher = self._digests.new(algorithm)
        self._read.upload(upload)
        for first in range(0, len(numbers), PARTS):
            # Rows and leases in one turn: what is replaced or aborted after it stays until it is hashed.
            spans = self._spans_of(upload, numbers[first : first + PARTS])
            release = self._leases.take({span[0] for span in spans})
            try:
                for batch in batches(spans):
                    await self._in_thread(lambda batch=batch: self._hash(hasher, batch))  # type: ignore[misc]
            finally:
                release()
        return base64.b64encode(hasher.digest()).decode()

    def _spans_of(self, upload: UploadName, numbers: Sequence[int]) -> list[Span]:
        manifest = self._read.upload(upload)[0]
        spans = []
        for number in numbers:
            part = self._read.part(manifest, number)
            if part is None:
                raise InvalidPart(fields={"UploadId": upload.upload_id[:200], "PartNumber": str(number)})
            if part[6] is not None:
                spans.append((part[6], part[7], part[7] + part[1]))
        return spans

    def _hash(self, hasher: Hasher, spans: Sequence[Span]) -> None:
        """In a thread. Raises: BackendError when a file is missing or too short."""
        for blob, start, stop in spans:
            path = self._shelf.path(blob)
            try:
                hash_file(hasher, self._shelf.files, path, start, stop)
            except OSError as error:
                raise of_os_error(error, path) from error


def hash_file(hasher: Hasher, files: Files, path: str, start: int, stop: int) -> None:
    """Take bytes `start` to `stop` of a file into the hasher. Raises: OSError, BackendError when it is too short."""
    with contextlib.ExitStack() as last:
        handle = files.open(path)
        last.callback(files.close, handle)
        for at in range(start, stop, PIECE):
            length = min(PIECE, stop - at)
            piece = files.read(handle, at, length)
            if len(piece) != length:
                raise vanished(path, at + length)
            hasher.update(piece)


def batches(spans: Sequence[Span]) -> list[list[Span]]:
    """The spans in batches of at most BATCH bytes; a larger one is cut."""
    batches: list[list[Span]] = [[]]
    room = BATCH
    for blob, start, stop in spans:
        while start < stop:
            if not room:
                batches.append([])
                room = BATCH
            end = min(start + room, stop)
            batches[-1].append((blob, start, end))
            room -= end - start
            start = end
    return batches

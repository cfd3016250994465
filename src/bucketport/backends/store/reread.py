"""How is content that is stored already taken in again? As a `ports.Content` over its files.

For a part made of a range of an object, and for a copy that wants another checksum.
"""

import asyncio
import base64
import concurrent.futures
from collections.abc import Sequence

from bucketport.backends.store.blobs.files import Files
from bucketport.backends.store.trouble import of_os_error, vanished
from bucketport.message import FileSpans, ResponseBody
from bucketport.model import Promised, Sealed
from bucketport.ports import Digests, Hasher

PIECE = 1 << 20
"""Bytes read at once."""


class Reread:
    """The content of a body that a read gave: bytes, or spans of files that are held meanwhile."""

    def __init__(
        self, body: ResponseBody, files: Files, digests: Digests, threads: concurrent.futures.ThreadPoolExecutor
    ) -> None:
        assert isinstance(body, bytes | FileSpans)
        self._inline = body if isinstance(body, bytes) else b""
        self._spans = list(reversed(body.spans)) if isinstance(body, FileSpans) else []
        self.length: int | None = len(body) if isinstance(body, bytes) else body.length
        self._files, self._digests, self._threads = files, digests, threads
        self._md5 = digests.new("MD5")
        self._checks: dict[str, Hasher] = {}
        self._seen = 0
        self.promised = Promised()

    def forgo_md5(self) -> None:
        """Nobody asks that of content that is stored here."""

    def also(self, algorithm: str) -> None:
        """Compute this checksum too."""
        self._checks[algorithm] = self._digests.new(algorithm)

    async def pull(self) -> bytes:
        """The next bytes. Raises: BackendError when a file is gone or too short."""
        if self._inline:
            content, self._inline = self._inline, b""
            return content
        while self._spans:
            path, start, stop = self._spans.pop()
            if start == stop:
                continue
            length = min(stop - start, PIECE)
            if start + length < stop:
                self._spans.append((path, start + length, stop))
            return await asyncio.wrap_future(self._threads.submit(self._piece, path, start, length))
        return b""

    def _piece(self, path: str, start: int, length: int) -> bytes:
        try:
            handle = self._files.open(path)
            try:
                content = self._files.read(handle, start, length)
            finally:
                self._files.close(handle)
        except OSError as error:
            raise of_os_error(error, path) from error
        if len(content) != length:
            raise vanished(path, start + length)
        return content

    def accept(self, raw: bytes) -> Sequence[bytes]:
        """The bytes themselves, taken into every digest."""
        self._seen += len(raw)
        self._md5.update(raw)
        for check in self._checks.values():
            check.update(raw)
        return (raw,)

    def finish(self) -> Sealed:
        """The digests."""
        values = {name: base64.b64encode(check.digest()).decode() for name, check in self._checks.items()}
        return Sealed(self._seen, self._md5.digest(), values)

    async def digest(self) -> Sealed:
        """Read all of it for its digests alone."""
        while raw := await self.pull():
            await asyncio.wrap_future(self._threads.submit(self.accept, raw))
        return self.finish()

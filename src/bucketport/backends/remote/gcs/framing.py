"""How does an object travel with its metadata in one request? As `multipart/related`: the resource, then the bytes.

The boundary is not to be guessed, or content could end itself early. It is made anew for each upload.
Source: RFC 2387; https://cloud.google.com/storage/docs/uploading-objects#uploading-an-object (checked 2026-11).
"""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from bucketport.backends.remote.upload import Upload
from bucketport.message import Outgoing, Stream
from bucketport.ports import Hasher


class Related:
    """A resource and long content as one body; the closing boundary comes after the content passed its checks."""

    __slots__ = ("_head", "_tail", "_upload", "begun", "length")

    def __init__(self, head: bytes, upload: Upload, tail: bytes) -> None:
        self._head, self._upload, self._tail = head, upload, tail
        self.length, self.begun = len(head) + upload.length + len(tail), False

    async def blocks(self) -> AsyncIterator[Sequence[bytes | memoryview]]:
        """As `message.Outgoing`."""
        self.begun = True
        yield (self._head,)
        async for pieces in self._upload.blocks():
            yield pieces
        yield (self._tail,)


def related(resource: Mapping[str, Any], content_type: str, upload: Upload, boundary: str) -> bytes | Outgoing:
    """The body of an upload; bytes where the content is small. `content_type` as it goes on the wire."""
    head = (
        f"--{boundary}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n{json.dumps(resource)}\r\n"
        f"--{boundary}\r\nContent-Type: {content_type}\r\n\r\n"
    ).encode("latin-1")
    tail = f"\r\n--{boundary}--\r\n".encode()
    if upload.data is not None:
        return b"".join((head, upload.data, tail))
    return Related(head, upload, tail)


class Digested:
    """An upload as a body, with one more digest taken on the way: `hasher` has seen all of it when it was sent."""

    __slots__ = ("_upload", "begun", "hasher", "length")

    def __init__(self, upload: Upload, hasher: Hasher) -> None:
        self._upload, self.hasher = upload, hasher
        self.length, self.begun = upload.length, False

    async def blocks(self) -> AsyncIterator[Sequence[bytes | memoryview]]:
        """As `message.Outgoing`."""
        self.begun = True
        async for pieces in self._upload.blocks():
            for piece in pieces:
                self.hasher.update(piece)
            yield pieces


class Relayed:
    """A body that is the body of another answer, passed on as it comes: a part made of an object."""

    __slots__ = ("_stream", "begun", "hasher", "length")

    def __init__(self, stream: Stream, length: int, hasher: Hasher | None) -> None:
        self._stream, self.length, self.begun, self.hasher = stream, length, False, hasher

    async def blocks(self) -> AsyncIterator[Sequence[bytes | memoryview]]:
        """As `message.Outgoing`. The one who opened the stream gives it back."""
        self.begun = True
        async for piece in self._stream.chunks:
            if self.hasher is not None:
                self.hasher.update(piece)
            yield (piece,)

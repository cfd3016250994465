"""How does content get into requests? An upload in slices for several of them, an answer's content into a new one.

Whatever is wrong with the content shows before its last bytes are out, so in the last slice: that request breaks off.
"""

from collections.abc import AsyncIterator, Sequence

from bucketport.backends.remote.copying import Passed
from bucketport.backends.remote.upload import Upload
from bucketport.message import HttpAnswer
from bucketport.ports import Digests, Hasher


def passed(answer: HttpAnswer, length: int, digests: Digests, algorithm: str) -> Upload:
    """What was read, as an upload of `length` bytes; its MD5 and that checksum (empty: none) are made on the way."""
    body = answer.body
    content = Passed(body, length, digests, algorithm, "")
    if isinstance(body, bytes):
        content.accept(body)
        return Upload(content, length, body, content.finish())
    return Upload(content, length, None, None)


class Slices:
    """The content of an upload, in order, taken into a digest on its way where there is one.

    Take the next slice only when the one before was sent.
    """

    __slots__ = ("_blocks", "_hasher", "_rest", "_upload")

    def __init__(self, upload: Upload, hasher: Hasher | None = None) -> None:
        self._upload, self._hasher = upload, hasher
        self._blocks: AsyncIterator[Sequence[bytes | memoryview]] | None = None
        self._rest: list[bytes | memoryview] = []

    def take(self, length: int) -> "Slice":
        """A body of the next `length` bytes."""
        return Slice(self, length)

    async def pieces(self, length: int) -> AsyncIterator[Sequence[bytes | memoryview]]:
        """The next `length` bytes, some pieces at a time; with the last slice also the end of the content is seen."""
        if self._blocks is None:
            self._blocks = self._upload.blocks()
        left = length
        while left:
            given: Sequence[bytes | memoryview] = self._rest
            if not given:
                given = await anext(self._blocks)
                if self._hasher is not None:
                    for piece in given:
                        self._hasher.update(piece)
            out: list[bytes | memoryview] = []
            self._rest = []
            for piece in given:
                if left == 0:
                    self._rest.append(piece)
                elif len(piece) <= left:
                    out.append(piece)
                    left -= len(piece)
                else:
                    out.append(memoryview(piece)[:left])
                    self._rest.append(memoryview(piece)[left:])
                    left = 0
            if out:
                yield out


class Slice:
    """A request's body that is a part of an upload."""

    __slots__ = ("_slices", "begun", "length")

    def __init__(self, slices: Slices, length: int) -> None:
        self._slices, self.length, self.begun = slices, length, False

    def blocks(self) -> AsyncIterator[Sequence[bytes | memoryview]]:
        """As `message.Outgoing.blocks`."""
        self.begun = True
        return self._slices.pieces(self.length)

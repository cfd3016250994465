"""How does content leave us for a cloud? Checked while it passes, its last block withheld until every check has passed.

Small content is read whole first: then a request can be repeated, and nothing wrong is ever sent. Longer content is
a body that is made as it goes; whatever is wrong with it breaks the connection before the last byte, and a cloud
stores nothing of a request that broke off.
"""

from collections.abc import AsyncIterator, Sequence

from bucketport.errors import MissingContentLength
from bucketport.model import NOTHING_PROMISED, Promised, Sealed
from bucketport.ports import Content

SMALL = 64 << 10
"""Bytes up to which content is read whole before the request begins."""


class Upload:
    """Content on its way to a cloud. `length` is in bytes; `promised` is what the client said of it beforehand.

    `data` is all of it where it is small; then `sealed` is there from the beginning, else once the last block is out.
    `algorithm` is the checksum that the client named, empty when it named none.
    """

    __slots__ = ("_content", "data", "length", "promised", "sealed")

    def __init__(self, content: Content, length: int, data: bytes | None, sealed: Sealed | None) -> None:
        self._content = content
        self.length, self.data, self.sealed = length, data, sealed
        self.promised: Promised = getattr(content, "promised", NOTHING_PROMISED)

    @property
    def algorithm(self) -> str:
        """The checksum that the client named, empty when it named none."""
        return self.promised.algorithm

    @property
    def value(self) -> str:
        """The base64 value of that checksum where it is known before the content is sent, else empty."""
        if self.promised.value or self.data is None or self.sealed is None:
            return self.promised.value
        return self.sealed.checksums.get(self.algorithm, "")

    @property
    def seal(self) -> Sealed:
        """What the content turned out to be; once it was sent."""
        assert self.sealed is not None
        return self.sealed

    async def blocks(self) -> AsyncIterator[Sequence[bytes | memoryview]]:
        """Long content, some pieces at a time; the last ones come after `finish`. Raises: what it finds wrong."""
        content = self._content
        held: Sequence[bytes | memoryview] = ()
        while raw := await content.pull():
            pieces = content.accept(raw)
            if pieces:
                if held:
                    yield held
                held = pieces
        self.sealed = content.finish()
        if held:
            yield held


class PlainBody:
    """A request's body that is an upload as it is."""

    __slots__ = ("_upload", "begun", "length")

    def __init__(self, upload: Upload) -> None:
        self._upload, self.length, self.begun = upload, upload.length, False

    def blocks(self) -> AsyncIterator[Sequence[bytes | memoryview]]:
        """As `Upload.blocks`."""
        self.begun = True
        return self._upload.blocks()


async def take(content: Content, *, needs_md5: bool, also: str = "") -> Upload:
    """The content as an Upload; what is small is read here, and checked.

    `needs_md5`: the cloud does not make an ETag that serves. `also` names a checksum to compute beside the client's.
    A length that the client did not declare is found out here while it stays small; longer content needs one, as it
    does at S3 itself. Raises: MissingContentLength; what the content's checks raise.
    """
    if not needs_md5:
        content.forgo_md5()
    if also:
        content.also(also)
    if content.length is not None and content.length > SMALL:
        return Upload(content, content.length, None, None)
    pieces: list[bytes | memoryview] = []
    size = 0
    while raw := await content.pull():
        pieces.extend(content.accept(raw))
        size += len(raw)
        if content.length is None and size > 2 * SMALL:
            raise MissingContentLength
    sealed = content.finish()
    data = pieces[0] if len(pieces) == 1 and isinstance(pieces[0], bytes) else b"".join(pieces)
    return Upload(content, len(data), data, sealed)

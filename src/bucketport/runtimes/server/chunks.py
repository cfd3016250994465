"""Where does a chunked body end, and what is in it? Strict: what two servers could read differently is refused.

A chunk's size is one to sixteen hex digits, an extension may follow a semicolon and is dropped, every line ends in
CR LF. Fields of the trailer are checked for form and dropped: nothing in S3 reads them (aws-chunked has its own).
Source: RFC 9112 section 7.1.
"""

import re

from bucketport.errors import InvalidRequest

_SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?")
_FIELD = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*")

LINE_BYTES = 1024
"""Longest line of a size with its extension: nobody sends extensions, so a long one is an attempt to be a nuisance."""

TRAILER_BYTES = 8192
"""Largest trailer, all lines together."""

_SIZE_LINE, _CONTENT, _CONTENT_END, _TRAILER, _END = range(5)


class ChunkDecoder:
    """Takes the framing off a chunked body, fed in any pieces."""

    __slots__ = ("_left", "_line", "_state", "_trailer")

    def __init__(self) -> None:
        self._state = _SIZE_LINE
        self._left = 0
        self._line = b""
        self._trailer = 0

    @property
    def ended(self) -> bool:
        """Whether the body's last byte has been seen."""
        return self._state == _END

    def feed(self, data: bytes, out: list[bytes]) -> bytes:
        """Append the content in `data` to `out`; what lies behind the body's end comes back.

        Raises: InvalidRequest when the framing is broken; what is in `out` is then not to be believed.
        """
        at, size = 0, len(data)
        while at < size and self._state != _END:
            if self._state == _CONTENT:
                piece = data[at : at + self._left]
                out.append(piece)
                at += len(piece)
                self._left -= len(piece)
                if not self._left:
                    self._state = _CONTENT_END
            else:
                at = self._line_in(data, at)
        return data[at:]

    def _line_in(self, data: bytes, at: int) -> int:
        """Take the rest of a line from `data`; the position behind it."""
        found = data.find(b"\n", at)
        stop = found + 1 if found >= 0 else len(data)
        line = self._line + data[at:stop] if self._line else data[at:stop]
        allowed = 2 if self._state == _CONTENT_END else LINE_BYTES
        if len(line) > allowed or (self._state == _CONTENT_END and not b"\r\n".startswith(line)):
            raise InvalidRequest("The body's chunks are malformed: a line is too long or a chunk is not of its size.")
        if found < 0:
            self._line = line
            return stop
        self._line = b""
        if not line.endswith(b"\r\n"):
            raise InvalidRequest("The body's chunks are malformed: a line does not end in CR LF.")
        self._take(line[:-2])
        return stop

    def _take(self, line: bytes) -> None:
        if self._state == _CONTENT_END:
            self._state = _SIZE_LINE
        elif self._state == _SIZE_LINE:
            size = _SIZE.fullmatch(line)
            if size is None:
                raise InvalidRequest("The body's chunks are malformed: a chunk's size is not a hex number.")
            self._left = int(size[1], 16)
            self._state = _CONTENT if self._left else _TRAILER
        elif line:
            self._trailer += len(line)
            if self._trailer > TRAILER_BYTES or not _FIELD.fullmatch(line):
                raise InvalidRequest("The body's trailer is malformed or too long.")
        else:
            self._state = _END

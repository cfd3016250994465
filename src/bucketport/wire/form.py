"""What is in a form that a browser posts? multipart/form-data taken apart while it comes, in bounded memory.

The decoder is fed pieces of the body and says what it found in order: a part's head, its content as views of what was
fed, its end. It holds back no more than could be the beginning of a boundary. It is stricter than browsers need: no
preamble, no folded headers, no transfer encodings, nothing after a boundary but what ends its line.
Source: RFC 7578, RFC 2046 section 5.1.1; how names are escaped: https://html.spec.whatwg.org/#multipart-form-data
"""

import enum
import re

from bucketport.errors import EntityTooLarge, IncompleteBody, MalformedPOSTRequest, S3Error
from bucketport.record import record

HEAD_BYTES = 16 << 10
"""All headers of one part, in bytes. Browsers send some hundred."""

FIELDS_BYTES = 1 << 20
"""Everything but the file: all heads and all other fields together, in bytes."""

BOUNDARY_BYTES = 70
"""The longest boundary. Source: RFC 2046 section 5.1.1."""


@record
class Head:
    """The beginning of a part. `filename` None: it is no file. `content_type` is as sent, empty where none is."""

    name: str
    filename: str | None = None
    content_type: str = ""


class End(enum.Enum):
    """What ended."""

    PART = "a part"


PART_END = End.PART
"""The part that began last is over."""

Found = Head | End | bytes | memoryview
"""What `Decoder.feed` finds: a part's head, a piece of its content, its end."""

_BOUNDARY = re.compile("[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]").fullmatch
_PARAMETER = re.compile(r"""[ \t]*;[ \t]*([!#$%&'*+\-.^_`|~0-9A-Za-z]+)=(?:"((?:\\"|[^"])*)"|([^\s";,]+))""").match
"""One parameter. A quote within quotes is `\\"` to some clients and `%22` to browsers, which leave `\\` as it is."""
_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+").fullmatch
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]").search
_PLAIN_ENCODINGS = ("7bit", "8bit", "binary")


def boundary_of(content_type: str) -> bytes:
    """The boundary that a request's Content-Type names. Raises: MalformedPOSTRequest where it is no form's."""
    kind, separator, _ = content_type.partition(";")
    if kind.strip(" \t").lower() != "multipart/form-data" or not separator:
        raise MalformedPOSTRequest("The Content-Type must be multipart/form-data with a boundary.")
    boundary = _parameters(content_type[len(kind) :]).get("boundary", "")
    if len(boundary) > BOUNDARY_BYTES or not _BOUNDARY(boundary):
        raise MalformedPOSTRequest(f"The boundary must be 1 to {BOUNDARY_BYTES} of the characters that it may have.")
    return boundary.encode("ascii")


def _parameters(text: str) -> dict[str, str]:
    """The parameters of a header, names in lower case, values as they are between their quotes."""
    found: dict[str, str] = {}
    at = 0
    while match := _PARAMETER(text, at):
        name = match[1].lower()
        if name in found:
            raise MalformedPOSTRequest(f"The parameter {name[:40]} stands twice.")
        found[name] = match[3] if match[2] is None else match[2]
        at = match.end()
    if text[at:].strip(" \t;"):
        raise MalformedPOSTRequest("A header's parameters are malformed.")
    return found


class _At(enum.Enum):
    START = "the first boundary"
    LINE = "the end of a boundary's line"
    HEAD = "a part's headers"
    BODY = "a part's content"
    AFTER = "nothing more"


class Decoder:
    """Takes one form apart: `feed` each piece as it comes, then `finish`. `file` names the field that is the file.

    After an error it is not fed again.
    """

    __slots__ = ("_at", "_counted", "_delimiter", "_file", "_has_file", "_held", "_in_file")

    def __init__(self, boundary: bytes, file: str) -> None:
        self._delimiter = b"\r\n--" + boundary
        self._file = file
        self._at = _At.START
        # A boundary stands after a line break; before the first one it is as if there had been one.
        self._held = b"\r\n"
        self._in_file = self._has_file = False
        self._counted = 0

    def feed(self, raw: bytes) -> list[Found]:
        """What is in the next piece of the body. Raises: MalformedPOSTRequest; EntityTooLarge (all but the file)."""
        found: list[Found] = []
        data = self._held + raw if self._held else raw
        self._held = b""
        at = 0
        while at >= 0:
            match self._at:
                case _At.START:
                    at = self._start(data)
                case _At.LINE:
                    at = self._line(data, at)
                case _At.HEAD:
                    at = self._head(data, at, found)
                case _At.BODY:
                    at = self._body(data, at, found)
                case _At.AFTER:
                    at = self._after(data, at)
        return found

    def finish(self) -> None:
        """Say that the body is over. Raises: IncompleteBody when it broke off; MalformedPOSTRequest without a file."""
        if self._at is not _At.AFTER:
            raise IncompleteBody("The form broke off.", reason=f"{self._at.value} was expected")
        if not self._has_file:
            raise MalformedPOSTRequest(f"The form has no field `{self._file}`.")

    def _start(self, data: bytes) -> int:
        """The first boundary: the body begins with it, but for one line break."""
        begin = 2 if data.startswith(b"\r\n", 2) else 0
        seen = data[begin : begin + len(self._delimiter)]
        if seen == self._delimiter:
            self._at = _At.LINE
            return begin + len(seen)
        if not self._delimiter.startswith(seen) and data != b"\r\n\r":
            raise _malformed("it does not begin with its boundary")
        return self._hold(data)

    def _line(self, data: bytes, at: int) -> int:
        """What follows a boundary: a part, or the end."""
        mark = data[at : at + 2]
        if mark == b"\r\n":
            self._at = _At.HEAD
        elif mark == b"--":
            self._at = _At.AFTER
        elif mark in (b"", b"\r", b"-"):
            return self._hold(data[at:])
        else:
            raise _malformed("a boundary is followed by something")
        return at + 2

    def _head(self, data: bytes, at: int, found: list[Found]) -> int:
        end = data.find(b"\r\n\r\n", at, at + HEAD_BYTES + 4)
        if end < 0:
            if len(data) - at > HEAD_BYTES + 3:
                raise EntityTooLarge("The headers of a form's part are too long.", fields=_limit(HEAD_BYTES))
            return self._hold(data[at:])
        head = _parse_head(data[at:end])
        self._count(end + 4 - at)
        self._in_file = head.name == self._file
        if (self._in_file and self._has_file) or (head.filename and not self._in_file):
            raise MalformedPOSTRequest(f"A form has one file, in the field `{self._file}`.")
        self._has_file = self._has_file or self._in_file
        self._at = _At.BODY
        found.append(head)
        return end + 4

    def _body(self, data: bytes, at: int, found: list[Found]) -> int:
        end = data.find(self._delimiter, at)
        stop = end if end >= 0 else self._perhaps(data, at)
        if stop > at:
            if not self._in_file:
                self._count(stop - at)
            found.append(data if stop - at == len(data) else memoryview(data)[at:stop])
        if end < 0:
            return self._hold(data[stop:])
        found.append(PART_END)
        self._at = _At.LINE
        return end + len(self._delimiter)

    def _perhaps(self, data: bytes, at: int) -> int:
        """Where the beginning of a boundary could stand at the end of `data`; its length when there is none."""
        delimiter = self._delimiter
        begin = data.find(b"\r", max(at, len(data) - len(delimiter) + 1))
        while begin >= 0:
            if delimiter.startswith(data[begin:]):
                return begin
            begin = data.find(b"\r", begin + 1)
        return len(data)

    def _after(self, data: bytes, at: int) -> int:
        if data[at:].strip(b"\r\n"):
            raise _malformed("something follows its end")
        self._count(len(data) - at)
        return -1

    def _hold(self, rest: bytes) -> int:
        """Keep what cannot be judged before more comes."""
        self._held = rest
        return -1

    def _count(self, size: int) -> None:
        self._counted += size
        if self._counted > FIELDS_BYTES:
            raise EntityTooLarge("The form has too much beside its file.", fields=_limit(FIELDS_BYTES))


def _parse_head(block: bytes) -> Head:
    """A part's headers. Raises: MalformedPOSTRequest."""
    headers: dict[bytes, str] = {}
    for line in block.split(b"\r\n"):
        name, separator, value = line.partition(b":")
        name = name.lower()
        if not separator or not _NAME(name) or name in headers or _CONTROL(value):
            raise _malformed("a part's header is malformed")
        try:
            headers[name] = value.strip(b" \t").decode()
        except UnicodeDecodeError:
            raise _malformed("a part's header is not UTF-8") from None
    if headers.get(b"content-transfer-encoding", "binary").lower() not in _PLAIN_ENCODINGS:
        raise MalformedPOSTRequest("A part with a Content-Transfer-Encoding is not taken.")
    disposition = headers.get(b"content-disposition", "")
    kind = disposition.partition(";")[0]
    parameters = _parameters(disposition[len(kind) :])
    if kind.strip(" \t").lower() != "form-data" or "name" not in parameters:
        raise _malformed("a part's Content-Disposition is not form-data with a name")
    return Head(parameters["name"], parameters.get("filename"), headers.get(b"content-type", ""))


def _malformed(what: str) -> S3Error:
    return MalformedPOSTRequest(reason=what)


def _limit(size: int) -> dict[str, str]:
    return {"MaxSizeAllowed": str(size)}

"""Which bytes does a Range header ask for?

One range is served; several, or a malformed one, are ignored and the whole object is sent, as S3 does. The answer is a
half-open span, because every reader behind it (files, SQLite blobs, cloud dialects) wants offset and length.
"""

import re

from bucketport.errors import InvalidArgument, InvalidRange
from bucketport.model import Span

_RANGE = re.compile(r"bytes=[ \t]*(\d{0,30})-(\d{0,30})", re.ASCII | re.IGNORECASE)
_COPY_RANGE = re.compile(r"bytes=(\d{1,30})-(\d{1,30})", re.ASCII)


def select(header: str | None, size: int) -> Span | None:
    """The span that `header` selects from an object of `size` bytes; None when the whole object is to be sent.

    Raises: InvalidRange (416) when the range is well formed but starts at or after the end.
    Source: RFC 9110 section 14.1.2; S3 answers 200 to a malformed range (AWS GetObject, checked 2026-11).
    """
    if header is None:
        return None
    found = _RANGE.fullmatch(header.strip())
    if not found:
        return None
    first, last = found.groups()
    if first:
        start = int(first)
        stop = int(last) + 1 if last else size
        if last and stop <= start:
            return None
        stop = min(stop, size)
    elif last:
        start, stop = max(size - int(last), 0), size
    else:
        return None
    if start >= stop:
        raise InvalidRange(
            fields={"RangeRequested": header[:200], "ActualObjectSize": str(size)},
            headers={"Content-Range": f"bytes */{size}"},
        )
    return Span(start, stop, size)


def parse_copy_range(text: str) -> tuple[int, int]:
    """The first and the last byte (inclusive) that `x-amz-copy-source-range` names.

    Raises: InvalidArgument when it is not `bytes=first-last`. Whether it lies within the source is not known here.
    Source: AWS UploadPartCopy, x-amz-copy-source-range.
    """
    found = _COPY_RANGE.fullmatch(text)
    if not found or int(found[1]) > int(found[2]):
        raise InvalidArgument(
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the "
            "zero-based offsets of the first and last bytes to copy",
            fields={"ArgumentName": "x-amz-copy-source-range", "ArgumentValue": text[:200]},
        )
    return int(found[1]), int(found[2])

"""Which checksum does a request declare, and what is the checksum of an object made of parts?

Facts about each algorithm are one row; computing a digest is a port's business. A full-object CRC follows from the
parts' CRCs: appending n bytes multiplies a CRC by x^(8n) modulo its polynomial, which is a linear map of its bits, so
for one part size it is a table of a few hundred numbers, made once.
"""

import binascii
import functools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Protocol

from bucketport.errors import BadDigest, InvalidRequest
from bucketport.record import record

COMPOSITE, FULL_OBJECT = "COMPOSITE", "FULL_OBJECT"

_BOTH, _FULL, _PARTS = frozenset({COMPOSITE, FULL_OBJECT}), frozenset({FULL_OBJECT}), frozenset({COMPOSITE})


@record
class Algorithm:
    """A checksum algorithm: S3's name and header for it, bytes of its value, and what a multipart object may have.

    `types`: COMPOSITE (a checksum over the parts' checksums), FULL_OBJECT (over the content), or both.
    `polynomial` is a CRC's, bit-reversed, without its highest term; 0 where the algorithm is no CRC.
    """

    name: str
    header: str
    length: int
    types: frozenset[str]
    polynomial: int = 0


def _row(name: str, length: int, types: frozenset[str], polynomial: int = 0) -> Algorithm:
    return Algorithm(name, f"x-amz-checksum-{name.lower()}", length, types, polynomial)


_ROWS = (
    _row("CRC32", 4, _BOTH, 0xEDB88320),
    _row("CRC32C", 4, _BOTH, 0x82F63B78),
    _row("SHA1", 20, _PARTS),
    _row("SHA256", 32, _PARTS),
    _row("CRC64NVME", 8, _FULL, 0x9A6C9329AC4BC9B5),
    _row("SHA512", 64, _PARTS),
    _row("MD5", 16, _PARTS),
    _row("XXHASH64", 8, _PARTS),
    _row("XXHASH3", 8, _PARTS),
    _row("XXHASH128", 16, _PARTS),
)

ALGORITHMS: Mapping[str, Algorithm] = MappingProxyType({row.name: row for row in _ROWS})
"""Every algorithm by S3's name.

Source: AWS user guide, "Checking object integrity", multipart table (CRC64NVME only full, CRC32 and CRC32C both, SHA
only composite); names, headers and widths of the 2026 additions from the S3 service model in botocore 1.44. That those
are composite only for multipart is our conclusion: a full-object value needs parts that can be combined, as CRCs can.
"""

_BY_HEADER = {row.header: row.name for row in _ROWS}


def declared(headers: Mapping[str, str]) -> tuple[str, str] | None:
    """The algorithm and base64 value of the one `x-amz-checksum-*` header; None when there is none.

    Raises: InvalidRequest for two of them; BadDigest for a value that the algorithm cannot make (AWS answers
    InvalidRequest in the same words; Ceph's s3-tests and the clients written for them expect BadDigest).
    """
    found: tuple[str, str] | None = None
    for row in _ROWS:
        if row.header in headers:
            if found:
                raise InvalidRequest(
                    "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
                )
            found = row.name, headers[row.header]
            check_value(*found)
    return found


def check_value(algorithm: str, value: str) -> None:
    """Refuse a value that is not base64 of as many bytes as the algorithm makes. Raises: BadDigest."""
    row = ALGORITHMS[algorithm]
    if len(_bytes(value)) != row.length:
        raise BadDigest(f"Value for {row.header} header is invalid.")


def _bytes(value: str) -> bytes:
    try:
        return binascii.a2b_base64(value, strict_mode=True)
    except ValueError:
        return b""


def _text(value: bytes) -> str:
    return binascii.b2a_base64(value, newline=False).decode()


def announced(headers: Mapping[str, str]) -> str | None:
    """The algorithm named by `x-amz-sdk-checksum-algorithm` or `x-amz-checksum-algorithm`; None when neither is there.

    Raises: InvalidRequest for one that S3 does not have.
    """
    name = headers.get("x-amz-checksum-algorithm") or headers.get("x-amz-sdk-checksum-algorithm")
    if not name:
        return None
    if name in ALGORITHMS:
        return name
    if name.upper() in ALGORITHMS:
        return name.upper()
    raise InvalidRequest(
        "Checksum algorithm provided is unsupported. Please try again with any of the valid types: "
        f"[{', '.join(ALGORITHMS)}]",
    )


def trailer(headers: Mapping[str, str]) -> str | None:
    """The algorithm whose value `x-amz-trailer` promises; None when there is no such header.

    Raises: InvalidRequest for a trailer that is no checksum, or for two of them.
    Source: AWS, "Trailing checksums"; the words are S3's.
    """
    promised = headers.get("x-amz-trailer")
    if not promised:
        return None
    names = [name.strip().lower() for name in promised.split(",") if name.strip()]
    if len(names) > 1:
        raise InvalidRequest("Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")
    if not names or names[0] not in _BY_HEADER:
        raise InvalidRequest("The value specified in the x-amz-trailer header is not supported")
    return _BY_HEADER[names[0]]


def default_type(algorithm: str) -> str:
    """The type of a multipart object's checksum when the client names only the algorithm.

    Source: AWS CreateMultipartUpload, x-amz-checksum-type: composite wherever the algorithm allows it.
    """
    return COMPOSITE if COMPOSITE in ALGORITHMS[algorithm].types else FULL_OBJECT


class _Digest(Protocol):
    def update(self, data: bytes, /) -> None: ...
    def digest(self) -> bytes: ...


def composite(algorithm: str, values: Sequence[str], new: Callable[[str], _Digest]) -> str:
    """The checksum over the parts' checksums, as `base64-N`. `new` starts a digest of an algorithm (`Digests.new`).

    Raises: BadDigest for a part's value that the algorithm cannot make.
    """
    digest = new(algorithm)
    for value in values:
        check_value(algorithm, value)
        digest.update(_bytes(value))
    return f"{_text(digest.digest())}-{len(values)}"


def combine(algorithm: str, parts: Sequence[tuple[str, int]]) -> str:
    """The CRC of parts put together, from each part's (base64 CRC, size in bytes), in order.

    Raises: ValueError when the algorithm is no CRC; BadDigest for a value that it cannot make.
    Source: zlib's crc32_combine; all three of S3's CRCs start and end with every bit flipped, for which it holds.
    """
    row = ALGORITHMS[algorithm]
    if not row.polynomial:
        raise ValueError(f"{algorithm} values cannot be combined")
    width = row.length
    counts = Counter(size for _, size in parts)
    appenders = {size: _appender(row.polynomial, width, size) for size, count in counts.items() if count > _OFTEN}
    total = 0
    for value, size in parts:
        check_value(algorithm, value)
        table = appenders.get(size)
        total = _through(table, total, width) if table else _append(row.polynomial, width, total, size)
        total ^= int.from_bytes(_bytes(value), "big")
    return _text(total.to_bytes(width, "big"))


_OFTEN = 40
"""From how many parts of one size on a table of its own pays: making it costs about as much as 40 steps without."""

_Table = list[list[int]]
"""A linear map of a CRC: for each of its bytes (least significant first), what each value of it contributes."""


def _through(table: _Table, value: int, width: int) -> int:
    """The map applied to a CRC."""
    made = 0
    for row, byte in zip(table, value.to_bytes(width, "little"), strict=True):
        made ^= row[byte]
    return made


def _append(polynomial: int, width: int, value: int, size: int) -> int:
    """The CRC after `size` zero bytes, by the maps of the powers of two in `size`."""
    power = 0
    while size:
        if size & 1:
            value = _through(_doubling(polynomial, width, power), value, width)
        size >>= 1
        power += 1
    return value


@functools.lru_cache(maxsize=256)
def _appender(polynomial: int, width: int, size: int) -> _Table:
    """The map that appends `size` zero bytes."""
    return _table([_append(polynomial, width, 1 << bit, size) for bit in range(8 * width)], width)


@functools.lru_cache(maxsize=256)
def _doubling(polynomial: int, width: int, power: int) -> _Table:
    """The map that appends 2**power zero bytes: that of the power below, twice."""
    bits = [1 << bit for bit in range(8 * width)]
    if power:
        half = _doubling(polynomial, width, power - 1)
        return _table([_through(half, _through(half, bit, width), width) for bit in bits], width)
    for _ in range(8):
        bits = [(bit >> 1) ^ (polynomial if bit & 1 else 0) for bit in bits]
    return _table(bits, width)


def _table(bits: Sequence[int], width: int) -> _Table:
    """The map that is given by what it makes of each single bit."""
    table = []
    for start in range(0, 8 * width, 8):
        row = [0]
        for bit in bits[start : start + 8]:
            row += [made ^ bit for made in row]
        table.append(row)
    return table

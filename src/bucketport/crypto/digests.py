"""How are S3's ten checksums computed? With the standard library and two wheels; CRCs also without.

Every digest is most significant byte first, as S3 writes it in base64. `update` takes bytes and memoryviews.
"""

import contextlib
import functools
import hashlib
import zlib
from collections.abc import Callable
from typing import Any

from bucketport.errors import NotImplemented
from bucketport.ports import Hasher
from bucketport.wire.checksums import ALGORITHMS

_anycrc: Any = None
_xxhash: Any = None
with contextlib.suppress(ImportError):
    import anycrc

    _anycrc = anycrc
with contextlib.suppress(ImportError):
    import xxhash

    _xxhash = xxhash


class _Zlib:
    """CRC32 by zlib."""

    __slots__ = ("_crc",)

    def __init__(self) -> None:
        self._crc = 0

    def update(self, data: bytes | memoryview, /) -> None:
        self._crc = zlib.crc32(data, self._crc)

    def digest(self) -> bytes:
        return self._crc.to_bytes(4, "big")


class _AnyCrc:
    """A CRC by the anycrc wheel. The model's tables are made once and shared; the running value is ours."""

    __slots__ = ("_calc", "_crc", "_width")

    def __init__(self, calc: Callable[[Any, int], int], width: int) -> None:
        self._calc, self._width, self._crc = calc, width, 0

    def update(self, data: bytes | memoryview, /) -> None:
        self._crc = self._calc(data, self._crc)

    def digest(self) -> bytes:
        return self._crc.to_bytes(self._width, "big")


class PureCrc:
    """A CRC by a table in Python: for runtimes without the wheel, some 8 to 13 MiB/s."""

    __slots__ = ("_crc", "_table", "_width")

    def __init__(self, algorithm: str) -> None:
        row = ALGORITHMS[algorithm]
        self._width, self._table = row.length, _crc_table(row.polynomial)
        self._crc = (1 << 8 * self._width) - 1

    def update(self, data: bytes | memoryview, /) -> None:
        """Take in the next bytes."""
        crc, table = self._crc, self._table
        for byte in data if isinstance(data, bytes) else data.cast("B"):
            crc = (crc >> 8) ^ table[(crc ^ byte) & 0xFF]
        self._crc = crc

    def digest(self) -> bytes:
        """The CRC of all bytes so far."""
        return (self._crc ^ ((1 << 8 * self._width) - 1)).to_bytes(self._width, "big")


@functools.lru_cache(maxsize=4)
def _crc_table(polynomial: int) -> tuple[int, ...]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ (polynomial if byte & 1 else 0)
        table.append(byte)
    return tuple(table)


def _wheel_crc(model: str, width: int) -> Callable[[], Hasher]:
    calc = _anycrc.Model(model).calc
    return lambda: _AnyCrc(calc, width)


def _no_xxhash() -> Hasher:
    raise NotImplemented("This server has no xxHash: the xxhash package is not installed here.")


def _makers() -> dict[str, Callable[[], Hasher]]:
    makers: dict[str, Callable[[], Hasher]] = {
        "CRC32": _Zlib,
        "CRC32C": functools.partial(PureCrc, "CRC32C"),
        "CRC64NVME": functools.partial(PureCrc, "CRC64NVME"),
        # MD5 and SHA1 are checksums here, so a FIPS build of OpenSSL need not refuse them.
        "MD5": functools.partial(hashlib.md5, usedforsecurity=False),
        "SHA1": functools.partial(hashlib.sha1, usedforsecurity=False),
        "SHA256": hashlib.sha256,
        "SHA512": hashlib.sha512,
        "XXHASH64": _no_xxhash,
        "XXHASH3": _no_xxhash,
        "XXHASH128": _no_xxhash,
    }
    if _anycrc is not None:
        makers["CRC32C"] = _wheel_crc("CRC32-ISCSI", 4)
        makers["CRC64NVME"] = _wheel_crc("CRC64-NVME", 8)
    if _xxhash is not None:
        makers["XXHASH64"] = _xxhash.xxh64
        makers["XXHASH3"] = _xxhash.xxh3_64
        makers["XXHASH128"] = _xxhash.xxh3_128
    return makers


class WheelDigests:
    """`ports.Digests` on hashlib, zlib, anycrc and xxhash; a CRC in Python where anycrc is missing.

    Source: S3's XXHASH3 and XXHASH128 are XXH3-64 and XXH3-128 without a seed, big endian (the AWS SDKs' checksum
    code, botocore 1.44). MiB/s at 1 MiB blocks, 2026-11: MD5 730, SHA512 780, SHA256 1,750, SHA1 1,840, CRC32 4,270,
    CRC32C 11,700, CRC64NVME 12,200, XXHASH64 16,400, XXHASH3 and XXHASH128 61,000.
    """

    def __init__(self) -> None:
        self._makers = _makers()

    def new(self, algorithm: str) -> Hasher:
        """A fresh digest. Raises: KeyError for a name S3 does not have; NotImplemented where its wheel is missing."""
        return self._makers[algorithm]()

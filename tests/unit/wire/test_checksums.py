"""Promises of wire/checksums.py. The values for 5 MiB of A, B and C are those of Ceph's s3-tests."""

import base64
import hashlib
import zlib

import pytest

from bucketport.errors import BadDigest, InvalidRequest
from bucketport.wire import checksums

CRC = "y/Q5Jg=="
SIZE = 5 << 20


def test_every_algorithm_has_its_header_and_width() -> None:
    widths = {name: row.length for name, row in checksums.ALGORITHMS.items()}
    assert widths == {
        "CRC32": 4,
        "CRC32C": 4,
        "SHA1": 20,
        "SHA256": 32,
        "CRC64NVME": 8,
        "SHA512": 64,
        "MD5": 16,
        "XXHASH64": 8,
        "XXHASH3": 8,
        "XXHASH128": 16,
    }
    assert checksums.ALGORITHMS["CRC64NVME"].header == "x-amz-checksum-crc64nvme"


def test_declared_finds_the_one_value() -> None:
    assert checksums.declared({"x-amz-checksum-type": "FULL_OBJECT", "x-amz-checksum-mode": "ENABLED"}) is None
    assert checksums.declared({"x-amz-checksum-crc32": CRC}) == ("CRC32", CRC)


def test_two_declared_values_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="Expecting a single x-amz-checksum- header"):
        checksums.declared({"x-amz-checksum-crc32": CRC, "x-amz-checksum-crc32c": CRC})


@pytest.mark.parametrize("value", ["", "bad", "y/Q5Jg", "y/Q5Jg==\n", "y_Q5Jg==", "AAAAAAA=", CRC + CRC, "é" * 8])
def test_value_that_the_algorithm_cannot_make_is_refused(value: str) -> None:
    with pytest.raises(BadDigest, match="Value for x-amz-checksum-crc32 header is invalid"):
        checksums.declared({"x-amz-checksum-crc32": value})


@pytest.mark.parametrize("name", ["crc64nvme", "CRC64NVME", "Crc64Nvme"])
@pytest.mark.parametrize("header", ["x-amz-checksum-algorithm", "x-amz-sdk-checksum-algorithm"])
def test_announced_algorithm_is_named_in_any_case(header: str, name: str) -> None:
    assert checksums.announced({header: name}) == "CRC64NVME"


def test_unknown_announced_algorithm_is_refused() -> None:
    assert checksums.announced({}) is None
    with pytest.raises(InvalidRequest, match=r"Please try again with any of the valid types: \[CRC32, CRC32C"):
        checksums.announced({"x-amz-sdk-checksum-algorithm": "CRC31"})


def test_trailer_names_an_algorithm() -> None:
    assert checksums.trailer({}) is None
    assert checksums.trailer({"x-amz-trailer": "x-amz-checksum-crc32c"}) == "CRC32C"
    assert checksums.trailer({"x-amz-trailer": " X-Amz-Checksum-XXHASH3 "}) == "XXHASH3"
    for promised in ("x-amz-checksum-crc31", "x-amz-meta-a", ",", "x-amz-checksum-crc32,x-amz-checksum-sha1"):
        with pytest.raises(InvalidRequest):
            checksums.trailer({"x-amz-trailer": promised})


def test_types_of_a_multipart_checksum() -> None:
    assert checksums.default_type("CRC64NVME") == "FULL_OBJECT"
    assert all(checksums.default_type(name) == "COMPOSITE" for name in checksums.ALGORITHMS if name != "CRC64NVME")
    full = {name for name, row in checksums.ALGORITHMS.items() if "FULL_OBJECT" in row.types}
    assert full == {"CRC32", "CRC32C", "CRC64NVME"}


@pytest.mark.parametrize(
    ("algorithm", "parts", "whole"),
    [
        (
            "SHA256",
            [
                "275VF5loJr1YYawit0XSHREhkFXYkkPKGuoK0x9VKxI=",
                "mrHwOfjTL5Zwfj74F05HOQGLdUb7E5szdCbxgUSq6NM=",
                "Vw7oB/nKQ5xWb3hNgbyfkvDiivl+U+/Dft48nfJfDow=",
            ],
            "uWBwpe1dxI4Vw8Gf0X9ynOdw/SS6VBzfWm9giiv1sf4=-3",
        ),
        (
            "SHA1",
            ["iIaTCGbm+vdVjNqIMF2S0T7ibMk=", "LS/TJ32bAVKEwRu+sE3X7awh/lk=", "6DDwovUaHwrKNXDMzOGbuvj9kxI="],
            "sizjvY4eud3MrcHdZM3cQ/ol39o=-3",
        ),
    ],
)
def test_composite_is_the_checksum_of_checksums(algorithm: str, parts: list[str], whole: str) -> None:
    assert checksums.composite(algorithm, parts, lambda name: hashlib.new(name)) == whole


def test_composite_refuses_a_value_of_another_algorithm() -> None:
    with pytest.raises(BadDigest):
        checksums.composite("SHA1", [CRC], lambda name: hashlib.new(name))


@pytest.mark.parametrize(
    ("algorithm", "parts", "whole"),
    [
        ("CRC64NVME", ["L/E4WYn8v98=", "xW1l19VobYM=", "cK5MnNaWrW4="], "i+6LR0y3eFo="),
        ("CRC32", ["JRTCyQ==", "QoZTGg==", "YAgjqw=="], "WgDhBQ=="),
        ("CRC32C", ["MDaLrw==", "TH4EZg==", "Z7mBIQ=="], "xU+Krw=="),
    ],
)
def test_crcs_combine_to_the_crc_of_the_whole(algorithm: str, parts: list[str], whole: str) -> None:
    assert checksums.combine(algorithm, [(value, SIZE) for value in parts]) == whole
    assert checksums.combine(algorithm, [(parts[0], SIZE)]) == parts[0]


def test_many_equal_parts_combine_as_few_do() -> None:
    def crc(data: bytes) -> str:
        return base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()

    content = bytes(range(256)) * 40
    parts = [content[start : start + 100] for start in range(0, len(content), 100)]
    assert checksums.combine("CRC32", [(crc(part), len(part)) for part in parts]) == crc(content)


def test_only_crcs_combine() -> None:
    with pytest.raises(ValueError, match="SHA1"):
        checksums.combine("SHA1", [])
    with pytest.raises(BadDigest):
        checksums.combine("CRC32", [("bad", 1)])
    assert checksums.combine("CRC32", []) == "AAAAAA=="

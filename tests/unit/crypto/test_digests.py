"""Promises of crypto/digests.py: published check values, in any cut, from bytes and memoryviews."""

import hashlib
from types import ModuleType

import pytest

from bucketport.crypto import digests
from bucketport.crypto.digests import PureCrc, WheelDigests
from bucketport.errors import NotImplemented
from bucketport.ports import Digests, Hasher
from bucketport.wire.checksums import ALGORITHMS

CHECK = b"123456789"
VALUES = {
    "CRC32": "cbf43926",
    "CRC32C": "e3069283",
    "CRC64NVME": "ae8b14860a799888",
    "SHA1": hashlib.sha1(CHECK).hexdigest(),
    "SHA256": hashlib.sha256(CHECK).hexdigest(),
    "MD5": hashlib.md5(CHECK).hexdigest(),
    "SHA512": hashlib.sha512(CHECK).hexdigest(),
    "XXHASH64": "8cb841db40e6ae83",
    "XXHASH3": "72dcb18b67a17dff",
    "XXHASH128": "33119477ede5dcd5e9716427681d5860",
}
EMPTY = {
    "CRC32": "00000000",
    "CRC32C": "00000000",
    "CRC64NVME": "0000000000000000",
    "XXHASH64": "ef46db3751d8e999",
    "XXHASH3": "2d06800538d394c2",
    "XXHASH128": "99aa06d3014798d86001c324468d497f",
}


@pytest.fixture
def made() -> Digests:
    return WheelDigests()


def test_every_algorithm_is_there(made: Digests) -> None:
    assert set(VALUES) == set(ALGORITHMS)
    for name, row in ALGORITHMS.items():
        assert len(made.new(name).digest()) == row.length


@pytest.mark.parametrize("cut", range(len(CHECK) + 1))
@pytest.mark.parametrize("name", VALUES)
def test_check_value_in_any_cut(made: Digests, name: str, cut: int) -> None:
    digest = made.new(name)
    digest.update(CHECK[:cut])
    digest.update(memoryview(b"x" + CHECK)[1 + cut :])
    assert digest.digest().hex() == VALUES[name]
    assert digest.digest().hex() == VALUES[name]


@pytest.mark.parametrize("name", EMPTY)
def test_value_of_nothing(made: Digests, name: str) -> None:
    digest = made.new(name)
    digest.update(b"")
    assert digest.digest().hex() == EMPTY[name]


def test_digest_so_far_can_be_read_and_goes_on(made: Digests) -> None:
    for name, value in VALUES.items():
        digest = made.new(name)
        digest.update(CHECK[:4])
        digest.digest()
        digest.update(CHECK[4:])
        assert digest.digest().hex() == value


def test_two_digests_do_not_share_state(made: Digests) -> None:
    for name, value in VALUES.items():
        first, second = made.new(name), made.new(name)
        second.update(b"other")
        first.update(CHECK)
        assert first.digest().hex() == value


@pytest.mark.parametrize("name", ["CRC32", "CRC32C", "CRC64NVME"])
def test_pure_crc_agrees_with_the_wheel(made: Digests, name: str) -> None:
    content = bytes(range(256)) * 5
    pure: Hasher = PureCrc(name)
    wheel = made.new(name)
    for piece in (CHECK, memoryview(content), content[3:7]):
        pure.update(piece)
        wheel.update(piece)
    assert pure.digest() == wheel.digest()


def test_without_wheels_crcs_are_pure_and_xxhash_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    absent: ModuleType | None = None
    monkeypatch.setattr(digests, "_anycrc", absent)
    monkeypatch.setattr(digests, "_xxhash", absent)
    without = WheelDigests()
    for name in ("CRC32C", "CRC64NVME"):
        digest = without.new(name)
        assert isinstance(digest, PureCrc)
        digest.update(CHECK)
        assert digest.digest().hex() == VALUES[name]
    for name in ("XXHASH64", "XXHASH3", "XXHASH128"):
        with pytest.raises(NotImplemented, match="xxHash"):
            without.new(name)


def test_unknown_algorithm_is_a_key_error(made: Digests) -> None:
    with pytest.raises(KeyError):
        made.new("CRC31")

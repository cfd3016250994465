"""The fakes keep the promises of the ports that they stand in for."""

import asyncio
import base64
import hashlib

import pytest

from bucketport.errors import BadDigest, ContentSHA256Mismatch, IncompleteBody
from bucketport.model import Promised, Sealed
from bucketport.testing.fakes import FakeClock, FakeContent, FakeCredentials, FakeEntropy, FakeIds, checksum

DATA = bytes(range(256)) * 4


def taken(content: FakeContent) -> tuple[list[bytes], Sealed]:
    async def take() -> list[bytes]:
        pieces = []
        while raw := await content.pull():
            pieces.append(b"".join(content.accept(raw)))
        return pieces

    return asyncio.run(take()), content.finish()


@pytest.mark.parametrize("piece", [None, 1, 7, 1024, 5000])
def test_content_comes_whole_in_pieces(piece: int | None) -> None:
    pieces, sealed = taken(FakeContent(DATA, piece=piece))
    assert b"".join(pieces) == DATA
    assert all(len(each) <= (piece or len(DATA)) for each in pieces)
    assert (sealed.size, sealed.md5, dict(sealed.checksums)) == (len(DATA), hashlib.md5(DATA).digest(), {})


def test_content_of_nothing_ends_at_once() -> None:
    assert taken(FakeContent()) == ([], Sealed(0, hashlib.md5().digest()))


def test_checksums_are_those_asked_for() -> None:
    content = FakeContent(DATA, checksums=["CRC32"], promised=Promised(algorithm="SHA1"))
    content.also("SHA256")
    content.also("CRC32")
    _, sealed = taken(content)
    assert sealed.checksums == {name: checksum(name, DATA) for name in ("CRC32", "SHA1", "SHA256")}


def test_checksum_is_written_as_s3_writes_it() -> None:
    assert checksum("CRC32", b"123456789") == base64.b64encode(bytes.fromhex("cbf43926")).decode()
    assert checksum("CRC64NVME", b"123456789") == base64.b64encode(bytes.fromhex("ae8b14860a799888")).decode()


def test_md5_is_spared_unless_it_was_promised() -> None:
    content = FakeContent(DATA)
    content.forgo_md5()
    assert taken(content)[1].md5 == b""
    content = FakeContent(DATA, promised=Promised(md5=hashlib.md5(DATA).digest()))
    content.forgo_md5()
    assert taken(content)[1].md5 == hashlib.md5(DATA).digest()


@pytest.mark.parametrize(
    ("promised", "error"),
    [
        (Promised(md5=b"0" * 16), BadDigest),
        (Promised(sha256="0" * 64), ContentSHA256Mismatch),
        (Promised(algorithm="CRC32", value="AAAAAA=="), BadDigest),
    ],
)
def test_broken_promise_is_told_at_the_end(promised: Promised, error: type[Exception]) -> None:
    with pytest.raises(error):
        taken(FakeContent(DATA, promised=promised))


@pytest.mark.parametrize("place", ["pull", "accept", "finish"])
@pytest.mark.parametrize("data", [b"", DATA])
def test_content_fails_where_it_is_told_to(place: str, data: bytes) -> None:
    if place == "accept" and not data:
        return
    with pytest.raises(ConnectionError):
        taken(FakeContent(data, piece=100, fails=ConnectionError(), fails_at=place))


def test_content_that_was_not_read_to_its_end_does_not_finish() -> None:
    with pytest.raises(IncompleteBody):
        FakeContent(DATA).finish()


def test_untouched_until_the_first_pull() -> None:
    content = FakeContent(DATA)
    assert content.untouched
    asyncio.run(content.pull())
    assert not content.untouched


def test_clock_stands_still_until_it_is_advanced() -> None:
    clock = FakeClock(100.0)
    assert (clock(), clock()) == (100.0, 100.0)
    clock.advance(2.5)
    assert clock() == 102.5
    stepping = FakeClock(100.0, step=1.0)
    assert (stepping(), stepping()) == (101.0, 102.0)


def test_entropy_is_the_same_in_every_run_and_never_repeats() -> None:
    one, two = FakeEntropy(), FakeEntropy()
    made = [one(16) for _ in range(100)]
    assert made == [two(16) for _ in range(100)]
    assert len(set(made)) == 100
    assert [len(one(count)) for count in (0, 1, 32, 33, 1000)] == [0, 1, 32, 33, 1000]
    assert FakeEntropy("other")(16) not in made


def test_ids_are_upper_case_and_never_repeat() -> None:
    ids = FakeIds()
    made = [ids() for _ in range(100)]
    assert len(set(made)) == 100
    assert all(len(each) == 16 and each.isalnum() and each.upper() == each for each in made)


def test_credentials_are_found_by_their_key() -> None:
    held = FakeCredentials()
    added = held.add("KEY", "secret", "alice")
    assert asyncio.run(held.find("KEY")) is added
    assert asyncio.run(held.find("other")) is None

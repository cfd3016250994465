"""Does nothing become visible of content that fails? Whoever stores commits only what passed every check."""

import asyncio
import base64
import hashlib

import pytest

from bucketport.errors import BadDigest, ContentSHA256Mismatch, IncompleteBody, S3Error
from bucketport.model import NOTHING_PROMISED, ObjectName, Promised
from bucketport.options import ListQuery
from bucketport.ports import StoreBackend
from bucketport.testing.contracts.base import LARGE, Contract, blob, info_of, is_there, options, put, read
from bucketport.testing.fakes import FakeContent, checksum

PLACES = ("pull", "accept", "finish")

WRONG = {
    "md5": (Promised(md5=b"0" * 16), BadDigest),
    "sha256": (Promised(sha256="0" * 64), ContentSHA256Mismatch),
    "checksum": (Promised(algorithm="CRC32", value=base64.b64encode(b"0000").decode()), BadDigest),
}


class Broken(S3Error):
    """What a content raises here; a backend lets it through as it is."""


class _Endless(FakeContent):
    """Content of a client that sent something and then says nothing more; `stalled` is set when it is waited for."""

    def __init__(self, data: bytes, piece: int) -> None:
        super().__init__(data, piece=piece)
        self.stalled = asyncio.Event()

    async def pull(self) -> bytes:
        """The first piece; then nothing ever."""
        if not self.untouched:
            self.stalled.set()
            await asyncio.Event().wait()
        return await super().pull()


class TestFailingContent(Contract):
    """Whatever goes wrong with content, what was there before is there after."""

    @pytest.mark.parametrize("size", [100, LARGE, 3 << 20])
    @pytest.mark.parametrize("place", PLACES)
    async def test_nothing_is_created(self, backend: StoreBackend, bucket: str, place: str, size: int) -> None:
        content = FakeContent(blob(size), piece=max(size // 5, 1), fails=Broken(), fails_at=place)
        with pytest.raises(Broken):
            await backend.put(ObjectName(bucket, "key"), content, options())
        assert not await is_there(backend, bucket, "key")
        assert not (await backend.list(bucket, ListQuery())).entries

    @pytest.mark.parametrize("size", [100, LARGE])
    @pytest.mark.parametrize("place", PLACES)
    async def test_nothing_is_replaced(self, backend: StoreBackend, bucket: str, place: str, size: int) -> None:
        stored = await put(backend, bucket, "key", blob(size), headers={"content-type": "text/css"})
        content = FakeContent(blob(size, 1), piece=size // 5, fails=Broken(), fails_at=place)
        with pytest.raises(Broken):
            await backend.put(ObjectName(bucket, "key"), content, options())
        info = await info_of(backend, bucket, "key")
        assert (info.etag, dict(info.headers)) == (stored.etag, {"content-type": "text/css"})
        assert await read(backend, bucket, "key") == blob(size)

    @pytest.mark.parametrize("size", [0, 100, LARGE])
    @pytest.mark.parametrize("promise", WRONG)
    async def test_a_broken_promise_stores_nothing(
        self, backend: StoreBackend, bucket: str, promise: str, size: int
    ) -> None:
        promised, kind = WRONG[promise]
        with pytest.raises(kind):
            await backend.put(ObjectName(bucket, "key"), FakeContent(blob(size), promised=promised), options())
        assert not await is_there(backend, bucket, "key")

    @pytest.mark.parametrize("size", [0, 100, LARGE])
    async def test_a_kept_promise_is_stored(self, backend: StoreBackend, bucket: str, size: int) -> None:
        data = blob(size)
        promised = Promised(
            hashlib.sha256(data).hexdigest(),
            hashlib.md5(data, usedforsecurity=False).digest(),
            "CRC32C",
            checksum("CRC32C", data),
        )
        stored = await backend.put(ObjectName(bucket, "key"), FakeContent(data, promised=promised), options())
        assert stored.checksums["CRC32C"] == promised.value

    @pytest.mark.parametrize("size", [100, LARGE, 3 << 20])
    async def test_a_client_that_leaves_stores_nothing(self, backend: StoreBackend, bucket: str, size: int) -> None:
        stored = await put(backend, bucket, "key", b"before")
        content = _Endless(blob(size), piece=max(size // 2, 1))
        task = asyncio.ensure_future(backend.put(ObjectName(bucket, "key"), content, options()))
        await content.stalled.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await info_of(backend, bucket, "key")).etag == stored.etag
        assert await read(backend, bucket, "key") == b"before"

    @pytest.mark.parametrize("error", [IncompleteBody, BadDigest])
    async def test_the_next_attempt_succeeds(self, backend: StoreBackend, bucket: str, error: type[S3Error]) -> None:
        with pytest.raises(error):
            await backend.put(ObjectName(bucket, "key"), FakeContent(blob(LARGE), fails=error()), options())
        content = FakeContent(blob(LARGE), promised=NOTHING_PROMISED)
        await backend.put(ObjectName(bucket, "key"), content, options())
        assert await read(backend, bucket, "key") == blob(LARGE)

    async def test_of_many_at_once_only_the_good_are_there(self, backend: StoreBackend, bucket: str) -> None:
        async def attempt(number: int) -> None:
            fails = Broken() if number % 3 == 0 else None
            content = FakeContent(blob(1000 * number, number), piece=999, fails=fails)
            await backend.put(ObjectName(bucket, f"{number:02}"), content, options())

        results = await asyncio.gather(*(attempt(number) for number in range(30)), return_exceptions=True)
        assert [isinstance(result, Broken) for result in results] == [number % 3 == 0 for number in range(30)]
        listed = [entry[0] for entry in (await backend.list(bucket, ListQuery())).entries]
        assert listed == [f"{number:02}" for number in range(30) if number % 3]

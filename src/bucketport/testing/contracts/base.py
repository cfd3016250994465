"""What does every class of promises stand on? The skip for what is not offered, and short ways to say things."""

import asyncio
import random
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from typing import Any, ClassVar

import pytest

from bucketport.errors import NoSuchKey, S3Error
from bucketport.message import FileSpans, ResponseBody, Stream, release
from bucketport.model import NO_HEADERS, Deleted, ObjectInfo, ObjectName, Offer, Stored
from bucketport.options import NO_CONDITIONS, UNCONDITIONAL, PutOptions, ReadConditions, Want, WriteConditions
from bucketport.ports import Backend, StoreBackend
from bucketport.testing.fakes import OWNER, FakeContent

PLAIN: Mapping[str, str] = {"content-type": "text/plain"}

LARGE = 300_000
"""More bytes than any backend keeps in its index."""

CONTENDERS = 16


class Contract:
    """A class of promises; it is skipped where a backend does not offer what it needs."""

    needs: ClassVar[frozenset[Offer]] = frozenset({Offer.OBJECTS})

    @pytest.fixture(autouse=True)
    def _is_promised(self, request: pytest.FixtureRequest, backend: StoreBackend, excused: Mapping[str, str]) -> None:
        """Skip what the backend does not offer, and what it is excused from."""
        missing = sorted(offer.value for offer in self.needs - backend.offers)
        if missing:
            pytest.skip(f"{type(backend).__name__} does not offer {', '.join(missing)}")
        test = getattr(request.node, "originalname", None) or request.node.name
        for name in (type(self).__name__, f"{type(self).__name__}.{test}"):
            if name in excused:
                pytest.skip(excused[name])


def blob(size: int, seed: int = 0) -> bytes:
    """Bytes that are the same in every run and repeat nowhere."""
    return random.Random(seed).randbytes(size)  # noqa: S311


async def collect(body: ResponseBody) -> bytes:
    """All bytes behind a handle, which is given back."""
    try:
        if isinstance(body, bytes):
            return body
        if isinstance(body, FileSpans):
            return b"".join([_read_span(*span) for span in body.spans])
        assert isinstance(body, Stream), "a native handle can only be read by its runtime"
        return b"".join([piece async for piece in body.chunks])
    finally:
        release(body)


def _read_span(path: str, start: int, stop: int) -> bytes:
    with open(path, "rb") as file:
        file.seek(start)
        found = file.read(stop - start)
    assert len(found) == stop - start, f"{path} is shorter than its span says"
    return found


def options(
    *,
    owner: str = OWNER,
    headers: Mapping[str, str] = PLAIN,
    storage_class: str = "STANDARD",
    acl: str = "private",
    tags: Mapping[str, str] = NO_HEADERS,
    conditions: WriteConditions = NO_CONDITIONS,
) -> PutOptions:
    """PutOptions that say only what matters."""
    return PutOptions(owner, headers, storage_class, acl, tags, conditions)


async def put(backend: Backend, bucket: str, key: str, data: bytes = b"content", **how: Any) -> Stored:
    """Store bytes; what else is said goes to `options`."""
    return await backend.put(ObjectName(bucket, key), FakeContent(data), options(**how))


async def put_all(backend: Backend, bucket: str, keys: Iterable[str]) -> None:
    """Store an object under each key, all at once."""
    await asyncio.gather(*(put(backend, bucket, key, b"1") for key in keys))


async def read(backend: Backend, bucket: str, key: str, **what: Any) -> bytes:
    """An object's bytes; what else is said goes to `Want`."""
    return await collect((await backend.get(ObjectName(bucket, key), Want(**what))).body)


async def info_of(backend: Backend, bucket: str, key: str) -> ObjectInfo:
    """An object's row."""
    return (await backend.head(ObjectName(bucket, key), Want())).info


async def delete(backend: Backend, bucket: str, key: str, **conditions: Any) -> Deleted:
    """Remove an object under conditions."""
    return await backend.delete(ObjectName(bucket, key), None, WriteConditions(**conditions))


def under(**conditions: Any) -> Want:
    """A read under conditions."""
    return Want(conditions=ReadConditions(**conditions) if conditions else UNCONDITIONAL)


async def is_there(backend: Backend, bucket: str, key: str) -> bool:
    """Whether a read finds the key."""
    try:
        await info_of(backend, bucket, key)
    except NoSuchKey:
        return False
    return True


async def outcomes(attempts: Sequence[Awaitable[Any]]) -> tuple[list[Any], list[str]]:
    """What came of attempts made at once: the answers of those that succeeded, the codes of those that did not."""
    results = await asyncio.gather(*attempts, return_exceptions=True)
    codes = []
    for result in results:
        if isinstance(result, BaseException):
            if not isinstance(result, S3Error):
                raise result
            codes.append(result.code)
    return [result for result in results if not isinstance(result, BaseException)], codes

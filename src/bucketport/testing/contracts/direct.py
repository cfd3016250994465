"""Can a client send a part to the backend itself? By a request that it was given, with nothing else in its hands."""

import asyncio
import http.client
import urllib.error
import urllib.request
from typing import cast

from bucketport.message import HttpRequest
from bucketport.model import ObjectName, Offer, PartInfo, UploadName
from bucketport.options import CompleteOptions, UploadOptions
from bucketport.ports import DirectBackend, StoreBackend
from bucketport.testing.contracts.base import Contract, blob, is_there, options, read
from bucketport.testing.contracts.uploads import named, send
from bucketport.testing.fakes import FakeContent

HOUR = 3600


async def begin(backend: StoreBackend, bucket: str, key: str = "key") -> UploadName:
    """Begin an upload whose parts clients will send."""
    return await backend.create_upload(ObjectName(bucket, key), UploadOptions(options(), direct=True))


async def given(backend: StoreBackend, upload: UploadName, number: int, seconds: int = HOUR) -> HttpRequest:
    """What a client is given for a part."""
    return await cast(DirectBackend, backend).presign_part(upload, number, seconds)


def send_alone(request: HttpRequest, data: bytes) -> int:
    """Send the content as a client does that knows nothing but the request; the status."""
    sent = urllib.request.Request(request.url, data, dict(request.headers), method=request.method)  # noqa: S310
    sent.add_header("content-type", request.headers.get("content-type", "application/octet-stream"))
    try:
        with urllib.request.urlopen(sent, timeout=10) as answer:  # noqa: S310
            status: int = cast(http.client.HTTPResponse, answer).status
            return status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


async def put_alone(request: HttpRequest, data: bytes) -> int:
    """As `send_alone`, beside the event loop."""
    return await asyncio.get_running_loop().run_in_executor(None, send_alone, request, data)


class TestDirectParts(Contract):
    """presign_part."""

    needs = frozenset({Offer.MULTIPART, Offer.DIRECT})

    async def test_part_is_known_as_if_it_had_come_through_us(
        self, backend: StoreBackend, bucket: str, part_minimum: int
    ) -> None:
        contents = {1: blob(part_minimum, 1), 2: blob(part_minimum + 1, 2), 3: b"end"}
        upload = await begin(backend, bucket, "a folder/größe+&=?#%.txt")
        own = await backend.put_part(upload, 2, FakeContent(contents[2]))
        for number in (3, 1):
            assert await put_alone(await given(backend, upload, number), contents[number]) in (200, 201)
        parts = (await backend.list_parts(upload, 0, 1000)).parts
        assert [(part.number, part.size) for part in parts] == [(n, len(data)) for n, data in contents.items()]
        assert parts[1].etag == own.etag
        stored = await backend.complete(upload, named(parts))
        assert stored.etag.endswith("-3")
        assert await read(backend, bucket, upload.key) == b"".join(contents.values())

    async def test_part_may_be_sent_again(self, backend: StoreBackend, bucket: str) -> None:
        upload = await begin(backend, bucket)
        request = await given(backend, upload, 1)
        for data in (b"one", b"another"):
            assert await put_alone(request, data) in (200, 201)
        (part,) = (await backend.list_parts(upload, 0, 1000)).parts
        await backend.complete(upload, CompleteOptions([PartInfo(1, 0, part.etag)]))
        assert await read(backend, bucket, "key") == b"another"

    async def test_leave_is_for_that_part_of_that_upload_only(self, backend: StoreBackend, bucket: str) -> None:
        upload, other = await begin(backend, bucket), await begin(backend, bucket, "other")
        first, second = await given(backend, upload, 1), await given(backend, upload, 2)
        altered = [
            HttpRequest("PUT", first.endpoint, first.path, _changed(first.query, second.query)),
            HttpRequest("PUT", first.endpoint, first.path + "x", first.query),
            HttpRequest("PUT", first.endpoint, first.path, first.query.replace(upload.upload_id, other.upload_id)),
            HttpRequest("GET", first.endpoint, first.path, first.query),
        ]
        for request in altered:
            assert await put_alone(request, b"stolen") in (400, 401, 403, 404)
        assert not (await backend.list_parts(upload, 0, 1000)).parts
        assert not (await backend.list_parts(other, 0, 1000)).parts
        assert not await is_there(backend, bucket, "key")

    async def test_leave_is_over_in_time(self, backend: StoreBackend, bucket: str) -> None:
        upload = await begin(backend, bucket)
        request = await given(backend, upload, 1, 1)
        await asyncio.sleep(2.1)
        assert await put_alone(request, b"late") in (400, 401, 403)
        assert not (await backend.list_parts(upload, 0, 1000)).parts

    async def test_upload_that_is_given_up_takes_no_part(self, backend: StoreBackend, bucket: str) -> None:
        upload = await begin(backend, bucket)
        await send(backend, upload, {1: b"one"})
        request = await given(backend, upload, 2)
        await backend.abort(upload)
        assert await put_alone(request, b"two") == 404
        assert not await is_there(backend, bucket, "key")


def _changed(query: str, other: str) -> str:
    """A query with the first pair in which the other differs, but still its own signature."""
    pairs = zip(query.split("&"), other.split("&"), strict=True)
    signature = query.split("&")[-1]
    return "&".join([theirs if mine != signature else mine for mine, theirs in pairs])

"""What does an operator see of what was uploaded? Counts, buckets and objects, to whoever has an API key for them.

A key that is limited to some buckets sees those only; what counts over all of them takes a key for all.
"""

from collections.abc import AsyncIterator, Generator, Mapping, Sequence

from bucketport.api.uploads.answers import answer
from bucketport.api.uploads.context import Route, Routes, Statistics, UploadContext, Way
from bucketport.errors import InvalidArgument, NotImplemented
from bucketport.message import Response
from bucketport.model import BucketInfo, Entry, Offer
from bucketport.mounts import Mount
from bucketport.options import ListQuery
from bucketport.wire import address as addresses
from bucketport.wire import dates

PAGE = 1000
"""Rows that one call to a backend gives."""

MOST = 1000
"""Objects of one answer."""

_DEFAULT_LIMIT = 100


async def health(context: UploadContext) -> Response:
    """It is alive."""
    return answer(200, {"success": True, "message": "ok"}, {"Cache-Control": "no-store"})


async def stats(context: UploadContext) -> Response:
    """How much there is, and how much of it is stored once for several. Both names of each figure are given."""
    await context.allow("list_bucket", "")
    count = context.settings.statistics
    found = Statistics() if count is None else await count()
    saved = 1 - found.stored_bytes / found.logical_bytes if found.logical_bytes else 0.0
    figures = {
        "total_objects": found.objects,
        "unique_content_count": found.contents,
        "actual_storage_size": found.stored_bytes,
        "total_logical_size": found.logical_bytes,
        "unique_content_files": found.contents,
        "actual_storage_bytes": found.stored_bytes,
        "logical_storage_bytes": found.logical_bytes,
        "deduplication_percentage": round(max(saved, 0.0) * 100, 2),
    }
    return answer(200, {"success": True, "counted": count is not None, "exact": found.exact, "stats": figures})


async def buckets(context: UploadContext) -> Response:
    """The buckets that the key is for."""
    found = [{"name": info.name, "created": dates.iso(info.created_ms)} async for info in _buckets(context)]
    return answer(200, {"success": True, "buckets": found})


async def _buckets(context: UploadContext) -> AsyncIterator[BucketInfo]:
    after = ""
    while True:
        page = await context.services.buckets.list(context.caller, "", after, PAGE)
        for info in page.buckets:
            yield info
        after = page.next_after
        if not after:
            return


async def bucket(context: UploadContext) -> Response:
    """How many objects a bucket has, and how many bytes. Raises: NoSuchBucket."""
    mount = await _mount(context, "list_bucket")
    count, size = await _figures(context, mount)
    shown = {"name": mount.bucket, "object_count": count, "total_size": size}
    return answer(200, {"success": True, "bucket": shown})


async def _figures(context: UploadContext, mount: Mount) -> tuple[int, int]:
    """A bucket's objects and bytes, counted where nobody keeps them. Raises: NoSuchBucket."""
    known = context.settings.bucket_figures(mount)
    if known is not None:
        return known
    count = size = 0
    async for page in _pages(mount):
        count += len(page)
        size += sum(entry[1] for entry in page)
    return count, size


async def delete_bucket(context: UploadContext) -> Response:
    """Remove an empty bucket. Raises: BucketNotEmpty, NoSuchBucket, NotImplemented."""
    mount = await _mount(context, "delete_bucket")
    if Offer.BUCKETS not in mount.backend.offers:
        raise NotImplemented("This bucket cannot be removed here.")
    await mount.backend.delete_bucket(mount.bucket)
    return answer(200, {"success": True, "message": "bucket deleted", "bucket": mount.bucket})


async def objects(context: UploadContext) -> Response:
    """A page of the objects of one bucket, or of all that the key is for, and how many there are in all."""
    query = context.query
    offset, limit = _count(query, "offset", 0, 1 << 53), _count(query, "limit", _DEFAULT_LIMIT, MOST)
    if context.pieces:
        mounts = [await _mount(context, "list_bucket")]
    else:
        find = context.services.buckets.find
        mounts = [await find(info.name, context.caller) async for info in _buckets(context)]
    total, found = 0, list[dict[str, object]]()
    for mount in mounts:
        known = context.settings.bucket_figures(mount)
        if known is not None and (len(found) >= limit or offset >= total + known[0]):
            total += known[0]
            continue
        within = 0
        async for page in _pages(mount):
            first = max(offset - total - within, 0)
            found += [_shown(mount.bucket, entry) for entry in page[first : first + limit - len(found)]]
            within += len(page)
            if known is not None and len(found) >= limit:
                break
        total += within if known is None else known[0]
    return answer(200, {"success": True, "total": total, "offset": offset, "limit": limit, "objects": found})


def _shown(name: str, entry: Entry) -> dict[str, object]:
    key, size, etag, modified_ms = entry[:4]
    return {"blob_id": key, "bucket": name, "size": size, "etag": etag, "modified": dates.iso(modified_ms)}


def _count(query: Mapping[str, str], name: str, default: int, most: int) -> int:
    """Raises: InvalidArgument unless it is a number up to `most`."""
    text = query.get(name)
    if text is None:
        return default
    if text.isascii() and text.isdigit() and len(text) <= 16 and int(text) <= most:
        return int(text)
    raise InvalidArgument(f"{name} must be a number from 0 to {most}", fields={"member": name, "value": text[:200]})


async def _mount(context: UploadContext, action: str) -> Mount:
    """The bucket in the path, when the key is for it. Raises: AccessDenied, NoSuchBucket, InvalidURI."""
    name = addresses.decode(context.pieces[0]).lower()
    await context.allow(action, name)
    return await context.services.buckets.find(name, context.caller)


class _Turn:
    """To be awaited: everybody else gets their turn first. (The loop is not ours to know here.)"""

    def __await__(self) -> Generator[None, None, None]:
        yield


async def _pages(mount: Mount) -> AsyncIterator[Sequence[Entry]]:
    """All objects of a bucket, a page at each turn of the event loop."""
    after, token = "", None
    while True:
        page = await mount.backend.list(mount.bucket, ListQuery(after=after, limit=PAGE, token=token))
        yield page.entries
        after, token = page.next_after, page.next_token
        if not page.truncated:
            return
        await _Turn()


ROUTES: Routes = {
    ("GET", "/healthz"): Route("Health", Way.OPEN, health),
    ("GET", "/admin/stats"): Route("AdminStats", Way.KEY, stats),
    ("GET", "/admin/buckets"): Route("AdminBuckets", Way.KEY, buckets),
    ("GET", "/admin/buckets/*"): Route("AdminBucket", Way.KEY, bucket),
    ("DELETE", "/admin/buckets/*"): Route("AdminDeleteBucket", Way.KEY, delete_bucket),
    ("GET", "/admin/objects"): Route("AdminObjects", Way.KEY, objects),
    ("GET", "/admin/objects/*"): Route("AdminObjects", Way.KEY, objects),
}
"""The paths of this module."""

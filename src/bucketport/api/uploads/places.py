"""Where does what is uploaded go, and is it what its URL was made for? The bucket, made on first use; the terms."""

import contextlib
from collections.abc import Mapping

from bucketport.api.uploads.context import UploadContext
from bucketport.errors import (
    AlreadyExists,
    BucketAlreadyExists,
    BucketAlreadyOwnedByYou,
    NoSuchBucket,
    NoSuchKey,
    UnsupportedMediaType,
)
from bucketport.model import BucketInfo, ObjectName
from bucketport.mounts import Mount
from bucketport.options import WHOLE


async def place_of(context: UploadContext, bucket: str) -> Mount:
    """The bucket that something is written to; it is made when there is none.

    Raises: AccessDenied where buckets are fixed.
    """
    services, settings = context.services, context.settings
    try:
        mount = await services.buckets.find(bucket, context.caller)
    except NoSuchBucket:
        info = BucketInfo(bucket, settings.owner, int(services.now() * 1000), settings.region)
        # Somebody else's upload may make it at the same time.
        with contextlib.suppress(BucketAlreadyExists, BucketAlreadyOwnedByYou):
            await services.buckets.create(info, context.caller)
        mount = await services.buckets.find(bucket, context.caller)
    await settings.used(bucket)
    return mount


async def check_absent(mount: Mount, name: ObjectName) -> None:
    """Raises: AlreadyExists when the object is there now; whether it is at the commit is judged there."""
    try:
        await mount.backend.head(name, WHOLE)
    except NoSuchKey:
        return
    raise AlreadyExists(fields={"blob_id": name.key})


def check_type(allowed: str, headers: Mapping[str, str]) -> None:
    """Let content of a type pass that is among those (`image/*`, parted by commas; empty: any).

    Raises: UnsupportedMediaType.
    """
    sent = headers.get("content-type", "").partition(";")[0].strip().lower()
    if allowed and not any(_is_of(sent, one) for one in allowed.lower().split(",")):
        raise UnsupportedMediaType(
            f"The URL takes {allowed}; this is {sent[:100] or 'of no type'}", fields={"content_type": sent[:200]}
        )


def _is_of(sent: str, pattern: str) -> bool:
    if pattern == "*/*":
        return "/" in sent
    if pattern.endswith("/*"):
        return sent.startswith(pattern[:-1]) and len(sent) > len(pattern) - 1
    return sent == pattern

"""Where does what is uploaded go, and is it what its URL was made for? The bucket, made on first use; the terms."""

from collections.abc import Mapping

from bucketport.api.uploads.context import UploadContext
from bucketport.errors import (
    AccessDenied,
    AlreadyExists,
    BucketAlreadyExists,
    BucketAlreadyOwnedByYou,
    NoSuchBucket,
    NoSuchKey,
    S3Error,
    UnsupportedMediaType,
)
from bucketport.model import BucketInfo, ObjectName
from bucketport.mounts import Mount
from bucketport.options import WHOLE


async def place_of(context: UploadContext, bucket: str) -> Mount:
    """The bucket that something is written to; it is made when there is none.

    Raises: NoSuchBucket where it cannot be made; it says what to do.
    """
    services = context.services
    try:
        mount = await services.buckets.find(bucket, context.caller)
        if not mount.sure and bucket not in services.found:
            await _look(mount)
    except NoSuchBucket:
        await _make(context, bucket)
        mount = await services.buckets.find(bucket, context.caller)
    if not mount.sure:
        services.found.add(bucket)
    await context.settings.used(mount)
    return mount


async def _look(mount: Mount) -> None:
    """Ask whether the bucket is there, before content is read that could not be sent twice. Raises: NoSuchBucket."""
    try:
        await mount.backend.bucket(mount.bucket)
    except NoSuchBucket:
        raise
    except S3Error:
        # Keys that may write but not look: writing will tell.
        return


async def _make(context: UploadContext, bucket: str) -> None:
    services, settings = context.services, context.settings
    info = BucketInfo(bucket, settings.owner, int(services.now() * 1000), settings.region)
    try:
        await services.buckets.create(info, context.caller)
    except (BucketAlreadyExists, BucketAlreadyOwnedByYou):
        # Somebody else's upload made it at the same time.
        return
    except AccessDenied as error:
        raise NoSuchBucket(
            f"There is no bucket {bucket}, and none can be made here: name one that is there in `bucket`, or have "
            "[store] or [default_backend] set in the configuration.",
            fields={"bucket": bucket},
            reason=error.reason,
        ) from error


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

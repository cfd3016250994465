"""How does an application server get a URL for its user? `POST /presign`: an action on an object, for some time.

This runs for every upload and download of an application, so it is written to be short.
"""

import re

from bucketport.api.uploads.answers import quote, read_object
from bucketport.api.uploads.context import Route, Routes, UploadContext, Way
from bucketport.errors import InvalidBucketName, InvalidRequest, NoSuchBucket, S3Error
from bucketport.identity.ticket import DEFAULT_BUCKET
from bucketport.message import Response
from bucketport.wire.address import KEY_BYTES
from bucketport.wire.forwarded import as_sent
from bucketport.wire.query import encode_key
from bucketport.wire.ticket import FREE, Bound

RESERVED = frozenset({"-", "admin", "files", "healthz", "minio", "presign", "upload"})
"""Bucket names whose paths are this surface's (or the health checks')."""

LONGEST = 7 * 86_400
"""Seconds that a URL may live. Source: what S3 allows its presigned URLs."""

DEFAULT_SECONDS = 900
"""Source: the presigned-URL store's documentation."""

_ACTIONS = {
    "upload": ("POST", "put_object"),
    "update": ("PUT", "put_object"),
    "download": ("GET", "get_object"),
    "delete": ("DELETE", "delete_object"),
}
"""Each action's method, and what a key must be allowed."""

_DOTTED = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII)
_DOTS = frozenset({".", ".."})
_NAME = re.compile(r"[a-z0-9_-]{1,63}", re.ASCII)
_MEMBERS = frozenset({"action", "bucket", "blob_id", "expires_in", "max_size", "content_types", "sha256"})
_TERMS = frozenset({"max_size", "content_types", "sha256"})


async def presign(context: UploadContext) -> Response:
    """A URL and its method. Raises: InvalidRequest, InvalidBucketName, AccessDenied."""
    asked = await read_object(context)
    if not _MEMBERS.issuperset(asked):
        raise wrong("member", f"one of {', '.join(sorted(_MEMBERS))}", min(asked.keys() - _MEMBERS))
    action = asked.get("action")
    if not isinstance(action, str) or action not in _ACTIONS:
        raise wrong("action", "upload, download, update or delete", action)
    method, needed = _ACTIONS[action]
    bucket = await bucket_of(context, asked.get("bucket"))
    key = asked.get("blob_id")
    if key is None and action == "upload":
        key = uuid7(int(context.services.now() * 1000), context.services.entropy(10))
    else:
        key = check_key(key)
    seconds = seconds_of(asked.get("expires_in"))
    bound = FREE if _TERMS.isdisjoint(asked) else _bound(asked, action)
    await context.allow(needed, bucket, key)
    services = context.services
    query = services.ticket.query(method, (bucket, key), int(services.now()) + seconds, bound)
    url = f"{origin_of(context)}/{bucket}/{encode_key(key)}?{query}"
    made = (
        f'{{"success":true,"action":"{action}","bucket":"{bucket}","blob_id":{quote(key)},"url":{quote(url)},'
        f'"method":"{method}","expires_in":{seconds}}}'
    )
    return Response(200, {"Content-Type": "application/json"}, made.encode())


def origin_of(context: UploadContext) -> str:
    """Scheme and authority that URLs begin with, and the path that a proxy adds; no slash at the end."""
    settings = context.settings
    if settings.public_url:
        return settings.public_url
    request = context.request if settings.proxies is None else as_sent(context.request, settings.proxies)
    return f"{request.scheme}://{request.headers.get('host', '')}{request.base}"


async def bucket_of(context: UploadContext, asked: object) -> str:
    """The bucket that a document names, in lower case; the default one where it names none.

    A name that S3 takes and this surface does not (it has a dot) is good when there is such a bucket.
    Raises: InvalidBucketName.
    """
    if asked is None:
        return DEFAULT_BUCKET
    if not isinstance(asked, str):
        raise _bad_bucket(asked)
    name = asked.lower()
    if name in RESERVED:
        raise _bad_bucket(asked)
    if not _NAME.fullmatch(name):
        if not _DOTTED.fullmatch(name):
            raise _bad_bucket(asked)
        try:
            await context.services.buckets.find(name, context.caller)
        except NoSuchBucket as error:
            raise _bad_bucket(asked) from error
    return name


def _bad_bucket(asked: object) -> S3Error:
    return InvalidBucketName(
        "A bucket's name has a to z, 0 to 9, - and _, and is none that paths here begin with.",
        fields={"bucket": str(asked)[:200]},
    )


def check_key(key: object) -> str:
    """The key, when it is one that a URL can bear. Browsers and curl change a path with `.` or `..` in it.

    Raises: InvalidRequest.
    """
    if isinstance(key, str) and key:
        if key.isascii() and len(key) <= KEY_BYTES and "." not in key and "\0" not in key:
            return key
        try:
            size = len(key.encode())
        except UnicodeEncodeError:
            size = KEY_BYTES + 1
        if size <= KEY_BYTES and "\0" not in key and _DOTS.isdisjoint(key.split("/")):
            return key
    raise wrong("blob_id", f"a text of 1 to {KEY_BYTES} bytes in UTF-8 without segments that are . or ..", key)


def seconds_of(asked: object) -> int:
    """How long a URL lives. Raises: InvalidRequest unless it is 1 second to 7 days."""
    if asked is None:
        return DEFAULT_SECONDS
    if type(asked) is int and 1 <= asked <= LONGEST:
        return asked
    raise wrong("expires_in", f"a number of seconds from 1 to {LONGEST}", asked)


def wrong(member: str, expected: str, got: object) -> S3Error:
    """The refusal of a document's member."""
    return InvalidRequest(f"{member} must be {expected}; got {got!r:.200}", fields={"member": member})


def uuid7(now_ms: int, chance: bytes) -> str:
    """A UUID of version 7: its order is that of its time. `chance` is ten unpredictable bytes. Source: RFC 9562."""
    time, drawn = f"{now_ms:012x}", chance.hex()
    return f"{time[:8]}-{time[8:]}-7{drawn[:3]}-{'89ab'[chance[9] & 3]}{drawn[3:6]}-{drawn[6:18]}"


def _bound(asked: dict[str, object], action: str) -> Bound:
    """The terms that an upload's URL binds. Raises: InvalidRequest."""
    size, types, digest = asked.get("max_size"), asked.get("content_types"), asked.get("sha256")
    if action not in ("upload", "update"):
        raise wrong("action", "upload or update where max_size, content_types or sha256 is given", action)
    if size is not None and (type(size) is not int or not 0 <= size < 10**18):
        raise wrong("max_size", "a number of bytes", size)
    if isinstance(types, list) and types and all(isinstance(one, str) for one in types):
        types = ",".join(types)
    if types is not None and not isinstance(types, str):
        raise wrong("content_types", "a list of types", types)
    if digest is not None and not isinstance(digest, str):
        raise wrong("sha256", "64 hex digits", digest)
    bound = Bound("" if size is None else str(size), (types or "").replace(" ", "").lower(), (digest or "").lower())
    bound.check()
    return bound


ROUTES: Routes = {
    ("POST", "/presign"): Route("Presign", Way.KEY, presign),
    ("POST", "/admin/presign"): Route("Presign", Way.KEY, presign),
}
"""The paths of this module."""

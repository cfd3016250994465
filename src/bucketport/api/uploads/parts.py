"""Where does a client send the parts of an upload? URLs made just in time, for S3's UploadPart or for the cloud's own.

Ours are signed with a key that is derived for the session: it may send parts of that one key, and ends with it.
"""

from bucketport.api.uploads import asking
from bucketport.api.uploads.answers import answer, read_object
from bucketport.api.uploads.context import Route, Routes, UploadContext, Way
from bucketport.api.uploads.presign import origin_of, wrong
from bucketport.api.uploads.sessions import expired, of_path
from bucketport.errors import NotImplemented, UploadCommitted
from bucketport.message import Response
from bucketport.model import UploadName
from bucketport.mounts import Mount
from bucketport.sessions import Session
from bucketport.wire.dates import stamp
from bucketport.wire.presign import Key, Target, presign_url
from bucketport.wire.query import encode, encode_key

MOST_URLS = 1000
"""URLs of one answer."""

LAST_PART = 10_000
"""Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html (multipart upload limits)"""

LIFETIME = 3600
"""Seconds that a URL lives, unless the session ends sooner or the client asks for less."""


async def urls(context: UploadContext) -> Response:
    """URLs of parts. Raises: InvalidRequest; as `engine.Uploads.draft_direct`."""
    session = await of_path(context)
    asked = await read_object(context)
    now = context.services.now()
    late = expired(session, now)
    if late is not None:
        raise late
    if session.outcome is not None:
        raise UploadCommitted
    numbers = _numbers(asked, session)
    left = max(session.expires_ms // 1000 - int(now), 1)
    seconds = min(asking.number(asked, "expires_in", 1, 7 * 86_400) or LIFETIME, left)
    # A client that hangs up now must not leave an upload in a cloud that nobody knows of.
    context.request.body.outlive()
    mount = await context.uploads.mount(session)
    made = await (_direct if session.direct else _own)(context, session, mount, numbers, seconds)
    return answer(200, {"success": True, "parts": made, "expires_in": seconds}, {"Cache-Control": "no-store"})


def _numbers(asked: dict[str, object], session: Session) -> list[int]:
    """The parts that URLs are wanted for."""
    asking.check_members(asked, frozenset({"numbers", "count", "expires_in"}))
    last = min(session.total or LAST_PART, LAST_PART)
    count, rows = asking.number(asked, "count", 1, min(last, MOST_URLS)), asked.get("numbers")
    if (count is None) == (rows is None):
        raise wrong("numbers", "there, or count, and not both", rows)
    if count is not None:
        return list(range(1, count + 1))
    if not isinstance(rows, list) or not 1 <= len(rows) <= MOST_URLS:
        raise wrong("numbers", f"a list of 1 to {MOST_URLS} numbers of parts", rows)
    for number in rows:
        if type(number) is not int or not 1 <= number <= last:
            raise wrong("numbers", f"a list of numbers from 1 to {last}", number)
    return rows


async def _own(
    context: UploadContext, session: Session, mount: Mount, numbers: list[int], seconds: int
) -> list[dict[str, object]]:
    """URLs of our own S3 endpoint."""
    tokens = context.uploads.tokens
    if tokens is None:
        raise NotImplemented("Upload sessions are not offered here.")
    _, upload = await context.uploads.draft_direct(session, mount)
    region = mount.region or context.settings.region
    key = Key(tokens.credential(session), context.settings.region or region, stamp(context.services.now()))
    scheme, _, rest = origin_of(context).partition("://")
    host, _, base = rest.partition("/")
    path = f"{'/' if base else ''}{base}/{encode(session.bucket)}/{encode_key(session.key)}"
    return [
        {
            "number": number,
            "method": "PUT",
            "url": presign_url("PUT", Target(host, path, _query(upload, number), scheme), key, seconds),
            "headers": {},
        }
        for number in numbers
    ]


def _query(upload: UploadName, number: int) -> str:
    return f"partNumber={number}&uploadId={encode(upload.upload_id)}"


async def _direct(
    context: UploadContext, session: Session, mount: Mount, numbers: list[int], seconds: int
) -> list[dict[str, object]]:
    """URLs of the cloud itself."""
    made: list[dict[str, object]] = []
    for number in numbers:
        sent = await context.uploads.presign_part(session, mount, number, seconds)
        made.append({"number": number, "method": sent.method, "url": sent.url, "headers": dict(sent.headers)})
    return made


ROUTES: Routes = {
    ("POST", "/-/uploads/*/parts"): Route("PresignParts", Way.TOKEN, urls),
}
"""The paths of this module."""

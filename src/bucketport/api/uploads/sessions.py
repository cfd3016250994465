"""How does an application begin an upload session, and how is it seen, committed and given up?

The token that the answer holds serves every way of sending content. Whoever has an API key for the bucket may name a
session by its id in the token's place.
"""

import re
from collections.abc import Mapping, Sequence

from bucketport.access.decision import authorize
from bucketport.api.uploads import asking
from bucketport.api.uploads.answers import Members, answer, read_object
from bucketport.api.uploads.context import Route, Routes, UploadContext, Way
from bucketport.api.uploads.places import place_of
from bucketport.api.uploads.presign import bucket_of, check_key, origin_of, uuid7, wrong
from bucketport.errors import AccessDenied, InvalidRequest, NotImplemented, S3Error
from bucketport.message import Response
from bucketport.model import Claim, Offer, PartInfo
from bucketport.mounts import Mount
from bucketport.sessions import Lane, Outcome, Session
from bucketport.uploads import choice
from bucketport.uploads.acting import ACTING
from bucketport.uploads.events import Occasion
from bucketport.uploads.targets import check_target
from bucketport.wire.dates import iso
from bucketport.wire.query import encode

PATH = "/-/uploads"

PAGE = 1000
"""Most sessions of a page, and most parts that a status names."""

FILE_FIELD = "file"
"""The field of a form that holds the content."""

_ID = re.compile("[A-Za-z0-9_-]{1,100}").fullmatch


async def begin(context: UploadContext) -> Response:
    """A new session: 201. Raises: InvalidRequest, InvalidArgument (the webhook), AccessDenied."""
    uploads, services = context.uploads, context.services
    asked = await read_object(context)
    wanted = asking.read(asked, uploads.settings.longest_seconds)
    if asked.get("bucket") is None:
        raise wrong("bucket", "the name of a bucket", None)
    bucket = await bucket_of(context, asked["bucket"])
    now_ms = int(services.now() * 1000)
    key = _key(context, asked, now_ms)
    await context.allow("put_object", bucket, key)
    if wanted.webhook:
        check_target(wanted.webhook, uploads.settings.targets)
    mount = await place_of(context, bucket)
    session = Session(
        uuid7(now_ms, services.entropy(10)).replace("-", ""),
        bucket,
        key,
        context.caller.user,
        now_ms,
        now_ms + wanted.seconds * 1000,
        wanted.terms,
        wanted.headers,
        wanted.webhook,
        _direct(context, wanted, mount),
        wanted.auto_commit,
    )
    session = await uploads.open(session)
    return answer(201, {"success": True, **_described(context, session), **_ways(context, session)})


def _key(context: UploadContext, asked: Mapping[str, object], now_ms: int) -> str:
    """The key that is asked for, or one under the prefix that is asked for."""
    if (asked.get("key") is None) == (asked.get("key_prefix") is None):
        raise wrong("key", "there, or key_prefix, and not both", asked.get("key"))
    if asked.get("key") is not None:
        return _checked("key", asked["key"])
    prefix = asked["key_prefix"]
    if not isinstance(prefix, str):
        raise wrong("key_prefix", "a text", prefix)
    return _checked("key_prefix", prefix + uuid7(now_ms, context.services.entropy(10)))


def _checked(member: str, key: object) -> str:
    try:
        return check_key(key)
    except InvalidRequest as error:
        raise wrong(member, error.message.partition(" must be ")[2].partition(";")[0], key) from error


def _direct(context: UploadContext, wanted: asking.Wanted, mount: Mount) -> bool:
    """Whether parts go to the cloud itself. Raises: InvalidRequest where that is asked for and cannot be."""
    settings, can = context.uploads.settings, Offer.DIRECT in mount.backend.offers
    unproven = bool(wanted.terms.sha256) and not settings.verify_after
    if wanted.direct is None:
        return settings.direct and can and not unproven
    if wanted.direct and not can:
        raise wrong("direct", "false: the storage of this bucket takes no parts from clients", True)
    if wanted.direct and unproven:
        raise wrong("sha256", "absent: parts that go to the storage itself cannot prove it", wanted.terms.sha256)
    return wanted.direct


def _described(context: UploadContext, session: Session) -> dict[str, dict[str, object]]:
    """A session as every answer shows it."""
    terms = session.terms
    shown: dict[str, object] = {
        "id": session.id,
        "bucket": session.bucket,
        "key": session.key,
        "state": state_of(session, context.services.now()),
        "created_at": iso(session.created_ms),
        "expires_at": iso(session.expires_ms),
        "size": terms.size,
        "max_size": terms.max_size,
        "content_types": list(terms.content_types),
        "sha256": terms.sha256 or None,
        "replace": terms.replace,
        "direct": session.direct,
        "auto_commit": session.auto_commit,
        "on_commit": session.webhook or None,
        "headers": dict(session.headers),
        "object": None if session.outcome is None else object_of(session, session.outcome),
    }
    return {"session": shown}


def state_of(session: Session, now: float) -> str:
    """`open`, `committed` or `expired`. `now` is seconds since 1970."""
    if session.outcome is not None:
        return "committed"
    return "open" if now * 1000 < session.expires_ms else "expired"


def object_of(session: Session, outcome: Outcome) -> dict[str, object]:
    """The object that a session became."""
    return {
        "bucket": session.bucket,
        "key": session.key,
        "etag": outcome.etag,
        "size": outcome.size,
        "last_modified": iso(outcome.modified_ms),
        "sha256": outcome.sha256 or None,
        "version_id": outcome.version_id,
    }


def _ways(context: UploadContext, session: Session) -> dict[str, object]:
    """The token, and the URLs at which content can be sent with it."""
    if context.uploads.tokens is None:
        raise NotImplemented("Upload sessions are not offered here.")
    token = context.uploads.tokens.issue(session)
    url = f"{origin_of(context)}{PATH}/{token}"
    return {
        "token": token,
        "url": url,
        "commit_url": f"{url}/commit",
        "parts": {"url": f"{url}/parts", "method": "POST"},
        "tus": {"url": f"{url}/tus"},
        "form": {"url": f"{url}/form", "method": "POST", "file_field": FILE_FIELD},
    }


async def of_path(context: UploadContext) -> Session:
    """The session that a path names by token or id, for whoever may write its key.

    Raises: NoSuchUpload, AccessDenied.
    """
    session_id = context.pieces[0].partition(".")[0]
    if not _ID(session_id):
        raise AccessDenied("The upload token is not valid.", reason="no id of a session")
    session = await context.uploads.find(session_id)
    await context.allow("put_object", session.bucket, session.key)
    return session


async def status(context: UploadContext) -> Response:
    """What a session is, and what of it has arrived. Raises: as `of_path`."""
    session = await of_path(context)
    mount = await context.uploads.mount(session)
    parts = await context.uploads.parts(session, mount)
    lanes = await context.uploads.sessions.lanes(session.id)
    made = _described(context, session)
    if context.caller.access_key.startswith(ACTING):
        # A webhook's URL may hold a secret of the application's; whoever has the token is its user.
        del made["session"]["on_commit"]
    said = {"success": True, **made, "arrived": _arrived(session, parts, lanes)}
    return answer(200, said, {"Cache-Control": "no-store"})


def _arrived(session: Session, parts: Sequence[PartInfo], lanes: Sequence[Lane]) -> Members:
    """What is there: the parts that were sent as such, and how far each tus upload is."""
    held = choice.by_lane(parts)
    plain = held.get(0, [])
    made: dict[str, object] = {
        "bytes": choice.size_of(parts) if session.outcome is None else session.outcome.size,
        "parts": [{"number": part.number, "size": part.size, "etag": part.etag} for part in plain[:PAGE]],
        "parts_count": len(plain),
        "uploads": [
            {
                "number": lane.number,
                "length": lane.length,
                "offset": sum(choice.size_of(held.get(number, ())) for number in lane.joins or (lane.number,)),
                "partial": lane.partial,
                "joins": list(lane.joins),
            }
            for lane in lanes[:PAGE]
        ],
    }
    if session.total:
        made["total"] = session.total
        missing = choice.missing_of(session.total, (part.number for part in plain))
        made["missing"] = missing if session.outcome is None else []
    return made


async def listing(context: UploadContext) -> Response:
    """Sessions that the API key may see, by id: `?after=ID&limit=N&bucket=NAME`. Raises: InvalidRequest."""
    query = context.query
    limit = query.get("limit", "100")
    if not (limit.isascii() and limit.isdigit() and len(limit) <= 4 and 1 <= int(limit) <= PAGE):
        raise wrong("limit", f"a number from 1 to {PAGE}", limit)
    found, after = await _page(context, query.get("after", ""), int(limit), query.get("bucket"))
    rows = [_described(context, session)["session"] for session in found]
    following = f"{PATH}?limit={limit}&after={encode(after)}" if after else None
    return answer(200, {"success": True, "sessions": rows, "next_after": after or None, "next": following})


async def _page(context: UploadContext, after: str, limit: int, bucket: str | None) -> tuple[list[Session], str]:
    """A page of those that the caller may see, and the last id of it when there may be more."""
    found: list[Session] = []
    while True:
        rows = await context.uploads.sessions.list(after, limit, bucket)
        for session in rows:
            if len(found) == limit:
                return found, after
            after = session.id
            if await _may_see(context, session):
                found.append(session)
        if len(rows) < limit:
            return found, ""


async def _may_see(context: UploadContext, session: Session) -> bool:
    try:
        await authorize(context.caller, (Claim("put_object", session.bucket, session.key),), {})
    except AccessDenied:
        return False
    return True


async def commit(context: UploadContext) -> Response:
    """Make the object. Asked again, it answers the same. Raises: as `engine.Uploads.commit`."""
    session = await of_path(context)
    named = await _named(context)
    # A client that hangs up now must not leave it half done.
    context.request.body.outlive()
    mount = await context.uploads.mount(session)
    outcome = await context.uploads.commit(session, mount, named, occasion_of(context))
    return answer(200, {"success": True, "object": object_of(session, outcome)})


def occasion_of(context: UploadContext) -> Occasion:
    """The request, as a webhook is told of it."""
    return Occasion(context.settings.region, context.request.client, context.exchange.id)


async def _named(context: UploadContext) -> list[PartInfo]:
    """The parts that a commit names; none where it names none. Raises: InvalidRequest."""
    if context.request.body.length == 0:
        return []
    asked = await read_object(context)
    asking.check_members(asked, frozenset({"parts"}))
    rows = asked.get("parts")
    if rows is None:
        return []
    if not isinstance(rows, list) or not rows:
        raise wrong("parts", "a list of objects with number and etag", rows)
    return [_part(row) for row in rows]


def _part(row: object) -> PartInfo:
    if not isinstance(row, dict):
        raise wrong("parts", "a list of objects with number and etag", row)
    asking.check_members(row, frozenset({"number", "etag"}))
    number = asking.number(row, "number", 1, 10**6)
    if number is None:
        raise wrong("parts.number", "the number of a part", None)
    return PartInfo(number, 0, asking.text(row, "etag"))


async def abort(context: UploadContext) -> Response:
    """Give a session up. Raises: as `of_path`; UploadCommitted."""
    session = await of_path(context)
    mount = await context.uploads.mount(session)
    await context.uploads.abort(session, mount)
    return answer(200, {"success": True, "message": "the session was given up"})


def expired(session: Session, now: float) -> S3Error | None:
    """The refusal of whoever sends content to a session whose time is up; None while it is not."""
    if state_of(session, now) != "expired":
        return None
    return AccessDenied("The upload session has expired.", reason="its time is up")


ROUTES: Routes = {
    ("POST", PATH): Route("BeginUpload", Way.KEY, begin),
    ("GET", PATH): Route("ListUploads", Way.KEY, listing),
    ("GET", "/-/uploads/*"): Route("GetUpload", Way.TOKEN, status),
    ("DELETE", "/-/uploads/*"): Route("AbortUpload", Way.TOKEN, abort),
    ("POST", "/-/uploads/*/commit"): Route("CommitUpload", Way.TOKEN, commit),
}
"""The paths of this module."""

"""How does an upload session go from its first byte to its object? The engine that every way of uploading calls.

Content gathers in parts of a multipart upload, the draft: in place where the bucket's backend can hold drafts, in the
staging store where it cannot, and at a cloud itself where clients are handed URLs of parts. What is durable there is
all that is known of progress, so a commit that broke off anywhere is redone by asking for it again.
"""

import contextlib
import dataclasses
from collections.abc import Mapping, Sequence
from typing import cast

from bucketport.errors import (
    BackendError,
    BucketAlreadyExists,
    BucketAlreadyOwnedByYou,
    InvalidRequest,
    NoSuchBucket,
    NoSuchUpload,
    NotImplemented,
    S3Error,
    UploadCommitted,
    UploadIncomplete,
)
from bucketport.message import HttpRequest
from bucketport.model import NO_HEADERS, BucketInfo, ObjectName, Offer, PartInfo, UploadName
from bucketport.mounts import Buckets, Copier, Mount
from bucketport.options import PutOptions, UploadOptions
from bucketport.ports import Content, Digests, DirectBackend, Entropy, Now, StoreBackend
from bucketport.record import record
from bucketport.sessions import STAGING, Draft, Outcome, Session, Sessions
from bucketport.uploads import choice, terms
from bucketport.uploads.acting import identity_of as identity_of
from bucketport.uploads.committing import Asked, Committing, Means, remove_staged
from bucketport.uploads.events import UNKNOWN, Occasion
from bucketport.uploads.place import Place, draft_id, parts_of
from bucketport.uploads.targets import PUBLIC_ONLY, TargetRules
from bucketport.uploads.tokens import Tokens

STAGING_OWNER = "bucketport"
"""Who owns what is staged; nobody signs in as it."""


@record
class Settings:
    """What sessions may be. `verify_after`: a SHA-256 that can only be computed from the finished object (parts went to
    a cloud) is checked then, and the object deleted again if it differs; else such sessions are refused.

    `direct`: parts go to the cloud itself where a session does not say and its bucket can take them.
    `longest_seconds` is a session's longest life; `targets` says which webhooks are allowed.
    """

    verify_after: bool = False
    direct: bool = False
    longest_seconds: int = 7 * 86_400
    targets: TargetRules = PUBLIC_ONLY


@record
class Swept:
    """What a sweep did, or with `dry_run` would do: ids of the sessions that were given up, those of committed ones
    that were forgotten, those that could not be cleaned now, and the bytes let go (of drafts held here)."""

    aborted: tuple[str, ...] = ()
    forgotten: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    bytes: int = 0


class Uploads:
    """Upload sessions. `staging` and `copier` None: nothing can be staged, so a bucket in a cloud takes parts only by
    URLs. `sessions` is the registry; `tokens` None: no session can be asked for by a token."""

    def __init__(
        self,
        sessions: Sessions,
        buckets: Buckets,
        *,
        staging: StoreBackend | None,
        copier: Copier | None,
        digests: Digests,
        now: Now,
        entropy: Entropy,
        settings: Settings | None = None,
        tokens: Tokens | None = None,
    ) -> None:
        self.sessions, self.settings, self.tokens = sessions, settings or Settings(), tokens
        self._buckets, self._staging, self._copier, self._now = buckets, staging, copier, now
        self._committing = Committing(Means(sessions, copier, digests, now, entropy))
        self._swept = (0, "")

    # Sessions

    async def open(self, session: Session) -> Session:
        """Keep a new session; when there is one of that id already, that one comes back and nothing changes."""
        return await self.sessions.add(session)

    async def find(self, session_id: str) -> Session:
        """The session as it is now, also one whose time is up. Raises: NoSuchUpload."""
        found = await self.sessions.find(session_id)
        if found is None:
            raise NoSuchUpload("There is no such upload session.", reason="unknown session")
        return found

    async def mount(self, session: Session) -> Mount:
        """Where the session's bucket leads. Raises: NoSuchBucket."""
        return await self._buckets.find(session.bucket, identity_of(session))

    def room(self, session: Session, used: int = 0) -> int | None:
        """Bytes that its content may still have when `used` are there; None: no bound but the server's own."""
        return terms.room(session.terms, used)

    # Content

    async def draft(
        self, session: Session, mount: Mount, headers: Mapping[str, str] = NO_HEADERS
    ) -> tuple[StoreBackend, UploadName]:
        """Where content is to be put, made when there is nothing yet. Many may ask at once; all get the same.

        `headers` (as in ObjectInfo) describe the content where the session does not; whoever makes the draft counts.

        Raises: InvalidRequest for a content type that is not wanted, or where content goes to the cloud itself;
        NoSuchUpload when the session was given up; UploadCommitted.
        """
        session = await self._begun(session)
        if session.draft is None:
            staged = Offer.DRAFTS not in mount.backend.offers
            session = await self._make(session, mount, staged=staged, headers=headers)
        place = self._place(session, mount)
        if not place.loose:
            raise InvalidRequest(
                "The content of this session goes to the storage itself, by URLs of parts; finish it that way, or "
                "delete the session and begin another."
            )
        return place.backend, place.upload

    async def draft_direct(self, session: Session, mount: Mount) -> tuple[StoreBackend, UploadName]:
        """Where parts go that are sent by S3's UploadPart: an upload on the bucket's own backend.

        Raises: as `draft`; InvalidRequest when content was staged before, or could not be checked as the terms ask.
        """
        session = await self._begun(session)
        if session.draft is None:
            if session.terms.sha256 and Offer.DRAFTS not in mount.backend.offers and not self.settings.verify_after:
                raise InvalidRequest(
                    "Parts that go to the storage itself cannot prove a sha256: send the content by tus or by a form, "
                    "or set uploads.verify_direct to after.",
                    fields={"ArgumentName": "sha256"},
                )
            session = await self._make(session, mount, staged=False, headers=NO_HEADERS)
        place = self._place(session, mount)
        if place.staged:
            raise InvalidRequest("Content of this session has begun to arrive by tus or by a form; go on that way.")
        return place.backend, place.upload

    async def put_part(
        self, session: Session, mount: Mount, number: int, content: Content, *, headers: Mapping[str, str] = NO_HEADERS
    ) -> PartInfo:
        """Store a part of the content; a number used before is replaced. `headers` as for `draft`.

        Raises: as `draft`, and what content and backend find wrong.
        """
        backend, upload = await self.draft(session, mount, headers)
        return await backend.put_part(upload, number, content)

    async def parts(self, session: Session, mount: Mount, first: int = 1, last: int | None = None) -> list[PartInfo]:
        """What has arrived, by number: the parts from `first` to `last` (None: all). Empty once it is committed."""
        if session.draft is None:
            session = await self._fresh(session)
        if session.draft is None or session.outcome is not None:
            return []
        try:
            return await parts_of(self._place(session, mount), first, last)
        except NoSuchUpload:
            return []

    async def presign_part(self, session: Session, mount: Mount, number: int, seconds: int) -> HttpRequest:
        """What the client has to send to the cloud itself for one part, within that time.

        Raises: as `draft_direct`; InvalidRequest where the bucket's storage takes no parts from others.
        """
        if Offer.DIRECT not in mount.backend.offers:
            raise InvalidRequest("The storage of this bucket takes no parts from clients; begin a session without it.")
        backend, upload = await self.draft_direct(session, mount)
        return await cast(DirectBackend, backend).presign_part(upload, number, seconds)

    # The end

    async def commit(
        self,
        session: Session,
        mount: Mount,
        named: Sequence[PartInfo] = (),
        occasion: Occasion = UNKNOWN,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Outcome:
        """Make the object, once: repeated, also at once or after a crash, it answers the same.

        `named` are the parts that the client says it is made of (ETags may be empty); none: all that arrived.
        `headers` describe the object, where its draft was made before they were known (not where content went to a
        cloud by itself). `occasion` is the request, as the webhook is told of it.

        Raises: UploadIncomplete, which names what is missing; InvalidPart, EntityTooLarge, BadDigest; Conflict when
        the key exists and may not be replaced; OperationAborted while another commit is at work; NoSuchUpload when the
        session was given up.
        """
        session = await self._fresh(session)
        if session.outcome is not None:
            return session.outcome
        if session.draft is None:
            if not await self._may_be_empty(session):
                raise UploadIncomplete("Nothing has arrived yet.")
            await self.draft(session, mount)
            session = await self._fresh(session)
        place = self._place(session, mount)
        if headers is not None and not place.loose:
            raise InvalidRequest("What went to the storage by itself is described by what it began with.")
        return await self._committing.commit(Asked(session, mount, place, named, occasion, headers))

    async def abort(self, session: Session, mount: Mount) -> None:
        """Give it up: what arrived goes, and the session is forgotten. One that is gone already is no error.

        Raises: UploadCommitted.
        """
        found = await self.sessions.find(session.id)
        if found is None:
            return
        if found.outcome is not None:
            raise UploadCommitted
        await self._drop(self._supposed(found, mount), mount)
        await self.sessions.remove(found.id, found.created_ms)

    async def forget(self, session: Session) -> None:
        """Forget a session, whatever its state, and what it still holds besides its object, to make room for another
        of its id. One that has come already stays. Raises: BackendError."""
        await self._clean(session, dry_run=False)
        await self.sessions.remove(session.id, session.created_ms)

    async def sweep(self, limit: int, *, dry_run: bool = False) -> Swept:
        """Give up sessions whose time is up, and forget committed ones then; at most `limit` of them, the oldest first.

        One whose storage does not answer stays for another time, and those behind it have their turn before.
        `dry_run`: nothing changes. Raises: BackendError.
        """
        aborted: list[str] = []
        forgotten: list[str] = []
        failed: list[str] = []
        freed = 0
        found = await self.sessions.expired(int(self._now() * 1000), limit, (0, "") if dry_run else self._swept)
        if not dry_run:
            self._swept = (found[-1].expires_ms, found[-1].id) if 0 < limit <= len(found) else (0, "")
        for session in found:
            if self._committing.works_on(session.id):
                continue
            try:
                freed += await self._clean(session, dry_run=dry_run)
            except (S3Error, BackendError):
                failed.append(session.id)
                continue
            (aborted if session.outcome is None else forgotten).append(session.id)
            if not dry_run:
                await self.sessions.remove(session.id, session.created_ms)
        return Swept(tuple(aborted), tuple(forgotten), tuple(failed), freed)

    async def _clean(self, session: Session, *, dry_run: bool) -> int:
        """Let go of what a session still holds; how many bytes that were here."""
        known = session.draft is not None
        try:
            mount = await self.mount(session)
        except NoSuchBucket:
            if session.draft is None or not session.draft.staged:
                return 0
            mount = Mount(session.bucket, self._staging_store())
        session = self._supposed(session, mount)
        if session.draft is None:
            return 0
        place = self._place(session, mount)
        size = 0
        if place.loose:
            try:
                size = choice.size_of(await parts_of(place))
            except (NoSuchUpload, NoSuchBucket):
                if known and not dry_run:
                    await self._tell(session, mount, place)
        elif session.outcome is not None and not session.direct:
            return 0
        if not dry_run:
            # Also of a committed one whose parts came by URLs: until they were over, more may have been sent by them.
            await self._drop(session, mount)
        return size

    def _supposed(self, session: Session, mount: Mount) -> Session:
        """The session with the draft that somebody may have made without the registry's knowing, where it has none."""
        in_place = Offer.DRAFTS in mount.backend.offers
        if session.draft is not None or not (in_place or self._staging is not None):
            return session
        return dataclasses.replace(session, draft=Draft(draft_id(session), not in_place))

    async def _tell(self, session: Session, mount: Mount, place: Place) -> None:
        """The draft is gone, so a commit may have broken off after its object was there: its webhook is told yet."""
        if session.webhook and session.outcome is None and not place.staged:
            with contextlib.suppress(S3Error):
                await self._committing.commit(Asked(session, mount, place, (), UNKNOWN))

    async def _drop(self, session: Session, mount: Mount) -> None:
        """Remove its draft, and what it staged."""
        if session.draft is None:
            return
        place = self._place(session, mount)
        if place.staged:
            await remove_staged(place)
            return
        with contextlib.suppress(NoSuchUpload, NoSuchBucket):
            await place.backend.abort(place.upload)

    async def _may_be_empty(self, session: Session) -> bool:
        """Whether it is whole although nothing arrived: an object of no bytes."""
        lanes = await self.sessions.lanes(session.id)
        return session.terms.size == 0 or any(lane.length == 0 for lane in lanes)

    # Drafts

    async def _begun(self, session: Session) -> Session:
        """The session with the draft that it has by now. Raises: NoSuchUpload, UploadCommitted."""
        if session.draft is None or session.outcome is not None:
            session = await self._fresh(session)
        if session.outcome is not None:
            raise UploadCommitted
        return session

    async def _fresh(self, session: Session) -> Session:
        found = await self.sessions.find(session.id)
        if found is None:
            raise _given_up()
        return found

    async def _make(self, session: Session, mount: Mount, *, staged: bool, headers: Mapping[str, str]) -> Session:
        """Make its draft. Of many at once one is named in the registry; the others give up their own, if it is another.

        Where a draft's id can be chosen, all make the same one; a crash in between leaves it to whoever comes next.
        """
        described = {**headers, **session.headers}
        terms.check_content_type(session.terms, described.get("content-type", ""))
        backend = self._staging_store() if staged else mount.backend
        chosen = draft_id(session) if Offer.DRAFTS in backend.offers else ""
        owner = STAGING_OWNER if staged else session.user
        direct = session.direct and not staged
        options = UploadOptions(PutOptions(owner, described), upload_id=chosen, direct=direct)
        name = ObjectName(STAGING, session.id) if staged else ObjectName(session.bucket, session.key)
        if Offer.MULTIPART not in backend.offers:
            raise NotImplemented("The storage of this bucket has no multipart uploads.")
        upload = await self._create(backend, name, options)
        draft = Draft(upload.upload_id, staged)
        kept = await self.sessions.set_draft(session.id, draft)
        if kept is None or kept.draft != draft:
            with contextlib.suppress(NoSuchUpload):
                await backend.abort(upload)
        if kept is None:
            raise _given_up()
        return kept

    async def _create(self, backend: StoreBackend, name: ObjectName, options: UploadOptions) -> UploadName:
        try:
            return await backend.create_upload(name, options)
        except NoSuchBucket:
            if backend is not self._staging:
                raise
        with contextlib.suppress(BucketAlreadyOwnedByYou, BucketAlreadyExists):
            await backend.create_bucket(BucketInfo(STAGING, STAGING_OWNER, int(self._now() * 1000)))
        return await backend.create_upload(name, options)

    def _staging_store(self) -> StoreBackend:
        if self._staging is None or self._copier is None:
            raise NotImplemented("This server has no place to stage content for a bucket in a cloud; use part URLs.")
        return self._staging

    def _place(self, session: Session, mount: Mount) -> Place:
        """Where the session's draft is."""
        draft = session.draft
        assert draft is not None, "asked for the place of a draft that was not made"
        if draft.staged:
            return Place(self._staging_store(), UploadName(STAGING, session.id, draft.upload_id), True, True)
        upload = UploadName(session.bucket, session.key, draft.upload_id)
        return Place(mount.backend, upload, False, Offer.DRAFTS in mount.backend.offers)


def _given_up() -> S3Error:
    return NoSuchUpload("The upload session was given up.", reason="the session's row is gone")

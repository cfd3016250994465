"""How does a draft become its object, once and for all? Each step can be repeated, whatever broke off after it.

What arrived is chosen and held to the terms, the draft completed, a staged object copied to where it belongs, and the
session marked as committed together with its event. The registry is written last: until then, asking again finds what
was done before. A draft that is gone was completed, for nothing else but giving the session up removes it.
"""

import contextlib
import hashlib
from collections.abc import Mapping, Sequence
from typing import cast

from bucketport.errors import (
    BackendError,
    BadDigest,
    Conflict,
    NoSuchBucket,
    NoSuchKey,
    NoSuchUpload,
    OperationAborted,
    PreconditionFailed,
    S3Error,
)
from bucketport.model import NO_HEADERS, ObjectInfo, ObjectName, PartInfo, Promised, Sealed
from bucketport.mounts import Copier, Located, Mount
from bucketport.options import NO_CONDITIONS, WHOLE, CompleteOptions, CopyOptions, WriteConditions
from bucketport.ports import Digests, DraftsBackend, Entropy, Hasher, Now
from bucketport.record import record
from bucketport.sessions import Outcome, Session, Sessions
from bucketport.uploads import choice, terms
from bucketport.uploads.events import Occasion, event_of
from bucketport.uploads.place import Place, parts_of
from bucketport.uploads.reading import sha256_of

SKEW_MS = 15 * 60 * 1000
"""How far a cloud's clock may be behind ours. Source: what S3 itself allows a signature."""


def _new(session: Session) -> WriteConditions:
    return NO_CONDITIONS if session.terms.replace else WriteConditions(if_none_match="*")


def _exists(session: Session) -> S3Error:
    return Conflict("The key exists already, and the upload may not replace it.", fields={"Key": session.key})


@record
class Means:
    """What a commit needs beside the session. `copier` None: nothing is ever staged."""

    sessions: Sessions
    copier: Copier | None
    digests: Digests
    now: Now
    entropy: Entropy


@record
class Asked:
    """What is to be committed: a session and its places, the parts that the client names, and who tells of it.

    `headers` (as in ObjectInfo) describe the object instead of what the session and its draft said; None: those do.
    """

    session: Session
    mount: Mount
    place: Place
    named: Sequence[PartInfo]
    occasion: Occasion
    headers: Mapping[str, str] | None = None


class Committing:
    """Commits sessions."""

    def __init__(self, means: Means) -> None:
        self._sessions, self._copier, self._digests = means.sessions, means.copier, means.digests
        self._now, self._entropy = means.now, means.entropy
        self._running: dict[str, int] = {}

    def works_on(self, session_id: str) -> bool:
        """Whether a commit of that session is under way here."""
        return session_id in self._running

    async def commit(self, asked: Asked) -> Outcome:
        """Make the object of a session that has a draft.

        Raises: OperationAborted while another commit of it is at work, and what is missing or wrong.
        """
        session_id, place = asked.session.id, asked.place
        # In place, the store takes two at once for one; what is copied or read back must be done by one.
        if (place.staged or not place.loose) and self.works_on(session_id):
            raise OperationAborted("Another request is committing this upload session.", headers={"Retry-After": "1"})
        self._running[session_id] = self._running.get(session_id, 0) + 1
        try:
            return await self._commit(asked)
        finally:
            left = self._running.pop(session_id) - 1
            if left:
                self._running[session_id] = left

    async def _commit(self, asked: Asked) -> Outcome:
        session, place = asked.session, asked.place
        try:
            outcome = await self._make(asked)
        except S3Error:
            # Another process may have ended it in the meantime, and taken from under us what we worked on.
            ended = await self._sessions.find(session.id)
            if ended is not None and ended.outcome is not None:
                return ended.outcome
            raise
        event = event_of(session, outcome, int(self._now() * 1000), self._entropy, asked.occasion)
        kept = await self._sessions.commit(session.id, outcome, event)
        if place.staged:
            # What stays is removed by the sweep.
            with contextlib.suppress(S3Error, BackendError):
                await remove_staged(place)
        return outcome if kept is None or kept.outcome is None else kept.outcome

    async def _make(self, asked: Asked) -> Outcome:
        session, place = asked.session, asked.place
        try:
            parts = await parts_of(place)
        except NoSuchUpload:
            return await self._again(asked)
        made = choice.chosen(session, await self._sessions.lanes(session.id), parts, asked.named)
        size = choice.size_of(made)
        terms.check_size(session.terms, size)
        found = ""
        if session.terms.sha256 and place.loose:
            numbers = [part.number for part in made]
            found = terms.hex_of(await cast(DraftsBackend, place.backend).digest_parts(place.upload, numbers, "SHA256"))
            terms.check_sha256(session.terms, found)
        if not made:
            made = [await place.backend.put_part(place.upload, 1, Nothing(self._digests))]
        conditions = NO_CONDITIONS if place.staged else _new(session)
        options = CompleteOptions(made, conditions, loose=place.loose, headers=asked.headers)
        try:
            stored = await place.backend.complete(place.upload, options)
        except NoSuchUpload:
            return await self._again(asked)
        except PreconditionFailed as error:
            raise _exists(session) from error
        if place.staged:
            return await self._move(asked, size)
        outcome = Outcome(stored.etag, size, stored.modified_ms, found, stored.version_id)
        return outcome if place.loose else await self._verified(asked, outcome)

    # Where a commit broke off before

    async def _again(self, asked: Asked) -> Outcome:
        """The draft is gone: what it was made into is looked for. Raises: NoSuchUpload when there is no such thing."""
        session, place = asked.session, asked.place
        name = ObjectName(place.upload.bucket, place.upload.key)
        try:
            info = (await place.backend.head(name, WHOLE)).info
        except NoSuchKey as error:
            raise _lost() from error
        if not place.staged and not _is_of(info, session, place):
            raise _lost()
        if place.staged:
            # Its key is this session's alone; its terms were judged before it was completed.
            return await self._move(asked, info.size)
        outcome = Outcome(info.etag, info.size, info.modified_ms, version_id=info.version_id)
        if not session.terms.sha256:
            return outcome
        # Nothing is deleted here: it may be somebody else's.
        found = await sha256_of(place.backend, name, info.version_id)
        if place.loose and found != session.terms.sha256:
            raise _lost()
        terms.check_sha256(session.terms, found)
        return _hashed(outcome, found)

    async def _move(self, asked: Asked, size: int) -> Outcome:
        """Copy a completed staged object to its key; what a repetition finds there already is taken for it."""
        session, place = asked.session, asked.place
        assert self._copier is not None, "what is staged is copied by a copier"
        source = Located(place.backend, ObjectName(place.upload.bucket, place.upload.key))
        target = Located(asked.mount.backend, ObjectName(session.bucket, session.key))
        # As it was completed: with what the session, its draft or the first commit said.
        headers = (await place.backend.head(source.name, WHOLE)).info.headers
        options = CopyOptions(session.user, headers, NO_HEADERS, conditions=_new(session))
        try:
            stored = await self._copier.copy(source, WHOLE, target, options)
        except PreconditionFailed as error:
            there = (await target.backend.head(target.name, WHOLE)).info
            if not await _same(source, target, there, session):
                raise _exists(session) from error
            return Outcome(there.etag, there.size, there.modified_ms, session.terms.sha256, there.version_id)
        return Outcome(stored.etag, size, stored.modified_ms, session.terms.sha256, stored.version_id)

    async def _verified(self, asked: Asked, outcome: Outcome) -> Outcome:
        """What went to a cloud by itself is read back and hashed where the terms name a hash.

        Raises: BadDigest; the object is deleted again then.
        """
        session, mount = asked.session, asked.mount
        if not session.terms.sha256:
            return outcome
        name = ObjectName(session.bucket, session.key)
        found = await sha256_of(mount.backend, name, outcome.version_id)
        try:
            terms.check_sha256(session.terms, found)
        except BadDigest:
            with contextlib.suppress(NoSuchKey, PreconditionFailed):
                # Only what was read; not what somebody else has put there since.
                version = outcome.version_id
                conditions = NO_CONDITIONS if version else WriteConditions(if_match=outcome.etag)
                await mount.backend.delete(name, version, conditions)
            raise
        return _hashed(outcome, found)


def _hashed(outcome: Outcome, sha256: str) -> Outcome:
    return Outcome(outcome.etag, outcome.size, outcome.modified_ms, sha256, outcome.version_id)


def _lost() -> S3Error:
    return NoSuchUpload(
        "The content of this upload session is gone; begin another.", reason="the draft was removed by something else"
    )


def _is_of(info: ObjectInfo, session: Session, place: Place) -> bool:
    """Whether an object can be what the session's draft was made into. (A cloud's clock and its idea of owners are
    its own.)"""
    if place.loose and info.owner != session.user:
        return False
    if info.modified_ms < session.created_ms - (0 if place.loose else SKEW_MS):
        return False
    try:
        terms.check_size(session.terms, info.size)
    except S3Error:
        return False
    return True


async def _same(source: Located, target: Located, there: ObjectInfo, session: Session) -> bool:
    """Whether a staged object was copied to its key before: made since the session was, and byte for byte the same."""
    staged = (await source.backend.head(source.name, WHOLE)).info
    if there.size != staged.size or there.modified_ms < session.created_ms - SKEW_MS:
        return False
    theirs = await sha256_of(target.backend, target.name, there.version_id)
    return theirs == await sha256_of(source.backend, source.name)


async def remove_staged(place: Place) -> None:
    """Let go of all that a staged draft left: its upload or the object that was made of it."""
    with contextlib.suppress(NoSuchUpload, NoSuchBucket):
        await place.backend.abort(place.upload)
    name = ObjectName(place.upload.bucket, place.upload.key)
    with contextlib.suppress(NoSuchBucket):
        await place.backend.delete(name, None, NO_CONDITIONS)


class Nothing:
    """Content of no bytes (`ports.Content`): an object without content still needs one part."""

    length: int | None = 0
    promised = Promised()

    def __init__(self, digests: Digests) -> None:
        self._digests = digests
        self._checks: dict[str, Hasher] = {}

    def forgo_md5(self) -> None:
        """It costs nothing."""

    def also(self, algorithm: str) -> None:
        """Compute this checksum too."""
        if algorithm:
            self._checks[algorithm] = self._digests.new(algorithm)

    async def pull(self) -> bytes:
        """Nothing, at once."""
        return b""

    def accept(self, raw: bytes) -> Sequence[bytes | memoryview]:
        """Never called with anything."""
        return ()

    def finish(self) -> Sealed:
        """The digests of nothing."""
        values = {name: terms.base64_of(check.digest()) for name, check in self._checks.items()}
        return Sealed(0, hashlib.md5(usedforsecurity=False).digest(), values)

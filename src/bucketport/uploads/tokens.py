"""How does a client prove that an upload session is its own? By a token in the path, which ends when the session does.

A token is `ID.EXPIRES.SIGNATURE`: the session's id, seconds since 1970, and an HMAC-SHA256 in base64 for URLs. The
session's S3 key, with which URLs of parts are signed, is derived from the same secret and never leaves the server.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence

from bucketport.errors import AccessDenied, S3Error
from bucketport.model import Credential, Secret
from bucketport.sessions import Session
from bucketport.uploads.acting import identity_of

ACCESS_KEY = "BPUP"
"""How the access keys of sessions begin."""

_SHAPE = re.compile(r"([A-Za-z0-9_-]{1,100})\.([0-9]{1,11})\.([A-Za-z0-9_-]{43})").fullmatch


class Tokens:
    """Makes and reads tokens. The first of `secrets` (at least one) signs, all are good."""

    def __init__(self, secrets: Sequence[Secret]) -> None:
        if not secrets:
            raise ValueError("tokens need a secret")
        self._secrets = tuple(secrets)

    def issue(self, session: Session) -> str:
        """The session's token, good until the session's time is up."""
        expires = session.expires_ms // 1000
        return f"{session.id}.{expires}.{_signature(self._secrets[0], session.id, expires)}"

    def open(self, token: str, now: float) -> str:
        """The id of the session that a token is for. Raises: AccessDenied."""
        found = _SHAPE(token)
        if found is None:
            raise _refused("it has not the shape of a token")
        session_id, expires, signature = found[1], int(found[2]), found[3]
        # All are compared, so that time does not tell which was near.
        good = [hmac.compare_digest(_signature(secret, session_id, expires), signature) for secret in self._secrets]
        if not any(good):
            raise _refused("its signature is wrong")
        if now >= expires:
            raise AccessDenied("The upload session has expired.", reason="an upload token whose time is up")
        return session_id

    def credential(self, session: Session) -> Credential:
        """The S3 key of a session: may send parts of its key and list them; disabled once it is committed."""
        message = f"upload key\n{session.id}".encode()
        secret = hmac.digest(self._secrets[0].reveal().encode(), message, hashlib.sha256).hex()
        identity = identity_of(session, frozenset({"upload_part", "list_multipart_upload_parts"}))
        return Credential(
            ACCESS_KEY + session.id,
            Secret(secret),
            session.user,
            session.outcome is None,
            session.expires_ms / 1000,
            identity.scopes,
        )


def _signature(secret: Secret, session_id: str, expires: int) -> str:
    message = f"upload session\n{session_id}\n{expires}".encode()
    digest = hmac.digest(secret.reveal().encode(), message, hashlib.sha256)
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _refused(reason: str) -> S3Error:
    return AccessDenied("The upload token is not valid.", reason=f"an upload token: {reason}")

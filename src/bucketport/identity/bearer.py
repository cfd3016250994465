"""Who has this API key? `Authorization: Bearer <key>`: an application server, which may act in the key's buckets."""

import hashlib
import hmac
from collections.abc import Sequence

from bucketport.errors import Unauthorized
from bucketport.message import Request
from bucketport.model import Identity, Scope, Secret
from bucketport.ports import Proof
from bucketport.record import record

_ALL = frozenset({"*"})


@record
class ApiKey:
    """An API key: its name (for logs), its text, and the buckets that it may act in (none: all)."""

    name: str
    secret: Secret
    buckets: tuple[str, ...] = ()


class Bearer:
    """A Method for paths that take an API key and nothing else. Who holds one acts as `user`."""

    def __init__(self, keys: Sequence[ApiKey], user: str) -> None:
        self._known = [(_digest(key.secret.reveal().encode()), _proof(key, user)) for key in keys]

    def recognizes(self, request: Request) -> bool:
        """Always: whoever says nothing is told what to say."""
        return True

    async def authenticate(self, request: Request, now: float) -> Proof:
        """The key's holder. All keys are compared, in constant time. Raises: Unauthorized."""
        scheme, _, text = request.headers.get("authorization", "").partition(" ")
        sent = _digest(text.strip().encode("latin-1", "replace"))
        found: Proof | None = None
        for digest, proof in self._known:
            if hmac.compare_digest(digest, sent):
                found = proof
        bearer = scheme.lower() == "bearer"
        if found is None or not bearer:
            raise Unauthorized(
                "This API key is not known here." if bearer and text else None,
                headers={"WWW-Authenticate": "Bearer"},
                reason="wrong API key" if text else "no API key",
            )
        return found


def _digest(sent: bytes) -> bytes:
    """What is compared instead of a key: always of one length."""
    return hashlib.sha256(sent).digest()


def _proof(key: ApiKey, user: str) -> Proof:
    scopes = tuple(Scope(bucket, (), _ALL) for bucket in key.buckets or ("*",))
    return Proof(Identity(user, key.name, scopes))

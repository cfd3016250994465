"""Who may use this URL? Whoever holds it: a ticket proves leave for one action on one object, and nothing else."""

from collections.abc import Sequence

from bucketport.errors import InvalidBucketName, InvalidURI, KeyTooLongError
from bucketport.message import Request
from bucketport.model import Identity, ObjectName, Scope, Secret
from bucketport.ports import Proof
from bucketport.wire.address import Level, split
from bucketport.wire.ticket import Bound, query, read, refused, verify

DEFAULT_BUCKET = "default"
"""The bucket of `/upload/{id}` and `/files/{id}`, and of whoever names none. Source: the presigned-URL store."""

_ACTIONS = {
    "GET": frozenset({"get_object", "head_object"}),
    "POST": frozenset({"put_object"}),
    "PUT": frozenset({"put_object"}),
    "DELETE": frozenset({"delete_object"}),
}
"""What a ticket for that method may do."""

_SHORT = ("/upload/", "/files/")

KEPT = 4096
"""Tickets that are remembered as good: a player or a map asks one URL for range after range, and to verify it costs
4 of the 40 microseconds of a small download (measured 2026-11)."""

_LONGEST = 2048
"""Characters of a target that is remembered, so that what is kept stays under some 10 MiB."""


def object_of(raw_path: str) -> ObjectName:
    """The object that a ticket's path names, in either form.

    Raises: AccessDenied where it names none: no ticket was ever made for that.
    """
    path = raw_path
    if path.startswith(_SHORT):
        path = f"/{DEFAULT_BUCKET}/{path.partition('/')[2].partition('/')[2]}"
    try:
        address = split(path, "", ())
    except (InvalidURI, InvalidBucketName, KeyTooLongError) as error:
        raise refused("its path names no object") from error
    if address.level is not Level.OBJECT:
        raise refused("its path names no object")
    return ObjectName(address.bucket, address.key)


class TicketUrl:
    """A Method: a URL with `sig` and `expires`. The first of `secrets` signs new ones, all of them are good.

    Whoever holds one acts as `user`, within the ticket.
    """

    def __init__(self, secrets: Sequence[Secret], user: str) -> None:
        self._secrets, self._user = tuple(secrets), user
        self._good: dict[tuple[str, str, str], tuple[int, Proof]] = {}

    def query(self, method: str, name: tuple[str, str], expires: int, bound: Bound) -> str:
        """The query of a new ticket. `name` is bucket and key; `expires` is seconds since 1970."""
        return query(self._secrets[0], method, name, expires, bound)

    def recognizes(self, request: Request) -> bool:
        """Also an incomplete one."""
        return True

    async def authenticate(self, request: Request, now: float) -> Proof:
        """Leave for what the ticket is for. Raises: AccessDenied."""
        method = "GET" if request.method == "HEAD" else request.method
        asked = method, request.raw_path, request.raw_query
        known = self._good.get(asked)
        if known is not None and now < known[0]:
            return known[1]
        name, ticket = object_of(request.raw_path), read(request.raw_query)
        verify(ticket, self._secrets, method, (name.bucket, name.key), now)
        scope = Scope(name.bucket, (name.key,), _ACTIONS[method])
        proof = Proof(Identity(self._user, "ticket", (scope,)))
        self._remember(asked, ticket.expires, proof)
        return proof

    def _remember(self, asked: tuple[str, str, str], expires: int, proof: Proof) -> None:
        """Keep what was verified, byte for byte as it was sent, until it expires."""
        if len(asked[1]) + len(asked[2]) > _LONGEST:
            return
        if len(self._good) >= KEPT:
            self._good.clear()
        self._good[asked] = expires, proof

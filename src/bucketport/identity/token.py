"""Whose upload session is this? Whoever holds its token may write its one key, and nothing else.

An application server asks by the session's id instead, with its API key: it may do what the key may.
"""

from collections.abc import Callable

from bucketport.errors import AccessDenied, NoSuchUpload
from bucketport.message import Request
from bucketport.model import Identity
from bucketport.ports import Method, Proof
from bucketport.sessions import Session, Sessions

PREFIX = "/-/uploads/"
"""What stands before a token in a path."""

Opens = Callable[[str, float], str]
"""The session's id of a token that is good at a time; raises AccessDenied."""


class SessionToken:
    """A Method for the paths of upload sessions. `opens` verifies a token, `acts` says who acts for a session.

    `key` authenticates who names a session by its id alone (no token has that shape); None: nobody can.
    """

    def __init__(
        self, sessions: Sessions, opens: Opens, acts: Callable[[Session], Identity], key: Method | None = None
    ) -> None:
        self._sessions, self._opens, self._acts, self._key = sessions, opens, acts, key

    def recognizes(self, request: Request) -> bool:
        """Always: its paths take a token and nothing else."""
        return True

    async def authenticate(self, request: Request, now: float) -> Proof:
        """Leave to write the session's key; with an API key, what that may do.

        Raises: AccessDenied; NoSuchUpload for a session that was given up; Unauthorized for a wrong API key.
        """
        if not request.raw_path.startswith(PREFIX):
            raise AccessDenied(reason="no upload token where one has to be")
        token = request.raw_path[len(PREFIX) :].partition("/")[0]
        if self._key is not None and "." not in token and "authorization" in request.headers:
            return await self._key.authenticate(request, now)
        session = await self._sessions.find(self._opens(token, now))
        if session is None:
            raise NoSuchUpload("There is no such upload session.", reason="a good token of a session that is gone")
        return Proof(self._acts(session))

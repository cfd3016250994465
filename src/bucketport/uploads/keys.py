"""Which S3 keys do upload sessions have? One each, derived and not stored: URLs of parts are signed with it."""

from bucketport.model import Credential
from bucketport.sessions import Sessions
from bucketport.uploads.tokens import ACCESS_KEY, Tokens


class SessionKeys:
    """A registry of keys (`ports.Credentials`) over the registry of sessions."""

    def __init__(self, sessions: Sessions, tokens: Tokens) -> None:
        self._sessions, self._tokens = sessions, tokens

    async def find(self, access_key: str) -> Credential | None:
        """The key of a session, also of one whose time is up; None for everything else."""
        if not access_key.startswith(ACCESS_KEY):
            return None
        session = await self._sessions.find(access_key.removeprefix(ACCESS_KEY))
        return None if session is None else self._tokens.credential(session)

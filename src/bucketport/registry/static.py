"""Which keys does the configuration name? Those of the file, of flags and of the environment; and several registries
as one.
"""

from collections.abc import Iterable, Sequence

from bucketport.model import Credential
from bucketport.ports import Credentials


class StaticCredentials:
    """A registry of keys that does not change as long as the process runs."""

    def __init__(self, credentials: Iterable[Credential]) -> None:
        self._by_key = {credential.access_key: credential for credential in credentials}

    async def find(self, access_key: str) -> Credential | None:
        """The credential, also a disabled or an expired one; None when there is none."""
        return self._by_key.get(access_key)


class Chain:
    """Registries of keys asked one after the other: the first that knows a key says what it is."""

    def __init__(self, registries: Sequence[Credentials]) -> None:
        self._registries = tuple(registries)

    async def find(self, access_key: str) -> Credential | None:
        """The credential, also a disabled or an expired one; None when no registry has it."""
        for registry in self._registries:
            found = await registry.find(access_key)
            if found is not None:
                return found
        return None

"""Keys of every condition, and all ways to sign."""

import pytest

from bucketport.identity.header import HeaderSignature
from bucketport.identity.presigned import PresignedUrl
from bucketport.identity.presigned_v2 import PresignedUrlV2
from bucketport.model import Credential, Secret
from bucketport.ports import Method

ACCESS_KEY = "AKIAIOSFODNN7EXAMPLE"
SECRET = Secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")


class Keys:
    """A registry of keys in memory that remembers what it was asked."""

    def __init__(self, *credentials: Credential) -> None:
        self.asked: list[str] = []
        self._found = {credential.access_key: credential for credential in credentials}

    async def find(self, access_key: str) -> Credential | None:
        """The credential, also a disabled one."""
        self.asked.append(access_key)
        return self._found.get(access_key)


@pytest.fixture
def keys() -> Keys:
    """A good key, a disabled one, one that expires at 2,000,000,000, and another user's."""
    return Keys(
        Credential(ACCESS_KEY, SECRET, "alice"),
        Credential("DISABLED", SECRET, "alice", enabled=False),
        Credential("EXPIRED", SECRET, "alice", expires_at=1_000_000_000.0),
        Credential("WITH/SLASH", SECRET, "bob"),
    )


@pytest.fixture
def methods(keys: Keys) -> list[Method]:
    """Both ways of Signature Version 4, for us-east-1, and URLs of version 2."""
    return [HeaderSignature(keys, "us-east-1"), PresignedUrl(keys, "us-east-1"), PresignedUrlV2(keys)]

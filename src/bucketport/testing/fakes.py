"""What stands in for a client's content, a clock, randomness and a registry of keys? Each keeps its port's promise."""

import base64
import hashlib
from collections.abc import Iterable, Sequence

from bucketport.crypto.digests import WheelDigests
from bucketport.errors import BadDigest, ContentSHA256Mismatch, IncompleteBody
from bucketport.model import NOTHING_PROMISED, Credential, Promised, Sealed, Secret
from bucketport.ports import Hasher

DIGESTS = WheelDigests()
"""Real digests: what a backend is given in production too."""

OWNER = "alice"
"""The user who owns the buckets of a contract."""


class FakeContent:
    """A client's content (`ports.Content`) that is already here: real digests, and failures where they are wanted.

    It comes in pieces of `piece` bytes (None: all at once). `fails` is raised by `fails_at`: `pull` (after the first
    piece), `accept` (of the first piece) or `finish`. `checksums` are computed besides what the backend asks for.
    `promised` is compared at the end, as of a real client; `declares_length` False leaves the length unknown.
    """

    def __init__(
        self,
        data: bytes = b"",
        *,
        piece: int | None = None,
        checksums: Iterable[str] = (),
        promised: Promised = NOTHING_PROMISED,
        fails: Exception | None = None,
        fails_at: str = "finish",
        declares_length: bool = True,
    ) -> None:
        self._pieces = [data] if piece is None else [data[at : at + piece] for at in range(0, len(data), piece)]
        self._pieces = [piece for piece in self._pieces if piece]
        self._fails, self._fails_at = fails, fails_at
        self._md5: Hasher | None = DIGESTS.new("MD5")
        self._sha256 = hashlib.sha256()
        self._checks: dict[str, Hasher] = {}
        self._size = len(data)
        self._pulled = self._seen = 0
        self.length: int | None = len(data) if declares_length else None
        self.promised = promised
        for algorithm in (*checksums, promised.algorithm):
            self.also(algorithm)

    @property
    def untouched(self) -> bool:
        """Whether nobody asked for a byte of it."""
        return self._pulled == 0

    def forgo_md5(self) -> None:
        """Spare the MD5 unless it was promised."""
        assert self._seen == 0, "forgo_md5 comes before the first accept"
        if not self.promised.md5:
            self._md5 = None

    def also(self, algorithm: str) -> None:
        """Compute this checksum too."""
        assert self._seen == 0, "also comes before the first accept"
        if algorithm and algorithm not in self._checks:
            self._checks[algorithm] = DIGESTS.new(algorithm)

    async def pull(self) -> bytes:
        """The next piece; empty at the end."""
        if self._pulled >= min(1, len(self._pieces)):
            self._fail("pull")
        self._pulled += 1
        return self._pieces[self._pulled - 1] if self._pulled <= len(self._pieces) else b""

    def accept(self, raw: bytes) -> Sequence[bytes | memoryview]:
        """The bytes themselves, in two pieces of which one is a view, as a decoder of chunks gives them."""
        self._fail("accept")
        self._seen += len(raw)
        for hasher in (self._md5, self._sha256, *self._checks.values()):
            if hasher is not None:
                hasher.update(raw)
        return (raw[:1], memoryview(raw)[1:]) if len(raw) > 1 else (raw,)

    def finish(self) -> Sealed:
        """What it was. Raises: IncompleteBody, ContentSHA256Mismatch, BadDigest, and what it was told to raise."""
        self._fail("finish")
        if self._seen != self._size:
            raise IncompleteBody
        md5 = self._md5.digest() if self._md5 is not None else b""
        checks = {name: base64.b64encode(check.digest()).decode() for name, check in self._checks.items()}
        promised = self.promised
        if promised.sha256 and promised.sha256 != self._sha256.hexdigest():
            raise ContentSHA256Mismatch
        if promised.md5 and promised.md5 != md5:
            raise BadDigest
        if promised.value and promised.value != checks[promised.algorithm]:
            raise BadDigest
        return Sealed(self._seen, md5, checks)

    def _fail(self, at: str) -> None:
        if self._fails is not None and self._fails_at == at:
            raise self._fails


def checksum(algorithm: str, data: bytes) -> str:
    """The checksum of `data` as S3 writes it, in base64."""
    hasher = DIGESTS.new(algorithm)
    hasher.update(data)
    return base64.b64encode(hasher.digest()).decode()


class FakeClock:
    """A clock that stands still, but for `step` seconds at each reading and what `advance` adds."""

    def __init__(self, at: float = 1_795_000_000.0, step: float = 0.0) -> None:
        self.at, self.step = at, step

    def __call__(self) -> float:
        """Seconds since 1970."""
        self.at += self.step
        return self.at

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.at += seconds


class FakeEntropy:
    """Bytes that look random and are the same in every run."""

    def __init__(self, seed: str = "") -> None:
        self._seed, self._count = seed, 0

    def __call__(self, count: int) -> bytes:
        """That many bytes, never the same twice."""
        made = b""
        while len(made) < count:
            self._count += 1
            made += hashlib.sha256(f"{self._seed}:{self._count}".encode()).digest()
        return made[:count]


class FakeIds:
    """Request ids in a row."""

    def __init__(self) -> None:
        self._count = 0

    def __call__(self) -> str:
        """The next id: sixteen upper-case letters and digits."""
        self._count += 1
        return f"ID{self._count:014X}"


class FakeCredentials:
    """A registry of keys (`ports.Credentials`) over those that it is given."""

    def __init__(self, credentials: Iterable[Credential] = ()) -> None:
        self._held = {credential.access_key: credential for credential in credentials}

    def add(self, access_key: str, secret: str, user: str) -> Credential:
        """Put a key in."""
        credential = Credential(access_key, Secret(secret), user)
        self._held[access_key] = credential
        return credential

    async def find(self, access_key: str) -> Credential | None:
        """The credential; None when there is none."""
        return self._held.get(access_key)

"""Where are the parts that clients send to Azure themselves, and which blocks there count?

A shared access signature names a blob and the right to write it, never a block: its holder may put and commit there
what it likes. So these parts go to a blob that is the upload's own, beside the key. What is believed of that blob are
its blocks, and of these only those with an id that was made here: whoever sends a block can neither invent a part, nor
say that an upload was begun, nor bring in the blocks of another one.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable

from bucketport.backends.remote.azure.blocks import BEGUN, NONCE, Attempt, Blocks, Kind, Part, decoded
from bucketport.backends.remote.azure.upload_id import Begun
from bucketport.errors import KeyTooLongError
from bucketport.model import ObjectName, Secret

STAGED = " .bucketport-upload-"
"""What stands between the key and the seal, as at Google (`gcs.uploads`)."""

SEAL = 23
"""Characters of a seal: 11 hex digits of milliseconds since 1970 and 12 of the nonce."""

KEY_BYTES = 1024
"""Characters that a blob's name may have; bytes are counted, which is the safe side.
Source: https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata"""

_SEAL = re.compile(r"[0-9a-f]{23}")
_HEAD = NONCE + 2
"""Bytes of an id that say which block it is: the nonce, and kind and number."""


def is_own(name: str) -> bool:
    """Whether a blob is an upload's own: no client ever sees it in a list."""
    return STAGED in name and name[:-SEAL].endswith(STAGED) and _SEAL.fullmatch(name[-SEAL:]) is not None


def own_name(name: ObjectName, begun: Begun) -> ObjectName:
    """Where the parts of an upload to `name` go. Raises: KeyTooLongError."""
    made = f"{name.key}{STAGED}{begun.started_ms:011x}{begun.nonce.hex()}"
    if len(made.encode("utf-8", "surrogatepass")) > KEY_BYTES:
        most = KEY_BYTES - len(STAGED) - SEAL
        raise KeyTooLongError(
            f"A key whose parts go to the storage itself may have at most {most} bytes.",
            fields={"Size": str(len(name.key.encode("utf-8", "surrogatepass"))), "MaxSizeAllowed": str(most)},
        )
    return ObjectName(name.bucket, made)


class Ids:
    """The ids of an upload's blocks; `own` is its blob by the container's own name. An id holds a MAC of what it says
    and of the blob, so that it cannot be made up from another one."""

    def __init__(self, own: ObjectName, nonce: bytes, secret: Secret) -> None:
        self._nonce, self._key = nonce, hmac.digest(secret.reveal().encode(), b"blocks of clients", "sha256")
        self._place = f"{own.bucket}\0{own.key}\0".encode("utf-8", "surrogatepass")

    def of(self, kind: Kind, number: int) -> str:
        """DATA: the content of that part. SEAL: that part is empty (Azure takes no block without content). MARK."""
        attempt = Attempt(self._nonce, number, 0)
        head = self._nonce + (kind << 14 | number).to_bytes(2, "big")
        # The zero is the block's index, as in the ids of other uploads: the parts of an object are read off both.
        return attempt.block(kind, b"\0" + hmac.digest(self._key, self._place + head, "sha256"))

    def read(self, name: str) -> tuple[Kind, int] | None:
        """What an id stands for; None for one that was not made here for this upload."""
        raw = decoded(name)
        if raw is None or raw[:NONCE] != self._nonce:
            return None
        kind, number = Kind(raw[NONCE] >> 6), int.from_bytes(raw[NONCE:_HEAD], "big") & 0x3FFF
        return (kind, number) if hmac.compare_digest(self.of(kind, number), name) else None


class OwnBlocks(Blocks):
    """What the blocks of an upload's own blob say. `put` tells whether anything uncommitted is there at all."""

    def __init__(
        self, ids: Ids, started_ms: int, committed: Iterable[tuple[str, int]], waiting: Iterable[tuple[str, int]]
    ) -> None:
        self.marks, self.parts = set(), {}
        self.put = False
        for name, size in committed:
            self._take(ids.read(name), name, size, started_ms)
        self._kept = bool(self.parts)
        for name, size in waiting:
            self.put = True
            self._take(ids.read(name), name, size, started_ms)

    def _take(self, said: tuple[Kind, int] | None, name: str, size: int, started_ms: int) -> None:
        if said is None:
            return
        kind, number = said
        if kind is Kind.MARK:
            self.marks.add(number)
        elif kind is Kind.DATA:
            self.parts[number] = part_of(number, size, started_ms, name)
        elif kind is Kind.SEAL and number not in self.parts:
            self.parts[number] = part_of(number, 0, started_ms, name)

    @property
    def alive(self) -> bool:
        """Whether the upload was begun and is not over: a Complete that broke off has committed its parts here."""
        return BEGUN in self.marks or self._kept


def part_of(number: int, size: int, started_ms: int, block: str) -> Part:
    """A part by its block. What stands for its MD5 is no such thing, for nobody here saw the content; another length
    makes another one, so that nobody takes a part for one that was judged."""
    tag = hashlib.md5(f"{block}\n{size}".encode(), usedforsecurity=False).digest()
    return Part(number, size, tag, started_ms, b"", (block,) if size else ())

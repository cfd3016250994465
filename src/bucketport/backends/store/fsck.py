"""Is the whole store sound? Every reference, every manifest, every file, and with `deep` every byte.

For a folder that no server has open: it takes the same lock. Nothing is changed; what a crash leaves behind and the
next start sweeps away is told as a leftover, not as a fault.
"""

import contextlib
import hashlib

import bucketport.backends.store.index.audit as audit
from bucketport.backends.store.blobs.check import Suspect, check_blob
from bucketport.backends.store.blobs.files import Files
from bucketport.backends.store.blobs.shelf import Shelf
from bucketport.backends.store.digesting import hash_file
from bucketport.backends.store.index.reads import Reader
from bucketport.backends.store.index.schema import MIGRATIONS
from bucketport.backends.store.index.sqlite import open_for_reading
from bucketport.backends.store.lock import Lock
from bucketport.backends.store.trouble import CannotOpen, vanished
from bucketport.errors import BackendError
from bucketport.ports import Digests
from bucketport.record import record


@record
class Finding:
    """A fault: what kind, where (a key, a bucket, `blob 17`, a path), and what exactly."""

    kind: str
    place: str
    detail: str


@record
class Report:
    """What was looked at and what was found. `leftovers` are files without a row and garbage not yet removed."""

    buckets: int
    objects: int
    blobs: int
    manifests: int
    bytes_read: int
    leftovers: int
    findings: tuple[Finding, ...]

    @property
    def sound(self) -> bool:
        """Whether there is no fault."""
        return not self.findings


def fsck(path: str, *, digests: Digests, deep: bool = False, files: Files | None = None) -> Report:
    """Prove the data folder at `path`; `deep` reads all content too.

    Raises: CannotOpen when it is no data folder, is in use, or has another format than this release writes.
    """
    files = files or Files()
    if files.size(f"{path}/index.sqlite") < 0:
        raise CannotOpen(f"{path} is no data folder: there is no index.sqlite in it.")
    with contextlib.closing(Lock(path)):
        try:
            reader = open_for_reading(f"{path}/index.sqlite")
        except BackendError as error:
            raise CannotOpen(f"The index in {path} cannot be read: {error}.") from error
        with contextlib.closing(reader.connection):
            found = reader.rows("PRAGMA user_version")[0][0]
            if found != len(MIGRATIONS):
                raise CannotOpen(f"{path} has format {found}; this release checks format {len(MIGRATIONS)} only.")
            shelf = Shelf(f"{path}/blobs", f"{path}/temporary", files, digests)
            return _Audit(reader, shelf, digests).run(deep)


class _Audit:
    """One look at a store."""

    def __init__(self, reader: Reader, shelf: Shelf, digests: Digests) -> None:
        self._reader, self._shelf, self._digests = reader, shelf, digests
        self._findings: list[Finding] = []
        self._read = 0

    def run(self, deep: bool) -> Report:
        try:
            self._check_index(deep)
            leftovers = self._check_files(deep)
            if deep:
                self._check_inline()
                self._check_manifests()
        except BackendError as error:
            self._findings.append(Finding("unreadable", self._shelf.root, str(error)))
            leftovers = 0
        buckets, objects, blobs, manifests = self._reader.rows(audit.COUNTS)[0]
        return Report(buckets, objects, blobs, manifests, self._read, leftovers, tuple(self._findings))

    def _check_index(self, deep: bool) -> None:
        for (line,) in self._reader.rows("PRAGMA integrity_check" if deep else "PRAGMA quick_check"):
            if line != "ok":
                self._findings.append(Finding("damaged index", "index.sqlite", line))
        for rule in audit.RULES:
            for place, detail in self._reader.rows(rule.sql):
                self._findings.append(Finding(rule.kind, str(place), detail))

    def _check_files(self, deep: bool) -> int:
        """Every blob has its file; how many files have no blob."""
        last, known = 0, set()
        while rows := self._reader.blobs(last, 256):
            for blob, size, crcs, sha256 in rows:
                last = blob
                known.add(f"{blob:012x}")
                self._check_blob(Suspect(self._shelf.path(blob), size, crcs), deep, sha256)
        leftovers = 0
        for path, name in self._shelf.every_file():
            if name not in known:
                leftovers += 1
            elif path != self._shelf.path(int(name, 16)):
                self._findings.append(Finding("misplaced file", path, "a blob's file is in a folder of others"))
        return leftovers

    def _check_blob(self, suspect: Suspect, deep: bool, sha256: bytes | None) -> None:
        hasher = hashlib.sha256() if sha256 else None
        try:
            if deep:
                self._read += check_blob(self._shelf.files, self._digests, suspect, hasher)
                self._compare(suspect.path, hasher, sha256)
            elif self._shelf.files.size(suspect.path) != suspect.size:
                raise vanished(suspect.path, suspect.size)
        except BackendError as error:
            self._findings.append(Finding("damaged blob", suspect.path, error.detail))

    def _compare(self, place: str, hasher: "hashlib._Hash | None", sha256: bytes | None) -> None:
        if hasher is not None and hasher.digest() != sha256:
            self._findings.append(Finding("wrong hash", place, "the recorded SHA-256 is not its content's"))

    def _check_manifests(self) -> None:
        """Those that may be shared: their parts were read for their CRCs, and are once more as one content."""
        last = 0
        while rows := self._reader.rows(audit.HASHED_MANIFESTS, (last,)):
            for last, sha256, size in rows:
                hasher = hashlib.sha256()
                for blob, _, length, at, _ in self._reader.spans(last, 0, size):
                    if not length:
                        continue
                    with contextlib.suppress(BackendError, OSError):  # It has its finding already.
                        hash_file(hasher, self._shelf.files, self._shelf.path(blob), at, at + length)
                self._compare(f"manifest {last}", hasher, sha256)

    def _check_inline(self) -> None:
        last = 0
        while rows := self._reader.rows(audit.HASHED_INLINE, (last,)):
            for last, sha256, content in rows:
                self._read += len(content)
                self._compare(f"inline {last}", hashlib.sha256(content), sha256)
        last = 0
        while rows := self._reader.rows(audit.INLINE, (last,)):
            for last, key, etag, content in rows:  # noqa: B007
                self._read += len(content)
                if hashlib.md5(content, usedforsecurity=False).hexdigest() != etag:
                    self._findings.append(Finding("damaged content", key, "the MD5 of inline content is not its ETag"))

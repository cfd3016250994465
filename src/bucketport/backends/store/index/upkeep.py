"""How does the janitor's work become rows?"""

from bucketport.backends.store.index.changes import Dismantle, ForgetCompleted, RemoveGarbage
from bucketport.backends.store.index.transaction import Transaction


def remove_garbage(tx: Transaction, change: RemoveGarbage) -> None:
    """The files are gone: nothing knows of the blobs any more."""
    tx.run_many("DELETE FROM garbage_blobs WHERE id=?", [(blob,) for blob in change.blobs])


def dismantle(tx: Transaction, change: Dismantle) -> int:
    """Some parts at a time, so that others' commits do not wait for 10,000."""
    manifest = change.manifest
    if tx.row("SELECT 1 FROM garbage_manifests WHERE id=?", (manifest,)) is None:
        return 0
    found = tx.rows("SELECT number, blob FROM parts WHERE manifest=? LIMIT ?", (manifest, change.limit + 1))
    for number, blob in found[: change.limit]:
        tx.run("DELETE FROM parts WHERE manifest=? AND number=?", (manifest, number))
        if blob is not None:
            tx.drop_blob(blob)
    left = len(found) - change.limit
    if left <= 0:
        tx.run("DELETE FROM manifests WHERE id=?", (manifest,))
        tx.run("DELETE FROM garbage_manifests WHERE id=?", (manifest,))
    return max(left, 0)


def forget_completed(tx: Transaction, change: ForgetCompleted) -> None:
    """Old answers; a repeat after that gets NoSuchUpload."""
    tx.run("DELETE FROM completed WHERE done_ms < ?", (change.before_ms,))

"""How is the content of objects held and let go, and kept once where it is equal?

Content is inline, a blob, or a manifest; what was hashed is found by its SHA-256 and shared. A manifest whose content
turned out to be there already stays for the sake of its parts' sizes and ETags, and names what holds its bytes. Each
distinct content of an object is counted once, here. Two contents are taken for equal when SHA-256 and size are.
"""

from bucketport.backends.store.blobs.shelf import Blob
from bucketport.backends.store.index.changes import MergeManifest, StripManifest
from bucketport.backends.store.index.columns import BLOB, ID, INLINE, MANIFEST, Row
from bucketport.backends.store.index.transaction import Transaction
from bucketport.record import record

_FIND = (
    "SELECT id, NULL, NULL, length(content) FROM inline WHERE sha256=?1 UNION ALL "
    "SELECT NULL, id, NULL, size FROM blobs WHERE sha256=?1 UNION ALL "
    "SELECT NULL, NULL, id, size FROM manifests WHERE sha256=?1"
)
_RELEASE_BLOB = "UPDATE blobs SET refs=refs-1, objects=objects-1 WHERE id=? RETURNING refs, objects, size"
_RELEASE_MANIFEST = "UPDATE manifests SET refs=refs-1 WHERE id=? RETURNING refs, size, inline, blob, same"


@record
class Kept:
    """What holds an object's bytes: one of the three, or none (its own inline content, or no bytes at all)."""

    inline: int | None = None
    blob: int | None = None
    manifest: int | None = None


def keep_inline(tx: Transaction, id: int, content: bytes, sha256: bytes) -> Kept:
    """Keep the content of the row `id` inline; with its hash, once for all that have it."""
    if not content:
        return Kept()
    if not sha256:
        tx.run("INSERT INTO inline(id, content) VALUES (?, ?)", (id, content))
        tx.count_content(1, len(content))
        return Kept()
    found = find(tx, sha256, len(content))
    if found is not None:
        hold(tx, found)
        return found
    tx.run("INSERT INTO inline(id, content, refs, sha256) VALUES (?, ?, 1, ?)", (id, content, sha256))
    tx.count_content(1, len(content))
    return Kept(inline=id)


def keep_blob(tx: Transaction, blob: Blob, sha256: bytes) -> Kept:
    """Keep an object's blob; when its hash is known, what is there already, and the new file is garbage."""
    found = find(tx, sha256, blob.size) if sha256 else None
    if found is not None:
        hold(tx, found)
        tx.bury_blob(blob.id)
        return found
    tx.run(
        "INSERT INTO blobs(id, size, refs, crcs, objects, sha256) VALUES (?, ?, 1, ?, 1, ?)",
        (blob.id, blob.size, blob.crcs, sha256 or None),
    )
    tx.count_content(1, blob.size)
    return Kept(blob=blob.id)


def keep_manifest(tx: Transaction, manifest: int, size: int, *, unmerged: bool) -> None:
    """An upload's manifest became an object of `size` bytes; `unmerged`: its content is to be hashed."""
    tx.run("UPDATE manifests SET size=? WHERE id=?", (size, manifest))
    if not size:
        return
    tx.count_content(1, size)
    if unmerged:
        tx.run("INSERT INTO unmerged(manifest) VALUES (?)", (manifest,))
        tx.garbage = True


def share(tx: Transaction, source: Row, id: int) -> Kept:
    """Have the row `id` share the content of `source`; inline content that was not hashed is copied."""
    kept = Kept(source[INLINE], source[BLOB], source[MANIFEST])
    if hold(tx, kept) or not source[0]:
        return kept
    tx.run("INSERT INTO inline(id, content) SELECT ?, content FROM inline WHERE id=?", (id, source[ID]))
    tx.count_content(1, source[0])
    return kept


def let_go(tx: Transaction, row: Row) -> None:
    """Let go of the content of a row that is about to vanish."""
    if not _release(tx, row[INLINE], row[BLOB], row[MANIFEST]) and row[0]:
        tx.run("DELETE FROM inline WHERE id=?", (row[ID],))
        tx.count_content(-1, -row[0])


def find(tx: Transaction, sha256: bytes, size: int) -> Kept | None:
    """What holds content of that hash and size."""
    for inline, blob, manifest, length in tx.rows(_FIND, (sha256,)):
        if length == size:
            return Kept(inline, blob, manifest)
    return None


def hold(tx: Transaction, kept: Kept) -> bool:
    """One object more has this content; whether there is anything to hold."""
    if kept.blob is not None:
        tx.run("UPDATE blobs SET refs=refs+1, objects=objects+1 WHERE id=?", (kept.blob,))
    elif kept.manifest is not None:
        tx.run("UPDATE manifests SET refs=refs+1 WHERE id=?", (kept.manifest,))
    elif kept.inline is not None:
        tx.run("UPDATE inline SET refs=refs+1 WHERE id=?", (kept.inline,))
    else:
        return False
    return True


def _release(tx: Transaction, inline: int | None, blob: int | None, manifest: int | None) -> bool:
    """One object less has this content; whether there was anything to let go."""
    if blob is not None:
        _release_blob(tx, blob)
    elif manifest is not None:
        release_manifest(tx, manifest)
    elif inline is not None:
        row = tx.row("UPDATE inline SET refs=refs-1 WHERE id=? RETURNING refs, length(content)", (inline,))
        if row is not None and row[0] <= 0:
            tx.run("DELETE FROM inline WHERE id=?", (inline,))
            tx.count_content(-1, -row[1])
    else:
        return False
    return True


def _release_blob(tx: Transaction, blob: int) -> None:
    row = tx.row(_RELEASE_BLOB, (blob,))
    if row is None:
        return
    refs, objects, size = row
    if objects <= 0:
        tx.count_content(-1, -size)
        if refs > 0:
            # It lives on as a part alone, and what is found by its hash must be an object's.
            tx.run("UPDATE blobs SET sha256=NULL WHERE id=?", (blob,))
    if refs <= 0:
        tx.bury_blob(blob)


def release_manifest(tx: Transaction, manifest: int) -> None:
    """One object or upload less is made of it; after the last the janitor takes it apart, in small steps.

    Its row keeps the name of what holds its bytes until then: a reader may be about to look.
    """
    row = tx.row(_RELEASE_MANIFEST, (manifest,))
    if row is None or row[0] > 0:
        return
    _, size, *kept = row
    if not _release(tx, *kept) and size:
        tx.count_content(-1, -size)
    tx.run("UPDATE manifests SET sha256=NULL WHERE id=?", (manifest,))
    tx.run("DELETE FROM unmerged WHERE manifest=?", (manifest,))
    tx.run("INSERT INTO garbage_manifests(id) VALUES (?)", (manifest,))
    tx.garbage = True


def merge_manifest(tx: Transaction, change: MergeManifest) -> bool:
    """Record the hash; when equal content is there already, have the manifest name that. Whether it was there."""
    manifest = change.manifest
    row = tx.row(
        "SELECT m.size, coalesce(m.inline, m.blob, m.same) FROM unmerged u JOIN manifests m ON m.id=u.manifest "
        "WHERE u.manifest=?",
        (manifest,),
    )
    if row is None:
        return False
    size, joined = row
    if joined is not None:
        return True
    found = find(tx, change.sha256, size)
    if found is None:
        tx.run("UPDATE manifests SET sha256=? WHERE id=?", (change.sha256, manifest))
        tx.run("DELETE FROM unmerged WHERE manifest=?", (manifest,))
        return False
    hold(tx, found)
    tx.run(
        "UPDATE manifests SET inline=?, blob=?, same=? WHERE id=?",
        (found.inline, found.blob, found.manifest, manifest),
    )
    tx.count_content(-1, -size)
    return True


def strip_manifest(tx: Transaction, change: StripManifest) -> int:
    """Let go of some of the parts' blobs, as a joined manifest does not need them; how many are left."""
    manifest = change.manifest
    if tx.row("SELECT 1 FROM unmerged WHERE manifest=?", (manifest,)) is None:
        return 0
    found = tx.rows(
        "SELECT number, blob FROM parts WHERE manifest=? AND blob IS NOT NULL LIMIT ?", (manifest, change.limit + 1)
    )
    for number, blob in found[: change.limit]:
        tx.run("UPDATE parts SET blob=NULL WHERE manifest=? AND number=?", (manifest, number))
        tx.drop_blob(blob)
    left = len(found) - change.limit
    if left <= 0:
        tx.run("DELETE FROM unmerged WHERE manifest=?", (manifest,))
    return max(left, 0)

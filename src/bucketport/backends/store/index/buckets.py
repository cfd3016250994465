"""How do changes to buckets become rows?"""

from bucketport.backends.store.index.changes import (
    CreateBucket,
    DeleteBucket,
    PutBucketAcl,
    PutBucketCors,
    SwitchOnDedup,
)
from bucketport.backends.store.index.contents import release_manifest
from bucketport.backends.store.index.transaction import Transaction
from bucketport.errors import BucketAlreadyExists, BucketAlreadyOwnedByYou, BucketNotEmpty


def create_bucket(tx: Transaction, change: CreateBucket) -> None:
    """Raises: BucketAlreadyOwnedByYou, BucketAlreadyExists."""
    info = change.info
    row = tx.row("SELECT owner FROM buckets WHERE name=?", (info.name,))
    if row is not None:
        kind = BucketAlreadyOwnedByYou if row[0] == info.owner else BucketAlreadyExists
        raise kind(fields={"BucketName": info.name})
    tx.run(
        "INSERT INTO buckets(name, owner, created_ms, region, acl, cors) VALUES (?, ?, ?, ?, ?, ?)",
        (info.name, info.owner, info.created_ms, info.region, info.acl, info.cors),
    )


def delete_bucket(tx: Transaction, change: DeleteBucket) -> None:
    """Unfinished uploads go with it. Raises: BucketNotEmpty."""
    bucket = tx.bucket(change.bucket)
    for table in ("current", "versions"):
        if tx.row(f"SELECT 1 FROM {table} WHERE bucket=? LIMIT 1", (bucket,)) is not None:
            raise BucketNotEmpty(fields={"BucketName": change.bucket})
    for (manifest,) in tx.rows("SELECT manifest FROM uploads WHERE bucket=?", (bucket,)):
        release_manifest(tx, manifest)
    tx.run("DELETE FROM uploads WHERE bucket=?", (bucket,))
    tx.run("DELETE FROM completed WHERE bucket=?", (bucket,))
    tx.run("DELETE FROM buckets WHERE id=?", (bucket,))
    tx.forget_buckets()


def put_bucket_acl(tx: Transaction, change: PutBucketAcl) -> None:
    """Only the ACL changes."""
    tx.run("UPDATE buckets SET acl=? WHERE id=?", (change.acl, tx.bucket(change.bucket)))


def put_bucket_cors(tx: Transaction, change: PutBucketCors) -> None:
    """Only the rules change."""
    tx.run("UPDATE buckets SET cors=? WHERE id=?", (change.rules, tx.bucket(change.bucket)))


def switch_on_dedup(tx: Transaction, change: SwitchOnDedup) -> None:
    """What is there already stays as it is."""
    tx.run("UPDATE buckets SET dedup=1 WHERE id=?", (tx.bucket(change.bucket),))

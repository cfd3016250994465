"""Which tables hold the index, and how does a folder of an older release become one of ours?

An object row is a version. `current` holds the newest of each key and `versions` the older ones, so that a listing does
not grow with history; a row's `id` is unique for ever and orders versions. Its content is inline (`inline.id` = the
row's id), a blob, or a manifest: the parts of a multipart upload, which the completed object takes over as they are.
The first columns of `current` are in the order of `model.Entry`, so that a listing's rows are its entries.
"""

import apsw

from bucketport.backends.store.trouble import CannotOpen

FORMAT = 2
"""What this release writes. A folder with a higher number is refused, a lower one is migrated step by step."""

APPLICATION = 0x62707274
"""SQLite's application id of an index: `bprt`."""

_OBJECT = """
    bucket INTEGER NOT NULL,
    key BLOB NOT NULL,
    size INTEGER NOT NULL,
    etag TEXT NOT NULL,
    modified_ms INTEGER NOT NULL,
    storage_class TEXT NOT NULL,
    owner TEXT NOT NULL,
    checksum_algorithm TEXT NOT NULL,
    checksum_type TEXT NOT NULL,
    acl TEXT NOT NULL,
    headers TEXT NOT NULL,
    checksums TEXT NOT NULL,
    tags TEXT,
    tags_count INTEGER NOT NULL,
    parts_count INTEGER NOT NULL,
    version_id TEXT,
    id INTEGER NOT NULL,
    blob INTEGER,
    manifest INTEGER,
"""

_FORMAT_1 = f"""
CREATE TABLE counters(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID, STRICT;
INSERT INTO counters VALUES ('next_id', 1);

CREATE TABLE buckets(
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    owner TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    region TEXT NOT NULL,
    acl TEXT NOT NULL,
    objects INTEGER NOT NULL DEFAULT 0,
    bytes INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE current({_OBJECT} PRIMARY KEY (bucket, key)) WITHOUT ROWID, STRICT;

CREATE TABLE versions({_OBJECT}
    delete_marker INTEGER NOT NULL,
    PRIMARY KEY (bucket, key, id DESC)
) WITHOUT ROWID, STRICT;

CREATE TABLE inline(id INTEGER PRIMARY KEY, content BLOB NOT NULL) STRICT;

CREATE TABLE blobs(
    id INTEGER PRIMARY KEY,
    size INTEGER NOT NULL,
    refs INTEGER NOT NULL,
    crcs BLOB NOT NULL
) STRICT;

CREATE TABLE manifests(id INTEGER PRIMARY KEY, refs INTEGER NOT NULL, revision INTEGER NOT NULL) STRICT;

CREATE TABLE parts(
    manifest INTEGER NOT NULL,
    number INTEGER NOT NULL,
    size INTEGER NOT NULL,
    etag TEXT NOT NULL,
    modified_ms INTEGER NOT NULL,
    checksums TEXT NOT NULL,
    start INTEGER,
    blob INTEGER,
    PRIMARY KEY (manifest, number)
) WITHOUT ROWID, STRICT;
CREATE INDEX parts_by_start ON parts(manifest, start) WHERE start IS NOT NULL;

CREATE TABLE uploads(
    bucket INTEGER NOT NULL,
    key BLOB NOT NULL,
    upload_id TEXT NOT NULL,
    started_ms INTEGER NOT NULL,
    owner TEXT NOT NULL,
    storage_class TEXT NOT NULL,
    checksum_algorithm TEXT NOT NULL,
    checksum_type TEXT NOT NULL,
    acl TEXT NOT NULL,
    headers TEXT NOT NULL,
    tags TEXT,
    tags_count INTEGER NOT NULL,
    manifest INTEGER NOT NULL,
    PRIMARY KEY (bucket, key, upload_id)
) WITHOUT ROWID, STRICT;

CREATE TABLE completed(
    upload_id TEXT PRIMARY KEY,
    bucket INTEGER NOT NULL,
    key BLOB NOT NULL,
    done_ms INTEGER NOT NULL,
    named TEXT NOT NULL,
    size INTEGER NOT NULL,
    etag TEXT NOT NULL,
    modified_ms INTEGER NOT NULL,
    checksums TEXT NOT NULL,
    checksum_type TEXT NOT NULL,
    version_id TEXT
) WITHOUT ROWID, STRICT;
CREATE INDEX completed_by_time ON completed(done_ms);

CREATE TABLE garbage_blobs(id INTEGER PRIMARY KEY) STRICT;
CREATE TABLE garbage_manifests(id INTEGER PRIMARY KEY) STRICT;
"""

_FORMAT_2 = """
ALTER TABLE buckets ADD COLUMN cors TEXT NOT NULL DEFAULT '';
ALTER TABLE buckets ADD COLUMN dedup INTEGER NOT NULL DEFAULT 0;
ALTER TABLE current ADD COLUMN inline INTEGER;
ALTER TABLE versions ADD COLUMN inline INTEGER;
ALTER TABLE inline ADD COLUMN refs INTEGER NOT NULL DEFAULT 1;
ALTER TABLE inline ADD COLUMN sha256 BLOB;
ALTER TABLE blobs ADD COLUMN objects INTEGER NOT NULL DEFAULT 0;
ALTER TABLE blobs ADD COLUMN sha256 BLOB;
ALTER TABLE manifests ADD COLUMN size INTEGER;
ALTER TABLE manifests ADD COLUMN sha256 BLOB;
ALTER TABLE manifests ADD COLUMN inline INTEGER;
ALTER TABLE manifests ADD COLUMN blob INTEGER;
ALTER TABLE manifests ADD COLUMN same INTEGER;
ALTER TABLE parts ADD COLUMN at INTEGER;
CREATE UNIQUE INDEX inline_by_sha256 ON inline(sha256) WHERE sha256 IS NOT NULL;
CREATE UNIQUE INDEX blobs_by_sha256 ON blobs(sha256) WHERE sha256 IS NOT NULL;
CREATE UNIQUE INDEX manifests_by_sha256 ON manifests(sha256) WHERE sha256 IS NOT NULL;
CREATE TABLE unmerged(manifest INTEGER PRIMARY KEY) STRICT;
CREATE TABLE totals(
    id INTEGER PRIMARY KEY,
    contents INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    empty INTEGER NOT NULL
) STRICT;

UPDATE blobs SET objects=r.n FROM (SELECT blob, count(*) AS n FROM
    (SELECT blob FROM current WHERE blob IS NOT NULL UNION ALL SELECT blob FROM versions WHERE blob IS NOT NULL)
    GROUP BY blob) AS r WHERE r.blob=blobs.id;
UPDATE manifests SET size=(SELECT coalesce(sum(size), 0) FROM parts WHERE manifest=manifests.id) WHERE id IN
    (SELECT manifest FROM current WHERE manifest IS NOT NULL UNION
    SELECT manifest FROM versions WHERE manifest IS NOT NULL);
INSERT INTO totals SELECT 1, count(*), coalesce(sum(size), 0), (SELECT count(*) FROM current WHERE size=0) FROM
    (SELECT length(content) AS size FROM inline UNION ALL SELECT size FROM blobs WHERE objects > 0 UNION ALL
    SELECT size FROM manifests WHERE size > 0);
"""
"""Buckets have CORS rules, and equal content may be kept once.

`inline` of an object: the inline content that it shares (NULL: its own, if any). `objects` of a blob: those of its
references that are whole objects, not parts. `size` of a manifest: NULL until its upload is completed; and where its
content was found to be kept already, one of `inline`, `blob` and `same` (a manifest) names that, and its parts have no
blobs any more. `at` of a part: where it begins in a blob that it shares with other small parts (NULL: the blob is its
own). `sha256` is recorded of what may be shared. `unmerged`: manifests that are still to be hashed, or to let
go of their parts. `totals`: distinct contents of objects, their bytes, and the objects that have none (see `contents`).
"""

MIGRATIONS: list[str] = [_FORMAT_1, _FORMAT_2]
"""Step n makes an index of format n into one of format n + 1; an empty file has format 0."""


def prepare(connection: apsw.Connection, path: str) -> None:
    """Make or migrate the tables; each step is one transaction. Raises: CannotOpen for a newer or a foreign file."""
    found = int(connection.pragma("user_version"))
    foreign = int(connection.pragma("application_id"))
    if foreign not in (0, APPLICATION) or (found == 0 and connection.execute("SELECT 1 FROM sqlite_schema").fetchall()):
        raise CannotOpen(f"{path} is an SQLite database, but not an index of bucketport.")
    if found > len(MIGRATIONS):
        raise CannotOpen(
            f"{path} was written by a newer release of bucketport: it has format {found}, and this release knows "
            f"formats up to {len(MIGRATIONS)}. Run that release, or restore a backup that was made before the upgrade."
        )
    for number in range(found, len(MIGRATIONS)):
        with connection:
            connection.execute(MIGRATIONS[number])
            connection.pragma("application_id", APPLICATION)
            connection.pragma("user_version", number + 1)

"""Which statements must give no row in a sound index? Each row they give is a fault, put in words for fsck."""

from bucketport.record import record

_REFERENCES = (
    "SELECT blob FROM current WHERE blob IS NOT NULL UNION ALL SELECT blob FROM versions WHERE blob IS NOT NULL "
    "UNION ALL SELECT blob FROM parts WHERE blob IS NOT NULL"
)
_MANIFEST_REFERENCES = (
    "SELECT manifest FROM current WHERE manifest IS NOT NULL UNION ALL "
    "SELECT manifest FROM versions WHERE manifest IS NOT NULL UNION ALL SELECT manifest FROM uploads"
)


@record
class Rule:
    """`kind` names the fault, `sql` gives (place, detail) for each."""

    kind: str
    sql: str


RULES = (
    Rule(
        "wrong reference count",
        "SELECT 'blob ' || b.id, 'refs is ' || b.refs || ', references are ' || coalesce(r.n, 0) FROM blobs b "
        f"LEFT JOIN (SELECT blob, count(*) n FROM ({_REFERENCES}) GROUP BY blob) r ON r.blob=b.id "
        "WHERE b.refs IS NOT coalesce(r.n, 0) OR b.refs < 1",
    ),
    Rule(
        "unknown blob",
        f"SELECT 'blob ' || r.blob, 'referred to, but there is no row' FROM ({_REFERENCES}) r "
        "LEFT JOIN blobs b ON b.id=r.blob WHERE b.id IS NULL",
    ),
    Rule(
        "living garbage",
        "SELECT 'blob ' || g.id, 'is garbage and has a row too' FROM garbage_blobs g JOIN blobs b ON b.id=g.id",
    ),
    Rule(
        "wrong reference count",
        "SELECT 'manifest ' || m.id, 'refs is ' || m.refs || ', references are ' || coalesce(r.n, 0) FROM manifests m "
        f"LEFT JOIN (SELECT manifest, count(*) n FROM ({_MANIFEST_REFERENCES}) GROUP BY manifest) r ON r.manifest=m.id "
        "LEFT JOIN garbage_manifests g ON g.id=m.id "
        "WHERE m.refs IS NOT coalesce(r.n, 0) OR (m.refs=0) IS NOT (g.id IS NOT NULL)",
    ),
    Rule(
        "unknown manifest",
        f"SELECT 'manifest ' || r.manifest, 'referred to, but there is no row' FROM ({_MANIFEST_REFERENCES} UNION ALL "
        "SELECT DISTINCT manifest FROM parts UNION ALL SELECT id FROM garbage_manifests) r "
        "LEFT JOIN manifests m ON m.id=r.manifest WHERE m.id IS NULL",
    ),
    Rule(
        "wrong manifest",
        "SELECT CAST(c.key AS TEXT), 'has ' || c.size || ' bytes in ' || c.parts_count || ' parts, its manifest ' || "
        "coalesce(p.size, 0) || ' in ' || coalesce(p.n, 0) FROM current c LEFT JOIN "
        "(SELECT manifest, sum(size) size, count(*) n FROM parts GROUP BY manifest) p ON p.manifest=c.manifest "
        "WHERE c.manifest IS NOT NULL AND (c.size IS NOT coalesce(p.size, 0) OR c.parts_count IS NOT coalesce(p.n, 0))",
    ),
    Rule(
        "wrong manifest",
        "SELECT 'manifest ' || manifest, 'part ' || number || ' starts at ' || coalesce(start, 'nothing') || ', not ' "
        "|| due FROM (SELECT manifest, number, start, "
        "sum(size) OVER (PARTITION BY manifest ORDER BY number) - size AS due FROM parts "
        "WHERE manifest IN (SELECT manifest FROM current)) WHERE start IS NOT due",
    ),
    Rule(
        "wrong size",
        "SELECT CAST(c.key AS TEXT), 'has ' || c.size || ' bytes, its blob ' || b.size FROM current c "
        "JOIN blobs b ON b.id=c.blob WHERE b.size IS NOT c.size",
    ),
    Rule(
        "wrong size",
        "SELECT 'manifest ' || p.manifest, 'part ' || p.number || ' has ' || p.size || ' bytes, its blob ' || "
        "coalesce(b.size, 0) FROM parts p LEFT JOIN blobs b ON b.id=p.blob WHERE p.size IS NOT coalesce(b.size, 0)",
    ),
    Rule(
        "wrong size",
        "SELECT 'blob ' || id, 'has ' || length(crcs) / 4 || ' CRCs for ' || size || ' bytes' FROM blobs "
        "WHERE length(crcs) IS NOT (size + 1048575) / 1048576 * 4",
    ),
    Rule(
        "lost content",
        "SELECT CAST(c.key AS TEXT), 'has ' || c.size || ' bytes, inline are ' || coalesce(length(i.content), 0) "
        "FROM current c LEFT JOIN inline i ON i.id=c.id "
        "WHERE c.blob IS NULL AND c.manifest IS NULL AND c.size IS NOT coalesce(length(i.content), 0)",
    ),
    Rule(
        "stray content",
        "SELECT 'inline ' || i.id, 'belongs to no object' FROM inline i WHERE i.id NOT IN "
        "(SELECT id FROM current WHERE blob IS NULL AND manifest IS NULL UNION ALL "
        "SELECT id FROM versions WHERE blob IS NULL AND manifest IS NULL)",
    ),
    Rule(
        "wrong totals",
        "SELECT b.name, 'counts ' || b.objects || ' objects of ' || b.bytes || ' bytes, not ' || coalesce(c.n, 0) "
        "|| ' of ' || coalesce(c.size, 0) FROM buckets b LEFT JOIN "
        "(SELECT bucket, count(*) n, sum(size) size FROM current GROUP BY bucket) c ON c.bucket=b.id "
        "WHERE b.objects IS NOT coalesce(c.n, 0) OR b.bytes IS NOT coalesce(c.size, 0)",
    ),
    Rule(
        "unknown bucket",
        "SELECT CAST(r.key AS TEXT), 'is in bucket ' || r.bucket || ', which is not there' FROM "
        "(SELECT bucket, key FROM current UNION ALL SELECT bucket, key FROM versions UNION ALL "
        "SELECT bucket, key FROM uploads) r "
        "LEFT JOIN buckets b ON b.id=r.bucket WHERE b.id IS NULL",
    ),
)

INLINE = (
    "SELECT i.id, CAST(c.key AS TEXT), c.etag, i.content FROM inline i JOIN current c ON c.id=i.id "
    "WHERE i.id>? ORDER BY i.id LIMIT 64"
)
"""Inline content with the ETag, which is its MD5."""

COUNTS = (
    "SELECT (SELECT count(*) FROM buckets), (SELECT count(*) FROM current), (SELECT count(*) FROM blobs), "
    "(SELECT count(*) FROM manifests)"
)

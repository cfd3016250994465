"""Which statements must give no row in a sound index? Each row they give is a fault, put in words for fsck."""

from bucketport.record import record

_OBJECTS = (
    "SELECT blob FROM current WHERE blob IS NOT NULL UNION ALL SELECT blob FROM versions WHERE blob IS NOT NULL "
    "UNION ALL SELECT blob FROM manifests WHERE blob IS NOT NULL AND refs > 0"
)
_REFERENCES = f"{_OBJECTS} UNION ALL SELECT blob FROM parts WHERE blob IS NOT NULL"
_MANIFEST_REFERENCES = (
    "SELECT manifest FROM current WHERE manifest IS NOT NULL UNION ALL "
    "SELECT manifest FROM versions WHERE manifest IS NOT NULL UNION ALL SELECT manifest FROM uploads "
    "UNION ALL SELECT same FROM manifests WHERE same IS NOT NULL AND refs > 0"
)
_INLINE_REFERENCES = (
    "SELECT inline FROM current WHERE inline IS NOT NULL UNION ALL "
    "SELECT inline FROM versions WHERE inline IS NOT NULL UNION ALL "
    "SELECT inline FROM manifests WHERE inline IS NOT NULL AND refs > 0"
)
_CONTENTS = (
    "SELECT length(content) AS size FROM inline UNION ALL SELECT size FROM blobs WHERE objects > 0 UNION ALL "
    "SELECT size FROM manifests WHERE size > 0 AND refs > 0 AND coalesce(inline, blob, same) IS NULL"
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
        "wrong reference count",
        "SELECT 'blob ' || b.id, 'objects is ' || b.objects || ', those that have it are ' || coalesce(r.n, 0) "
        f"FROM blobs b LEFT JOIN (SELECT blob, count(*) n FROM ({_OBJECTS}) GROUP BY blob) r ON r.blob=b.id "
        "WHERE b.objects IS NOT coalesce(r.n, 0)",
    ),
    Rule(
        "wrong reference count",
        "SELECT 'inline ' || i.id, 'refs is ' || i.refs || ', references are ' || coalesce(r.n, 1) FROM inline i "
        f"LEFT JOIN (SELECT inline, count(*) n FROM ({_INLINE_REFERENCES}) GROUP BY inline) r ON r.inline=i.id "
        "WHERE i.refs IS NOT coalesce(r.n, 1) OR (i.sha256 IS NULL) IS NOT (r.n IS NULL)",
    ),
    Rule(
        "unknown content",
        f"SELECT 'inline ' || r.inline, 'referred to, but there is no row' FROM ({_INLINE_REFERENCES}) r "
        "LEFT JOIN inline i ON i.id=r.inline WHERE i.id IS NULL",
    ),
    Rule(
        "wrong merge",
        "SELECT 'manifest ' || m.id, 'names other content, but that is not what it should be' FROM manifests m "
        "LEFT JOIN inline i ON i.id=m.inline LEFT JOIN blobs b ON b.id=m.blob LEFT JOIN manifests s ON s.id=m.same "
        "WHERE m.refs > 0 AND coalesce(m.inline, m.blob, m.same) IS NOT NULL AND (m.sha256 IS NOT NULL "
        "OR (m.inline IS NOT NULL) + (m.blob IS NOT NULL) + (m.same IS NOT NULL) > 1 "
        "OR coalesce(s.inline, s.blob, s.same) IS NOT NULL "
        "OR m.size IS NOT coalesce(length(i.content), b.size, s.size))",
    ),
    Rule(
        "wrong merge",
        "SELECT 'manifest ' || u.manifest, 'waits to be merged, but is no object' FROM unmerged u "
        "LEFT JOIN manifests m ON m.id=u.manifest WHERE m.size IS NULL OR m.refs < 1",
    ),
    Rule(
        "wrong merge",
        "SELECT 'SHA-256 ' || hex(sha256), 'is recorded of ' || count(*) || ' contents' FROM "
        "(SELECT sha256 FROM inline UNION ALL SELECT sha256 FROM blobs UNION ALL SELECT sha256 FROM manifests) "
        "WHERE sha256 IS NOT NULL GROUP BY sha256 HAVING count(*) > 1",
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
        "WHERE c.manifest IS NOT NULL AND (c.size IS NOT coalesce(p.size, 0) "
        "OR c.parts_count > 0 AND c.parts_count IS NOT coalesce(p.n, 0))",
    ),
    Rule(
        "wrong manifest",
        "SELECT 'manifest ' || m.id, 'is said to have ' || m.size || ' bytes, not ' || coalesce(p.size, 0) "
        "FROM manifests m LEFT JOIN (SELECT manifest, sum(size) size FROM parts GROUP BY manifest) p "
        "ON p.manifest=m.id WHERE m.refs > 0 AND m.size IS NOT NULL AND m.size IS NOT coalesce(p.size, 0)",
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
        "coalesce(b.size, 0) FROM parts p LEFT JOIN blobs b ON b.id=p.blob LEFT JOIN manifests m ON m.id=p.manifest "
        "WHERE CASE WHEN p.at IS NULL THEN p.size IS NOT coalesce(b.size, 0) "
        "ELSE p.at < 0 OR p.at + p.size > coalesce(b.size, 0) END AND "
        "(p.blob IS NOT NULL OR coalesce(m.inline, m.blob, m.same) IS NULL)",
    ),
    Rule(
        "wrong size",
        "SELECT 'blob ' || id, 'has ' || length(crcs) / 4 || ' CRCs for ' || size || ' bytes' FROM blobs "
        "WHERE length(crcs) IS NOT (size + 1048575) / 1048576 * 4",
    ),
    Rule(
        "lost content",
        "SELECT CAST(c.key AS TEXT), 'has ' || c.size || ' bytes, inline are ' || coalesce(length(i.content), 0) "
        "FROM current c LEFT JOIN inline i ON i.id=coalesce(c.inline, c.id) "
        "WHERE c.blob IS NULL AND c.manifest IS NULL AND c.size IS NOT coalesce(length(i.content), 0)",
    ),
    Rule(
        "stray content",
        "SELECT 'inline ' || i.id, 'belongs to no object' FROM inline i WHERE i.id NOT IN "
        "(SELECT coalesce(inline, id) FROM current WHERE blob IS NULL AND manifest IS NULL UNION ALL "
        "SELECT coalesce(inline, id) FROM versions WHERE blob IS NULL AND manifest IS NULL UNION ALL "
        "SELECT inline FROM manifests WHERE inline IS NOT NULL AND refs > 0)",
    ),
    Rule(
        "wrong totals",
        "SELECT b.name, 'counts ' || b.objects || ' objects of ' || b.bytes || ' bytes, not ' || coalesce(c.n, 0) "
        "|| ' of ' || coalesce(c.size, 0) FROM buckets b LEFT JOIN "
        "(SELECT bucket, count(*) n, sum(size) size FROM current GROUP BY bucket) c ON c.bucket=b.id "
        "WHERE b.objects IS NOT coalesce(c.n, 0) OR b.bytes IS NOT coalesce(c.size, 0)",
    ),
    Rule(
        "wrong totals",
        "SELECT 'the store', 'counts ' || t.contents || ' contents of ' || t.bytes || ' bytes and ' || t.empty || "
        "' empty objects, not ' || r.n || ' of ' || r.size || ' and ' || e.n FROM "
        f"(SELECT count(*) n, coalesce(sum(size), 0) size FROM ({_CONTENTS})) r, "
        "(SELECT count(*) n FROM current WHERE size=0) e LEFT JOIN totals t "
        "WHERE t.contents IS NOT r.n OR t.bytes IS NOT r.size OR t.empty IS NOT e.n",
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
    "WHERE i.id>? AND i.sha256 IS NULL ORDER BY i.id LIMIT 64"
)
"""Inline content with the ETag, which is its MD5, of objects that do not share it."""

HASHED_INLINE = "SELECT id, sha256, content FROM inline WHERE id>? AND sha256 IS NOT NULL ORDER BY id LIMIT 64"
"""Inline content that may be shared."""

HASHED_MANIFESTS = "SELECT id, sha256, size FROM manifests WHERE id>? AND sha256 IS NOT NULL ORDER BY id LIMIT 64"
"""Manifests that may be shared."""

COUNTS = (
    "SELECT (SELECT count(*) FROM buckets), (SELECT count(*) FROM current), (SELECT count(*) FROM blobs), "
    "(SELECT count(*) FROM manifests)"
)

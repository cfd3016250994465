"""The embedded store: all of S3's semantics in one data folder, by an index (SQLite) over immutable blob files."""

"""Where is content that is not small? In immutable files, each known by a number."""

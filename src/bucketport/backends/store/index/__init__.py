"""Which objects are there? The store's index: one SQLite database, read inline and written by one thread."""

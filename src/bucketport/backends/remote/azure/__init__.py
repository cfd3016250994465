"""Azure Blob Storage as a backend. `dialect.Azure` is the class; docs/reference/azure.md says what maps to what."""

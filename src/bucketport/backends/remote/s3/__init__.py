"""S3 as a backend: Amazon's, and everything that speaks it. `dialect.S3` is the class; each family has its file."""

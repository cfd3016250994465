"""bucketport: one S3 endpoint for every bucket you have."""

__version__ = "0.1.0"

"""What do the bytes say? Every rule of the S3 protocol as a plain function on values; nothing here awaits."""

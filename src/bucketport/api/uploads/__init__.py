"""How do applications let their users upload and download? Presigned URLs, chunked uploads, upload sessions; JSON."""

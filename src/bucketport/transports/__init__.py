"""Outbound HTTP behind `ports.HttpClient`, one library a file."""

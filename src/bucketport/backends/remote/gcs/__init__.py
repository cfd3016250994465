"""The dialect of Google Cloud Storage: its JSON API mostly, its XML API for reads and uploads in parts."""

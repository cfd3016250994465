"""Where do the bytes live? Each module or folder here is one answer, behind `ports.Backend`."""

"""Is this folder ours? What another program keeps in it is left alone, and somebody is told that nobody serves it."""

import os

from bucketport.config.trouble import DataUnusable

_OURS = ("lock", "index.sqlite", "state.sqlite", "uploads.sqlite", "uploads.secret", "blobs", "temporary", "reserve",
         "staging", "server.json")  # fmt: skip
"""What bucketport keeps in a data folder; SQLite's own files have more after these names."""

_SHOWN = 5


def strangers(folder: str) -> list[str]:
    """Names in the folder that are none of ours, sorted. Hidden ones are nobody's business."""
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    return sorted(name for name in names if not name.startswith((".", *_OURS)) and name != "lost+found")


def said_of(folder: str) -> str:
    """A line about what is in the folder beside ours; empty when there is nothing."""
    found = strangers(folder)
    if not found:
        return ""
    named = ", ".join(found[:_SHOWN]) + (f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else "")
    return (
        f"the data folder {folder} holds what is not bucketport's: {named}. It is left alone, and nothing of it is "
        "served; docs/migrating/borderless-storage.md says how to move objects"
    )


def check(folder: str) -> None:
    """Refuse a folder with content but without an index: it would be taken for what a crash left, and removed.

    Raises: DataUnusable.
    """
    if os.path.exists(f"{folder}/index.sqlite"):
        return
    for name in ("blobs", "temporary"):
        for place, _, files in os.walk(f"{folder}/{name}"):
            if files:
                raise DataUnusable(
                    f"{folder} has no index.sqlite, but files in {place}: it is another program's folder, or its "
                    "index was lost. Name another folder with --data, or restore index.sqlite from a backup."
                )

"""What were webhooks told, and what not? The outbox in a data folder, for commands; a server may have it open, too."""

import asyncio
import os
from collections.abc import Iterator

from bucketport.config.trouble import DataUnusable, Failure
from bucketport.errors import BackendError
from bucketport.registry.sqlite_uploads import NAME, SqliteSessions
from bucketport.sessions import Event
from bucketport.uploads.events import replayed

_PAGE = 500
"""Events that are read at once."""


class Events:
    """The events in the data folder, for as long as a `with` lasts. Raises: DataUnusable."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def __enter__(self) -> "Events":
        if not os.path.exists(f"{self._folder}/{NAME}"):
            raise DataUnusable(
                f"{self._folder} holds no events: name the data folder with --data, or serve uploads there once."
            )
        try:
            self._outbox = SqliteSessions(self._folder)
        except BackendError as error:
            raise _unusable(error) from error
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._outbox.close()
        if isinstance(error, BackendError):
            raise _unusable(error) from error

    def after(self, event_id: str = "") -> Iterator[Event]:
        """Events in the order in which they were made, after that one; empty: all of them."""
        while page := asyncio.run(self._outbox.events(event_id, _PAGE)):
            yield from page
            event_id = page[-1].id

    def find(self, event_id: str) -> Event:
        """The event. Raises: Failure when there is none."""
        found = asyncio.run(self._outbox.event(event_id))
        if found is None:
            raise Failure(f"There is no event {event_id} in the data folder; `bucketport events list` shows them.")
        return found

    def replay(self, event: Event, now_ms: int) -> None:
        """Have it told once more: by the server that runs within seconds, else by the next one."""
        asyncio.run(self._outbox.save(replayed(event, now_ms)))


def _unusable(error: BackendError) -> DataUnusable:
    return DataUnusable(f"The events in the data folder cannot be used: {error.detail}")

"""What were webhooks told, and what not? The outbox in a data folder, for commands; a server may have it open, too."""

import asyncio
import os
from collections.abc import Iterator

from bucketport.config.kept_secret import UPLOADS, kept_secret
from bucketport.config.model import Settings
from bucketport.config.trouble import DataUnusable, Failure
from bucketport.errors import BackendError
from bucketport.model import Secret
from bucketport.registry.sqlite_uploads import NAME, SqliteSessions
from bucketport.sessions import Event
from bucketport.uploads.delivery import receivers_secret
from bucketport.uploads.events import first_id, replayed

_PAGE = 500
"""Events that are read at once."""

_LATE_MS = 60_000
"""Milliseconds after which an event that was made is in the outbox at the latest: its commit may wait for others."""


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


def signing_secret(settings: Settings) -> Secret:
    """What a server with these settings signs deliveries with. Raises: DataUnusable where nothing says it yet."""
    uploads = settings.uploads
    if uploads.webhooks.secret is not None:
        return uploads.webhooks.secret
    if uploads.hmac_secrets:
        return receivers_secret(uploads.hmac_secrets[0])
    path = f"{settings.server.data}/{UPLOADS}"
    if not os.path.exists(path):
        raise DataUnusable(
            f"There is no secret yet: {path} is made when a server serves uploads. Name its data folder with --data, "
            "or set hmac_secrets of [uploads]."
        )
    return receivers_secret(kept_secret(path, os.urandom))


class News:
    """Events as they come, each of them once. Those that are there already are none, unless `everything` is wanted."""

    def __init__(self, events: Events, *, everything: bool) -> None:
        self._events, self._newest_ms = events, 0
        self._seen: dict[str, int] = {}
        if not everything:
            self.look()

    def look(self) -> list[Event]:
        """Those that came since the last look."""
        since = first_id(max(self._newest_ms - _LATE_MS, 0)) if self._seen else ""
        new = [event for event in self._events.after(since) if event.id not in self._seen]
        self._newest_ms = max((self._newest_ms, *(event.made_ms for event in new)))
        self._seen.update((event.id, event.made_ms) for event in new)
        self._seen = {name: made for name, made in self._seen.items() if made >= self._newest_ms - _LATE_MS}
        return new


def _unusable(error: BackendError) -> DataUnusable:
    return DataUnusable(f"The events in the data folder cannot be used: {error.detail}")

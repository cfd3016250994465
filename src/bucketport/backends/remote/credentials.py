"""With what does the gateway sign? Keys that last, and keys that are fetched, kept, and renewed before they are over.

A `Keys[C]` gives what a dialect signs with. Requests never wait for a renewal while the present key still serves: from
`EARLY` seconds before its end a new one is fetched beside them. C is the dialect's: `AwsKey` for S3, for Azure a shared
key, a SAS or a token, for Google a token. How a cloud hands out keys is a *fetch*: a coroutine that gives a Lease.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, Protocol, TypeVar

from bucketport.errors import BackendError
from bucketport.model import Secret
from bucketport.ports import Now
from bucketport.record import record

C = TypeVar("C")
C_co = TypeVar("C_co", covariant=True)

EARLY = 300.0
"""Seconds before its end from which a key is renewed. Source: the AWS SDKs renew 5 to 15 minutes ahead."""

LAST = 30.0
"""Seconds before its end from which a key is not signed with any more: clocks differ, and requests take their time."""

AGAIN = 15.0
"""Seconds between tries to renew a key that still serves."""


@record
class AwsKey:
    """What S3 requests are signed with. `token` is the session token of temporary keys, empty for lasting ones."""

    access_key: str
    secret: Secret
    token: str = ""


@record
class Lease(Generic[C]):
    """A key, and when it is over (seconds since 1970; None: never)."""

    key: C
    expires_at: float | None = None


class Keys(Protocol[C_co]):
    """Where a backend's key comes from."""

    async def get(self) -> C_co | None:
        """The key to sign with now; None: requests go out unsigned. Raises: BackendError when none is to be had."""
        ...

    def forget(self) -> None:
        """The cloud refused the present key: the next `get` fetches another, where there is one to fetch."""
        ...


class Lasting(Generic[C]):
    """A key from the configuration; None for public data."""

    def __init__(self, key: C | None) -> None:
        self.key = key

    async def get(self) -> C | None:
        """The key."""
        return self.key

    def forget(self) -> None:
        """There is no other."""


class Renewed(Generic[C]):
    """A key that `fetch` gets anew before it is over. One fetch at a time, whoever waits for it.

    `fetch` raises BackendError when it cannot; while the old key serves nobody notices but `report`.
    """

    def __init__(
        self,
        fetch: Callable[[], Awaitable[Lease[C]]],
        now: Now,
        report: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._fetch, self._now, self._report = fetch, now, report
        self._lease: Lease[C] | None = None
        self._under_way: asyncio.Task[None] | None = None
        self._not_before = 0.0

    async def get(self) -> C:
        """The key; waits only where there is none that serves. Raises: BackendError."""
        lease = self._lease
        if lease is not None:
            left = 1e9 if lease.expires_at is None else lease.expires_at - self._now()
            if left > EARLY:
                return lease.key
            if left > LAST:
                if self._now() >= self._not_before:
                    self._begin()
                return lease.key
        await asyncio.shield(self._begin())
        assert self._lease is not None
        return self._lease.key

    def forget(self) -> None:
        """Fetch before the next request."""
        self._lease = None

    def _begin(self) -> asyncio.Task[None]:
        if self._under_way is None:
            self._under_way = asyncio.ensure_future(self._renew())
            self._under_way.add_done_callback(self._over)
        return self._under_way

    async def _renew(self) -> None:
        self._lease = await self._fetch()

    def _over(self, task: asyncio.Task[None]) -> None:
        self._under_way = None
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._not_before = self._now() + AGAIN
            detail = str(error) if isinstance(error, BackendError) else type(error).__name__
            self._report(f"credentials could not be renewed: {detail}")

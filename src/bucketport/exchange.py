"""What is known of one request, from its first byte to its last? One record; logs and metrics are views of it."""

import contextvars
import dataclasses
from collections.abc import Mapping

from bucketport.model import NO_HEADERS


@dataclasses.dataclass(slots=True)
class Exchange:
    """One request's life. The runtime makes it and closes it; the core fills in what it learns on the way.

    Times are seconds of a monotonic clock, but `started_at` which is seconds since 1970. `cors` are headers
    that the answer bears whatever it is. This is the one value that is written to after it was made, so it is no
    `@record`.
    """

    id: str
    started_at: float
    started: float
    method: str = ""
    target: str = ""
    client: str = ""
    user_agent: str = ""
    operation: str = "-"
    bucket: str = ""
    key: str = ""
    user: str = ""
    access_key: str = ""
    reason: str = ""
    status: int = 0
    code: str = ""
    bytes_in: int = 0
    bytes_out: int = 0
    headed: float = 0.0
    ended: float = 0.0
    aborted: bool = False
    upstream: float = 0.0
    cors: Mapping[str, str] = NO_HEADERS

    @property
    def timing(self) -> str:
        """The Server-Timing value of an answer that took a backend: milliseconds there and here, until its head.

        Source: https://www.w3.org/TR/server-timing/
        """
        here = max(self.headed - self.started - self.upstream, 0.0)
        return f"backend;dur={self.upstream * 1e3:.1f}, gateway;dur={here * 1e3:.1f}"


current: contextvars.ContextVar[Exchange | None] = contextvars.ContextVar("exchange", default=None)
"""The exchange of the request that is being answered, for what sends requests of its own because of it: they carry its
id, and add the seconds that they took until their heads came to `upstream`."""

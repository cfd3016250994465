"""Is it worth sending again, and when? Values only: no clock, no sleep.

A request is repeated at most twice, and all requests of a backend together have a budget for repeats, so that a cloud
in trouble is not asked three times as much as in good days.
"""

from collections.abc import Callable

from bucketport.errors import BackendError, Trouble
from bucketport.message import HttpRequest

ATTEMPTS = 3
"""Times that a request is sent at most, as botocore's standard mode does."""

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.0
"""Seconds; each pause is a random share of a bound that doubles ("full jitter")."""

PATIENCE = 5
"""Seconds of a Retry-After that are waited out here; a longer one is passed on to the client, who may wait."""

_FULL, _COST, _GAIN = 500.0, 5.0, 1.0
"""The budget: a hundred repeats at once, and one more for every five successes. Source: AWS SDKs' retry quota."""


class Budget:
    """How many repeats the requests to one backend may still have."""

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left = _FULL

    def spend(self) -> bool:
        """Take one repeat; False when there is none left."""
        if self._left < _COST:
            return False
        self._left -= _COST
        return True

    def gain(self) -> None:
        """A request succeeded."""
        if self._left < _FULL:
            self._left += _GAIN


def repeatable(request: HttpRequest, error: BackendError, *, answered: bool) -> bool:
    """Whether this request may be sent again after that error.

    A body that was begun is gone. What may have been carried out is repeated only when it is idempotent; an answer that
    says "not now" (503, 429), or a connection that never was, means that nothing was carried out.
    """
    if not isinstance(request.body, bytes) and request.body.begun:
        return False
    if error.retry_after is not None and error.retry_after > PATIENCE:
        return False
    if request.idempotent:
        return error.trouble in (Trouble.UNREACHABLE, Trouble.THROTTLED, Trouble.TIMEOUT, Trouble.BROKEN_OFF)
    return error.trouble is Trouble.THROTTLED or (error.trouble is Trouble.UNREACHABLE and not answered)


def pause(attempt: int, error: BackendError, random: Callable[[], float]) -> float:
    """Seconds to wait after the failed `attempt` (from 1). `random` gives 0 to 1."""
    bound: float = min(FIRST_PAUSE * 2 ** (attempt - 1), LONGEST_PAUSE)
    return max(bound * random(), float(error.retry_after or 0))

"""Is a request repeated when, and only when, that does no harm?"""

import pytest

from bucketport.backends.remote.retry import Budget, pause, repeatable
from bucketport.errors import BackendError, Trouble
from bucketport.message import Endpoint, HttpRequest

PLACE = Endpoint("http", "h", 80, "h")


class Begun:
    length, begun = 5, True


def request(**how):
    return HttpRequest("PUT", PLACE, "/", **how)


@pytest.mark.parametrize("trouble", [Trouble.UNREACHABLE, Trouble.TIMEOUT, Trouble.BROKEN_OFF, Trouble.THROTTLED])
def test_idempotent_request_is_repeated(trouble):
    assert repeatable(request(), BackendError(trouble, ""), answered=False)


@pytest.mark.parametrize("trouble", [Trouble.UNEXPECTED, Trouble.CORRUPT, Trouble.FULL])
def test_what_will_not_change_is_not_repeated(trouble):
    assert not repeatable(request(), BackendError(trouble, ""), answered=True)


def test_what_may_have_been_done_is_not_done_twice():
    once = request(idempotent=False)
    assert not repeatable(once, BackendError(Trouble.BROKEN_OFF, ""), answered=False)
    assert not repeatable(once, BackendError(Trouble.TIMEOUT, ""), answered=False)
    assert not repeatable(once, BackendError(Trouble.UNREACHABLE, ""), answered=True)
    assert repeatable(once, BackendError(Trouble.UNREACHABLE, ""), answered=False)
    assert repeatable(once, BackendError(Trouble.THROTTLED, ""), answered=True)


def test_body_that_was_begun_is_gone():
    assert not repeatable(request(body=Begun()), BackendError(Trouble.UNREACHABLE, ""), answered=False)


def test_long_wait_is_the_clients():
    assert not repeatable(request(), BackendError(Trouble.THROTTLED, "", retry_after=60), answered=True)


def test_budget_runs_out_and_comes_back():
    budget = Budget()
    assert sum(budget.spend() for _ in range(200)) == 100
    for _ in range(5):
        budget.gain()
    assert budget.spend()
    assert not budget.spend()


def test_pauses_grow_to_a_bound_and_honour_retry_after():
    error = BackendError(Trouble.UNREACHABLE, "")
    assert [pause(attempt, error, lambda: 1.0) for attempt in (1, 2, 3, 9)] == [0.1, 0.2, 0.4, 2.0]
    assert pause(1, error, lambda: 0.0) == 0
    assert pause(1, BackendError(Trouble.THROTTLED, "", retry_after=3), lambda: 0.5) == 3

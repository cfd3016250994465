"""How is a plan tested? By sending it values."""

import pytest

from bucketport.message import HttpAnswer


class Played:
    """A plan that was answered with values: the requests that it made, and its result or what it raised."""

    def __init__(self, plan, answers):
        self.requests, self.result, self.raised = [], None, None
        answers = iter(answers)
        try:
            self.requests.append(next(plan))
            while True:
                answer = next(answers)
                ask = plan.throw if isinstance(answer, Exception) else plan.send
                self.requests.append(ask(answer))
        except StopIteration as stop:
            self.result = stop.value
        except Exception as error:
            self.raised = error

    @property
    def request(self):
        assert len(self.requests) == 1
        return self.requests[0]


@pytest.fixture
def play():
    """Run a plan on answers: (status, headers, body), or exceptions to be thrown in."""

    def run(plan, *answers):
        made = [answer if isinstance(answer, Exception) else HttpAnswer(*answer) for answer in answers]
        return Played(plan, made)

    return run

"""How are keys fetched? By plans as well: requests without a signature of a dialect's, run by the same sender.

What every cloud's way shares is here: where settings are looked up, and how a plan becomes the `fetch` of `Renewed`.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import urlencode

from bucketport.backends.remote.credentials import Lasting, Lease, Renewed
from bucketport.backends.remote.dialect import Dialect, Plan
from bucketport.backends.remote.endpoint import parse_endpoint
from bucketport.backends.remote.sending import Sender, Surroundings
from bucketport.errors import BackendError, Trouble
from bucketport.message import HttpAnswer, HttpRequest
from bucketport.record import record

C = TypeVar("C")

_FORM = {"content-type": "application/x-www-form-urlencoded"}


@record
class Machine:
    """What the gateway's own machine tells of credentials: environment variables, and files by path.

    `read` gives a file's text; it raises OSError where there is none to read. `home` is the user's folder.
    """

    environment: Mapping[str, str]
    read: Callable[[str], str]
    home: str = ""

    def get(self, name: str) -> str:
        """A variable; empty where it is not set."""
        return self.environment.get(name, "")

    def text(self, path: str, what: str) -> str:
        """A file that has to be there, without white space around it. Raises: BackendError that says `what` it is."""
        try:
            return self.read(path).strip()
        except (OSError, UnicodeError) as error:
            raise missing(f"{what} {path} cannot be read: {error}") from None


class Unsigned(Dialect[None]):
    """Requests that go out as they are."""

    def sign(self, request: HttpRequest, key: None, now: float) -> HttpRequest:
        """The request itself."""
        return request

    def code_of(self, answer: HttpAnswer) -> str:
        """Nothing that could be retried differently."""
        return ""


def renewed(
    plan: Callable[[], Plan[Lease[C]]], world: Surroundings, report: Callable[[str], None] = lambda _: None
) -> Renewed[C]:
    """Keys that a plan fetches; `plan` is called for each fetch."""
    sender = Sender(Unsigned(), Lasting(None), world)
    return Renewed(lambda: sender.run(plan()), world.now, report)


def missing(detail: str) -> BackendError:
    """There are no credentials to be had; the gateway cannot do its work."""
    return BackendError(Trouble.UNEXPECTED, f"credentials: {detail}")


def form(url: str, fields: Mapping[str, str]) -> HttpRequest:
    """A POST of a form. Raises: ValueError for a URL that is none."""
    endpoint = parse_endpoint(url)
    body = urlencode(fields).encode()
    return HttpRequest("POST", endpoint, endpoint.base or "/", headers=_FORM, body=body)


def json_of(answer: HttpAnswer, what: str) -> dict[str, Any]:
    """The JSON object of a 200. Raises: BackendError, with the error's name but none of its text."""
    try:
        found = json.loads(answer.content)
    except ValueError:
        found = None
    if answer.status != 200 or not isinstance(found, dict):
        said = found.get("error", "") if isinstance(found, dict) else ""
        raise missing(f"{what} answered {answer.status} {said if isinstance(said, str) else ''}".rstrip())
    return found


def token_of(answer: HttpAnswer, what: str, now: float) -> tuple[str, float]:
    """The access token of an OAuth answer, and when it is over. Source: RFC 6749 section 5.1. Raises: BackendError."""
    found = json_of(answer, what)
    token, lasts = found.get("access_token"), found.get("expires_in", 300)
    if not isinstance(token, str) or not token:
        raise missing(f"{what} gave no token")
    return token, now + float(lasts)

"""How does a webhook learn of a commit? By a signed POST of its event, tried again until it answers with success.

A target's name is looked up once a try, every address that it has is judged, and the connection goes to an address that
was judged: a name that points elsewhere a moment later gains nothing. Redirects are not followed.
"""

import hashlib
import hmac
import math
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from bucketport import __version__
from bucketport.errors import BackendError, S3Error, Trouble
from bucketport.message import Endpoint, HttpAnswer, HttpRequest, release
from bucketport.model import Secret
from bucketport.ports import Entropy, HttpClient, Now
from bucketport.record import record
from bucketport.sessions import Event, Outbox
from bucketport.uploads.events import SIGNATURE, given_up, refused, sign, taken, wait_before
from bucketport.uploads.targets import PUBLIC_ONLY, Target, TargetRules, check_target, may_reach

LOOK_AGAIN = 5
"""Seconds after which to look into the outbox even when nothing is due: commands put events there, too."""

_ADDRESSES = 4
"""How many addresses of a name are tried when nobody is there."""

_TROUBLE = 200
"""Characters of what a try met that are kept."""

_FOREVER = 1 << 62

Together = Callable[[Callable[[Event], Awaitable[None]], Sequence[Event]], Awaitable[object]]
"""Does something with each of several events, in turn or at once."""


class Resolver(Protocol):
    """What knows the addresses of hosts."""

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        """Its addresses, the preferred one first; IPv6 without brackets. Raises: BackendError: UNREACHABLE, TIMEOUT."""
        ...


@record
class DeliverySettings:
    """What deliveries are signed with, where they may go, and how often one is tried before it is given up."""

    secret: Secret
    rules: TargetRules = PUBLIC_ONLY
    tries: int = 12


def receivers_secret(first: Secret) -> Secret:
    """What deliveries are signed with where no secret was set for them: derived from the first of those that sign URLs.

    Receivers hold it, and it makes no URLs.
    """
    return Secret(hmac.digest(first.reveal().encode(), b"bucketport webhooks", hashlib.sha256).hex())


async def in_turn(work: Callable[[Event], Awaitable[None]], events: Sequence[Event]) -> None:
    """One after the other."""
    for event in events:
        await work(event)


class Delivery:
    """What tells webhooks. `client` bounds each try: connecting, and waiting for the answer.

    One process has one at a time: two would tell things twice, which webhooks have to bear anyhow (the event's id in
    the payload tells a repetition).
    """

    def __init__(
        self,
        outbox: Outbox,
        client: HttpClient,
        resolver: Resolver,
        settings: DeliverySettings,
        *,
        now: Now,
        entropy: Entropy,
        together: Together = in_turn,
    ) -> None:
        self._outbox, self._client, self._resolver, self._settings = outbox, client, resolver, settings
        self._now, self._entropy, self._together = now, entropy, together

    async def run_due(self, limit: int) -> int:
        """Try what is due, at most that many; the seconds until there is more to do, 0 when there is already.

        Raises: BackendError when the outbox cannot be read or written.
        """
        due = await self._outbox.due(self._now_ms(), limit)
        await self._together(self._try, due)
        following = await self._outbox.due(_FOREVER, 1)
        if not following:
            return LOOK_AGAIN
        return min(max(math.ceil((following[0].due_ms - self._now_ms()) / 1000), 0), LOOK_AGAIN)

    async def _try(self, event: Event) -> None:
        """Tell one webhook, and write down what came of it."""
        try:
            status = await self._tell(event)
            trouble = f"it answered {status}"
        except S3Error as error:
            status, trouble = 0, error.message
        except BackendError as error:
            status, trouble = 0, str(error)[:_TROUBLE]
        now_ms = self._now_ms()
        if 200 <= status < 300:
            after = taken(event, now_ms)
        elif status == 410 or event.tries + 1 >= self._settings.tries:
            after = given_up(event, trouble)
        else:
            after = refused(event, trouble, now_ms + int(wait_before(event.tries + 1, self._entropy) * 1000))
        if await self._outbox.event(event.id) == event:  # else somebody had it replayed meanwhile
            await self._outbox.save(after)

    async def _tell(self, event: Event) -> int:
        """The status of the webhook's answer. Raises: InvalidArgument, BackendError."""
        target = check_target(event.target, self._settings.rules)
        body = event.payload.encode()
        headers = {
            "content-type": "application/json",
            "user-agent": f"bucketport/{__version__}",
            "bucketport-event": event.id,
            SIGNATURE: sign(body, self._now(), self._settings.secret),
        }
        answer = await self._send(target, await self._addresses(target), headers, body)
        release(answer.body)
        return answer.status

    async def _addresses(self, target: Target) -> Sequence[str]:
        """The target's addresses, each of which may be reached. Raises: BackendError."""
        found = [target.address] if target.address else await self._resolver.resolve(target.host, target.port)
        if not found:
            raise BackendError(Trouble.UNREACHABLE, f"{target.host} has no address")
        for address in found:
            if not may_reach(address, self._settings.rules):
                raise BackendError(Trouble.UNREACHABLE, f"{target.host} is at {address}, which is not a public address")
        return found[:_ADDRESSES]

    async def _send(self, target: Target, addresses: Sequence[str], headers: dict[str, str], body: bytes) -> HttpAnswer:
        """The answer of the first address where somebody is. Raises: BackendError."""
        path, _, query = target.path.partition("?")
        for number, address in enumerate(addresses, 1):
            place = Endpoint(target.scheme, address, target.port, target.authority, tls_name=target.host)
            try:
                return await self._client.send(HttpRequest("POST", place, path, query, headers, body))
            except BackendError as error:
                if error.trouble is not Trouble.UNREACHABLE or number == len(addresses):
                    raise
        raise AssertionError("there is an address")

    def _now_ms(self) -> int:
        return int(self._now() * 1000)

"""What may a handler of the uploads surface use, and how is it found? The context of a request, and its route.

A handler is `async def name(context) -> Response`. Each module of this folder has a table ROUTES of its handlers, by
method and by the shape of the path (`/-/uploads/*/tus/*`); `surface` puts the tables together.
"""

import dataclasses
import enum
from collections.abc import Awaitable, Callable, Mapping, Sequence

from bucketport.access.cors import Cors
from bucketport.access.decision import authorize
from bucketport.errors import NotImplemented
from bucketport.exchange import Exchange
from bucketport.identity.ticket import TicketUrl
from bucketport.message import Request, Response
from bucketport.model import NO_HEADERS, Claim, Identity, ObjectName
from bucketport.mounts import Buckets, Mount
from bucketport.ports import Digests, Entropy, Method, Now, Proof
from bucketport.record import record
from bucketport.uploads.engine import Uploads
from bucketport.wire import query as queries
from bucketport.wire.forwarded import Proxies


def _unknown(mount: Mount) -> None:
    """A bucket's figures where nobody keeps them."""


async def _nothing(mount: Mount) -> None:
    """What is done for a bucket that is used here, unless somebody wants to know."""


@record
class Statistics:
    """What the store holds: objects, contents that differ, bytes on the disk, and bytes of all objects together.

    `exact` False: some contents are still to be compared with the others.
    """

    objects: int = 0
    contents: int = 0
    stored_bytes: int = 0
    logical_bytes: int = 0
    exact: bool = True


@record
class Settings:
    """What the surface is told once.

    `public_url` has no slash at its end (empty: the request's own scheme and host). `owner` is the user who owns the
    buckets that are made by uploading. `max_upload` is bytes of one request's content, `max_json_bytes` of a JSON
    document, which has to be here within `json_seconds`. `orphan_seconds`: what nobody finishes goes after that time.
    `used` is told of each bucket that is written to; `statistics` counts (None: there is no store to count in).
    `bucket_figures` are a bucket's objects and bytes where they are known without counting.
    """

    public_url: str = ""
    owner: str = "admin"
    region: str = "us-east-1"
    domains: Sequence[str] = ()
    max_upload: int = 4 << 30
    max_json_bytes: int = 100 << 10
    json_seconds: float = 30.0
    orphan_seconds: int = 43_200
    cors: Cors | None = None
    proxies: Proxies | None = None
    used: Callable[[Mount], Awaitable[None]] = _nothing
    statistics: Callable[[], Awaitable[Statistics]] | None = None
    bucket_figures: Callable[[Mount], tuple[int, int] | None] = _unknown


@record
class Services:
    """What all handlers share. `uploads` is the engine of sessions, `found` the buckets of an account that are there.

    `key`, `ticket` and `token` are the ways to authenticate here: an API key, a signed URL, a session's token.
    """

    buckets: Buckets
    digests: Digests
    now: Now
    entropy: Entropy
    settings: Settings
    key: Method
    ticket: TicketUrl
    token: Method | None = None
    uploads: Uploads | None = None
    found: set[str] = dataclasses.field(default_factory=set)


@record
class UploadContext:
    """One request. `pieces` are what the stars of its route's shape stand for, as they are in the path (undecoded).

    `proof` says who asks; its identity's scopes are all that it may do.
    """

    request: Request
    exchange: Exchange
    services: Services
    proof: Proof
    pieces: Sequence[str] = ()

    @property
    def settings(self) -> Settings:
        """What the surface was told."""
        return self.services.settings

    @property
    def uploads(self) -> Uploads:
        """The engine of sessions. Raises: NotImplemented where there is none."""
        if self.services.uploads is None:
            raise NotImplemented("Uploads in pieces are not offered here.")
        return self.services.uploads

    @property
    def caller(self) -> Identity:
        """Who asks."""
        return self.proof.identity

    @property
    def query(self) -> Mapping[str, str]:
        """The decoded query; nobody signed it, but for what a ticket binds. Raises: InvalidURI, InvalidRequest."""
        return queries.parse(self.request.raw_query) if self.request.raw_query else NO_HEADERS

    @property
    def name(self) -> ObjectName:
        """The object that a ticket is for: all that its scope names."""
        (scope,) = self.proof.identity.scopes or ()
        return ObjectName(scope.bucket, scope.prefixes[0])

    async def allow(self, action: str, bucket: str, key: str | None = None) -> None:
        """Go on only when the caller's scopes cover that action there. Raises: AccessDenied.

        Keys, tickets and tokens may do what their scopes say, whoever owns the bucket: hence no mount is looked at.
        """
        exchange = self.exchange
        exchange.bucket, exchange.key = bucket, key or ""
        exchange.reason = await authorize(self.proof.identity, (Claim(action, bucket, key),), {})


Handler = Callable[[UploadContext], Awaitable[Response]]


class Way(enum.Enum):
    """How whoever asks says who they are: not at all, by an API key, by a signed URL, by a session's token."""

    OPEN = "open"
    KEY = "key"
    TICKET = "ticket"
    TOKEN = "token"  # noqa: S105  # the name of a way


@record
class Route:
    """A handler, the way to authenticate at it, and its name in logs and metrics."""

    operation: str
    way: Way
    handler: Handler


Routes = Mapping[tuple[str, str], Route]
"""By method and shape; a shape is a path whose changing segments are stars."""

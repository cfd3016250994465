"""What is an operation? A class and its row; the table of rows is the only list of operations there is.

Routing, authorization, the 501 for what is not there, metrics' labels and the documentation's matrix read the table.
An operation is selected by method, level and at most one *selector*: the query parameter (or the copy header) that
tells it from the others at that place. A known selector never falls through to the plain operation.
"""

import enum
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol, Self, TypeVar

from bucketport.errors import InvalidArgument, InvalidRequest, MethodNotAllowed
from bucketport.message import Request, Response
from bucketport.model import Claim, Identity, ObjectName, Offer, Owner, owner_of
from bucketport.mounts import Buckets, Copier, Located, Mount
from bucketport.ports import Content, Now, StoreBackend
from bucketport.record import record
from bucketport.wire.address import Address, Level
from bucketport.wire.path_mapping import AS_IT_IS, Shown

SERVICE, BUCKET, OBJECT = Level.SERVICE, Level.BUCKET, Level.OBJECT

COPY_SOURCE = "x-amz-copy-source"

Query = Mapping[str, str]


class Body(enum.Enum):
    """What an operation does with a request's body: refuse it, read it whole (it is XML), or store it as it passes.

    PARTS is a BUFFER whose request bears the checksums of the object to be made, not of the body.
    """

    NONE = "none"
    BUFFER = "buffer"
    PARTS = "parts"
    STREAM = "stream"


@record
class Context:
    """What an operation may use once it is allowed. `backend` is `mount.backend`; `body` is a BUFFER's content.

    `content` is there for STREAM. `source` is where a copy reads from. `permits` judges a further claim on `mount`
    (each key of a batch delete) and gives True or False. `origin` is
    `scheme://host` as the client knows us; `region` the only one here, or empty.
    `copier` carries a copy from one backend to another; None where there is one backend only. `shown` are
    the names that a client knows, where paths are mapped; `account` is whom ListBuckets shows.
    """

    caller: Identity
    buckets: Buckets
    mount: Mount | None
    source: Mount | None
    content: Content | None
    body: bytes
    permits: Callable[[Claim], bool]
    now: Now
    copier: Copier | None = None
    origin: str = ""
    region: str = ""
    shown: Shown = AS_IT_IS
    account: Owner | None = None

    @property
    def place(self) -> Mount:
        """The bucket's mount; for operations on a bucket or an object, where there always is one."""
        assert self.mount is not None
        return self.mount

    @property
    def bucket_shown(self) -> str:
        """The bucket's name as the client knows it."""
        return self.shown.bucket or self.place.bucket

    @property
    def account_shown(self) -> Owner:
        """Whose buckets ListBuckets says it lists."""
        return self.account or owner_of(self.caller.user)

    def copier_for(self) -> Copier | None:
        """Who carries a copy, when its source is in another backend than its target."""
        if self.source is None or self.source.backend is self.place.backend:
            return None
        return self.copier

    def located(self, name: ObjectName) -> Located:
        """The source of a copy, where it is."""
        return Located((self.source or self.place).backend, name)

    @property
    def backend(self) -> StoreBackend:
        """The backend of the bucket."""
        return self.place.backend

    @property
    def stream(self) -> Content:
        """The content; for operations whose row says STREAM."""
        assert self.content is not None
        return self.content

    @property
    def writer(self) -> str:
        """The user who owns what is written: the caller, or the bucket's owner for an anonymous one."""
        if self.caller.anonymous and self.mount is not None:
            return self.mount.owner
        return self.caller.user


class Operation(Protocol):
    """A request, understood: made by `parse`, judged by `claims`, carried out by `run`."""

    @classmethod
    def parse(cls, address: Address, request: Request, query: Query) -> Self:
        """The request as a typed value. Raises: an S3Error that names the first thing that is malformed."""
        ...

    def claims(self) -> tuple[Claim, ...]:
        """What leave it needs; all of it is judged before a byte of the body is read."""
        ...

    async def run(self, context: Context) -> Response:
        """Do it, and say so. Raises: S3Error, BackendError."""
        ...


@record
class Row:
    """An operation's facts. `operation` None: known to S3 and not to us; a backend that relays may still do it.

    `limit` is how many bytes a BUFFER body may have. `relays`: a backend that is S3 itself may do it for us.
    """

    name: str
    method: str
    level: Level
    selector: str
    action: str
    body: Body
    needs: Offer
    operation: type[Operation] | None
    limit: int = 0
    relays: bool = False


_TABLE: dict[tuple[str, Level], dict[str, Row]] = {}

XML_LIMIT = 64 << 10
"""Bytes of an XML body that is a small document (tags, an ACL, a location); AWS allows no more for them."""

Made = TypeVar("Made", bound=type[Operation])


def _add(row: Row) -> None:
    rows = _TABLE.setdefault((row.method, row.level), {})
    assert row.selector not in rows, f"{row.name} and {rows[row.selector].name} are selected by the same request"
    rows[row.selector] = row


def operation(
    name: str,
    method: str,
    level: Level,
    selector: str = "",
    *,
    action: str = "",
    body: Body = Body.NONE,
    needs: Offer = Offer.OBJECTS,
    limit: int = 0,
    relays: bool = False,
) -> Callable[[Made], Made]:
    """Put a class into the table under these facts. The action is named after the operation unless given.

    `relays`: a backend that does not offer what it needs, but is S3 itself, does it for us.
    """

    def add(made: Made) -> Made:
        _add(Row(name, method, level, selector, action or snake_case(name), body, needs, made, limit, relays))
        return made

    return add


def relayed(name: str, method: str, level: Level, selector: str) -> None:
    """Put an operation into the table that we do not model: 501, unless the bucket's backend relays it."""
    body = Body.BUFFER if method in ("PUT", "POST") else Body.NONE
    _add(Row(name, method, level, selector, snake_case(name), body, Offer.RELAY, None, 1 << 20, relays=True))


def absent(name: str, method: str, level: Level, selector: str = "") -> None:
    """Put an operation into the table that is not there and cannot be relayed either: 501."""
    _add(Row(name, method, level, selector, snake_case(name), Body.NONE, Offer.RELAY, None))


def snake_case(name: str) -> str:
    """`GetBucketPolicy` as `get_bucket_policy`."""
    return "".join("_" + c.lower() if c.isupper() else c for c in name).lstrip("_")


def table() -> Iterable[Row]:
    """All rows, by level, method and selector: what the documentation is made from."""
    order = {SERVICE: 0, BUCKET: 1, OBJECT: 2}
    for method, level in sorted(_TABLE, key=lambda place: (order[place[1]], place[0])):
        rows = _TABLE[method, level]
        yield from (rows[selector] for selector in sorted(rows))


def route(request: Request, address: Address, query: Query) -> Row:
    """The row of a request.

    Raises: MethodNotAllowed where S3 has nothing for the method; InvalidRequest for two selectors at once.
    """
    rows = _TABLE.get((request.method, address.level))
    if rows is None:
        raise MethodNotAllowed(fields={"Method": request.method[:20], "ResourceType": address.level.value.upper()})
    selector = ""
    for name in query:
        if name in rows and name:
            if selector and selector != name:
                raise InvalidRequest(f"Conflicting query parameters: {selector} and {name}")
            selector = name
    if COPY_SOURCE in request.headers and f"{selector}+copy" in rows:
        selector += "+copy"
    row = rows.get(selector)
    if row is None:
        raise MethodNotAllowed(fields={"Method": request.method, "ResourceType": address.level.value.upper()})
    return row


def name_of(address: Address) -> ObjectName:
    """The object that a request addresses."""
    return ObjectName(address.bucket, address.key)


def version_of(query: Query) -> str | None:
    """The `versionId` of a request. Raises: InvalidArgument when it is there and empty."""
    version = query.get("versionId")
    if version is not None and not version:
        raise InvalidArgument(
            "Version id cannot be the empty string",
            fields={"ArgumentName": "versionId", "ArgumentValue": ""},
        )
    return version


def integer(query: Query, name: str, default: int, limit: int) -> int:
    """A count in the query, at most `limit`. Raises: InvalidArgument when it is no integer or negative."""
    text = query.get(name)
    if text is None or text == "":
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 10 or int(text) > 2147483647:
        raise InvalidArgument(
            f"Provided {name} not an integer or within integer range",
            fields={"ArgumentName": name, "ArgumentValue": text[:200]},
        )
    return min(int(text), limit)

"""How does an S3 request become an answer? The main flow: address, route, authenticate, authorize, run.

Not a byte of the body is read before the caller may do what they ask. Each step is a line of `S3Api.handle`; what it
does has a room of its own.
"""

import dataclasses
from collections.abc import Sequence
from typing import cast

from bucketport.access.cors import VARY, Cors, applying
from bucketport.access.decision import authorize, judge
from bucketport.errors import AccessDenied, NotImplemented, NotModified, S3Error, UnexpectedContent
from bucketport.exchange import Exchange
from bucketport.identity.base import authenticate
from bucketport.message import Request, Response
from bucketport.model import ANONYMOUS, Claim, Identity, Offer, Owner, owner_of
from bucketport.mounts import Buckets, Copier, Mount
from bucketport.operations import Body, Context, Row, extras, route
from bucketport.operations.base import Query
from bucketport.operations.content import Admitted, check_length_is_said, declare, read_whole
from bucketport.operations.preflight import Preflight
from bucketport.options import MAX_OBJECT, RelayedCall
from bucketport.ports import Content, Digests, Method, Now, Proof, RelayBackend
from bucketport.record import record
from bucketport.wire import address as addresses
from bucketport.wire import query as queries
from bucketport.wire.forwarded import Proxies, as_sent
from bucketport.wire.path_mapping import AS_IT_IS, Mapped, PathMapping, apply
from bucketport.wire.sigv2 import OWN
from bucketport.wire.xml import DECLARATION, escape


@record
class Settings:
    """What the surface is told once. `region` empty: any is taken. `max_upload` is bytes of one PUT or part.

    `proxies` is None where no reverse proxy stands before us, `mapping` where a path's first segment is the bucket.
    `owner` is whom ListBuckets shows; None: the caller. `cors` is what holds for pages of other origins in every bucket
    without rules of its own, `parts_cors` for URLs that are signed with a key that begins so: upload sessions' parts.
    """

    domains: Sequence[str] = ()
    region: str = ""
    max_upload: int = MAX_OBJECT
    query_pairs: int = 1000
    proxies: Proxies | None = None
    mapping: PathMapping | None = None
    owner: Owner | None = None
    cors: Cors | None = None
    parts_cors: tuple[str, Cors] | None = None


class S3Api:
    """S3 itself."""

    def __init__(
        self,
        buckets: Buckets,
        methods: Sequence[Method],
        digests: Digests,
        now: Now,
        settings: Settings,
        *,
        copier: Copier | None = None,
    ) -> None:
        self._buckets, self._methods, self._digests, self._now = buckets, methods, digests, now
        self._settings, self._copier = settings, copier

    def wants(self, request: Request) -> bool:
        """Everything that no other surface wanted."""
        return True

    async def handle(self, request: Request, exchange: Exchange) -> Response:
        """The answer to an S3 request, and what a browser is to know of it. Raises: S3Error, BackendError."""
        if request.method == "OPTIONS":
            return await self._preflight(request, exchange)
        origin = request.headers.get("origin")
        if origin is None:
            return await self._handle(request, exchange)
        cors = await self._rules(request)
        if cors is not None:
            # A page never says which method it asked leave for when it sends what it asked for; S3 reads it anyway.
            method = request.headers.get("access-control-request-method", request.method)
            exchange.cors = cors.answer(origin, method) or {"Vary": VARY}
        response = await self._handle(request, exchange)
        response.headers.update(exchange.cors)
        return response

    async def _preflight(self, request: Request, exchange: Exchange) -> Response:
        """What a browser asks before it sends. Nothing is signed, or what is to follow is: a presigned URL."""
        asked = self._names(self._as_sent(request))
        row = route(asked.request, asked.address, asked.query)
        exchange.operation, exchange.bucket, exchange.key = row.name, asked.address.bucket, asked.address.key
        preflight = Preflight.parse(asked.address, asked.request, asked.query)
        cors = await self._rules(request)
        allowed = cors.preflight(request.headers) if cors is not None else None
        if allowed is None:
            exchange.cors = {"Vary": VARY}
            raise preflight.refusal(ruled=cors is not None)
        return Response(200, allowed)

    async def _rules(self, request: Request) -> Cors | None:
        """What holds for pages of other origins where the request leads, if it leads anywhere."""
        settings, mount = self._settings, None
        if settings.parts_cors is not None and f"X-Amz-Credential={settings.parts_cors[0]}" in request.raw_query:
            return settings.parts_cors[1]
        try:
            bucket = self._names(self._as_sent(request)).address.bucket
            if bucket:
                mount = await self._buckets.find(bucket, ANONYMOUS)
        except S3Error:
            pass
        return applying(mount, settings.cors)

    def _as_sent(self, request: Request) -> Request:
        proxies = self._settings.proxies
        return request if proxies is None else as_sent(request, proxies)

    async def _handle(self, request: Request, exchange: Exchange) -> Response:
        settings = self._settings
        sent = self._as_sent(request)
        asked = self._names(sent)
        request, address, query = asked.request, asked.address, asked.query
        row = route(request, address, query)
        exchange.operation, exchange.bucket, exchange.key = row.name, address.bucket, address.key

        proof = await authenticate(sent, self._methods, self._now())
        caller = proof.identity
        exchange.user, exchange.access_key = caller.user, caller.access_key
        if row.operation is None or (row.relays and not await self._does(row, address.bucket, caller)):
            return await self._relay(request, row, _call(request, row, address, query), exchange, proof)

        operation = row.operation.parse(address, request, query)
        claims = operation.claims()
        if extras.asked(request.headers):
            claims += extras.claims(request.headers, address.bucket, address.key or None)
        mounts = await self._find(row, claims, caller)
        exchange.reason = await authorize(caller, claims, mounts)
        mount = mounts.get(address.bucket)
        source = mounts[claims[0].bucket] if len(mounts) > 1 else mount
        _require(row, mount, request)
        _check_owner(mount, request, "x-amz-expected-bucket-owner")
        _check_owner(source, request, "x-amz-source-expected-bucket-owner")

        content, body = await self._admit(request, row, proof)
        context = Context(
            caller,
            self._buckets,
            mount,
            source,
            content,
            body,
            lambda claim: bool(judge(caller, claim, mount).allowed),
            self._now,
            self._copier,
            f"{request.scheme}://{request.headers.get('host', '')}{request.base}",
            settings.region,
            asked.shown,
            settings.owner,
        )
        response = await operation.run(context)
        if mount is not None and (settings.cors or mount.cors or mount.anonymous_read or mount.acl != "private"):
            # For caches: a page of another origin may get more headers.
            response.headers.setdefault("Vary", VARY)
        return response

    async def _does(self, row: Row, bucket: str, caller: Identity) -> bool:
        """Whether we do the operation ourselves in that bucket, and need not relay it."""
        return row.needs in (await self._buckets.find(bucket, caller)).backend.offers

    def _names(self, sent: Request) -> Mapped:
        """What the request addresses. The path is cut after what a proxy put before it, then mapped."""
        path = sent.raw_path[len(sent.base) :] or "/" if sent.base else sent.raw_path
        address = addresses.split(path, sent.headers.get("host", ""), self._settings.domains)
        query = queries.parse(sent.raw_query, self._settings.query_pairs)
        if self._settings.mapping is None:
            return Mapped(sent, address, query, AS_IT_IS)
        return apply(self._settings.mapping, sent, address, query)

    async def _relay(self, request: Request, row: Row, call: RelayedCall, exchange: Exchange, proof: Proof) -> Response:
        """An operation that we do not model: the backend's own answer where it is S3 itself, else 501."""
        if not call.bucket:
            raise NotImplemented(f"{row.name} is not implemented")
        mount = await self._buckets.find(call.bucket, proof.identity)
        claim = Claim(row.action, call.bucket, call.key)
        exchange.reason = await authorize(proof.identity, (claim,), {call.bucket: mount})
        if not row.relays or Offer.RELAY not in mount.backend.offers:
            raise NotImplemented(f"{row.name} is not implemented")
        _check_owner(mount, request, "x-amz-expected-bucket-owner")
        _, body = await self._admit(request, row, proof)
        return await cast(RelayBackend, mount.backend).relay(dataclasses.replace(call, body=body))

    async def _find(self, row: Row, claims: Sequence[Claim], caller: Identity) -> dict[str, Mount]:
        """The mounts of every bucket that is claimed. A bucket that is to be made has none yet."""
        if row.needs is Offer.BUCKETS and row.method == "PUT":
            return {}
        mounts: dict[str, Mount] = {}
        for claim in claims:
            if claim.bucket and claim.bucket not in mounts:
                mounts[claim.bucket] = await self._buckets.find(claim.bucket, caller)
        return mounts

    async def _admit(self, request: Request, row: Row, proof: Proof) -> tuple[Content | None, bytes]:
        """The body, as the row wants it. Raises: UnexpectedContent for one that nobody wants, and what checks find."""
        if row.body is Body.STREAM:
            check_length_is_said(request)
            declared = declare(request, proof, self._settings.max_upload)
            return Admitted(request.body, declared, self._digests), b""
        if row.body is Body.NONE:
            if request.body.length:
                raise UnexpectedContent
            return None, b""
        declared = declare(request, proof, row.limit, of_body=row.body is Body.BUFFER)
        return None, await read_whole(request.body, declared, self._digests)

    def refuse(self, error: S3Error, exchange: Exchange) -> Response:
        """S3's error body: code, message, resource, request id. None for HEAD and for 304."""
        headers = {**exchange.cors, **error.headers}
        if exchange.method == "HEAD" or error.status == NotModified.status:
            return Response(error.status, headers)
        headers["Content-Type"] = "application/xml"
        return Response(error.status, headers, error_body(error, exchange))


def error_body(error: S3Error, exchange: Exchange) -> bytes:
    """The XML that says an error. Source: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html"""
    fields = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in error.fields.items())
    resource = exchange.target.partition("?")[0]
    return (
        f"{DECLARATION}<Error><Code>{error.code}</Code><Message>{escape(error.message)}</Message>{fields}"
        f"<Resource>{escape(resource)}</Resource><RequestId>{exchange.id}</RequestId>"
        f"<HostId>{exchange.id}</HostId></Error>"
    ).encode()


def _call(request: Request, row: Row, address: addresses.Address, query: Query) -> RelayedCall:
    """The request as a backend relays it: without what signs it, for it is signed anew."""
    asked = {name: value for name, value in query.items() if not name.lower().startswith("x-amz-") and name not in OWN}
    return RelayedCall(row.name, row.method, address.bucket, address.key or None, asked, request.headers)


def _require(row: Row, mount: Mount | None, request: Request) -> None:
    """What the bucket's backend must offer. Raises: NotImplemented."""
    if extras.asked(request.headers) and (mount is None or Offer.RELAY not in mount.backend.offers):
        raise NotImplemented(fields={"Header": next(iter(extras.of(request.headers)))})
    if mount is not None and row.needs not in mount.backend.offers:
        raise NotImplemented(f"{row.name} is not implemented for this bucket")


def _check_owner(mount: Mount | None, request: Request, header: str) -> None:
    """Whose the bucket must be, when a request says so. Raises: AccessDenied when it is somebody else's."""
    expected = request.headers.get(header)
    if mount is not None and expected is not None and expected != owner_of(mount.owner).id:
        raise AccessDenied(reason=f"{header} names another owner")

"""Which requests are the uploads surface's, and who handles them? Its paths, and every URL that bears a ticket.

A request that AWS's schemes sign is always S3's, whatever its path, so a bucket of any name stays reachable there. What
comes here is dispatched by one table: method and shape of the path to handler.
"""

import contextlib
import re
from collections.abc import Mapping

from bucketport.access.cors import VARY, Cors, applying
from bucketport.api.uploads import admin, blobs, form, parts, presign, sessions, tus
from bucketport.api.uploads.answers import refusal
from bucketport.api.uploads.context import Route, Routes, Services, UploadContext, Way
from bucketport.errors import (
    AccessForbidden,
    BackendError,
    InvalidURI,
    MethodNotAllowed,
    NoSuchBucket,
    NoSuchKey,
    S3Error,
)
from bucketport.exchange import Exchange
from bucketport.identity.base import authenticate
from bucketport.identity.ticket import object_of
from bucketport.message import Request, Response
from bucketport.model import ANONYMOUS
from bucketport.ports import Method, Proof
from bucketport.wire import address as addresses
from bucketport.wire import sigv2
from bucketport.wire.authorization import is_presigned
from bucketport.wire.forwarded import Proxies, as_sent, without_base

TABLES: tuple[Routes, ...] = (
    admin.ROUTES, presign.ROUTES, blobs.ROUTES, sessions.ROUTES, parts.ROUTES, tus.ROUTES, form.ROUTES,
)  # fmt: skip
"""The handlers of every module of this folder."""

_PATHS = frozenset({"/presign", "/healthz", "/admin", "/-/uploads"})
_BELOW = ("/admin/", "/-/uploads/")
_BLOB = "/*/*"
_NOBODY = Proof(ANONYMOUS)

_AWS = re.compile("X-Amz-|Signature|%[^&=]*=").search
"""What may be a parameter that signs a URL for AWS; names may be escaped. To split the query costs more."""


class UploadsApi:
    """The uploads surface. `tables` are the routes that it has."""

    def __init__(self, services: Services, tables: tuple[Routes, ...] = TABLES) -> None:
        self._services = services
        ways = {Way.KEY: services.key, Way.TICKET: services.ticket, Way.TOKEN: services.token}
        self._ways: dict[Way, tuple[Method, ...]] = {way: (method,) for way, method in ways.items() if method}
        self._routes: Routes = {
            named: route
            for table in tables
            for named, route in table.items()
            if route.way is Way.OPEN or route.way in self._ways
        }
        self._methods: Mapping[str, str] = _methods(self._routes)
        proxies = services.settings.proxies
        self._before: Proxies | None = proxies if proxies is not None and proxies.any_base else None

    def wants(self, request: Request) -> bool:
        """Its own paths, and every path whose query has `sig` and `expires`; but nothing that is signed for AWS."""
        if self._before is not None:
            request = without_base(request, self._before)
        path, query = request.raw_path, request.raw_query
        if not (path in _PATHS or path.startswith(_BELOW) or (query and "sig=" in query and _bears_ticket(query))):
            return False
        return not self._is_for_s3(request)

    def _is_for_s3(self, request: Request) -> bool:
        """Whether it is signed for AWS, or names a bucket by its host."""
        if request.headers.get("authorization", "").startswith("AWS"):
            return True
        query = request.raw_query
        try:
            if query and _AWS(query) and (is_presigned(query) or sigv2.is_presigned(query)):
                return True
        except InvalidURI:
            return False  # a name that cannot be read is none of AWS's
        settings = self._services.settings
        if not settings.domains:
            return False
        sent = request if settings.proxies is None else as_sent(request, settings.proxies)
        return addresses.split("/", sent.headers.get("host", ""), settings.domains).virtual

    async def handle(self, request: Request, exchange: Exchange) -> Response:
        """The answer, and what a browser is to know of it. Raises: S3Error, BackendError."""
        if self._before is not None:
            request = without_base(request, self._before)
        origin = request.headers.get("origin")
        if origin is None:
            response = await self._handle(request, exchange)
            if self._services.settings.cors is not None and request.method in ("GET", "HEAD"):
                # For caches: a page of another origin gets more headers.
                response.headers["Vary"] = VARY
            return response
        cors, method = await self._rules(request)
        if request.method == "OPTIONS" and "access-control-request-method" in request.headers:
            exchange.operation = "Preflight"
            allowed = None if cors is None else cors.preflight(request.headers)
            if allowed is None:
                exchange.cors = {"Vary": VARY}
                raise AccessForbidden("CORSResponse: this origin, method or header is not allowed here.")
            return Response(200, allowed)
        if cors is not None:
            exchange.cors = cors.answer(origin, method) or {"Vary": VARY}
        response = await self._handle(request, exchange)
        response.headers.update(exchange.cors)
        return response

    async def _rules(self, request: Request) -> tuple[Cors | None, str]:
        """What holds for pages of other origins there, and the method that it is asked for (empty: any).

        A bucket's own rules hold for its tickets, as S3 evaluates them; those of the surface do not name what may be
        done with it.
        """
        everywhere = self._services.settings.cors
        if _shape(request.raw_path)[0] == _BLOB:
            with contextlib.suppress(S3Error, BackendError):
                mount = await self._services.buckets.find(object_of(request.raw_path).bucket, ANONYMOUS)
                if mount.cors:
                    method = request.headers.get("access-control-request-method", request.method)
                    return applying(mount, everywhere), method
        return everywhere, ""

    async def _handle(self, request: Request, exchange: Exchange) -> Response:
        route, pieces = self._find(request)
        exchange.operation = route.operation
        if route.way is Way.OPEN:
            proof = _NOBODY
        else:
            proof = await authenticate(request, self._ways[route.way], self._services.now())
            exchange.user, exchange.access_key = proof.identity.user, proof.identity.access_key
        try:
            return await route.handler(UploadContext(request, exchange, self._services, proof, pieces))
        except NoSuchBucket:
            # One that was removed since: the next request looks again.
            self._services.found.clear()
            raise

    def _find(self, request: Request) -> tuple[Route, list[str]]:
        """The route of a request and its path's changing pieces. Raises: MethodNotAllowed, NoSuchBucket, NoSuchKey."""
        method, path = request.method, request.raw_path
        shape, pieces = _shape(path)
        route = self._routes.get((method, shape))
        if route is None and method == "HEAD":
            route = self._routes.get(("GET", shape))
        if route is not None:
            return route, pieces
        allowed = self._methods.get(shape)
        if allowed is None:
            raise NoSuchKey("There is nothing at this path.", fields={"path": path[:200]})
        raise MethodNotAllowed(f"{method[:20]} is not allowed here; allowed: {allowed}", headers={"Allow": allowed})

    def refuse(self, error: S3Error, exchange: Exchange) -> Response:
        """The error as JSON, which pages of other origins may read too."""
        response = refusal(error, exchange)
        response.headers.update(exchange.cors)
        return response


def _methods(routes: Routes) -> dict[str, str]:
    """For each shape, the methods that it has, as an Allow header says them."""
    found: dict[str, list[str]] = {}
    for method, shape in routes:
        found.setdefault(shape, []).append(method)
    return {
        shape: ", ".join(sorted({*methods, *(["HEAD"] if "GET" in methods else [])}))
        for shape, methods in found.items()
    }  # fmt: skip


def _bears_ticket(query: str) -> bool:
    """Whether a query has both `sig` and `expires`."""
    bounded = f"&{query}"
    return "&sig=" in bounded and "&expires=" in bounded


_CHANGING = {"-": (3, 5), "admin": (3,)}
"""Which segments of our paths are a token, a number or a name, by the path's first segment (the empty one is 0)."""


def _shape(path: str) -> tuple[str, list[str]]:
    """A path as the routes have it, and what its stars stand for: the whole path where it is a blob's."""
    if path in _PATHS:
        return path, []
    if not path.startswith(_BELOW):
        return _BLOB, [path]
    segments = path.split("/")
    pieces = []
    for at in _CHANGING[segments[1]]:
        if at < len(segments):
            pieces.append(segments[at])
            segments[at] = "*"
    return "/".join(segments), pieces

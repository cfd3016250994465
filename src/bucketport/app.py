"""Who answers a request, and what when it goes wrong? Every request enters here and every error leaves here."""

import contextlib
import traceback
from collections.abc import Callable, Sequence

from bucketport.errors import BackendError, InternalError, S3Error, answer_for
from bucketport.exchange import Exchange, current
from bucketport.message import NoBody, Request, Response
from bucketport.model import NO_HEADERS
from bucketport.ports import Api


class App:
    """The HTTP surfaces behind one door. `apis` are asked in order; the last wants whatever is left.

    `report` is told of each bug (an exception that no rule foresaw) as text with its traceback and request id.
    """

    def __init__(self, apis: Sequence[Api], report: Callable[[str], None]) -> None:
        self._apis, self._report = tuple(apis), report

    async def handle(self, request: Request, exchange: Exchange) -> Response:
        """The answer, whatever happens; only a cancellation passes through."""
        current.set(exchange)
        api = self._apis[-1]
        try:
            api = self._choose(request)
            return await api.handle(request, exchange)
        except S3Error as refusal:
            error = refusal
        except BackendError as trouble:
            error = answer_for(trouble)
            self._report(f"{exchange.id} {exchange.operation} {trouble}")
        except Exception as bug:
            error = InternalError(reason=f"bug: {type(bug).__name__}")
            self._report(f"{exchange.id} {exchange.operation} bug\n{''.join(traceback.format_exception(bug))}")
        return self._refuse(api, error, exchange)

    def refuse(self, error: S3Error, exchange: Exchange) -> Response:
        """The answer to what a runtime refused before there was a request (malformed HTTP, a limit).

        Of the request no more is looked at than method and target: whose path it is refuses it.
        """
        path, _, query = exchange.target.partition("?")
        api = self._apis[-1]
        with contextlib.suppress(S3Error):
            api = self._choose(Request(exchange.method, path, query, NO_HEADERS, NoBody()))
        return self._refuse(api, error, exchange)

    def _choose(self, request: Request) -> Api:
        for api in self._apis[:-1]:
            if api.wants(request):
                return api
        return self._apis[-1]

    def _refuse(self, api: Api, error: S3Error, exchange: Exchange) -> Response:
        exchange.code = error.code
        exchange.reason = error.reason or error.message
        return api.refuse(error, exchange)

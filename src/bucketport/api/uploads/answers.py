"""How are JSON documents read and written here? Every answer has `success` and `message`, and what belongs to it.

Errors are S3's, with the statuses that HTTP has for them where S3 says 400 to everything.
"""

import json
from collections.abc import Mapping

from bucketport.api.uploads.context import UploadContext
from bucketport.errors import EntityTooLarge, InvalidRequest, NotModified, S3Error
from bucketport.exchange import Exchange
from bucketport.message import Response
from bucketport.model import NO_HEADERS

Members = Mapping[str, object]

_STATUS = {"EntityTooLarge": 413, "MaxMessageLengthExceeded": 413, "RequestTimeout": 408}
"""Statuses that differ from S3's, by code."""

_encode = json.JSONEncoder(separators=(",", ":")).encode

_decode = json.JSONDecoder().decode

quote = json.JSONEncoder().encode
"""A text as JSON, quoted: for answers that are put together by hand, on the paths where it counts."""


def answer(status: int, members: Members, headers: Mapping[str, str] = NO_HEADERS) -> Response:
    """An answer of one JSON object."""
    made = {"Content-Type": "application/json"}
    if headers:
        made.update(headers)
    return Response(status, made, _encode(members).encode())


def success(message: str, members: Members = NO_HEADERS, status: int = 200) -> Response:
    """An answer that says it went well."""
    return answer(status, {"success": True, "message": message, **members})


def refusal(error: S3Error, exchange: Exchange) -> Response:
    """The answer that says the error: code, message, request id, and the error's fields beside them."""
    status = _STATUS.get(error.code, error.status)
    if exchange.method == "HEAD" or error.status == NotModified.status:
        return Response(status, dict(error.headers))
    said = {"success": False, "message": error.message, "code": error.code, "request_id": exchange.id}
    return answer(
        status, said | {name: value for name, value in error.fields.items() if name not in said}, error.headers
    )


async def read_object(context: UploadContext) -> dict[str, object]:
    """The JSON object that a request bears.

    Raises: EntityTooLarge, RequestTimeout, IncompleteBody; InvalidRequest when it is no JSON object.
    """
    body, limit = context.request.body, context.settings.max_json_bytes
    length = body.length
    if length is not None and length > limit:
        raise _too_large(length, limit)
    body.within(context.settings.json_seconds)
    text = b""
    while len(text) != length and (piece := await body.read()):
        text += piece
        if len(text) > limit:
            raise _too_large(len(text), limit)
    return parse_object(text)


def parse_object(text: bytes) -> dict[str, object]:
    """The JSON object in `text`. Raises: InvalidRequest that says where it is none."""
    try:
        found = _decode(text.decode())
    except json.JSONDecodeError as error:
        raise InvalidRequest(
            f"The body is not JSON: {error.msg}, line {error.lineno} column {error.colno}",
            fields={"position": str(error.pos)},
        ) from error
    except (UnicodeDecodeError, RecursionError, ValueError) as error:
        raise InvalidRequest("The body is not JSON that can be read: UTF-8, and not nested too deep.") from error
    if not isinstance(found, dict):
        raise InvalidRequest(f"The body must be a JSON object, got {text[:40]!r}")
    return found


def _too_large(size: int, limit: int) -> S3Error:
    return EntityTooLarge(
        f"The JSON body may have at most {limit} bytes.",
        fields={"ProposedSize": str(size), "MaxSizeAllowed": str(limit)},
    )

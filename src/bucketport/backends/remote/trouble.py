"""What does a cloud's failure mean here? The one place where its statuses and codes become our errors.

A 4xx that means something to the client keeps its S3 code. What speaks of the gateway's own credentials or of where it
was sent is no fault of the client's, and becomes a BackendError; so do 5xx, throttling, and anything we cannot read.
Nothing that a cloud wrote goes to the client: its text is the log's reason.
"""

import re

from bucketport.errors import (
    AccessDenied,
    BackendError,
    InvalidRange,
    InvalidRequest,
    MethodNotAllowed,
    MissingContentLength,
    NoSuchKey,
    NotImplemented,
    NotModified,
    OperationAborted,
    PreconditionFailed,
    S3Error,
    Trouble,
    kind_of,
)
from bucketport.message import HttpAnswer

TRANSIENT = frozenset({429, 500, 502, 503, 504})
"""Statuses after which the same request may well succeed. Source: botocore's standard retry mode, and Azure's and
Google's retry guidance (2026-11); 400 RequestTimeout of S3 is of bodies that we cannot repeat."""

THROTTLING = frozenset(
    {"SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequests", "ServerBusy"}
)

OUR_CREDENTIALS = frozenset(
    {
        "AuthorizationHeaderMalformed",
        "ExpiredToken",
        "InvalidAccessKeyId",
        "InvalidSecurity",
        "InvalidToken",
        "RequestExpired",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
        "TokenRefreshRequired",
        "XAmzContentSHA256Mismatch",
    }
)
"""S3 codes that tell the gateway, and not its client, that something is wrong."""

_BY_STATUS: dict[int, type[S3Error]] = {
    304: NotModified,
    401: AccessDenied,
    403: AccessDenied,
    404: NoSuchKey,
    405: MethodNotAllowed,
    409: OperationAborted,
    411: MissingContentLength,
    412: PreconditionFailed,
    416: InvalidRange,
    501: NotImplemented,
}

_CODE = re.compile("[A-Za-z][A-Za-z0-9]{2,79}")


def refusal(answer: HttpAnswer, code: str, message: str = "") -> Exception:
    """What to raise for a 3xx, a 4xx or a 501, given the S3 code that it bears (empty: none, or none of S3's).

    `message` is the cloud's, for the log.
    """
    status = answer.status
    said = f"the backend answered {status} {code} {message[:300]}".rstrip()
    if code in OUR_CREDENTIALS:
        return BackendError(Trouble.UNEXPECTED, f"{said} (about the credentials of the gateway)")
    if 300 <= status < 400 and status != 304:
        where = answer.headers.get("x-amz-bucket-region") or answer.headers.get("location", "")[:200]
        return BackendError(Trouble.UNEXPECTED, f"{said}; it wants to be asked elsewhere: {where}")
    if status < 300:
        return BackendError(Trouble.UNEXPECTED, said)
    known = kind_of(code) if code else _BY_STATUS.get(status, InvalidRequest)
    if known is not None:
        return known(reason=said)
    if not _CODE.fullmatch(code):
        return _BY_STATUS.get(status, InvalidRequest)(reason=said)
    # A code of S3's that we have no row for: operations that are relayed have many of their own.
    error = S3Error("The backend refused the request.", reason=said)
    error.code, error.status = code, status
    return error


def trouble_of(answer: HttpAnswer, code: str) -> BackendError:
    """The BackendError of a status in TRANSIENT, or of another 5xx."""
    said = f"the backend answered {answer.status} {code}".rstrip()
    if answer.status == 429 or code in THROTTLING:
        kind = Trouble.THROTTLED
    elif answer.status == 504:
        kind = Trouble.TIMEOUT
    elif answer.status == 507:
        kind = Trouble.FULL
    else:
        kind = Trouble.UNREACHABLE
    return BackendError(kind, said, retry_after=retry_after(answer))


def retry_after(answer: HttpAnswer) -> int | None:
    """Its Retry-After in whole seconds; None without one that is a number. Source: RFC 9110 section 10.2.3."""
    text = answer.headers.get("retry-after", "").strip()
    if not (text.isascii() and text.isdigit() and len(text) <= 6):
        return None
    return int(text)

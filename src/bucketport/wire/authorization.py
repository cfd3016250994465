"""What does a request say about its own signature? The Authorization header and the presigned query, read strictly.

Everything that can be judged without the key is judged here, before the key is looked up: form, scope, and that host
and every x-amz-* header is signed. The request's time is judged after the signature (`check_time`), so that only the
key's holder learns of the clock.
Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html; messages as S3 words them.
"""

import functools
from collections.abc import Callable, Mapping

from bucketport.errors import (
    AccessDenied,
    AuthorizationHeaderMalformed,
    AuthorizationQueryParametersError,
    InvalidArgument,
    InvalidRequest,
    NotImplemented,
    RequestTimeTooSkewed,
    S3Error,
)
from bucketport.message import Request
from bucketport.record import record
from bucketport.wire import dates
from bucketport.wire.query import decode
from bucketport.wire.sigv4 import (
    ALGORITHM,
    UNSIGNED_PAYLOAD,
    Scope,
    Signed,
    canonical_headers,
    canonical_pairs,
    canonical_path,
    canonical_query,
    scope,
)

MAX_SKEW = 900
"""Seconds that a request's time may differ from ours, either way. Source: S3, RequestTimeTooSkewed."""

MAX_EXPIRES = 604800
"""The longest life of a presigned URL in seconds: seven days."""

SIGNED_STREAMS = ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER")
"""The payload words under which every chunk bears a signature."""

UNSIGNED_STREAM = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"

ASYMMETRIC = "AWS4-ECDSA-P256-SHA256"

_PAYLOAD_WORDS = frozenset((UNSIGNED_PAYLOAD, UNSIGNED_STREAM, *SIGNED_STREAMS))
_HEX = frozenset("0123456789abcdefABCDEF")
_CACHED_LENGTH = 1024
"""An Authorization header's constant part is remembered up to this length, so that the cache stays within 2 MiB."""

_REGION_LENGTH = 64
"""Any region is accepted where none is configured, and signing keys are remembered by region: so it is bounded."""

_HEADER_PREFIX = "The authorization header is malformed; "
_QUERY_PREFIX = "Error parsing the X-Amz-Credential parameter; "

Fail = Callable[..., S3Error]


def _header_fault(text: str, **fields: str) -> S3Error:
    return AuthorizationHeaderMalformed(_HEADER_PREFIX + text, fields=fields)


def _query_fault(text: str, **fields: str) -> S3Error:
    return AuthorizationQueryParametersError(_QUERY_PREFIX + text, fields=fields)


def _shown(text: str) -> str:
    """A value of the client's as an error message quotes it: at most 200 characters."""
    return text if len(text) <= 200 else text[:200] + "..."


def _moment(seconds: float) -> str:
    """`2026-11-21T09:28:01Z`, as the time fields of an error show it."""
    return f"{dates.iso(int(seconds) * 1000)[:19]}Z"


def _parse_credential(text: str, fault: Fail) -> tuple[str, Scope]:
    """The access key and the scope of `KEY/20261121/REGION/s3/aws4_request`; a key may itself hold slashes."""
    parts = text.rsplit("/", 4)
    if len(parts) != 5:
        raise fault('the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".')
    access_key, date, region, service, terminal = parts
    if not region.isascii():
        raise fault(f"the region '{_shown(region)}' is wrong; a region is plain ASCII text")
    if len(region) > _REGION_LENGTH:
        raise fault(f"the region '{_shown(region)}' is wrong; no region is longer than {_REGION_LENGTH} characters")
    if not access_key:
        raise fault("a non-empty Access Key (AKID) must be provided in the credential.")
    if not (len(date) == 8 and date.isascii() and date.isdigit()):
        wrong = f'incorrect date format "{_shown(date)}".'
        raise fault(f'{wrong} This date in the credential must be in the format "yyyyMMdd".')
    if service != "s3":
        raise fault(f'incorrect service "{_shown(service)}". This endpoint belongs to "s3".')
    if terminal != "aws4_request":
        raise fault(f'incorrect terminal "{_shown(terminal)}". This endpoint uses "aws4_request".')
    return access_key, scope(date, region)


@record
class _Claim:
    """The part of a signature that a client repeats all day: its key, its scope and which headers it signs."""

    access_key: str
    scope: Scope
    signed: tuple[str, ...]
    covered: frozenset[str]
    signed_text: str


def _make_claim(credential: str, signed_text: str, fault: Fail) -> _Claim:
    access_key, made_for = _parse_credential(credential, fault)
    if not signed_text.isascii():
        raise fault("the signed headers are mal-formed; a header's name is plain ASCII text.")
    signed = tuple(signed_text.split(";"))
    return _Claim(access_key, made_for, signed, frozenset(signed), signed_text)


def _parse_claim(parts: str) -> _Claim:
    """The Claim in `Credential=..., SignedHeaders=...`, in any order, with or without spaces."""
    found: dict[str, str] = {}
    for part in parts.split(","):
        name, _, value = part.strip(" \t").partition("=")
        if name:
            if name not in ("Credential", "SignedHeaders") or name in found:
                raise _components()
            found[name] = value
    if not found.get("Credential") or not found.get("SignedHeaders"):
        raise _components()
    return _make_claim(found["Credential"], found["SignedHeaders"], _header_fault)


_remembered_claim = functools.lru_cache(maxsize=1024)(_parse_claim)


def _components() -> S3Error:
    return _header_fault(
        "the authorization header requires three components: Credential, SignedHeaders, and Signature."
    )


def _parse_authorization(text: str) -> tuple[_Claim, str]:
    """The claim and the signature of an Authorization header.

    The signature differs from request to request, what is before it does not: so only that much is parsed each time.
    """
    algorithm, _, rest = text.partition(" ")
    if algorithm != ALGORITHM:
        raise _unsupported(algorithm)
    parts, found, signature = rest.rpartition("Signature=")
    signature, comma, after = signature.partition(",")
    if not found or not signature:
        raise _components()
    if comma:
        parts = f"{parts},{after}"
    claim = _remembered_claim(parts) if len(parts) <= _CACHED_LENGTH else _parse_claim(parts)
    return claim, signature.rstrip(" \t")


def _unsupported(algorithm: str) -> S3Error:
    """The refusal of a Signature Version 4 that is not made with HMAC-SHA256."""
    if algorithm == ASYMMETRIC:
        return NotImplemented(f"{ASYMMETRIC} (Signature Version 4A) is not supported. Please use {ALGORITHM}.")
    return InvalidRequest(f"The authorization mechanism you have provided is not supported. Please use {ALGORITHM}.")


def _check_claim(claim: _Claim, stamp: str, region: str, fault: Fail) -> None:
    """The scope's region is ours (empty: any), and its day is the day of the request."""
    if region and claim.scope.region != region:
        wrong = _shown(claim.scope.region)
        raise fault(f"the region '{wrong}' is wrong; expecting '{region}'", Region=region)
    if claim.scope.date != stamp[:8]:
        wrong = f'Invalid credential date "{claim.scope.date}".'
        message = f'{wrong} This date is not the same as X-Amz-Date: "{stamp[:8]}".'
        if fault is _query_fault:
            raise AuthorizationQueryParametersError(message)
        raise fault(message)


def _check_covered(claim: _Claim, headers: Mapping[str, str]) -> None:
    """Host and every x-amz-* header is signed: what is not could have been added or changed on the way."""
    covered = claim.covered
    unsigned = [name for name in headers if name not in covered and name.startswith("x-amz-")]
    if "host" not in covered:
        unsigned.insert(0, "host")
    if unsigned:
        raise AccessDenied(
            "There were headers present in the request which were not signed",
            fields={"HeadersNotSigned": ", ".join(unsigned)},
        )


def _check_payload(payload: str) -> None:
    """It is a SHA-256 in hex or a word that stands for one."""
    if payload in _PAYLOAD_WORDS or (len(payload) == 64 and _HEX.issuperset(payload)):
        return
    if ASYMMETRIC in payload:
        raise _unsupported(ASYMMETRIC)
    raise InvalidArgument(
        "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, "
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 value.",
        fields={"ArgumentName": "x-amz-content-sha256", "ArgumentValue": _shown(payload)},
    )


def _time(headers: Mapping[str, str]) -> tuple[str, int]:
    """The request's time as signed and in seconds: x-amz-date, else Date (in either of its forms)."""
    text = headers.get("x-amz-date")
    if text is not None:
        seconds = dates.parse_stamp(text)
        if seconds is not None:
            return text, seconds
    else:
        text = headers.get("date", "")
        seconds = dates.parse_stamp(text)
        if seconds is not None:
            return text, seconds
        # botocore writes UTC as RFC 5322 does, `-0000`.
        seconds = dates.parse_http_date(text.replace(" -0000", " GMT"))
        if seconds is not None and seconds >= 0:
            return dates.stamp(seconds), seconds
    raise AccessDenied("AWS authentication requires a valid Date or x-amz-date header")


def _canonical(request: Request, query: str, claim: _Claim, payload: str) -> bytes:
    """The canonical request, as bytes."""
    lines = canonical_headers(request.headers, claim.signed)
    path = canonical_path(request.raw_path)
    return f"{request.method}\n{path}\n{query}\n{lines}\n{claim.signed_text}\n{payload}".encode("latin-1")


def read_header(request: Request, region: str) -> Signed:
    """The signature in the Authorization header. `region` is this server's; empty: any is right.

    Raises: AuthorizationHeaderMalformed, InvalidRequest (no x-amz-content-sha256, another algorithm), InvalidArgument,
    AccessDenied (no date, headers not signed), NotImplemented (Signature Version 4A), InvalidURI.
    """
    headers = request.headers
    claim, signature = _parse_authorization(headers["authorization"])
    payload = headers.get("x-amz-content-sha256")
    if payload is None:
        raise InvalidRequest("Missing required header for this request: x-amz-content-sha256")
    _check_payload(payload)
    stamp, signed_at = _time(headers)
    _check_claim(claim, stamp, region, _header_fault)
    _check_covered(claim, headers)
    query = canonical_query(canonical_pairs(request.raw_query)) if request.raw_query else ""
    return Signed(
        claim.access_key,
        claim.scope,
        stamp,
        signed_at,
        signature,
        _canonical(request, query, claim, payload),
        payload,
        headers.get("x-amz-security-token", ""),
    )


_MARKS = frozenset(("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature"))
_REQUIRED = (*sorted(_MARKS), "X-Amz-Date", "X-Amz-SignedHeaders", "X-Amz-Expires")


def has_parameter(raw_query: str, names: frozenset[str]) -> bool:
    """Whether the query has a parameter of one of these names, however its name is escaped."""
    for piece in raw_query.split("&"):
        name = piece.partition("=")[0]
        if name in names or ("%" in name and canonical_pairs(name)[0][0] in names):
            return True
    return False


def is_presigned(raw_query: str) -> bool:
    """Whether the query tries to be a presigned one of Signature Version 4, whole or not."""
    return ("X-Amz-" in raw_query or "%" in raw_query) and has_parameter(raw_query, _MARKS)


def read_query(request: Request, region: str) -> Signed:
    """The signature in a presigned URL's query. `region` is this server's; empty: any is right.

    The payload is unsigned unless the URL or a signed header names its hash.

    Raises: AuthorizationQueryParametersError, InvalidArgument, AccessDenied (headers not signed), NotImplemented
    (Signature Version 4A), InvalidURI.
    """
    given, signed_pairs = _parameters(canonical_pairs(request.raw_query))
    if given["X-Amz-Algorithm"] != ALGORITHM:
        if given["X-Amz-Algorithm"] == ASYMMETRIC:
            raise _unsupported(ASYMMETRIC)
        raise AuthorizationQueryParametersError(f'X-Amz-Algorithm only supports "{ALGORITHM}"')
    stamp = given["X-Amz-Date"]
    signed_at = dates.parse_stamp(stamp)
    if signed_at is None:
        form = "yyyyMMdd'T'HHmmss'Z'"
        raise AuthorizationQueryParametersError(f'X-Amz-Date must be in the ISO8601 Long Format "{form}"')
    expires = _lifetime(given["X-Amz-Expires"])
    credential, signed_text = given["X-Amz-Credential"], given["X-Amz-SignedHeaders"]
    short = len(credential) + len(signed_text) <= _CACHED_LENGTH
    claim = (_remembered_query_claim if short else _query_claim)(credential, signed_text)
    _check_claim(claim, stamp, region, _query_fault)
    _check_covered(claim, request.headers)
    payload = _query_payload(given, request.headers)
    return Signed(
        claim.access_key,
        claim.scope,
        stamp,
        signed_at,
        given["X-Amz-Signature"],
        _canonical(request, canonical_query(signed_pairs), claim, payload),
        payload,
        decode(given.get("X-Amz-Security-Token", "")) or request.headers.get("x-amz-security-token", ""),
        expires,
    )


def _query_claim(credential: str, signed_text: str) -> _Claim:
    """The Claim of a presigned URL, from the two parameters in canonical form."""
    return _make_claim(decode(credential), decode(signed_text), _query_fault)


_remembered_query_claim = functools.lru_cache(maxsize=1024)(_query_claim)


def _parameters(pairs: list[tuple[str, str]]) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """The X-Amz-* parameters by name, in canonical form; and the pairs that are signed: all but the signature."""
    given: dict[str, str] = {}
    signed_pairs = []
    for pair in pairs:
        name, value = pair
        if name.startswith("X-Amz-"):
            if name in given:
                raise AuthorizationQueryParametersError(f"The {_shown(name)} parameter is given more than once.")
            given[name] = value
        if name != "X-Amz-Signature":
            signed_pairs.append(pair)
    if not all(given.get(name) for name in _REQUIRED):
        raise AuthorizationQueryParametersError(
            "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, "
            "X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."
        )
    return given, signed_pairs


def _lifetime(text: str) -> int:
    """X-Amz-Expires in seconds, 0 to seven days (0 has always expired)."""
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()):
        raise AuthorizationQueryParametersError("X-Amz-Expires should be a number")
    if digits != text:
        raise AuthorizationQueryParametersError("X-Amz-Expires must be non-negative")
    if len(digits) > 9 or int(digits) > MAX_EXPIRES:
        raise AuthorizationQueryParametersError(
            "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than "
            "604800 seconds"
        )
    return int(digits)


def _query_payload(given: Mapping[str, str], headers: Mapping[str, str]) -> str:
    """The payload's hash of a presigned request. Some clients name it in the URL, some in a signed header."""
    in_header = headers.get("x-amz-content-sha256")
    payload = given.get("X-Amz-Content-Sha256") or in_header or UNSIGNED_PAYLOAD
    if in_header is not None and in_header != payload:
        raise InvalidRequest("The x-amz-content-sha256 header and the X-Amz-Content-Sha256 parameter differ.")
    _check_payload(payload)
    return payload


def check_time(signed: Signed, now: float) -> None:
    """Whether the request is of our time. `now` is seconds since 1970; call it once the signature is verified.

    Raises: RequestTimeTooSkewed for a signed header, AccessDenied for a presigned URL that is over or not yet begun.
    """
    if signed.expires is None:
        if abs(now - signed.signed_at) > MAX_SKEW:
            fields = {"RequestTime": signed.stamp, "ServerTime": _moment(now)}
            raise RequestTimeTooSkewed(fields=fields | {"MaxAllowedSkewMilliseconds": str(MAX_SKEW * 1000)})
    elif signed.signed_at - now > MAX_SKEW:
        raise AccessDenied("Request is not yet valid", fields={"X-Amz-Date": signed.stamp, "ServerTime": _moment(now)})
    elif signed.expires == 0 or now > signed.signed_at + signed.expires:
        ends = _moment(signed.signed_at + signed.expires)
        fields = {"X-Amz-Expires": str(signed.expires), "Expires": ends, "ServerTime": _moment(now)}
        raise AccessDenied("Request has expired", fields=fields)

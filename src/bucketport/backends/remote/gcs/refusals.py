"""Which error of S3's is an error of Google's? One table for the JSON API's reasons; the XML API has S3's own codes.

Source: https://cloud.google.com/storage/docs/json_api/v1/status-codes and
https://cloud.google.com/storage/docs/xml-api/reference-status (checked 2026-11).
"""

import json
import re
from collections.abc import Mapping

from bucketport.backends.remote import trouble
from bucketport.errors import AccessDenied, BackendError, InvalidRange, S3Error, Trouble, kind_of
from bucketport.message import HttpAnswer

REASONS: Mapping[str, str] = {
    "accountDisabled": "AccountProblem",
    "badRequest": "InvalidRequest",
    "conditionNotMet": "PreconditionFailed",
    "conflict": "OperationAborted",
    "forbidden": "AccessDenied",
    "insufficientPermissions": "AccessDenied",
    "invalid": "InvalidArgument",
    "invalidArgument": "InvalidArgument",
    "invalidParameter": "InvalidArgument",
    "lengthRequired": "MissingContentLength",
    "methodNotAllowed": "MethodNotAllowed",
    "notFound": "NoSuchKey",
    "notImplemented": "NotImplemented",
    "objectUnderActiveHold": "AccessDenied",
    "parseError": "InvalidRequest",
    "quotaExceeded": "SlowDown",
    "rateLimitExceeded": "SlowDown",
    "requestedRangeNotSatisfiable": "InvalidRange",
    "required": "InvalidRequest",
    "retentionPolicyNotMet": "AccessDenied",
    "uploadTooLarge": "EntityTooLarge",
    "userAccountDisabled": "AccountProblem",
    "userProjectAccountProblem": "AccountProblem",
    "userRateLimitExceeded": "SlowDown",
}
"""A reason of the JSON API to a code of S3's. One that is not here means what its status means."""

XML_CODES: Mapping[str, str] = {
    "AuthenticationRequired": "AccessDenied",
    "BadRequest": "InvalidRequest",
    "InvalidPolicyDocument": "InvalidRequest",
    "ObjectUnderActiveHold": "AccessDenied",
    "ResourceIsEncryptedWithCustomerEncryptionKey": "InvalidRequest",
    "RetentionPolicyNotMet": "AccessDenied",
    "UserProjectAccountProblem": "AccountProblem",
}
"""Codes of the XML API that S3 does not have."""

_XML_CODE = re.compile(rb"<Code>\s*([A-Za-z0-9]{1,80})\s*</Code>")
_XML_MESSAGE = re.compile(rb"<Message>([^<]{0,400})")
_MISMATCH = re.compile(r"doesn't match calculated (MD5|CRC32C)", re.IGNORECASE)
_NO_BUCKET = re.compile("bucket does not exist", re.IGNORECASE)
_NO_OBJECT = re.compile("no such object", re.IGNORECASE)


def said(answer: HttpAnswer) -> tuple[str, str]:
    """The reason (JSON) or code (XML) in an error, and its message; both may be empty. Only for the log and for us."""
    body = answer.body if isinstance(answer.body, bytes) else b""
    code = _XML_CODE.search(body)
    if code:
        message = _XML_MESSAGE.search(body)
        return code[1].decode(), message[1].decode("utf-8", "replace") if message else ""
    if body.lstrip()[:1] != b"{":
        return "", body[:200].decode("utf-8", "replace")
    try:
        error = json.loads(body)["error"]
        reasons = error.get("errors") or [{}]
        return str(reasons[0].get("reason", ""))[:80], str(error.get("message", ""))[:400]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return "", ""


def code_of(answer: HttpAnswer) -> str:
    """The S3 code of an error, empty where Google says nothing that S3 has a word for."""
    word, message = said(answer)
    if _MISMATCH.search(message):
        return "BadDigest"
    code = REASONS.get(word) or XML_CODES.get(word) or word
    if kind_of(code) is None and code not in trouble.OUR_CREDENTIALS:
        return ""
    return code


def refusal(answer: HttpAnswer) -> Exception:
    """What to raise for an answer below 500 that is no success."""
    word, message = said(answer)
    about = f"the backend answered {answer.status} {word} {message[:300]}".rstrip()
    if answer.status == 401:
        if "nonymous caller" in message or word == "AuthenticationRequired":
            return AccessDenied(reason=about)
        return BackendError(Trouble.UNEXPECTED, f"{about} (about the credentials of the gateway)")
    if answer.status == 408:
        return BackendError(Trouble.TIMEOUT, about)
    code = code_of(answer)
    if code == "SlowDown":
        return BackendError(Trouble.THROTTLED, about, retry_after=trouble.retry_after(answer))
    error = trouble.refusal(answer, code, message)
    if isinstance(error, S3Error) and isinstance(error, InvalidRange) and "content-range" in answer.headers:
        error.headers["Content-Range"] = answer.headers["content-range"]
    return error


def says_no_bucket(answer: HttpAnswer) -> bool:
    """Whether a 404 says that the bucket is not there."""
    word, message = said(answer)
    return word == "NoSuchBucket" or _NO_BUCKET.search(message) is not None


def says_no_object(answer: HttpAnswer) -> bool:
    """Whether a 404 says that the object is not there, in a bucket that is."""
    word, message = said(answer)
    return word in ("NoSuchKey", "NoSuchUpload", "NoSuchVersion") or _NO_OBJECT.search(message) is not None

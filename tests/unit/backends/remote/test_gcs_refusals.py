"""Which of S3's errors is an error of Google's?"""

import json

import pytest

from bucketport.backends.remote.gcs import refusals
from bucketport.errors import (
    AccessDenied,
    BackendError,
    BadDigest,
    EntityTooLarge,
    InvalidArgument,
    InvalidRange,
    NoSuchUpload,
    NotImplemented,
    OperationAborted,
    PreconditionFailed,
    Trouble,
    kind_of,
)
from bucketport.message import HttpAnswer


def json_answer(status, reason, message=""):
    body = {"error": {"code": status, "message": message, "errors": [{"reason": reason, "message": message}]}}
    return HttpAnswer(status, {}, json.dumps(body).encode())


def xml_answer(status, code):
    return HttpAnswer(status, {}, f"<Error><Code>{code}</Code><Message>secret</Message></Error>".encode())


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (json_answer(412, "conditionNotMet"), PreconditionFailed),
        (json_answer(409, "conflict"), OperationAborted),
        (json_answer(403, "forbidden"), AccessDenied),
        (json_answer(403, "retentionPolicyNotMet"), AccessDenied),
        (json_answer(403, "somethingNew"), AccessDenied),
        (json_answer(400, "invalid"), InvalidArgument),
        (json_answer(400, "invalid", 'Provided MD5 hash "a" doesn\'t match calculated MD5 hash "b".'), BadDigest),
        (json_answer(413, "uploadTooLarge"), EntityTooLarge),
        (json_answer(501, "notImplemented"), NotImplemented),
        (json_answer(401, "required", "Anonymous caller does not have storage.objects.get access"), AccessDenied),
        (xml_answer(404, "NoSuchUpload"), NoSuchUpload),
        (xml_answer(400, "BadDigest"), BadDigest),
        (xml_answer(412, "PreconditionFailed"), PreconditionFailed),
        (xml_answer(416, "InvalidRange"), InvalidRange),
        (xml_answer(403, "ObjectUnderActiveHold"), AccessDenied),
        (xml_answer(403, "SomethingNew"), AccessDenied),
        (HttpAnswer(403, {}, b""), AccessDenied),
    ],
)
def test_meaning_is_kept(answer, kind):
    error = refusals.refusal(answer)
    assert type(error) is kind
    assert "secret" not in error.message


@pytest.mark.parametrize(
    ("answer", "trouble"),
    [
        (json_answer(401, "authError", "Invalid Credentials"), Trouble.UNEXPECTED),
        (json_answer(429, "rateLimitExceeded"), Trouble.THROTTLED),
        (json_answer(403, "userRateLimitExceeded"), Trouble.THROTTLED),
        (json_answer(408, "uploadBrokenConnection"), Trouble.TIMEOUT),
        (xml_answer(403, "SignatureDoesNotMatch"), Trouble.UNEXPECTED),
        (HttpAnswer(307, {"location": "https://elsewhere.test/"}, b""), Trouble.UNEXPECTED),
        (HttpAnswer(206, {}, b""), Trouble.UNEXPECTED),
    ],
)
def test_what_is_no_fault_of_the_clients_is_trouble(answer, trouble):
    error = refusals.refusal(answer)
    assert isinstance(error, BackendError)
    assert error.trouble is trouble


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"{}", b'{"error": 5}', b'{"error": {"errors": 7}}', b"<Code></Code>", b"\xff" * 99]
)
def test_an_unreadable_error_means_what_its_status_means(body):
    assert refusals.code_of(HttpAnswer(403, {}, body)) == ""
    assert isinstance(refusals.refusal(HttpAnswer(403, {}, body)), AccessDenied)


def test_every_code_in_the_tables_is_one_of_s3s():
    assert not [code for code in {*refusals.REASONS.values(), *refusals.XML_CODES.values()} if kind_of(code) is None]

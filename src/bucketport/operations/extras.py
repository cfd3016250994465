"""What of S3 may a request ask that we do not model ourselves? Encryption, object lock, grants by id.

To ignore such a header would break its promise, so a backend that cannot hold it answers 501; one that is S3 itself
is handed it, when the caller has the action that it takes.
"""

from collections.abc import Mapping

from bucketport.model import Claim

_SSE = "x-amz-server-side-encryption"
_SSE_C = "x-amz-server-side-encryption-customer"
_SOURCE_SSE_C = "x-amz-copy-source-server-side-encryption-customer"

HEADERS: Mapping[str, str] = {
    _SSE: "",
    _SSE + "-aws-kms-key-id": "",
    _SSE + "-context": "",
    _SSE + "-bucket-key-enabled": "",
    _SSE_C + "-algorithm": "",
    _SSE_C + "-key": "",
    _SSE_C + "-key-md5": "",
    _SOURCE_SSE_C + "-algorithm": "",
    _SOURCE_SSE_C + "-key": "",
    _SOURCE_SSE_C + "-key-md5": "",
    "x-amz-object-lock-mode": "put_object_retention",
    "x-amz-object-lock-retain-until-date": "put_object_retention",
    "x-amz-object-lock-legal-hold": "put_object_legal_hold",
    "x-amz-bucket-object-lock-enabled": "put_object_lock_configuration",
    "x-amz-grant-full-control": "write_acl",
    "x-amz-grant-read": "write_acl",
    "x-amz-grant-read-acp": "write_acl",
    "x-amz-grant-write": "write_acl",
    "x-amz-grant-write-acp": "write_acl",
    "x-amz-write-offset-bytes": "",
}
"""Each header and the action that it takes beside the operation's own; empty: none.
Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html (checked 2026-11)"""

_NAMES = frozenset(HEADERS)

_SWITCHES = frozenset({"x-amz-bucket-object-lock-enabled", _SSE + "-bucket-key-enabled"})
"""Headers that ask for nothing when they are `false`; rclone sends the first so with every CreateBucket."""


def asked(headers: Mapping[str, str]) -> bool:
    """Whether a request asks for any of it."""
    return not _NAMES.isdisjoint(headers) and bool(of(headers))


def of(headers: Mapping[str, str]) -> dict[str, str]:
    """Those headers of a request, to be handed on."""
    return {
        name: value
        for name, value in headers.items()
        if name in _NAMES and not (name in _SWITCHES and value.lower() == "false")
    }


def claims(headers: Mapping[str, str], bucket: str, key: str | None) -> tuple[Claim, ...]:
    """The leave that they take."""
    actions = sorted({HEADERS[name] for name in of(headers)} - {""})
    return tuple(Claim(action, bucket, key) for action in actions)

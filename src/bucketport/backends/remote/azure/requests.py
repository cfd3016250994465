"""How does a request to Azure look, and what do its errors mean? What every family of calls here stands on."""

import re
from collections.abc import Mapping

from bucketport.backends.remote import trouble
from bucketport.backends.remote.azure import signing
from bucketport.backends.remote.azure.names import check_key
from bucketport.backends.remote.credentials_azure import AzureKey
from bucketport.backends.remote.dialect import Dialect
from bucketport.errors import (
    AccessDenied,
    BackendError,
    BadDigest,
    BucketAlreadyOwnedByYou,
    EntityTooLarge,
    InvalidArgument,
    InvalidBucketName,
    InvalidDigest,
    InvalidObjectState,
    InvalidPart,
    InvalidRange,
    InvalidRequest,
    InvalidTag,
    InvalidURI,
    MetadataTooLarge,
    NoSuchBucket,
    NoSuchKey,
    OperationAborted,
    PreconditionFailed,
    S3Error,
    Trouble,
)
from bucketport.message import Endpoint, HttpAnswer, HttpRequest, Outgoing
from bucketport.model import NO_HEADERS, ObjectName, Secret
from bucketport.ports import Digests, Entropy, Now
from bucketport.record import record
from bucketport.wire.query import encode, encode_key


@record
class Place:
    """Where a bucket is. `container` is its name there; empty: each bucket is called there as it is here.

    `endpoint` is the account's: `https://ACCOUNT.blob.core.windows.net`, or an emulator's with the account in its path.
    `account` tells accounts at one endpoint apart. `tier` is the access tier that stands for STANDARD; empty: none is
    named (accounts of premium block blobs know no tiers).
    """

    endpoint: Endpoint
    container: str = ""
    account: str = ""
    tier: str = "Hot"


@record
class Tools:
    """What the dialect needs beside values: a clock (seconds since 1970) and random bytes for the names of blocks,
    digests for checksums of checksums, and the secret that upload ids are sealed with (`signing.sealing_key`)."""

    now: Now
    entropy: Entropy
    digests: Digests
    secret: Secret


PART_MINIMUM = 5 << 20
"""Bytes of every part but the last. Source: AWS user guide, "Amazon S3 multipart upload limits"."""

BLOCK_LIMIT = 4000 << 20
"""Bytes of a block. Source: Put Block, since version 2019-12-12."""

BLOB_LIMIT = 5000 << 20
"""Bytes of a blob that is sent in one request. Source: Put Blob, since version 2019-12-12."""


class Requests(Dialect[AzureKey]):
    """Building, signing, and the meaning of errors."""

    needs_md5 = True

    def __init__(
        self, place: Place, tools: Tools, *, part_minimum: int = PART_MINIMUM, block_limit: int = BLOCK_LIMIT
    ) -> None:
        endpoint = place.endpoint
        self.place, self.tools = place, tools
        self.account = f"azure {endpoint.scheme}://{endpoint.authority}{endpoint.base} {place.account}"
        self.part_minimum, self.block_limit = part_minimum, block_limit
        self.blob_limit = min(BLOB_LIMIT, block_limit * 5 // 4)

    def real(self, name: ObjectName) -> ObjectName:
        """By the container's own name."""
        return ObjectName(self.place.container, name.key) if self.place.container else name

    def container(self, bucket: str) -> str:
        """The path of a bucket's container."""
        return f"{self.place.endpoint.base}/{encode(self.place.container or bucket)}"

    def path(self, name: ObjectName) -> str:
        """The path of a blob. Raises: InvalidURI."""
        check_key(name.key)
        return f"{self.container(name.bucket)}/{encode_key(name.key)}"

    def path_of(self, source: ObjectName) -> str:
        """The path of a copy's source, which is by its container's own name (`real`). Raises: InvalidURI."""
        check_key(source.key)
        return f"{self.place.endpoint.base}/{encode(source.bucket)}/{encode_key(source.key)}"

    def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] = NO_HEADERS,
        headers: Mapping[str, str] = NO_HEADERS,
        *,
        body: bytes | Outgoing = b"",
        idempotent: bool = True,
        streamed: bool = False,
    ) -> HttpRequest:
        """A request; `query` is decoded."""
        text = "&".join([f"{encode(name)}={encode(value)}" for name, value in query.items()]) if query else ""
        return HttpRequest(method, self.place.endpoint, path, text, headers, body, idempotent, streamed)

    def blob(
        self, method: str, name: ObjectName, headers: Mapping[str, str] = NO_HEADERS, comp: str = ""
    ) -> HttpRequest:
        """A request about a blob without a body of its own."""
        return self.request(method, self.path(name), {"comp": comp} if comp else NO_HEADERS, headers)

    def sign(self, request: HttpRequest, key: AzureKey | None, now: float) -> HttpRequest:
        """As `signing.sign`."""
        return signing.sign(request, key, now)

    def code_of(self, answer: HttpAnswer) -> str:
        """Azure's code: in a header, or in an XML or JSON body."""
        named = answer.headers.get("x-ms-error-code")
        if named:
            return named[:80]
        found = _CODE.search(answer.body) if isinstance(answer.body, bytes) else None
        return found[1].decode() if found else ""

    def refusal(self, answer: HttpAnswer) -> Exception:
        """What a 3xx or 4xx becomes. Nothing that Azure wrote goes to the client."""
        code = self.code_of(answer)
        if code in _ABOUT_US or answer.status == 401:
            return BackendError(
                Trouble.UNEXPECTED,
                f"the backend answered {answer.status} {code} (about the credentials of the gateway)",
            )
        kind = _ERRORS.get(code)
        if kind is None:
            return trouble.refusal(answer, "", f"{code} {_message(answer)}")
        return kind(reason=f"the backend answered {answer.status} {code} {_message(answer)}".rstrip())


_CODE = re.compile(rb"<Code>([A-Za-z0-9]{1,80})</Code>")
_MESSAGE = re.compile(rb"<Message>([^<]{0,300})")


def _message(answer: HttpAnswer) -> str:
    found = _MESSAGE.search(answer.body) if isinstance(answer.body, bytes) else None
    return found[1].decode("utf-8", "replace").partition("\n")[0] if found else ""


_ABOUT_US = frozenset({"AuthenticationFailed", "InvalidAuthenticationInfo", "NoAuthenticationInformation"})
"""Codes that tell the gateway, and not its client, that something is wrong."""

_ERRORS: dict[str, type[S3Error]] = {
    "AccountIsDisabled": AccessDenied,
    "AuthorizationFailure": AccessDenied,
    "AuthorizationPermissionMismatch": AccessDenied,
    "AuthorizationProtocolMismatch": AccessDenied,
    "AuthorizationResourceTypeMismatch": AccessDenied,
    "AuthorizationServiceMismatch": AccessDenied,
    "AuthorizationSourceIPMismatch": AccessDenied,
    "BlobAlreadyExists": PreconditionFailed,
    "BlobArchived": InvalidObjectState,
    "BlobBeingRehydrated": InvalidObjectState,
    "BlobImmutableDueToPolicy": AccessDenied,
    "BlobNotFound": NoSuchKey,
    "BlobOverwritten": OperationAborted,
    "BlockCountExceedsLimit": InvalidRequest,
    "BlockListTooLong": InvalidRequest,
    "ConditionNotMet": PreconditionFailed,
    "ContainerAlreadyExists": BucketAlreadyOwnedByYou,
    "ContainerBeingDeleted": OperationAborted,
    "ContainerDisabled": AccessDenied,
    "ContainerNotFound": NoSuchBucket,
    "EmptyMetadataKey": InvalidArgument,
    "InsufficientAccountPermissions": AccessDenied,
    "InvalidBlobTier": InvalidObjectState,
    "InvalidBlobType": InvalidObjectState,
    "InvalidBlockList": InvalidPart,
    "InvalidMd5": InvalidDigest,
    "InvalidMetadata": InvalidArgument,
    "InvalidRange": InvalidRange,
    "InvalidResourceName": InvalidBucketName,
    "InvalidTag": InvalidTag,
    "InvalidTags": InvalidTag,
    "InvalidUri": InvalidURI,
    "LeaseIdMissing": OperationAborted,
    "LeaseIdMismatchWithBlobOperation": OperationAborted,
    "Md5Mismatch": BadDigest,
    "MetadataTooLarge": MetadataTooLarge,
    "NoPendingCopyOperation": OperationAborted,
    "PendingCopyOperation": OperationAborted,
    "PublicAccessNotPermitted": AccessDenied,
    "RequestBodyTooLarge": EntityTooLarge,
    "ResourceNotFound": NoSuchKey,
    "SnapshotsPresent": OperationAborted,
    "SourceConditionNotMet": PreconditionFailed,
    "TargetConditionNotMet": PreconditionFailed,
    "UnauthorizedBlobOverwrite": AccessDenied,
}
"""Azure's codes and what S3 calls the same. Throttling and 5xx never come here: see `sending`.

Source: https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes and common-rest-api-error-codes
"""

"""Which errors does S3 have? One class a code: its status and its default text; the documentation's table is this file.

An error is raised where it is found and answered in one place (`App.handle`). Backends that reach something which can
fail in its own ways raise BackendError; one table there makes it an S3Error.
"""

import enum


class S3Error(Exception):
    """An answer that is an error. `message` is for the client: no secret, no path, nothing a stranger may not know.

    `fields` become elements of the XML body beside Code, Message, Resource and RequestId; `headers` go on the answer.
    `reason` is for the log alone.
    Source: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
    """

    code = "InternalError"
    status = 500
    text = "We encountered an internal error. Please try again."

    def __init__(
        self,
        message: str | None = None,
        *,
        fields: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        reason: str = "",
    ) -> None:
        self.message = message or self.text
        self.fields = fields or {}
        self.headers = headers or {}
        self.reason = reason
        super().__init__(self.message)


_KINDS: dict[str, type[S3Error]] = {}


def _code(code: str, status: int, text: str) -> type[S3Error]:
    """The class of one row of the table."""
    kind = type(code, (S3Error,), {"code": code, "status": status, "text": text, "__doc__": f"{status}: {text}"})
    _KINDS[code] = kind
    return kind


AccessDenied = _code("AccessDenied", 403, "Access Denied")
AccessForbidden = _code("AccessForbidden", 403, "CORSResponse: CORS is not enabled for this bucket.")
AccountProblem = _code("AccountProblem", 403, "There is a problem with the account.")
AlreadyExists = _code("AlreadyExists", 409, "There is an object of this name already.")
AuthorizationHeaderMalformed = _code("AuthorizationHeaderMalformed", 400, "The authorization header is malformed.")
AuthorizationQueryParametersError = _code(
    "AuthorizationQueryParametersError",
    400,
    "The query-string authentication parameters are malformed.",
)
BadDigest = _code(
    "BadDigest",
    400,
    "The Content-MD5 or checksum value that you specified did not match what the server received.",
)
BadRequest = _code("BadRequest", 400, "Bad Request")
BucketAlreadyExists = _code(
    "BucketAlreadyExists",
    409,
    "The requested bucket name is not available. The bucket namespace is shared by all users of the system. "
    "Please select a different name and try again.",
)
BucketAlreadyOwnedByYou = _code(
    "BucketAlreadyOwnedByYou",
    409,
    "Your previous request to create the named bucket succeeded and you already own it.",
)
BucketNotEmpty = _code("BucketNotEmpty", 409, "The bucket you tried to delete is not empty.")
ConditionalRequestConflict = _code(
    "ConditionalRequestConflict",
    409,
    "The conditional request cannot succeed due to a conflicting operation against this resource.",
)
Conflict = _code("Conflict", 409, "The request contradicts what is there already.")
ContentSHA256Mismatch = _code(
    "XAmzContentSHA256Mismatch",
    400,
    "The provided 'x-amz-content-sha256' header does not match what was computed.",
)
EntityTooLarge = _code("EntityTooLarge", 400, "Your proposed upload exceeds the maximum allowed size.")
EntityTooSmall = _code("EntityTooSmall", 400, "Your proposed upload is smaller than the minimum allowed object size.")
ExpiredToken = _code("ExpiredToken", 400, "The provided token has expired.")
IllegalLocationConstraintException = _code(
    "IllegalLocationConstraintException",
    400,
    "The unspecified location constraint is incompatible for the region specific endpoint this request was sent to.",
)
IncompleteBody = _code(
    "IncompleteBody",
    400,
    "You did not provide the number of bytes specified by the Content-Length HTTP header.",
)
InternalError = _code("InternalError", 500, "We encountered an internal error. Please try again.")
InvalidAccessKeyId = _code(
    "InvalidAccessKeyId",
    403,
    "The AWS access key ID you provided does not exist in our records.",
)
InvalidArgument = _code("InvalidArgument", 400, "Invalid Argument")
InvalidBucketName = _code("InvalidBucketName", 400, "The specified bucket is not valid.")
InvalidChunkSizeError = _code(
    "InvalidChunkSizeError",
    403,
    "Only the last chunk is allowed to have a size less than 8192 bytes",
)
InvalidDigest = _code("InvalidDigest", 400, "The Content-MD5 or checksum value that you specified is not valid.")
InvalidLocationConstraint = _code("InvalidLocationConstraint", 400, "The specified location constraint is not valid.")
InvalidObjectState = _code("InvalidObjectState", 403, "The operation is not valid for the current state of the object.")
InvalidPart = _code(
    "InvalidPart",
    400,
    "One or more of the specified parts could not be found. The part may not have been uploaded, or the "
    "specified entity tag may not match the part's entity tag.",
)
InvalidPartNumber = _code("InvalidPartNumber", 416, "The requested partnumber is not satisfiable.")
InvalidPartOrder = _code(
    "InvalidPartOrder",
    400,
    "The list of parts was not in ascending order. Parts must be ordered by part number.",
)
InvalidRange = _code("InvalidRange", 416, "The requested range is not satisfiable.")
InvalidRequest = _code("InvalidRequest", 400, "Invalid Request")
InvalidStorageClass = _code("InvalidStorageClass", 400, "The storage class you specified is not valid.")
InvalidTag = _code("InvalidTag", 400, "The tag provided was not a valid tag.")
InvalidToken = _code("InvalidToken", 400, "The provided token is malformed or otherwise not valid.")
InvalidURI = _code("InvalidURI", 400, "Couldn't parse the specified URI.")
KeyTooLongError = _code("KeyTooLongError", 400, "Your key is too long.")
MalformedACLError = _code(
    "MalformedACLError",
    400,
    "The ACL that you provided was not well formed or did not validate against our published schema.",
)
MalformedPOSTRequest = _code(
    "MalformedPOSTRequest",
    400,
    "The body of your POST request is not well-formed multipart/form-data.",
)
MalformedTrailerError = _code(
    "MalformedTrailerError",
    400,
    "The request contained trailing data that was not well-formed or did not conform to our published schema.",
)
MalformedXML = _code(
    "MalformedXML",
    400,
    "The XML you provided was not well-formed or did not validate against our published schema.",
)
MaxMessageLengthExceeded = _code("MaxMessageLengthExceeded", 400, "Your request was too big.")
MetadataTooLarge = _code("MetadataTooLarge", 400, "Your metadata headers exceed the maximum allowed metadata size.")
MethodNotAllowed = _code("MethodNotAllowed", 405, "The specified method is not allowed against this resource.")
MissingContentLength = _code("MissingContentLength", 411, "You must provide the Content-Length HTTP header.")
MissingRequestBodyError = _code("MissingRequestBodyError", 400, "Request Body is empty")
MissingSecurityHeader = _code("MissingSecurityHeader", 400, "Your request was missing a required header.")
NoSuchBucket = _code("NoSuchBucket", 404, "The specified bucket does not exist")
NoSuchBucketPolicy = _code("NoSuchBucketPolicy", 404, "The bucket policy does not exist")
NoSuchCORSConfiguration = _code("NoSuchCORSConfiguration", 404, "The CORS configuration does not exist")
NoSuchKey = _code("NoSuchKey", 404, "The specified key does not exist.")
NoSuchLifecycleConfiguration = _code("NoSuchLifecycleConfiguration", 404, "The lifecycle configuration does not exist")
NoSuchTagSet = _code("NoSuchTagSet", 404, "The TagSet does not exist")
NoSuchUpload = _code(
    "NoSuchUpload",
    404,
    "The specified multipart upload does not exist. The upload ID may be invalid, or the upload may have been "
    "aborted or completed.",
)
NoSuchVersion = _code("NoSuchVersion", 404, "The specified version does not exist.")
NotImplemented = _code(
    "NotImplemented",
    501,
    "A header or operation you provided implies functionality that is not implemented.",
)
NotModified = _code("NotModified", 304, "Not Modified")
ObjectLockConfigurationNotFoundError = _code(
    "ObjectLockConfigurationNotFoundError",
    404,
    "Object Lock configuration does not exist for this bucket",
)
OperationAborted = _code(
    "OperationAborted",
    409,
    "A conflicting conditional operation is currently in progress against this resource. Try again.",
)
PermanentRedirect = _code(
    "PermanentRedirect",
    301,
    "The bucket you are attempting to access must be addressed using the specified endpoint.",
)
PreconditionFailed = _code("PreconditionFailed", 412, "At least one of the pre-conditions you specified did not hold")
RequestHeaderSectionTooLarge = _code(
    "RequestHeaderSectionTooLarge",
    400,
    "Your request header section exceeds the maximum allowed size.",
)
RequestTimeTooSkewed = _code(
    "RequestTimeTooSkewed",
    403,
    "The difference between the request time and the server's time is too large.",
)
RequestTimeout = _code(
    "RequestTimeout",
    400,
    "Your socket connection to the server was not read from or written to within the timeout period.",
)
ServerSideEncryptionConfigurationNotFoundError = _code(
    "ServerSideEncryptionConfigurationNotFoundError",
    404,
    "The server side encryption configuration was not found",
)
ServiceUnavailable = _code("ServiceUnavailable", 503, "Service is unable to handle request.")
SignatureDoesNotMatch = _code(
    "SignatureDoesNotMatch",
    403,
    "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
)
SlowDown = _code("SlowDown", 503, "Please reduce your request rate.")
StorageFull = _code("StorageFull", 507, "The server's storage is full; nothing was stored. Free space and try again.")
TooManyBuckets = _code("TooManyBuckets", 400, "You have attempted to create more buckets than allowed.")
Unauthorized = _code("Unauthorized", 401, "This takes an API key: Authorization: Bearer <key>.")
UnexpectedContent = _code("UnexpectedContent", 400, "This request does not support content")
UnsupportedMediaType = _code("UnsupportedMediaType", 415, "Content of this type is not taken here.")
UnsupportedSignature = _code(
    "UnsupportedSignature",
    400,
    "The provided request is signed with an unsupported STS Token version or the signature version is not supported.",
)
UploadCommitted = _code(
    "UploadCommitted",
    409,
    "The upload session is committed; it takes no more content and cannot be given up.",
)
UploadIncomplete = _code("UploadIncomplete", 409, "Not all of the upload's content has arrived.")


class Trouble(enum.Enum):
    """What kept a backend from answering, whoever it is."""

    UNREACHABLE = "unreachable"
    THROTTLED = "throttled"
    TIMEOUT = "timeout"
    BROKEN_OFF = "broken off"
    FULL = "full"
    READ_ONLY = "read-only"
    CORRUPT = "corrupt"
    UNEXPECTED = "unexpected"


class BackendError(Exception):
    """A backend could not do its work. `detail` says what and where, for the log; no client ever sees it."""

    def __init__(self, trouble: Trouble, detail: str, *, retry_after: int | None = None) -> None:
        self.trouble, self.detail, self.retry_after = trouble, detail, retry_after
        super().__init__(f"{trouble.value}: {detail}")


_ANSWERS: dict[Trouble, type[S3Error]] = {
    Trouble.UNREACHABLE: ServiceUnavailable,
    Trouble.THROTTLED: SlowDown,
    Trouble.TIMEOUT: ServiceUnavailable,
    Trouble.BROKEN_OFF: ServiceUnavailable,
    Trouble.FULL: StorageFull,
    Trouble.READ_ONLY: ServiceUnavailable,
    Trouble.CORRUPT: InternalError,
    Trouble.UNEXPECTED: InternalError,
}


def answer_for(error: BackendError) -> S3Error:
    """The S3Error that a client gets for `error`; its detail goes to the log as the reason."""
    answer = _ANSWERS[error.trouble](reason=str(error))
    if answer.status == 503:
        answer.headers["Retry-After"] = str(error.retry_after or 1)
    return answer


def codes() -> list[type[S3Error]]:
    """Every error class, by code: what the documentation's table is made from."""
    return [_KINDS[code] for code in sorted(_KINDS)]


def kind_of(code: str) -> type[S3Error] | None:
    """The class of a code that a cloud sent us; None when S3 has no such code."""
    return _KINDS.get(code)

"""Is this URL signed by the key's holder the old way? Signature Version 2, in a query: what boto3 and aws-cli 1 make.

Version 2 leaves much unsigned: the host, headers but x-amz-*, Content-Type and Content-MD5, and every query parameter
that is not on a fixed list. So only parameters of that list are believed; of the others those that page through a list
may stand there, and copies of headers that are signed; anything else refuses the request (`check_unsigned`).
Everything here is pure and raises only.
Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/RESTAuthentication.html; the list is botocore's, which
makes nearly all such URLs.
"""

import base64
import hmac

from bucketport.errors import AccessDenied, InvalidRequest, SignatureDoesNotMatch
from bucketport.message import Request
from bucketport.model import Secret
from bucketport.record import record
from bucketport.wire import dates
from bucketport.wire.address import Level, split
from bucketport.wire.authorization import MAX_EXPIRES, MAX_SKEW, has_parameter
from bucketport.wire.query import decode
from bucketport.wire.sigv4 import UNSIGNED_PAYLOAD

OWN = frozenset(("AWSAccessKeyId", "Signature", "Expires"))
"""The parameters that are the signature: they say nothing about the operation."""

SIGNED = frozenset(
    (
        "accelerate", "acl", "analytics", "cors", "defaultObjectAcl", "delete", "inventory", "lifecycle", "location",
        "logging", "metrics", "notification", "object-lock", "partNumber", "policy", "replication", "requestPayment",
        "response-cache-control", "response-content-disposition", "response-content-encoding",
        "response-content-language", "response-content-type", "response-expires", "restore", "select", "select-type",
        "storageClass", "tagging", "torrent", "uploadId", "uploads", "versionId", "versioning", "versions", "website",
    )
)  # fmt: skip
"""The query parameters (sub-resources) that a signature of version 2 covers, with their values."""

_PAGING = {
    Level.SERVICE: frozenset(("prefix", "continuation-token", "max-buckets", "bucket-region")),
    Level.BUCKET: frozenset(
        (
            "list-type", "prefix", "delimiter", "encoding-type", "max-keys", "marker", "start-after",
            "continuation-token", "fetch-owner", "key-marker", "version-id-marker", "max-uploads", "upload-id-marker",
        )
    ),
    Level.OBJECT: frozenset(("max-parts", "part-number-marker", "encoding-type")),
}  # fmt: skip
"""What a GET may bear unsigned, for S3 signs it in no version 2 URL: which page of a list is meant. `list-type` is
there because both lists need the same leave."""

_COPIED = frozenset(("content-type", "content-md5"))
"""Headers that botocore repeats in the query, like every x-amz-* one. Only the header counts."""

_SESSION = "x-amz-security-token"
_SHOWN = 16384
"""A string to sign is shown up to this many bytes."""

_SIGNATURE = frozenset(("Signature",))


def is_presigned(raw_query: str) -> bool:
    """Whether the query tries to be a presigned one of Signature Version 2, whole or not."""
    return ("Signature" in raw_query or "%" in raw_query) and has_parameter(raw_query, _SIGNATURE)


@record
class Signed:
    """A URL's signature and all that it covers, before anybody looked up the key.

    `texts` are the strings to sign that would be right. `expires` is seconds since 1970. `token` is a session token,
    empty without one. `unsigned` are the parameters that nobody signed and that may not be there.
    """

    access_key: str
    expires: int
    signature: str
    texts: tuple[bytes, ...]
    token: str = ""
    unsigned: tuple[str, ...] = ()


def read_query(request: Request, domains: tuple[str, ...] = (), *, mapped: bool = False) -> Signed:
    """The signature in a URL of version 2. `domains` are those below which a host names a bucket.

    `mapped`: paths are mapped and hosts are not, so that the two name different objects. As the host is not signed,
    such a URL could be moved from one to the other; it is then good in a path only.

    Raises: AccessDenied (a parameter is missing or given twice, Expires is no time, a host names the bucket where it
    may not), InvalidRequest (a payload hash, which version 2 does not know), InvalidURI.
    """
    found = _parameters(request.raw_query)
    given = {name: value for name, value in found.items() if value is not None}
    if not all(given.get(name) for name in OWN):
        raise AccessDenied("Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters")
    expires = given["Expires"]
    if not (expires.isascii() and expires.isdigit() and len(expires) <= 12):
        raise AccessDenied(f"Invalid date (should be seconds since epoch): {expires[:200]}")
    if request.headers.get("x-amz-content-sha256", UNSIGNED_PAYLOAD) != UNSIGNED_PAYLOAD:
        raise InvalidRequest(f"x-amz-content-sha256 must be {UNSIGNED_PAYLOAD} under Signature Version 2.")
    path = request.raw_path[len(request.base) :] or "/"
    address = split(path, request.headers.get("host", ""), domains)
    if mapped and address.virtual:
        raise AccessDenied(reason="a URL of Signature Version 2 names its bucket in the path where paths are mapped")
    tokens = [value for name, value in given.items() if name.lower() == _SESSION]
    return Signed(
        given["AWSAccessKeyId"],
        int(expires),
        given["Signature"],
        _strings_to_sign(request, f"/{address.bucket}{path}" if address.virtual else path, address.level, found),
        next(filter(None, tokens), "") or request.headers.get(_SESSION, ""),
        _unsigned(request, address.level, found),
    )


def _parameters(raw_query: str) -> dict[str, str | None]:
    """The query decoded: None for a name without `=`, which is signed without one. Raises: AccessDenied, InvalidURI.

    No name may come twice: which of two counts is not to be a question.
    """
    found: dict[str, str | None] = {}
    for piece in raw_query.split("&"):
        if piece:
            raw_name, mark, value = piece.partition("=")
            name = decode(raw_name)
            if name in found:
                raise AccessDenied(f"The {name[:200]} parameter is given more than once.")
            found[name] = decode(value) if mark else None
    return found


def _strings_to_sign(request: Request, path: str, level: Level, found: dict[str, str | None]) -> tuple[bytes, ...]:
    """What may have been signed: for a bucket there are two, for clients sign `/bucket/` where they send `/bucket`.

    `path` begins with the bucket: what a reverse proxy put before it is not signed.
    """
    headers = request.headers
    amz = "".join([f"{name}:{headers[name]}\n" for name in sorted(headers) if name.startswith("x-amz-")])
    standard = f"{request.method}\n{headers.get('content-md5', '')}\n{headers.get('content-type', '')}"
    fixed = f"{standard}\n{found['Expires']}\n{amz}"
    signed = sorted(name for name in found if name in SIGNED)
    resources = "&".join([name if (value := found[name]) is None else f"{name}={value}" for name in signed])
    query = f"?{resources}".encode() if signed else b""
    paths = (path, path + "/") if level is Level.BUCKET and not path.endswith("/") else (path,)
    return tuple((fixed + path).encode("latin-1") + query for path in paths)


def _unsigned(request: Request, level: Level, found: dict[str, str | None]) -> tuple[str, ...]:
    """The parameters that nobody signed and that may not be there."""
    allowed = _PAGING[level] if request.method == "GET" else frozenset()
    refused = []
    for name, value in found.items():
        lower = name.lower()
        if lower in _COPIED or lower.startswith("x-amz-"):
            good = value is not None and value == request.headers.get(lower)
        elif name in SIGNED:
            # Values are signed decoded, so `a&versionId=1` in one of them reads like a parameter of its own.
            good = not any(piece.partition("=")[0] in SIGNED for piece in (value or "").split("&")[1:])
        else:
            good = name in OWN or name in allowed
        if not good:
            refused.append(name)
    return tuple(refused)


def verify(signed: Signed, secret: Secret) -> None:
    """Check the signature against the secret, in constant time.

    Raises: SignatureDoesNotMatch, with the string that was signed (it comes from the request alone).
    """
    key, given = secret.reveal().encode(), signed.signature.encode()
    good = False
    for text in signed.texts:
        good |= hmac.compare_digest(base64.b64encode(hmac.digest(key, text, "sha1")), given)
    if good:
        return
    fields = {"AWSAccessKeyId": signed.access_key, "SignatureProvided": signed.signature[:200]}
    text = signed.texts[0]
    if len(text) <= _SHOWN:
        fields |= {"StringToSign": text.decode(errors="replace"), "StringToSignBytes": text.hex(" ")}
    raise SignatureDoesNotMatch(fields=fields)


def check_unsigned(signed: Signed) -> None:
    """Whether the query holds nothing that could have been added on the way. Call it once the signature is verified.

    Raises: AccessDenied.
    """
    if signed.unsigned:
        raise AccessDenied(
            "There were query parameters present in the request which Signature Version 2 does not sign. "
            "Please use AWS4-HMAC-SHA256.",
            fields={"ParametersNotSigned": ", ".join(signed.unsigned)[:1000]},
        )


def check_time(signed: Signed, now: float) -> None:
    """Whether the URL is still good. `now` is seconds since 1970; call it once the signature is verified.

    It may end seven days from now at most, as one of version 4; the client's clock may be ahead as far as there.

    Raises: AccessDenied.
    """
    server_time = _moment(int(now))
    if now >= signed.expires:
        fields = {"Expires": _moment(signed.expires), "ServerTime": server_time}
        raise AccessDenied("Request has expired", fields=fields)
    if signed.expires > now + MAX_EXPIRES + MAX_SKEW:
        fields = {"Expires": str(signed.expires), "ServerTime": server_time}
        raise AccessDenied("Expires must be less than a week from now", fields=fields)


def _moment(seconds: int) -> str:
    return f"{dates.iso(seconds * 1000)[:19]}Z"

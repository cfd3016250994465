"""How does a request to S3 look, and how is it signed? What every family of calls here stands on."""

import base64
import functools
import hashlib
import re
from collections.abc import Mapping

from bucketport.backends.remote import trouble
from bucketport.backends.remote.credentials import AwsKey
from bucketport.backends.remote.dialect import Dialect
from bucketport.backends.remote.s3 import framing
from bucketport.backends.remote.upload import PlainBody, Upload
from bucketport.errors import InvalidBucketName, InvalidRange, NotImplemented, S3Error
from bucketport.message import Endpoint, HttpAnswer, HttpRequest, Outgoing
from bucketport.model import NO_HEADERS, Credential, ObjectName
from bucketport.options import NO_CONDITIONS, PutOptions, WriteConditions
from bucketport.record import record
from bucketport.wire import dates
from bucketport.wire.authorization import MAX_EXPIRES
from bucketport.wire.checksums import ALGORITHMS
from bucketport.wire.headers import META, encode_metadata, on_wire
from bucketport.wire.presign import Key, Target, presign_url
from bucketport.wire.query import encode, encode_key
from bucketport.wire.sigv4 import (
    ALGORITHM,
    EMPTY_SHA256,
    UNSIGNED_PAYLOAD,
    ChunkSigner,
    canonical_headers,
    scope,
    signing_key,
    string_to_sign,
)

_PAYLOAD = "x-amz-content-sha256"


@record
class Place:
    """Where a bucket is. `bucket` is its name there; empty: each bucket is called there as it is here.

    `virtual`: the bucket's name goes before the host's (`bucket.s3.amazonaws.com`) and not into the path. `unsigned`:
    payloads go unsigned also over plain HTTP. `anonymous`: nothing is signed. `account` tells accounts at the endpoint
    apart (the access key serves).
    """

    endpoint: Endpoint
    region: str = "us-east-1"
    bucket: str = ""
    virtual: bool = False
    unsigned: bool = False
    anonymous: bool = False
    account: str = ""


class Requests(Dialect[AwsKey]):
    """Building, signing, and the meaning of errors."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.account = f"s3 {place.endpoint.scheme}://{place.endpoint.authority}{place.endpoint.base} {place.account}"
        self._fixed = self._locate(place.bucket) if place.bucket else None
        self._unsigned = place.unsigned or place.anonymous or place.endpoint.scheme == "https"

    def real(self, name: ObjectName) -> ObjectName:
        """By the bucket's own name."""
        return ObjectName(self.place.bucket, name.key) if self.place.bucket else name

    def _locate(self, bucket: str) -> tuple[Endpoint, str]:
        """The endpoint of a bucket and the start of its paths."""
        endpoint = self.place.endpoint
        if not self.place.virtual:
            return endpoint, f"{endpoint.base}/{encode(bucket)}"
        host, authority = f"{bucket}.{endpoint.host}", f"{bucket}.{endpoint.authority}"
        return Endpoint(endpoint.scheme, host, endpoint.port, authority, endpoint.base), endpoint.base

    def request(
        self,
        method: str,
        bucket: str,
        key: str | None,
        query: Mapping[str, str] = NO_HEADERS,
        headers: Mapping[str, str] = NO_HEADERS,
        *,
        body: bytes | Outgoing = b"",
        idempotent: bool = True,
        streamed: bool = False,
    ) -> HttpRequest:
        """A request about a bucket or one of its keys. `query` is decoded; what is signed is what is sent."""
        endpoint, base = self._fixed or self._locate(_checked(bucket, virtual=self.place.virtual))
        path = f"{base}/{encode_key(key)}" if key is not None else base or "/"
        text = "&".join(sorted([f"{encode(name)}={encode(value)}" for name, value in query.items()])) if query else ""
        return HttpRequest(method, endpoint, path, text, headers, body, idempotent, streamed)

    def service_request(self, method: str) -> HttpRequest:
        """A request about the account."""
        endpoint = self.place.endpoint
        return HttpRequest(method, endpoint, f"{endpoint.base}/")

    def sign(self, request: HttpRequest, key: AwsKey | None, now: float) -> HttpRequest:
        """Signature V4 over the host, the payload and every x-amz-* header."""
        headers, body = dict(request.headers), request.body
        if key is None:
            if headers.get(_PAYLOAD) in (UNSIGNED_PAYLOAD, EMPTY_SHA256):
                del headers[_PAYLOAD]
            return request.with_headers(headers)
        stamp = _stamp(int(now))
        payload = headers.get(_PAYLOAD)
        if payload is None:
            payload = EMPTY_SHA256
            if body:
                assert isinstance(body, bytes)
                payload = UNSIGNED_PAYLOAD if self._unsigned else hashlib.sha256(body).hexdigest()
            headers[_PAYLOAD] = payload
        headers["x-amz-date"] = stamp
        if key.token:
            headers["x-amz-security-token"] = key.token
        headers["host"] = request.endpoint.authority
        names = sorted([name for name in headers if name.startswith("x-amz-") or name in _SIGNED])
        signed = ";".join(names)
        made_for = _scope(stamp[:8], self.place.region)
        lines = canonical_headers(headers, names)
        canonical = f"{request.method}\n{request.path}\n{request.query}\n{lines}\n{signed}\n{payload}"
        text = string_to_sign(stamp, made_for, canonical.encode("latin-1"))
        signature = signing_key(key.secret, made_for).sign(text)
        del headers["host"]
        headers["authorization"] = (
            f"{ALGORITHM} Credential={key.access_key}/{made_for.text}, SignedHeaders={signed}, Signature={signature}"
        )
        if isinstance(body, framing.SignedChunks):
            body.start(ChunkSigner(key.secret, made_for, stamp, signature))
        return request.with_headers(headers)

    def presign(self, request: HttpRequest, seconds: int, key: AwsKey | None, now: float) -> HttpRequest:
        """The request as one that anybody can send within that time (at most a week), with any content.

        Raises: NotImplemented where nothing is signed.
        """
        if key is None:
            raise NotImplemented("Nothing is signed for this bucket, so nobody else can be given leave.")
        endpoint = request.endpoint
        target = Target(endpoint.authority, request.path, request.query, endpoint.scheme)
        signer = Key(Credential(key.access_key, key.secret, ""), self.place.region, _stamp(int(now)), key.token)
        url = presign_url(request.method, target, signer, min(max(seconds, 1), MAX_EXPIRES))
        return HttpRequest(request.method, endpoint, request.path, url.partition("?")[2])

    def content(self, upload: Upload) -> tuple[dict[str, str], bytes | Outgoing]:
        """The body that carries an upload, and the headers that say how.

        The client's own hash and checksum go along where they are known beforehand; a checksum that is not follows as
        a trailer. Without a hash, what goes over plain HTTP is signed chunk by chunk.
        """
        headers = {}
        if upload.promised.md5:
            headers["content-md5"] = base64.b64encode(upload.promised.md5).decode()
        if upload.value:
            headers[ALGORITHMS[upload.algorithm].header] = upload.value
        if upload.data is not None:
            if upload.promised.sha256:
                headers[_PAYLOAD] = upload.promised.sha256
            return headers, upload.data
        trailer = "" if upload.value else upload.algorithm
        body: Outgoing
        if not trailer and (upload.promised.sha256 or self._unsigned):
            headers[_PAYLOAD] = upload.promised.sha256 or UNSIGNED_PAYLOAD
            return headers, PlainBody(upload)
        if self._unsigned:
            headers[_PAYLOAD], body = framing.UNSIGNED_TRAILER, framing.UnsignedChunks(upload, trailer)
        else:
            headers[_PAYLOAD] = framing.SIGNED_TRAILER if trailer else framing.SIGNED
            body = framing.SignedChunks(upload, trailer)
        if trailer:
            headers["x-amz-trailer"] = ALGORITHMS[trailer].header
        headers["x-amz-decoded-content-length"] = str(upload.length)
        headers["content-encoding"] = "aws-chunked"
        return headers, body

    def code_of(self, answer: HttpAnswer) -> str:
        """S3's code in an error body; empty where there is none (the answer to a HEAD)."""
        found = _CODE.search(answer.body) if isinstance(answer.body, bytes) else None
        return found[1].decode() if found else ""

    def stale(self, answer: HttpAnswer) -> bool:
        """Temporary keys that are over."""
        return answer.status in (400, 403) and self.code_of(answer) in ("ExpiredToken", "TokenRefreshRequired")

    def refusal(self, answer: HttpAnswer) -> Exception:
        """The S3Error of the code in the answer, with those of its facts that a client may use."""
        body = answer.body if isinstance(answer.body, bytes) else b""
        message = _MESSAGE.search(body)
        text = message[1].decode("utf-8", "replace") if message else ""
        error = trouble.refusal(answer, self.code_of(answer), text)
        if isinstance(error, S3Error):
            for name in _KEPT_ON_ERRORS:
                if name in answer.headers:
                    error.headers[name] = answer.headers[name]
            if isinstance(error, InvalidRange):
                size = _ACTUAL_SIZE.search(body)
                if size:
                    error.fields["ActualObjectSize"] = size[1].decode()
                if "content-range" in answer.headers:
                    error.headers["Content-Range"] = answer.headers["content-range"]
            elif error.status == 304:
                kept = ("ETag", "Last-Modified", "Cache-Control", "Expires", "x-amz-version-id")
                error.headers |= {n: answer.headers[n.lower()] for n in kept if n.lower() in answer.headers}
            elif error.status == 412 and (condition := _CONDITION.search(body)):
                error.fields["Condition"] = condition[1].decode()
        return error


_LABELS = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")


def _checked(bucket: str, *, virtual: bool) -> str:
    """A bucket's name that came from a client, once it is sure to lead to a bucket of the account and nowhere else:
    before a host it is labels of a host name, in a path no dot segment. Raises: InvalidBucketName.
    """
    if bucket in (".", "..") or (virtual and not _LABELS.fullmatch(bucket)):
        raise InvalidBucketName(fields={"BucketName": bucket[:200]})
    return bucket


_SIGNED = frozenset({"host", "content-md5"})

# A second holds many requests, and a day all of them.
_stamp = functools.lru_cache(maxsize=4)(dates.stamp)
_scope = functools.lru_cache(maxsize=64)(scope)

_CODE = re.compile(rb"<Code>\s*([A-Za-z0-9.]{1,80})\s*</Code>")
_MESSAGE = re.compile(rb"<Message>([^<]{0,400})")
_ACTUAL_SIZE = re.compile(rb"<ActualObjectSize>(\d{1,18})</ActualObjectSize>")
_CONDITION = re.compile(rb"<Condition>([A-Za-z-]{1,60})</Condition>")
_KEPT_ON_ERRORS = ("x-amz-delete-marker", "x-amz-version-id", "x-amz-restore", "x-amz-error-code")


def object_headers(stored: Mapping[str, str]) -> dict[str, str]:
    """An object's headers as they are sent: metadata that is not plain ASCII as RFC 2047 words, as S3 stores it."""
    made = {}
    for name, value in stored.items():
        if name.startswith(META):
            made[name] = encode_metadata(value)
        else:
            made[name] = on_wire(value)
    return made


def put_headers(options: PutOptions) -> dict[str, str]:
    """What of a write's options S3 takes as headers."""
    made = object_headers(options.headers)
    if options.storage_class != "STANDARD":
        made["x-amz-storage-class"] = options.storage_class
    if options.acl != "private":
        made["x-amz-acl"] = options.acl
    if options.tags:
        made["x-amz-tagging"] = tagging(options.tags)
    if options.extra:
        made.update(options.extra)
    return made


def tagging(tags: Mapping[str, str]) -> str:
    """Tags as the header has them."""
    return "&".join([f"{encode(name)}={encode(value)}" for name, value in tags.items()])


def write_conditions(conditions: WriteConditions) -> dict[str, str]:
    """If-Match and its kin of a write or a delete."""
    made: dict[str, str] = {}
    if conditions is NO_CONDITIONS:
        return made
    if conditions.if_match is not None:
        made["if-match"] = _quoted(conditions.if_match)
    if conditions.if_none_match is not None:
        made["if-none-match"] = _quoted(conditions.if_none_match)
    if conditions.if_match_size is not None:
        made["x-amz-if-match-size"] = str(conditions.if_match_size)
    if conditions.if_match_modified is not None:
        made["x-amz-if-match-last-modified-time"] = dates.http_date(conditions.if_match_modified * 1000)
    return made


def _quoted(etag: str) -> str:
    return etag if etag == "*" else f'"{etag}"'

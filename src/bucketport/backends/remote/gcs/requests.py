"""How does a request to Google Cloud Storage look? What every family of calls here stands on.

The JSON API serves all but two things: reads go by the XML API, which gives content and metadata in one answer, and so
do uploads in parts, which the JSON API does not have. See docs/gcs.md.
"""

import json
from collections.abc import Mapping
from typing import Any

from bucketport.backends.remote.credentials_gcs import Bearer
from bucketport.backends.remote.dialect import Dialect, Plan
from bucketport.backends.remote.gcs import refusals
from bucketport.backends.remote.gcs.answers import Resource, resource_of
from bucketport.errors import (
    InvalidBucketName,
    InvalidURI,
    NoSuchBucket,
    NoSuchKey,
    NoSuchVersion,
    NotImplemented,
    S3Error,
)
from bucketport.message import Endpoint, HttpAnswer, HttpRequest, Outgoing
from bucketport.model import NO_HEADERS, ObjectName
from bucketport.ports import Digests, Entropy, Now
from bucketport.record import record
from bucketport.wire.query import encode, encode_key

ATTEMPTS = 8
"""How often a plan looks again after it found that an object was changed under its hands."""

GOOGLE = Endpoint("https", "storage.googleapis.com", 443, "storage.googleapis.com")
"""Where Google is."""


@record
class Place:
    """Where a bucket is. `bucket` is its name there; empty: each bucket is called there as it is here.

    `project` is where buckets are made and listed, `location` where new ones are put (empty: Google's default, `US`).
    `part_minimum` is in bytes: what every part but the last has.
    Source: https://cloud.google.com/storage/quotas#requests (checked 2026-11)
    """

    endpoint: Endpoint = GOOGLE
    bucket: str = ""
    project: str = ""
    location: str = ""
    part_minimum: int = 5 << 20


class Requests(Dialect[Bearer]):
    """Building, signing, and the meaning of errors. What signs is an access token.

    `entropy` gives the boundaries of uploads and, with `now`, the names under which parts are put together.
    """

    def __init__(self, place: Place, digests: Digests, entropy: Entropy, now: Now) -> None:
        self.place, self.digests = place, digests
        self.account = f"gcs {place.endpoint.scheme}://{place.endpoint.authority}{place.endpoint.base}"
        self._entropy, self._now = entropy, now

    def real(self, name: ObjectName) -> ObjectName:
        """By the bucket's own name."""
        return ObjectName(self.place.bucket, name.key) if self.place.bucket else name

    def real_bucket(self, bucket: str) -> str:
        """The bucket's own name."""
        return self.place.bucket or bucket

    def nonce(self) -> str:
        """Sixteen bytes that nobody guesses, in hex."""
        return self._entropy(16).hex()

    def now_ms(self) -> int:
        """Milliseconds since 1970."""
        return int(self._now() * 1000)

    def sign(self, request: HttpRequest, key: Bearer | None, now: float) -> HttpRequest:
        """With the token as a bearer's. Source: RFC 6750 section 2.1."""
        if key is None:
            return request
        headers = {**request.headers, "authorization": f"Bearer {key.token.reveal()}"}
        return HttpRequest(
            request.method, request.endpoint, request.path, request.query, headers, request.body, request.idempotent,
            request.streamed, request.answer_limit,
        )  # fmt: skip

    def code_of(self, answer: HttpAnswer) -> str:
        """As `refusals.code_of`."""
        return refusals.code_of(answer)

    def refusal(self, answer: HttpAnswer) -> Exception:
        """As `refusals.refusal`."""
        return refusals.refusal(answer)

    def json(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] = NO_HEADERS,
        body: Mapping[str, Any] | None = None,
        *,
        idempotent: bool = True,
    ) -> HttpRequest:
        """A request to the JSON API; `path` is encoded and begins behind `/storage/v1`."""
        base = self.place.endpoint.base
        data, headers = b"", {}
        if body is not None:
            data, headers = json.dumps(body).encode(), {"content-type": "application/json"}
        return HttpRequest(
            method, self.place.endpoint, f"{base}/storage/v1{path}", query_of(query), headers, data, idempotent
        )

    def about(
        self,
        method: str,
        name: ObjectName,
        query: Mapping[str, str] = NO_HEADERS,
        body: Mapping[str, Any] | None = None,
        *,
        idempotent: bool = True,
    ) -> HttpRequest:
        """A request to the JSON API about an object, by its bucket's own name."""
        return self.json(method, object_path(name), query, body, idempotent=idempotent)

    def xml(
        self,
        method: str,
        name: ObjectName,
        query: Mapping[str, str] = NO_HEADERS,
        headers: Mapping[str, str] = NO_HEADERS,
        *,
        body: bytes | Outgoing = b"",
        idempotent: bool = True,
        streamed: bool = False,
    ) -> HttpRequest:
        """A request to the XML API about an object; an empty key: about the bucket."""
        path = f"{self.place.endpoint.base}/{_segment(name.bucket)}/{xml_key(name.key)}"
        return HttpRequest(method, self.place.endpoint, path, query_of(query), headers, body, idempotent, streamed)

    def absent(self, answer: HttpAnswer, bucket: str, error: type[S3Error] = NoSuchKey) -> Plan[S3Error]:
        """The error of a 404: NoSuchBucket, or `error`. Where the answer does not tell, the bucket is asked for."""
        if refusals.says_no_bucket(answer):
            return NoSuchBucket(fields={"BucketName": bucket})
        if not refusals.says_no_object(answer):
            try:
                yield from self.check_bucket(bucket)
            except NoSuchBucket as missing:
                return missing
        return error(reason=f"the backend answered 404 {refusals.said(answer)}"[:400])

    def check_bucket(self, bucket: str) -> Plan[None]:
        """Raises: NoSuchBucket; the bucket is by its own name."""
        answer = yield self.json("GET", bucket_path(bucket), {"fields": "name"})
        if answer.status == 404:
            raise NoSuchBucket(fields={"BucketName": bucket})

    def resource(self, name: ObjectName, version: str | None = None) -> Plan[Resource | None]:
        """An object's resource, by its bucket's own name; None where there is no such object or version.

        Raises: NoSuchBucket, and what else Google refuses.
        """
        query = {"projection": "noAcl"}
        generation = generation_of(version)
        if generation == "":
            return None
        if generation is not None:
            query["generation"] = generation
        answer = yield self.about("GET", name, query)
        if answer.status == 200:
            return resource_of(answer)
        if answer.status != 404:
            raise self.refusal(answer)
        error = yield from self.absent(answer, name.bucket)
        if isinstance(error, NoSuchBucket):
            raise error
        return None

    def the_resource(self, name: ObjectName, version: str | None = None) -> Plan[Resource]:
        """As `resource`. Raises: NoSuchKey, NoSuchVersion."""
        found = yield from self.resource(name, version)
        if found is None:
            raise gone(version)
        return found

    def needs_project(self) -> str:
        """The project of the account. Raises: NotImplemented."""
        if not self.place.project:
            raise NotImplemented(
                "This account has no project in the configuration, so its buckets cannot be listed or made"
            )
        return self.place.project


def gone(version: str | None) -> S3Error:
    """The error of an object that is not there, or of a version that is not."""
    if version in (None, "null"):
        return NoSuchKey()
    return NoSuchVersion(fields={"VersionId": str(version)[:200]})


def generation_of(version: str | None) -> str | None:
    """The generation that a version id names: None for the live object, empty when it can be no generation."""
    if version is None or version == "null":
        return None
    return version if version.isascii() and version.isdigit() and len(version) <= 19 else ""


def query_of(pairs: Mapping[str, str]) -> str:
    """A query as it goes out."""
    return "&".join([f"{name}={encode(value)}" for name, value in pairs.items()])


def bucket_path(bucket: str) -> str:
    """A bucket in the JSON API. Raises: InvalidBucketName for a dot segment."""
    return f"/b/{_segment(bucket)}"


def _segment(bucket: str) -> str:
    if bucket in (".", ".."):
        raise InvalidBucketName(fields={"BucketName": bucket})
    return encode(bucket)


def json_key(key: str) -> str:
    """A key in a path of the JSON API: there its slashes are encoded too.

    Raises: InvalidURI for `.` and `..`, which no object there is called: as a step, `/b/BUCKET/o/..` is the bucket.
    Source: https://cloud.google.com/storage/docs/objects#naming (checked 2026-11)
    """
    if key in (".", ".."):
        raise InvalidURI("Google cannot hold this key: no object there is called `.` or `..`.")
    return encode(key)


def object_path(name: ObjectName) -> str:
    """An object in the JSON API. Raises: InvalidURI, InvalidBucketName."""
    return f"{bucket_path(name.bucket)}/o/{json_key(name.key)}"


def xml_key(key: str) -> str:
    """A key in a path of the XML API. Where it has dot or empty segments its slashes are encoded, so that nobody on
    the way takes them for steps. Raises: InvalidURI for `.` and `..`."""
    segments = key.split("/")
    if "." in segments or ".." in segments or "" in segments[:-1]:
        return json_key(key)
    return encode_key(key)

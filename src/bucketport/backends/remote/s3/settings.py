"""What else does an object at S3 have? Tags, an ACL, attributes; and a relay for all that we do not model."""

import base64
import hashlib
from collections.abc import Mapping

from bucketport.backends.remote.dialect import Plan
from bucketport.backends.remote.s3.answers import (
    checksum_type,
    checksums_in,
    modified_of,
    node_of,
    nonsense,
    number,
)
from bucketport.backends.remote.s3.buckets import Buckets
from bucketport.errors import MethodNotAllowed, NoSuchTagSet, NotImplemented
from bucketport.message import HttpAnswer, Response
from bucketport.model import Attributes, ObjectInfo, ObjectName, PartInfo
from bucketport.options import RelayedCall, Want
from bucketport.wire import etag
from bucketport.wire.acl import Grant, canned_of
from bucketport.wire.checksums import ALGORITHMS
from bucketport.wire.xml import DECLARATION, NAMESPACE, Node, escape, parse

_ATTRIBUTES = "ETag,Checksum,ObjectParts,StorageClass,ObjectSize"

_CARRIED = frozenset(
    {
        "accept",
        "content-md5",
        "content-type",
        "if-match",
        "if-none-match",
        "x-amz-bucket-object-lock-token",
        "x-amz-checksum-algorithm",
        "x-amz-confirm-remove-self-bucket-access",
        "x-amz-optional-object-attributes",
        "x-amz-request-payer",
        "x-amz-sdk-checksum-algorithm",
        "x-amz-skip-destination-validation",
        "x-amz-transition-default-minimum-object-size",
        *(row.header for row in ALGORITHMS.values()),
    }
)
"""Request headers that a relayed operation takes along. Never a session token, a cookie, or what would need a leave of
its own (x-amz-acl, grants, governance bypass): those only when `RelayedCall.granted` names them."""

_KEPT_BACK = frozenset(
    {
        "connection",
        "content-length",
        "date",
        "keep-alive",
        "server",
        "set-cookie",
        "transfer-encoding",
        "x-amz-bucket-region",
        "x-amz-id-2",
        "x-amz-request-id",
    }
)
"""Headers of an answer that speak of the backend's own connection and request."""

_NOT_RELAYED = frozenset({"CreateSession", "PostObject", "PreflightBucket", "PreflightObject", "RenameObject"})
"""What a relay cannot do: sessions are the gateway's to give, a form is signed for the gateway, a preflight is a
browser's question to the gateway, and a rename names a second key, which would have to be judged and mapped."""

_ELSEWHERE = frozenset({"OutputLocation", "SelectParameters", "Type"})
"""Elements of a RestoreRequest that make it a query whose results go to a bucket and prefix of its choice: to write
there would take a leave of its own. Source: AWS RestoreObject, RestoreRequest (checked 2026-11)."""


class Settings(Buckets):
    """The calls about what hangs on an object."""

    def tags(self, name: ObjectName, version: str | None) -> Plan[Mapping[str, str]]:
        """GetObjectTagging."""
        answer = yield self.request("GET", name.bucket, name.key, _of("tagging", version))
        if answer.status != 200:
            error = self.refusal(answer)
            if isinstance(error, NoSuchTagSet):
                return {}
            raise error
        held = node_of(answer, "Tagging").find("TagSet")
        return {tag.value("Key"): tag.value("Value") for tag in (held.all("Tag") if held is not None else [])}

    def put_tags(self, name: ObjectName, version: str | None, tags: Mapping[str, str]) -> Plan[str | None]:
        """PutObjectTagging, or DeleteObjectTagging where there are none left."""
        query = _of("tagging", version)
        if tags:
            inner = "".join(
                f"<Tag><Key>{escape(key)}</Key><Value>{escape(value)}</Value></Tag>" for key, value in tags.items()
            )
            body = (f'{DECLARATION}<Tagging xmlns="{NAMESPACE}"><TagSet>{inner}</TagSet></Tagging>').encode()
            answer = yield self.request("PUT", name.bucket, name.key, query, _described(body), body=body)
        else:
            answer = yield self.request("DELETE", name.bucket, name.key, query)
        if answer.status not in (200, 204):
            raise self.refusal(answer)
        return answer.headers.get("x-amz-version-id")

    def object_acl(self, name: ObjectName, version: str | None) -> Plan[ObjectInfo]:
        """GetObjectAcl. Raises: NotImplemented for grants that no canned ACL expresses."""
        answer = yield self.request("GET", name.bucket, name.key, _of("acl", version))
        if answer.status != 200:
            raise self.refusal(answer)
        policy = node_of(answer, "AccessControlPolicy")
        owner, held = policy.find("Owner"), policy.find("AccessControlList")
        user = owner.value("ID") if owner is not None else ""
        grants = {_grant(node) for node in (held.all("Grant") if held is not None else [])}
        acl = canned_of(grants - {Grant(user, "FULL_CONTROL")})
        if acl is None:
            raise NotImplemented("The object's ACL has grants that no canned ACL expresses")
        return ObjectInfo(name.key, 0, "", 0, owner=user, acl=acl, version_id=answer.headers.get("x-amz-version-id"))

    def put_object_acl(self, name: ObjectName, version: str | None, acl: str) -> Plan[None]:
        """PutObjectAcl."""
        answer = yield self.request("PUT", name.bucket, name.key, _of("acl", version), {"x-amz-acl": acl})
        if answer.status != 200:
            raise self.refusal(answer)

    def put_bucket_acl(self, bucket: str, acl: str) -> Plan[None]:
        """PutBucketAcl."""
        answer = yield self.request("PUT", bucket, None, {"acl": ""}, {"x-amz-acl": acl})
        if answer.status != 200:
            raise self.refusal(answer)

    def attributes(self, name: ObjectName, version: str | None, after: int, limit: int) -> Plan[Attributes]:
        """GetObjectAttributes; where a backend lacks it, what a HEAD tells."""
        headers = {"x-amz-object-attributes": _ATTRIBUTES, "x-amz-max-parts": str(limit)}
        if after:
            headers["x-amz-part-number-marker"] = str(after)
        answer = yield self.request("GET", name.bucket, name.key, _of("attributes", version), headers)
        if answer.status == 200:
            return _attributes(name, answer)
        error = self.refusal(answer)
        if not isinstance(error, NotImplemented | MethodNotAllowed):
            raise error
        found = yield from self.head(name, Want(version))
        return Attributes(found.info)

    def relay(self, call: RelayedCall) -> Plan[Response]:
        """An operation that we do not model: signed anew, sent on, its answer passed back. Raises: its errors."""
        if call.name in _NOT_RELAYED:
            raise NotImplemented(f"{call.name} is not implemented")
        if call.name == "RestoreObject" and not _ELSEWHERE.isdisjoint(_children(call.body, "RestoreRequest")):
            raise NotImplemented("A restore that writes what it selects to another place is not implemented")
        headers = {n: v for n, v in call.headers.items() if n in _CARRIED or n in call.granted}
        idempotent = call.method in ("GET", "HEAD", "PUT", "DELETE")
        answer = yield self.request(
            call.method,
            call.bucket,
            call.key,
            call.query,
            headers,
            body=call.body,
            idempotent=idempotent,
            streamed=True,
        )
        if answer.status >= 300:
            raise self.refusal(answer)
        kept = {n: v for n, v in answer.headers.items() if n not in _KEPT_BACK}
        return Response(answer.status, kept, answer.body)


def _children(body: bytes, root: str) -> list[str]:
    """The names of what a body's root holds. Raises: MalformedXML."""
    return [child.name for child in parse(body, root).children]


def _of(selector: str, version: str | None) -> dict[str, str]:
    return {selector: ""} if version is None else {selector: "", "versionId": version}


def _described(body: bytes) -> dict[str, str]:
    md5 = hashlib.md5(body, usedforsecurity=False).digest()
    return {"content-type": "application/xml", "content-md5": base64.b64encode(md5).decode()}


def _grant(node: Node) -> Grant:
    grantee = node.find("Grantee")
    who = (grantee.value("URI") or grantee.value("ID")) if grantee is not None else ""
    return Grant(who.strip(), node.value("Permission").strip())


def _attributes(name: ObjectName, answer: HttpAnswer) -> Attributes:
    root = node_of(answer, "GetObjectAttributesResponse", "GetObjectAttributesOutput")
    held, parts = root.find("Checksum"), root.find("ObjectParts")
    checksums = checksums_in(held) if held is not None else {}
    kind = held.value("ChecksumType") if held is not None else ""
    if not root.value("ObjectSize"):
        raise nonsense("attributes without a size")
    info = ObjectInfo(
        name.key,
        number(root.value("ObjectSize")),
        etag.unquote(root.value("ETag")),
        modified_of(answer.headers.get("last-modified")),
        storage_class=root.value("StorageClass") or "STANDARD",
        checksums=checksums,
        checksum_type=kind or checksum_type(checksums),
        parts_count=number(parts.value("PartsCount") or parts.value("TotalPartsCount")) if parts is not None else 0,
        version_id=answer.headers.get("x-amz-version-id"),
    )
    if parts is None:
        return Attributes(info)
    found = [
        PartInfo(number(node.value("PartNumber")), number(node.value("Size")), "", 0, checksums_in(node))
        for node in parts.all("Part")
    ]
    more = parts.value("IsTruncated") == "true"
    return Attributes(info, found, number(parts.value("NextPartNumberMarker")) if more else 0)

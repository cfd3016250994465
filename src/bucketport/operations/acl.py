"""Who else may read or write? Canned ACLs, seen and set. What no canned one expresses is a 501, never approximated."""

from typing import Self

from bucketport.errors import InvalidRequest, MalformedACLError, MissingSecurityHeader, NotImplemented
from bucketport.message import Request, Response
from bucketport.model import Claim, ObjectName, Offer, owner_of
from bucketport.operations.base import BUCKET, OBJECT, XML_LIMIT, Body, Context, Query, name_of, operation, version_of
from bucketport.operations.documents import document, owner
from bucketport.record import record
from bucketport.wire.acl import (
    BUCKET_OWNER,
    CANNED,
    Grant,
    canned_of,
    check_canned,
)
from bucketport.wire.address import Address
from bucketport.wire.xml import Node, escape, parse

_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_PERMISSIONS = frozenset({"READ", "WRITE", "READ_ACP", "WRITE_ACP", "FULL_CONTROL"})


def acl_document(user: str, acl: str, bucket_owner: str) -> Response:
    """An AccessControlPolicy: the owner's FULL_CONTROL and what the canned ACL adds."""
    grants = [_user_grant(user, "FULL_CONTROL")]
    for grant in CANNED[acl]:
        if grant.grantee != BUCKET_OWNER:
            grants.append(_grant("Group", f"<URI>{escape(grant.grantee)}</URI>", grant.permission))
        elif bucket_owner != user:
            grants.append(_user_grant(bucket_owner, grant.permission))
    return document("AccessControlPolicy", f"{owner(user)}<AccessControlList>{''.join(grants)}</AccessControlList>")


def _user_grant(user: str, permission: str) -> str:
    who = owner_of(user)
    inner = f"<ID>{who.id}</ID><DisplayName>{escape(who.name)}</DisplayName>"
    return _grant("CanonicalUser", inner, permission)


def _grant(kind: str, inner: str, permission: str) -> str:
    return (
        f'<Grant><Grantee xmlns:xsi="{_XSI}" xsi:type="{kind}">{inner}</Grantee>'
        f"<Permission>{permission}</Permission></Grant>"
    )


def asked_acl(header: str | None, body: bytes, user: str, bucket_owner: str) -> str:
    """The canned ACL that a PUT ?acl asks for, by header or by a body that says the same as one.

    Raises: MalformedACLError, NotImplemented for grants that no canned ACL expresses, InvalidRequest for both at once.
    """
    if header is not None:
        if body.strip():
            raise InvalidRequest("Specifying both Canned ACLs and Header Grants is not allowed")
        return check_canned(header)
    if not body.strip():
        raise MissingSecurityHeader(fields={"MissingHeaderName": "x-amz-acl"})
    policy = parse(body, "AccessControlPolicy").find("AccessControlList")
    if policy is None:
        raise MalformedACLError
    grants = [_read_grant(node) for node in policy.all("Grant")]
    mine, theirs = Grant(owner_of(user).id, "FULL_CONTROL"), owner_of(bucket_owner).id
    if mine in grants:
        others = [grant for grant in grants if grant != mine]
        canned = canned_of(Grant(BUCKET_OWNER if g.grantee == theirs else g.grantee, g.permission) for g in others)
        if canned is not None:
            return canned
    raise NotImplemented("Only grants that a canned ACL expresses are implemented: " + ", ".join(CANNED))


def _read_grant(node: Node) -> Grant:
    grantee, permission = node.find("Grantee"), node.value("Permission").strip()
    if grantee is None or permission not in _PERMISSIONS:
        raise MalformedACLError
    who = grantee.value("URI").strip() or grantee.value("ID").strip()
    if not who:
        raise NotImplemented("Grants by e-mail address are not implemented")
    return Grant(who, permission)


@operation("GetBucketAcl", "GET", BUCKET, "acl", needs=Offer.ACLS)
@record
class GetBucketAcl:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketAcl.html"""

    bucket: str

    @classmethod
    def parse(cls, address: Address, request: Request, query: Query) -> Self:
        """Nothing can be malformed here."""
        return cls(address.bucket)

    def claims(self) -> tuple[Claim, ...]:
        """To see the bucket's ACL."""
        return (Claim("get_bucket_acl", self.bucket),)

    async def run(self, context: Context) -> Response:
        """The grants."""
        return acl_document(context.place.owner, context.place.acl, context.place.owner)


@operation("PutBucketAcl", "PUT", BUCKET, "acl", body=Body.BUFFER, needs=Offer.ACLS, limit=XML_LIMIT)
@record
class PutBucketAcl:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketAcl.html"""

    bucket: str
    acl: str | None

    @classmethod
    def parse(cls, address: Address, request: Request, query: Query) -> Self:
        """Nothing can be malformed here; the body is read later."""
        return cls(address.bucket, request.headers.get("x-amz-acl"))

    def claims(self) -> tuple[Claim, ...]:
        """To set the bucket's ACL."""
        return (Claim("put_bucket_acl", self.bucket),)

    async def run(self, context: Context) -> Response:
        """200. Raises: what `asked_acl` raises."""
        user = context.place.owner
        await context.backend.put_bucket_acl(self.bucket, asked_acl(self.acl, context.body, user, user))
        return Response(200, {})


@operation("GetObjectAcl", "GET", OBJECT, "acl", needs=Offer.ACLS)
@record
class GetObjectAcl:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectAcl.html"""

    name: ObjectName
    version: str | None

    @classmethod
    def parse(cls, address: Address, request: Request, query: Query) -> Self:
        """Raises: InvalidArgument."""
        return cls(name_of(address), version_of(query))

    def claims(self) -> tuple[Claim, ...]:
        """To see the object's ACL."""
        return (Claim("get_object_acl", self.name.bucket, self.name.key, self.version),)

    async def run(self, context: Context) -> Response:
        """The grants."""
        info = await context.backend.object_acl(self.name, self.version)
        return acl_document(info.owner, info.acl, context.place.owner)


@operation("PutObjectAcl", "PUT", OBJECT, "acl", body=Body.BUFFER, needs=Offer.ACLS, limit=XML_LIMIT)
@record
class PutObjectAcl:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObjectAcl.html"""

    name: ObjectName
    version: str | None
    acl: str | None

    @classmethod
    def parse(cls, address: Address, request: Request, query: Query) -> Self:
        """Raises: InvalidArgument."""
        return cls(name_of(address), version_of(query), request.headers.get("x-amz-acl"))

    def claims(self) -> tuple[Claim, ...]:
        """To set the object's ACL."""
        return (Claim("put_object_acl", self.name.bucket, self.name.key, self.version),)

    async def run(self, context: Context) -> Response:
        """200. Raises: what `asked_acl` raises."""
        info = await context.backend.object_acl(self.name, self.version)
        acl = asked_acl(self.acl, context.body, info.owner, context.place.owner)
        await context.backend.put_object_acl(self.name, self.version, acl)
        return Response(200, {})

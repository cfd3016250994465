"""What does a canned ACL grant? A table from its name to grants, and back from grants to its name.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html#canned-acl (checked 2026-11)
"""

from collections.abc import Iterable, Mapping

from bucketport.errors import InvalidArgument
from bucketport.record import record

ALL_USERS = "http://acs.amazonaws.com/groups/global/AllUsers"
AUTHENTICATED_USERS = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"
LOG_DELIVERY = "http://acs.amazonaws.com/groups/s3/LogDelivery"
BUCKET_OWNER = "bucket-owner"


@record
class Grant:
    """A permission for a group (its URI) or for BUCKET_OWNER; the owner's own FULL_CONTROL goes without saying."""

    grantee: str
    permission: str


CANNED: Mapping[str, tuple[Grant, ...]] = {
    "private": (),
    "public-read": (Grant(ALL_USERS, "READ"),),
    "public-read-write": (Grant(ALL_USERS, "READ"), Grant(ALL_USERS, "WRITE")),
    "authenticated-read": (Grant(AUTHENTICATED_USERS, "READ"),),
    "bucket-owner-read": (Grant(BUCKET_OWNER, "READ"),),
    "bucket-owner-full-control": (Grant(BUCKET_OWNER, "FULL_CONTROL"),),
    "log-delivery-write": (Grant(LOG_DELIVERY, "WRITE"), Grant(LOG_DELIVERY, "READ_ACP")),
    "aws-exec-read": (),
}


def check_canned(name: str) -> str:
    """The name, when there is such a canned ACL. Raises: InvalidArgument."""
    if name not in CANNED:
        raise InvalidArgument(fields={"ArgumentName": "x-amz-acl", "ArgumentValue": name[:200]})
    return name


def canned_of(grants: Iterable[Grant]) -> str | None:
    """The canned ACL that grants exactly this beside the owner's FULL_CONTROL; None when none does."""
    asked = set(grants)
    return next((name for name, held in CANNED.items() if set(held) == asked), None)


def grants(acl: str, permission: str, *, signed: bool) -> bool:
    """Whether a canned ACL gives `permission` to everybody, or to everybody who signed their request."""
    groups = {grant.grantee for grant in CANNED.get(acl, ()) if grant.permission == permission}
    return ALL_USERS in groups or (signed and AUTHENTICATED_USERS in groups)

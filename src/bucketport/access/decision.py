"""May this caller do that? The decision, with its reason. Deny unless something allows.

What allows, in this order: a scope of the key; ownership of the bucket; anonymous read of a bucket that is public;
the bucket's canned ACL; the object's owner and canned ACL. Only the last needs the object's row, so `judge` answers
UNDECIDED where that row could still allow, and `authorize` (the one door) fetches it.
"""

from collections.abc import Sequence

from bucketport.access.actions import action
from bucketport.access.scopes import covers
from bucketport.errors import AccessDenied, NoSuchKey, S3Error
from bucketport.model import Claim, Identity, ObjectInfo, ObjectName, Offer
from bucketport.mounts import Mount
from bucketport.record import record
from bucketport.wire.acl import BUCKET_OWNER, CANNED, grants


@record
class Verdict:
    """`allowed` None: the object's own row decides. `reason` is for the log and for `explain`."""

    allowed: bool | None
    reason: str


_OWNER = Verdict(True, "owner of the bucket")
_GATEWAY = Verdict(True, "key without scopes on a bucket of the gateway")
_ACCOUNT = Verdict(True, "signed in")
_READS_PUBLIC = Verdict(True, "anonymous read of the bucket")
_BUCKET_ACL = Verdict(True, "ACL of the bucket")
_OBJECT_OWNER = Verdict(True, "owner of the object")
_OBJECT_ACL = Verdict(True, "ACL of the object")
_ASK = Verdict(None, "the object's owner and ACL decide")


def judge(caller: Identity, claim: Claim, mount: Mount | None) -> Verdict:
    """What follows without looking at the object. `mount` None: a claim on the account itself."""
    if mount is None:
        return _judge_account(caller, claim)
    if caller.scopes is None and not caller.anonymous:
        if caller.user == mount.owner:
            return _OWNER
        if not mount.owner:
            return _GATEWAY
    for number, scope in enumerate(caller.scopes or (), start=1):
        if covers(scope, claim):
            return Verdict(True, f"scope {number} of the key")
    row = action(claim.action)
    if mount.anonymous_read and row.anonymous:
        return _READS_PUBLIC
    if row.bucket_grant and grants(mount.acl, row.bucket_grant, signed=not caller.anonymous):
        return _BUCKET_ACL
    if row.object_grant and claim.key is not None and mount.owner:
        return _ASK
    return Verdict(False, _why_not(caller, claim, mount))


def judge_object(caller: Identity, claim: Claim, mount: Mount, info: ObjectInfo) -> Verdict:
    """What the object's row allows to one whom `judge` left UNDECIDED."""
    # A key with scopes does what its scopes say, also with the objects of its own user.
    if info.owner == caller.user and not caller.anonymous and caller.scopes is None:
        return _OBJECT_OWNER
    row = action(claim.action)
    if grants(info.acl, row.object_grant, signed=not caller.anonymous):
        return _OBJECT_ACL
    owns = caller.user == mount.owner and not caller.anonymous and caller.scopes is None
    if owns and _to_bucket_owner(info.acl, row.object_grant):
        return _OBJECT_ACL
    return Verdict(False, _why_not(caller, claim, mount))


def _to_bucket_owner(acl: str, permission: str) -> bool:
    held = {grant.permission for grant in CANNED.get(acl, ()) if grant.grantee == BUCKET_OWNER}
    return permission in held or "FULL_CONTROL" in held


def _judge_account(caller: Identity, claim: Claim) -> Verdict:
    """ListBuckets shows each caller their own; making a bucket takes a key without scopes, or a scope that says so."""
    if caller.anonymous:
        return Verdict(False, f"anonymous may not {claim.action}")
    if caller.scopes is None or claim.action == "list_buckets":
        return _ACCOUNT
    for number, scope in enumerate(caller.scopes, start=1):
        if covers(scope, claim):
            return Verdict(True, f"scope {number} of the key")
    return Verdict(False, f"no scope of the key allows {claim.action} on {claim.bucket}")


def _why_not(caller: Identity, claim: Claim, mount: Mount) -> str:
    if caller.anonymous:
        return f"anonymous may not {claim.action} in {mount.bucket}"
    if caller.scopes is not None:
        return f"no scope of the key allows {claim.action} in {mount.bucket}"
    return f"{caller.user} does not own {mount.bucket} and no ACL allows {claim.action}"


async def authorize(caller: Identity, claims: Sequence[Claim], mounts: dict[str, Mount]) -> str:
    """Let through or raise: the one door. Gives the reason of the last claim.

    Raises: AccessDenied; NoSuchKey for an absent object only to one who may list the bucket, as S3 does.
    """
    reason = ""
    for claim in claims:
        mount = mounts.get(claim.bucket)
        verdict = judge(caller, claim, mount)
        if verdict.allowed is None and mount is not None and claim.key is not None:
            verdict = await _ask_object(caller, claim, claim.key, mount)
        if not verdict.allowed:
            raise AccessDenied(reason=verdict.reason)
        reason = verdict.reason
    return reason


async def _ask_object(caller: Identity, claim: Claim, key: str, mount: Mount) -> Verdict:
    if Offer.ACLS not in mount.backend.offers:
        return Verdict(False, _why_not(caller, claim, mount))
    try:
        info = await mount.backend.object_acl(ObjectName(claim.bucket, key), claim.version)
    except S3Error as absent:
        if absent.status != 404:
            raise
        lists = judge(caller, Claim("list_bucket", claim.bucket, prefix=key), mount)
        if lists.allowed:
            raise NoSuchKey(fields={"Key": key}) from absent
        return Verdict(False, _why_not(caller, claim, mount))
    return judge_object(caller, claim, mount, info)

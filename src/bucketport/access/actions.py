"""Which actions are there, and what else grants each? One table; scopes, ACLs, `explain` and the docs read it.

An action is named as in a scope (`get_object`). Beside it stand the name a policy would use (`s3:GetObject`) and the
ACL permission that grants it: on the bucket (READ lists it, WRITE changes its keys) or on the object.
Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html (checked 2026-11)
"""

from collections.abc import Mapping

from bucketport.record import record


@record
class Action:
    """A row: `implied_by` names the actions whose scope covers this one too."""

    name: str
    iam: str
    bucket_grant: str = ""
    object_grant: str = ""
    anonymous: bool = False
    implied_by: tuple[str, ...] = ()


_ROWS = (
    Action("list_buckets", "s3:ListAllMyBuckets"),
    Action("create_bucket", "s3:CreateBucket"),
    Action("delete_bucket", "s3:DeleteBucket"),
    Action("head_bucket", "s3:ListBucket", "READ", "", True, ("list_bucket",)),
    Action("get_bucket_location", "s3:GetBucketLocation", "", "", True, ("list_bucket",)),
    Action("list_bucket", "s3:ListBucket", "READ", "", True),
    Action("list_bucket_versions", "s3:ListBucketVersions", "READ", "", True),
    Action("list_multipart_uploads", "s3:ListBucketMultipartUploads", "READ"),
    Action("get_bucket_acl", "s3:GetBucketAcl", "READ_ACP"),
    Action("put_bucket_acl", "s3:PutBucketAcl", "WRITE_ACP"),
    Action("get_bucket_cors", "s3:GetBucketCORS"),
    Action("put_bucket_cors", "s3:PutBucketCORS"),
    Action("delete_bucket_cors", "s3:PutBucketCORS"),
    Action("get_object", "s3:GetObject", "", "READ", True),
    Action("head_object", "s3:GetObject", "", "READ", True, ("get_object",)),
    Action("get_object_version", "s3:GetObjectVersion", "", "READ", True),
    Action("get_object_attributes", "s3:GetObjectAttributes", "", "READ", True, ("get_object",)),
    Action("put_object", "s3:PutObject", "WRITE"),
    Action("write_acl", "s3:PutObjectAcl", "WRITE", "", False, ("put_object_acl",)),
    Action("delete_object", "s3:DeleteObject", "WRITE"),
    Action("delete_objects", "s3:DeleteObject", "WRITE", "", False, ("delete_object", "delete_object_version")),
    Action("delete_object_version", "s3:DeleteObjectVersion", "WRITE"),
    Action("create_multipart_upload", "s3:PutObject", "WRITE"),
    Action("upload_part", "s3:PutObject", "WRITE"),
    Action("complete_multipart_upload", "s3:PutObject", "WRITE"),
    Action("abort_multipart_upload", "s3:AbortMultipartUpload", "WRITE"),
    Action("list_multipart_upload_parts", "s3:ListMultipartUploadParts", "WRITE", "", False, ("upload_part",)),
    Action("get_object_tagging", "s3:GetObjectTagging"),
    Action("put_object_tagging", "s3:PutObjectTagging"),
    Action("delete_object_tagging", "s3:DeleteObjectTagging"),
    Action("get_object_acl", "s3:GetObjectAcl", "", "READ_ACP"),
    Action("put_object_acl", "s3:PutObjectAcl", "", "WRITE_ACP"),
)

ACTIONS: Mapping[str, Action] = {row.name: row for row in _ROWS}
"""By name. An action that is not here (a relayed operation's) is granted by a scope that names it, and nothing else."""


def action(name: str) -> Action:
    """The row of that action; a bare one for an action that nothing but its own name grants."""
    return ACTIONS.get(name) or Action(name, "s3:" + "".join(word.capitalize() for word in name.split("_")))

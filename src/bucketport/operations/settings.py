"""What does S3 have that we do not model? Rows without a class: 501 with the operation's name, or relayed to S3.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html (2026-11)
"""

from bucketport.operations.base import BUCKET, OBJECT, absent, relayed

_OF_BUCKETS = (
    # subresource, what it is called, the methods it has
    ("accelerate", "BucketAccelerateConfiguration", "GET PUT"),
    ("analytics", "BucketAnalyticsConfiguration", "GET PUT DELETE"),
    ("encryption", "BucketEncryption", "GET PUT DELETE"),
    ("intelligent-tiering", "BucketIntelligentTieringConfiguration", "GET PUT DELETE"),
    ("inventory", "BucketInventoryConfiguration", "GET PUT DELETE"),
    ("lifecycle", "BucketLifecycleConfiguration", "GET PUT DELETE"),
    ("logging", "BucketLogging", "GET PUT"),
    ("metadataConfiguration", "BucketMetadataConfiguration", "GET DELETE"),
    ("metadataTable", "BucketMetadataTableConfiguration", "GET DELETE"),
    ("metrics", "BucketMetricsConfiguration", "GET PUT DELETE"),
    ("notification", "BucketNotificationConfiguration", "GET PUT"),
    ("object-lock", "ObjectLockConfiguration", "GET PUT"),
    ("ownershipControls", "BucketOwnershipControls", "GET PUT DELETE"),
    ("policy", "BucketPolicy", "GET PUT DELETE"),
    ("publicAccessBlock", "PublicAccessBlock", "GET PUT DELETE"),
    ("replication", "BucketReplication", "GET PUT DELETE"),
    ("requestPayment", "BucketRequestPayment", "GET PUT"),
    ("tagging", "BucketTagging", "GET PUT DELETE"),
    ("versioning", "BucketVersioning", "GET PUT"),
    ("website", "BucketWebsite", "GET PUT DELETE"),
)

for _selector, _thing, _methods in _OF_BUCKETS:
    for _method in _methods.split():
        relayed(_method.capitalize() + _thing, _method, BUCKET, _selector)

relayed("GetBucketPolicyStatus", "GET", BUCKET, "policyStatus")
absent("CreateSession", "GET", BUCKET, "session")
relayed("CreateBucketMetadataConfiguration", "POST", BUCKET, "metadataConfiguration")
relayed("CreateBucketMetadataTableConfiguration", "POST", BUCKET, "metadataTable")
absent("PostObject", "POST", BUCKET)
relayed("GetObjectLegalHold", "GET", OBJECT, "legal-hold")
relayed("PutObjectLegalHold", "PUT", OBJECT, "legal-hold")
relayed("GetObjectRetention", "GET", OBJECT, "retention")
relayed("PutObjectRetention", "PUT", OBJECT, "retention")
absent("GetObjectTorrent", "GET", OBJECT, "torrent")
relayed("RestoreObject", "POST", OBJECT, "restore")
absent("SelectObjectContent", "POST", OBJECT, "select")
absent("RenameObject", "PUT", OBJECT, "renameObject")
relayed("UpdateObjectEncryption", "PUT", OBJECT, "encryption")

"""What do they want? Every operation is a class with its row; importing this package fills the table."""

from bucketport.operations import (
    acl,
    attributes,
    batch,
    buckets,
    copying,
    cors,
    extras,
    listing,
    multipart,
    objects,
    preflight,
    settings,
    tagging,
    versions,
)
from bucketport.operations.base import Body, Context, Operation, Row, route, table

__all__ = [
    "Body",
    "Context",
    "Operation",
    "Row",
    "acl",
    "attributes",
    "batch",
    "buckets",
    "copying",
    "cors",
    "extras",
    "listing",
    "multipart",
    "objects",
    "preflight",
    "route",
    "settings",
    "table",
    "tagging",
    "versions",
]

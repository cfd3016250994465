"""Which buckets has a project, and how are they made and removed?"""

from bucketport.backends.remote.dialect import Plan
from bucketport.backends.remote.gcs import refusals
from bucketport.backends.remote.gcs.answers import Resource, moment, resource_of, rows, text
from bucketport.backends.remote.gcs.listing import MOST
from bucketport.backends.remote.gcs.multipart import Multipart
from bucketport.backends.remote.gcs.requests import bucket_path
from bucketport.errors import (
    BucketAlreadyExists,
    BucketAlreadyOwnedByYou,
    BucketNotEmpty,
    InvalidLocationConstraint,
    NoSuchBucket,
)
from bucketport.model import BucketInfo, BucketPage

_FIELDS = "name,timeCreated,location"

_DEFAULT_REGION = "us-east-1"
"""What S3 clients mean when they name no region."""


class Buckets(Multipart):
    """HeadBucket, ListBuckets, CreateBucket and DeleteBucket."""

    def bucket(self, name: str) -> Plan[BucketInfo]:
        """The bucket's resource; who may only see its objects learns that it is there."""
        real = self.real_bucket(name)
        answer = yield self.json("GET", bucket_path(real), {"projection": "noAcl", "fields": _FIELDS})
        if answer.status == 403:
            answer = yield self.json("GET", f"{bucket_path(real)}/o", {"maxResults": "1", "fields": "kind"})
            if answer.status == 200:
                return BucketInfo(name, "", 0)
        if answer.status == 404:
            raise NoSuchBucket(fields={"BucketName": name})
        if answer.status != 200:
            raise self.refusal(answer)
        return _info(name, resource_of(answer))

    def list_buckets(self, prefix: str, after: str, limit: int) -> Plan[BucketPage]:
        """Google has no marker but its own tokens, so what is before `after` is read over. Raises: NotImplemented."""
        sent = {"project": self.needs_project(), "maxResults": str(MOST), "projection": "noAcl"}
        sent["fields"] = f"nextPageToken,items({_FIELDS})"
        if prefix:
            sent["prefix"] = prefix
        found: list[BucketInfo] = []
        while True:
            answer = yield self.json("GET", "/b", sent)
            if answer.status != 200:
                raise self.refusal(answer)
            page = resource_of(answer)
            found += [_info(text(row, "name"), row) for row in rows(page, "items") if text(row, "name") > after]
            token = text(page, "nextPageToken")
            if not token or len(found) > limit:
                break
            sent["pageToken"] = token
        shown = found[: max(limit, 0)]
        return BucketPage(shown, shown[-1].name if shown and (token or len(found) > len(shown)) else "")

    def create_bucket(self, info: BucketInfo) -> Plan[None]:
        """In the project, at the configured location unless the client names a region.

        Raises: NotImplemented without a project, BucketAlreadyOwnedByYou, BucketAlreadyExists,
        InvalidLocationConstraint.
        """
        project = self.needs_project()
        location = self.place.location if info.region in ("", _DEFAULT_REGION) else info.region
        body = {"name": info.name} | ({"location": location} if location else {})
        answer = yield self.json("POST", "/b", {"project": project}, body, idempotent=False)
        if answer.status in (200, 201):
            return
        if answer.status == 409:
            # Only who owns a bucket may see its resource, and not every answer says whose it is.
            there = yield self.json("GET", bucket_path(info.name), {"fields": "name"})
            owned = there.status == 200 or "you already own" in refusals.said(answer)[1]
            kind = BucketAlreadyOwnedByYou if owned else BucketAlreadyExists
            raise kind(fields={"BucketName": info.name})
        if answer.status == 400 and "location" in refusals.said(answer)[1].lower():
            raise InvalidLocationConstraint(fields={"LocationConstraint": info.region[:200]})
        raise self.refusal(answer)

    def delete_bucket(self, name: str) -> Plan[None]:
        """Google keeps a bucket that has objects, noncurrent ones too."""
        answer = yield self.json("DELETE", bucket_path(self.real_bucket(name)), idempotent=False)
        if answer.status in (200, 204):
            return
        if answer.status == 404:
            raise NoSuchBucket(fields={"BucketName": name})
        if answer.status in (409, 412):
            raise BucketNotEmpty(fields={"BucketName": name})
        raise self.refusal(answer)


def _info(name: str, resource: Resource) -> BucketInfo:
    location = text(resource, "location").lower()
    created = moment(resource, "timeCreated") if resource.get("timeCreated") else 0
    return BucketInfo(name, "", created, location or _DEFAULT_REGION)

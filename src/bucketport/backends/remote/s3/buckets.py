"""Which buckets does an account at S3 have, and how are they made and removed?"""

from bucketport.backends.remote.dialect import Plan
from bucketport.backends.remote.s3.answers import moment, node_of
from bucketport.backends.remote.s3.listing import Listings
from bucketport.backends.remote.s3.multipart import Parts
from bucketport.errors import BucketNotEmpty, NoSuchBucket
from bucketport.model import BucketInfo, BucketPage, UploadName
from bucketport.options import ListQuery
from bucketport.wire.xml import DECLARATION, NAMESPACE, escape

_FIRST_REGION = "us-east-1"


class Buckets(Parts, Listings):
    """The calls about buckets."""

    def bucket(self, name: str) -> Plan[BucketInfo]:
        """HeadBucket. A cloud's owner is none of our users: `owner` is empty."""
        answer = yield self.request("HEAD", name, None)
        if answer.status == 404:
            raise NoSuchBucket
        if answer.status != 200:
            raise self.refusal(answer)
        return BucketInfo(name, "", 0, answer.headers.get("x-amz-bucket-region") or self.place.region)

    def list_buckets(self, prefix: str, after: str, limit: int) -> Plan[BucketPage]:
        """ListBuckets. Asked for without a page size it gives all of them, and every S3 knows that form."""
        place = self.place
        answer = yield self.service_request("GET")
        if answer.status != 200:
            raise self.refusal(answer)
        held = node_of(answer, "ListAllMyBucketsResult").find("Buckets")
        found = [
            BucketInfo(
                node.value("Name"), "", moment(node.value("CreationDate")), node.value("BucketRegion") or place.region
            )
            for node in (held.all("Bucket") if held is not None else [])
        ]
        found = [info for info in found if info.name.startswith(prefix) and info.name > after]
        found.sort(key=lambda info: info.name)
        more = len(found) > limit
        return BucketPage(found[:limit], found[limit - 1].name if more else "")

    def create_bucket(self, info: BucketInfo) -> Plan[None]:
        """CreateBucket, in the region of the backend."""
        body, headers, region = b"", {}, self.place.region
        if region != _FIRST_REGION:
            inner = f"<LocationConstraint>{escape(region)}</LocationConstraint>"
            body = (
                f'{DECLARATION}<CreateBucketConfiguration xmlns="{NAMESPACE}">{inner}</CreateBucketConfiguration>'
            ).encode()
        if info.acl != "private":
            headers["x-amz-acl"] = info.acl
        answer = yield self.request("PUT", info.name, None, headers=headers, body=body, idempotent=False)
        if answer.status != 200:
            raise self.refusal(answer)

    def delete_bucket(self, name: str) -> Plan[None]:
        """DeleteBucket. Where unfinished uploads keep the bucket, they are given up and it is tried again."""
        for attempt in (1, 2):
            answer = yield self.request("DELETE", name, None, idempotent=False)
            if answer.status in (200, 204):
                return
            error = self.refusal(answer)
            if attempt == 2 or not isinstance(error, BucketNotEmpty):
                raise error
            versions = yield from self.list_versions(name, ListQuery(limit=1))
            if versions.entries:
                raise error
            yield from self._abort_all(name)

    def _abort_all(self, name: str) -> Plan[None]:
        """Give up every upload of a bucket."""
        query = ListQuery()
        while True:
            page = yield from self.list_uploads(name, query)
            for entry in page.entries:
                yield from self.abort(UploadName(name, entry.key, entry.upload_id))
            following = ListQuery(after=page.next_after, after_id=page.next_id)
            if not page.truncated or not page.next_after or following == query:
                return
            query = following

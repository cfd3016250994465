"""What must a backend do, said as plainly as possible? All of S3's semantics over dictionaries: the reference.

Everything between two awaits happens at once, so each call judges its conditions and changes the dictionaries in one
stretch after the content has passed its checks; that is the whole of the locking. Nothing survives the process.
"""

import base64
import bisect
import dataclasses
from collections.abc import Mapping, Sequence

from bucketport.backends.memory_pages import begin, page
from bucketport.backends.memory_parts import checksum_of, chosen
from bucketport.backends.memory_state import (
    REMEMBERED,
    Bucket,
    Object,
    Upload,
    check_version,
    cut,
    entry,
    part_of,
    part_page,
    part_span,
    take,
    upload_entry,
)
from bucketport.errors import (
    BucketAlreadyExists,
    BucketAlreadyOwnedByYou,
    BucketNotEmpty,
    InvalidPart,
    NoSuchBucket,
    NoSuchKey,
    NoSuchUpload,
    S3Error,
)
from bucketport.model import (
    Attributes,
    BucketInfo,
    BucketPage,
    Deleted,
    Found,
    Listing,
    ObjectInfo,
    ObjectName,
    Offer,
    PartInfo,
    PartsPage,
    Stored,
    UploadInfo,
    UploadListing,
    UploadName,
    VersionEntry,
    VersionListing,
)
from bucketport.options import (
    CompleteOptions,
    CopyOptions,
    DeleteItem,
    ListQuery,
    PutOptions,
    UploadOptions,
    Want,
    WriteConditions,
)
from bucketport.ports import Content, Digests, NewId, Now
from bucketport.wire import checksums, conditions, etag, ranges

MINIMUM = 5 << 20
"""Bytes of every part but the last.
Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html (multipart upload limits)"""


class Memory:
    """A `ports.StoreBackend` in memory: for tests, for trying things out, and as the measure of every other backend."""

    offers = frozenset(Offer) - {Offer.RELAY, Offer.DIRECT}

    def __init__(self, *, now: Now, new_id: NewId, digests: Digests, part_minimum: int = MINIMUM) -> None:
        self._now, self._new_id, self._digests, self._minimum = now, new_id, digests, part_minimum
        self._buckets: dict[str, Bucket] = {}
        self._begun = 0

    # Finding things

    def _now_ms(self) -> int:
        return int(self._now() * 1000)

    def _bucket(self, name: str) -> Bucket:
        bucket = self._buckets.get(name)
        if bucket is None:
            raise NoSuchBucket(fields={"BucketName": name})
        return bucket

    def _object(self, name: ObjectName, version: str | None) -> Object:
        found = self._bucket(name.bucket).objects.get(name.key)
        if found is None:
            raise NoSuchKey(fields={"Key": name.key})
        check_version(name.key, version)
        return found

    def _upload(self, upload: UploadName) -> Upload:
        found = self._bucket(upload.bucket).uploads.get(upload.upload_id)
        if found is None or found.info.upload != upload:
            raise NoSuchUpload(fields={"UploadId": upload.upload_id[:200]})
        return found

    # Objects

    async def get(self, name: ObjectName, want: Want) -> Found:
        """The object and the wanted bytes. Raises: NotModified, PreconditionFailed, InvalidRange, InvalidPartNumber."""
        found = self._object(name, want.version)
        conditions.check_read(want.conditions, found.info)
        if want.part_number is None:
            span = ranges.select(want.range, found.info.size)
        else:
            span = part_span(found, want.part_number)
        content = found.content if span is None else found.content[span.start : span.stop]
        return Found(found.info, content, span, part_of(found, want.part_number))

    async def head(self, name: ObjectName, want: Want) -> Found:
        """As `get`, with an empty body."""
        return dataclasses.replace(await self.get(name, want), body=b"")

    async def attributes(self, name: ObjectName, version: str | None, after: int, limit: int) -> Attributes:
        """The object and a page of its parts."""
        found = self._object(name, version)
        return Attributes(found.info, *part_page(found.parts, after, limit))

    async def put(self, name: ObjectName, content: Content, options: PutOptions) -> Stored:
        """Store the content under the options' conditions."""
        self._bucket(name.bucket)
        data, sealed = await take(content)
        bucket = self._bucket(name.bucket)
        conditions.check_write(options.conditions, bucket.current(name.key))
        kind = checksums.FULL_OBJECT if sealed.checksums else ""
        info = self._info(name.key, options, len(data), sealed.md5.hex(), sums=sealed.checksums, kind=kind)
        return bucket.set(Object(info, data, dict(options.tags)))

    def _info(
        self, key: str, put: PutOptions, size: int, tag: str, *, sums: Mapping[str, str], kind: str
    ) -> ObjectInfo:
        return ObjectInfo(
            key,
            size,
            tag,
            self._now_ms(),
            dict(put.headers),
            put.owner,
            put.storage_class,
            put.acl,
            sums,
            kind,
            tags_count=len(put.tags),
        )

    async def copy(self, source: ObjectName, want: Want, name: ObjectName, options: CopyOptions) -> Stored:
        """Copy content, parts, ETag and checksums; headers and tags unless the options bring their own."""
        found = self._object(source, want.version)
        conditions.check_copy(want.conditions, found.info)
        bucket = self._bucket(name.bucket)
        conditions.check_write(options.conditions, bucket.current(name.key))
        tags = found.tags if options.tags is None else dict(options.tags)
        info = dataclasses.replace(
            found.info,
            key=name.key,
            modified_ms=self._now_ms(),
            headers=found.info.headers if options.headers is None else dict(options.headers),
            owner=options.owner,
            storage_class=options.storage_class,
            acl=options.acl,
            tags_count=len(tags),
        )
        if options.checksum_algorithm:
            sums = {options.checksum_algorithm: self._digest(options.checksum_algorithm, found.content)}
            info = dataclasses.replace(info, checksums=sums, checksum_type=checksums.FULL_OBJECT)
        return bucket.set(Object(info, found.content, tags, found.parts))

    def _digest(self, algorithm: str, content: bytes) -> str:
        hasher = self._digests.new(algorithm)
        hasher.update(content)
        return base64.b64encode(hasher.digest()).decode()

    async def delete(self, name: ObjectName, version: str | None, conditions: WriteConditions) -> Deleted:
        """Remove; an absent key is no error (unless a condition says it must match)."""
        return self._bucket(name.bucket).remove(DeleteItem(name.key, version, conditions))

    async def delete_many(self, bucket: str, items: Sequence[DeleteItem]) -> Sequence[Deleted | Exception]:
        """As `delete` for each item: a result or an S3Error for each, in order."""
        found = self._bucket(bucket)
        results: list[Deleted | Exception] = []
        for item in items:
            try:
                results.append(found.remove(item))
            except S3Error as error:
                results.append(error)
        return results

    async def tags(self, name: ObjectName, version: str | None) -> Mapping[str, str]:
        """The object's tags, empty when it has none."""
        return self._object(name, version).tags

    async def put_tags(self, name: ObjectName, version: str | None, tags: Mapping[str, str]) -> str | None:
        """Replace them; neither the time nor the ETag changes."""
        found = self._object(name, version)
        info = dataclasses.replace(found.info, tags_count=len(tags))
        self._bucket(name.bucket).set(dataclasses.replace(found, info=info, tags=dict(tags)))
        return None

    async def object_acl(self, name: ObjectName, version: str | None) -> ObjectInfo:
        """The object's row: `owner` and `acl` are what matters."""
        return self._object(name, version).info

    async def put_object_acl(self, name: ObjectName, version: str | None, acl: str) -> None:
        """Set an object's canned ACL; neither the time nor the ETag changes."""
        found = self._object(name, version)
        info = dataclasses.replace(found.info, acl=acl)
        self._bucket(name.bucket).set(dataclasses.replace(found, info=info))

    # Listings

    async def list(self, bucket: str, query: ListQuery) -> Listing:
        """A page of keys."""
        found = self._bucket(bucket)
        made = page(found.keys, query, begin(found.keys, query))
        entries = [entry(found.objects[found.keys[place]].info) for place in made.places]
        return Listing(entries, made.prefixes, made.truncated, made.last)

    async def list_versions(self, bucket: str, query: ListQuery) -> VersionListing:
        """A page of versions: each object is the only one of its key, `null`."""
        found = await self.list(bucket, query)
        entries = [VersionEntry(*row[:6], checksum_algorithm=row[6], checksum_type=row[7]) for row in found.entries]
        next_id = "null" if entries and entries[-1].key == found.next_after else ""
        return VersionListing(entries, found.prefixes, found.truncated, found.next_after, next_id)

    async def list_uploads(self, bucket: str, query: ListQuery) -> UploadListing:
        """Uploads under way, by key and then by start (an id sorts by it); `query.after` and `after_id` are markers."""
        found = self._bucket(bucket)
        places = sorted((upload.info.upload.key, id) for id, upload in found.uploads.items())
        keys = [key for key, _ in places]
        first = begin(keys, query)
        if query.after_id and keys[first - 1 : first] == [query.after]:
            first = bisect.bisect_right(places, (query.after, query.after_id))
        made = page(keys, query, first)
        entries = [upload_entry(found.uploads[places[place][1]].info) for place in made.places]
        next_id = entries[-1].upload_id if entries and entries[-1].key == made.last else ""
        return UploadListing(entries, made.prefixes, made.truncated, made.last, next_id)

    # Multipart uploads

    async def create_upload(self, name: ObjectName, options: UploadOptions) -> UploadName:
        """Begin an upload."""
        bucket, put = self._bucket(name.bucket), options.put
        self._begun += 1
        upload = UploadName(name.bucket, name.key, options.upload_id or f"{self._begun:012x}{self._new_id()}")
        if upload.upload_id in bucket.uploads or upload.upload_id in bucket.completed:
            return upload
        info = UploadInfo(
            upload, put.owner, self._now_ms(), put.storage_class, options.checksum_algorithm, options.checksum_type
        )
        bucket.uploads[upload.upload_id] = Upload(info, put, {})
        return upload

    async def upload(self, upload: UploadName) -> UploadInfo:
        """Raises: NoSuchUpload."""
        return self._upload(upload).info

    async def put_part(self, upload: UploadName, number: int, content: Content) -> PartInfo:
        """Store a part; a number used before is replaced."""
        algorithm = self._upload(upload).info.checksum_algorithm
        if algorithm:
            content.also(algorithm)
        data, sealed = await take(content)
        part = PartInfo(number, len(data), sealed.md5.hex(), self._now_ms(), sealed.checksums)
        self._upload(upload).parts[number] = part, data
        return part

    async def copy_part(self, upload: UploadName, number: int, source: ObjectName, want: Want) -> PartInfo:
        """Make a part of an object or of a range of it. Raises: InvalidArgument for a range not within the source."""
        under_way, found = self._upload(upload), self._object(source, want.version)
        conditions.check_copy(want.conditions, found.info)
        data = cut(found.content, want.range)
        algorithm = under_way.info.checksum_algorithm
        sums = {algorithm: self._digest(algorithm, data)} if algorithm else {}
        tag = base64.b64decode(self._digest("MD5", data)).hex()
        part = PartInfo(number, len(data), tag, self._now_ms(), sums)
        under_way.parts[number] = part, data
        return part

    async def list_parts(self, upload: UploadName, after: int, limit: int) -> PartsPage:
        """Parts with a number above `after`."""
        found = self._upload(upload)
        parts = [found.parts[number][0] for number in sorted(found.parts)]
        return PartsPage(found.info, *part_page(parts, after, limit))

    async def complete(self, upload: UploadName, options: CompleteOptions) -> Stored:
        """Make the object of the named parts; repeated with the same, it answers the same."""
        bucket = self._bucket(upload.bucket)
        named = (upload.key, [(part.number, part.etag) for part in options.parts])
        before, answer = bucket.completed.get(upload.upload_id, (None, None))
        if answer is not None and before == named:
            return answer
        found = self._upload(upload)
        parts = chosen({number: part for number, (part, _) in found.parts.items()}, options, self._minimum)
        sums = checksum_of(found.info, parts, options, self._digests)
        conditions.check_write(options.conditions, bucket.current(upload.key))
        content = b"".join(found.parts[part.number][1] for part in parts)
        tag, kind = etag.multipart(part.etag for part in parts), found.info.checksum_type
        if not parts:
            tag, kind = self._digests.new("MD5").digest().hex(), checksums.FULL_OBJECT if sums else ""
        if options.loose:
            parts = [dataclasses.replace(part, number=place) for place, part in enumerate(parts, 1)]
        info = self._info(upload.key, found.options, len(content), tag, sums=sums, kind=kind)
        headers = info.headers if options.headers is None else dict(options.headers)
        info = dataclasses.replace(info, parts_count=len(parts), headers=headers)
        stored = bucket.set(Object(info, content, dict(found.options.tags), tuple(parts)))
        del bucket.uploads[upload.upload_id]
        bucket.completed[upload.upload_id] = named, stored
        if len(bucket.completed) > REMEMBERED:
            del bucket.completed[next(iter(bucket.completed))]
        return stored

    async def digest_parts(self, upload: UploadName, numbers: Sequence[int], algorithm: str) -> str:
        """The checksum (base64) of these parts' content in this order. Raises: NoSuchUpload, InvalidPart."""
        parts = self._upload(upload).parts
        for number in numbers:
            if number not in parts:
                raise InvalidPart(fields={"UploadId": upload.upload_id[:200], "PartNumber": str(number)})
        return self._digest(algorithm, b"".join(parts[number][1] for number in numbers))

    async def abort(self, upload: UploadName) -> None:
        """Raises: NoSuchUpload."""
        self._upload(upload)
        del self._bucket(upload.bucket).uploads[upload.upload_id]

    # Buckets

    async def bucket(self, name: str) -> BucketInfo:
        """Raises: NoSuchBucket."""
        return self._bucket(name).info

    async def list_buckets(self, owner: str | None, prefix: str, after: str, limit: int) -> BucketPage:
        """The buckets of that owner (None: everybody's), by name."""
        found = [self._buckets[name].info for name in sorted(self._buckets) if name > after and name.startswith(prefix)]
        mine = [info for info in found if owner in (None, info.owner)]
        shown = mine[: max(limit, 0)]
        return BucketPage(shown, shown[-1].name if shown and len(mine) > len(shown) else "")

    async def create_bucket(self, info: BucketInfo) -> None:
        """Raises: BucketAlreadyOwnedByYou, BucketAlreadyExists (somebody else's)."""
        there = self._buckets.get(info.name)
        if there is not None:
            kind = BucketAlreadyOwnedByYou if there.info.owner == info.owner else BucketAlreadyExists
            raise kind(fields={"BucketName": info.name})
        self._buckets[info.name] = Bucket(info)

    async def delete_bucket(self, name: str) -> None:
        """Unfinished uploads go with it. Raises: BucketNotEmpty."""
        if self._bucket(name).objects:
            raise BucketNotEmpty(fields={"BucketName": name})
        del self._buckets[name]

    async def put_bucket_acl(self, bucket: str, acl: str) -> None:
        """Set a bucket's canned ACL."""
        found = self._bucket(bucket)
        found.info = dataclasses.replace(found.info, acl=acl)

    async def put_bucket_cors(self, bucket: str, rules: str) -> None:
        """Set a bucket's CORS rules; empty: remove them."""
        found = self._bucket(bucket)
        found.info = dataclasses.replace(found.info, cors=rules)

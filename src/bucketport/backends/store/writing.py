"""How is an object stored, removed, tagged? Content first, then one change, decided inside a commit."""

from collections.abc import Mapping, Sequence

from bucketport.backends.store.index.changes import (
    DeleteObjects,
    Face,
    PutBucketAcl,
    PutObject,
    PutObjectAcl,
    PutTags,
)
from bucketport.backends.store.index.columns import TAGS, checksums_text, info_of, map_of, map_text
from bucketport.backends.store.intake import Intake
from bucketport.errors import NoSuchVersion
from bucketport.model import NO_HEADERS, Deleted, ObjectInfo, ObjectName, Sealed, Stored
from bucketport.options import DeleteItem, PutOptions, WriteConditions
from bucketport.ports import Content


class Writing(Intake):
    """PUT, DELETE, tags and ACLs."""

    async def put(self, name: ObjectName, content: Content, options: PutOptions) -> Stored:
        """Store the content; when this returns it is durable. Conditions are judged inside the commit."""
        inline = self._settings.inline_bytes
        if content.length is None or content.length > inline:
            self._read.bucket_number(name.bucket)
        taken = await self._take(content, inline, hashed=self._dedups(name.bucket))
        face, key = face_of(taken.sealed, options, self._now_ms()), name.key.encode()
        change = PutObject(name.bucket, key, face, taken.content, taken.blob, options.conditions, taken.sha256)
        stored: Stored = await self._submit(change, self._undo(taken.blob))
        return stored

    async def delete(self, name: ObjectName, version: str | None, conditions: WriteConditions) -> Deleted:
        """Remove; an absent key is no error (unless a condition says it must match)."""
        outcome = (await self.delete_many(name.bucket, (DeleteItem(name.key, version, conditions),)))[0]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def delete_many(self, bucket: str, items: Sequence[DeleteItem]) -> Sequence[Deleted | Exception]:
        """As `delete` for each item, in one commit: a result or an S3Error for each, in order."""
        outcomes: Sequence[Deleted | Exception] = await self._submit(DeleteObjects(bucket, items))
        return outcomes

    async def tags(self, name: ObjectName, version: str | None) -> Mapping[str, str]:
        """The object's tags, empty when it has none."""
        row = self._read.head(name.bucket, name.key)
        _check_version(name, version)
        return map_of(row[TAGS]) if row[TAGS] else NO_HEADERS

    async def put_tags(self, name: ObjectName, version: str | None, tags: Mapping[str, str]) -> str | None:
        """Replace them (empty: remove them all); the version id they were put on."""
        text = map_text(tags) if tags else None
        made: str | None = await self._submit(PutTags(name.bucket, name.key.encode(), version, text, len(tags)))
        return made

    async def object_acl(self, name: ObjectName, version: str | None) -> ObjectInfo:
        """The object's row: `owner` and `acl` are what matters. Raises: NoSuchKey."""
        row = self._read.head(name.bucket, name.key)
        _check_version(name, version)
        return info_of(name.key, row)

    async def put_object_acl(self, name: ObjectName, version: str | None, acl: str) -> None:
        """Set an object's canned ACL."""
        await self._submit(PutObjectAcl(name.bucket, name.key.encode(), version, acl))

    async def put_bucket_acl(self, bucket: str, acl: str) -> None:
        """Set a bucket's canned ACL."""
        await self._submit(PutBucketAcl(bucket, acl), self._forget_bucket(bucket))


def _check_version(name: ObjectName, version: str | None) -> None:
    if version is not None and version != "null":
        raise NoSuchVersion(fields={"Key": name.key, "VersionId": version[:200]})


def face_of(sealed: Sealed, options: PutOptions, now_ms: int) -> Face:
    """The row of an object that was sent in one piece."""
    checksums, tags = sealed.checksums, options.tags
    return Face(
        sealed.size,
        sealed.md5.hex(),
        now_ms,
        options.storage_class,
        options.owner,
        next(iter(checksums), ""),
        "FULL_OBJECT" if checksums else "",
        options.acl,
        map_text(options.headers),
        checksums_text(checksums),
        map_text(tags) if tags else None,
        len(tags),
    )

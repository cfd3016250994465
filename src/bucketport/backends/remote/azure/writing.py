"""How is an object written, replaced and removed? S3's conditions become a compare-and-swap on Azure's own ETag.

A condition on S3's ETag is judged on what a HEAD shows; the write then bears Azure's ETag of just that. When somebody
was faster, it is judged again: also a change of metadata makes a new ETag there, which is no reason to refuse.
"""

from collections.abc import Mapping

from bucketport.backends.remote.azure.answers import (
    Facts,
    base64_of,
    check_tags,
    hex_of,
    metadata_headers,
    nonsense,
    put_headers,
)
from bucketport.backends.remote.azure.blocks import Attempt
from bucketport.backends.remote.azure.bodies import Slices
from bucketport.backends.remote.azure.reading import ATTEMPTS, Reading, check_version
from bucketport.backends.remote.dialect import Plan
from bucketport.backends.remote.s3.answers import modified_of
from bucketport.backends.remote.upload import PlainBody, Upload
from bucketport.errors import BackendError, ConditionalRequestConflict, NoSuchKey, PreconditionFailed, Trouble
from bucketport.message import HttpAnswer, HttpRequest, Outgoing
from bucketport.model import NO_HEADERS, Deleted, ObjectName, Stored
from bucketport.options import NO_CONDITIONS, PutOptions, WriteConditions
from bucketport.ports import Hasher
from bucketport.wire.checksums import FULL_OBJECT
from bucketport.wire.conditions import check_write
from bucketport.wire.xml import escape

LOST = frozenset({"ConditionNotMet", "BlobAlreadyExists", "TargetConditionNotMet"})
"""Codes that say: it is not as the condition wants it."""


class Writing(Reading):
    """PUT and DELETE, and tags."""

    def guard(self, name: ObjectName, conditions: WriteConditions) -> Plan[dict[str, str]]:
        """The headers that make a write of Azure's conditional, after a look at what is there where one is needed.

        Raises: PreconditionFailed, NoSuchKey.
        """
        if conditions is NO_CONDITIONS or conditions == NO_CONDITIONS:
            return {}
        if conditions.if_none_match == "*" and conditions.if_match is None:
            return {"if-none-match": "*"}
        blob = yield from self.look(name)
        check_write(conditions, blob.info if blob else None)
        return {"if-none-match": "*"} if blob is None else {"if-match": blob.tag}

    def is_lost(self, answer: HttpAnswer) -> bool:
        """Whether a conditional write was refused because of its condition."""
        return answer.status in (409, 412) and self.code_of(answer) in LOST

    def put(self, name: ObjectName, upload: Upload, options: PutOptions) -> Plan[Stored]:
        """Put Blob in one request, or in blocks where it is too large for that."""
        facts = Facts(options.owner, checksums=_known(upload))
        headers = put_headers(options, facts, self.place.tier)
        for _ in range(ATTEMPTS):
            guard = yield from self.guard(name, options.conditions)
            if upload.length > self.blob_limit:
                answer = yield from self._put_blocks(name, upload, options, guard)
            else:
                answer = yield self._put_blob(name, upload, headers | guard)
            if answer.status == 201:
                return (yield from self._stored(name, upload, options, answer))
            if not (guard and self.is_lost(answer)):
                raise self.refusal(answer)
            if guard.get("if-none-match"):
                raise PreconditionFailed(fields={"Condition": "If-None-Match"})
            if upload.data is None:
                # The content is gone. If it is another object by now the client is told so, else to try again.
                yield from self.guard(name, options.conditions)
                break
        raise ConditionalRequestConflict

    def _put_blob(self, name: ObjectName, upload: Upload, headers: dict[str, str]) -> HttpRequest:
        headers = {"x-ms-blob-type": "BlockBlob", **headers}
        md5 = upload.promised.md5 or (upload.sealed.md5 if upload.sealed else b"")
        if md5:
            headers["content-md5"] = base64_of(md5)
        body: bytes | Outgoing = PlainBody(upload) if upload.data is None else upload.data
        conditional = "if-match" in headers or "if-none-match" in headers
        return self.request("PUT", self.path(name), headers=headers, body=body, idempotent=not conditional)

    def _put_blocks(
        self, name: ObjectName, upload: Upload, options: PutOptions, guard: dict[str, str]
    ) -> Plan[HttpAnswer]:
        """Blocks as long as they may be, and then the list of them."""
        attempt = self.attempt(0)
        ids = yield from self.send_blocks(name, upload, attempt)
        sealed = upload.seal
        facts = Facts(options.owner, checksums=sealed.checksums)
        headers = put_headers(options, facts, self.place.tier) | guard
        headers["x-ms-blob-content-md5"] = base64_of(sealed.md5)
        return (yield self.commit(name, ids, headers))

    def attempt(self, number: int, nonce: bytes | None = None) -> Attempt:
        """A fresh try to send a part (0: a whole object)."""
        at = int(self.tools.now() * 1000)
        return Attempt(self.tools.entropy(6) if nonce is None else nonce, number, at, self.tools.entropy(2))

    def send_blocks(
        self, name: ObjectName, upload: Upload, attempt: Attempt, hasher: Hasher | None = None
    ) -> Plan[list[str]]:
        """Send content as data blocks; their ids. Raises: what Azure refuses."""
        ids: list[str] = []
        slices, left = Slices(upload, hasher), upload.length
        if upload.data is not None and hasher is not None:
            hasher.update(upload.data)
        while left:
            length = min(left, self.block_limit)
            body: bytes | Outgoing = slices.take(length) if upload.data is None else upload.data
            whole = length == upload.length
            md5 = upload.promised.md5 or (upload.sealed.md5 if upload.sealed else b"")
            ids.append(attempt.data(len(ids)))
            yield from self.put_block(name, ids[-1], body, md5 if whole else b"")
            left -= length
        return ids

    def put_block(self, name: ObjectName, block: str, body: bytes | Outgoing, md5: bytes = b"") -> Plan[None]:
        """Put Block: sending one again does no harm."""
        headers = {"content-md5": base64_of(md5)} if md5 else NO_HEADERS
        answer = yield self.request("PUT", self.path(name), {"comp": "block", "blockid": block}, headers, body=body)
        if answer.status != 201:
            raise self.refusal(answer)

    def commit(
        self, name: ObjectName, ids: list[str], headers: dict[str, str], kind: str = "Uncommitted"
    ) -> HttpRequest:
        """Put Block List: the blob is made of these blocks, and all others are discarded.

        `kind` tells where they are looked for: `Latest` is among the uncommitted ones, then among those of the blob.
        """
        rows = "".join([f"<{kind}>{block}</{kind}>" for block in ids])
        body = f'<?xml version="1.0" encoding="utf-8"?><BlockList>{rows}</BlockList>'.encode()
        return self.request("PUT", self.path(name), {"comp": "blocklist"}, headers, body=body, idempotent=False)

    def _stored(self, name: ObjectName, upload: Upload, options: PutOptions, answer: HttpAnswer) -> Plan[Stored]:
        """What a write made; a checksum that was known only at its end is added to the metadata.

        Raises: BackendError when the answer came before the content was through, or tells of other content.
        """
        if upload.sealed is None or "etag" not in answer.headers:
            raise nonsense("it does not confirm what was stored")
        sealed = upload.sealed
        theirs = hex_of(answer.headers.get("content-md5", ""))
        if theirs and theirs != sealed.md5.hex() and upload.length <= self.blob_limit:
            raise BackendError(Trouble.CORRUPT, f"the backend stored other content than was sent: MD5 {theirs}")
        if upload.length <= self.blob_limit and sealed.checksums != _known(upload):
            facts = Facts(options.owner, checksums=sealed.checksums)
            headers = metadata_headers(options.headers, options.storage_class, facts)
            headers["if-match"] = answer.headers["etag"]
            added = yield self.blob("PUT", name, headers, "metadata")
            # Whoever overwrote or removed the object meanwhile came after us: what we stored was stored.
            if added.status == 200:
                answer = added
            elif added.status not in (404, 412):
                raise self.refusal(added)
        kind = FULL_OBJECT if sealed.checksums else ""
        modified = modified_of(answer.headers.get("last-modified"))
        return Stored(sealed.md5.hex(), modified, sealed.size, sealed.checksums, kind)

    def delete(self, name: ObjectName, version: str | None, conditions: WriteConditions) -> Plan[Deleted]:
        """Delete Blob. A blob with snapshots is refused: they are somebody's backups."""
        check_version(name, version)
        for _ in range(ATTEMPTS):
            guard = yield from self.guard(name, conditions)
            if "if-none-match" in guard:
                return Deleted(version)
            answer = yield self.request("DELETE", self.path(name), headers=guard, idempotent=not guard)
            if answer.status in (200, 202):
                return Deleted(version)
            error = self.refusal(answer)
            if not guard and isinstance(error, NoSuchKey):
                return Deleted(version)
            if not (guard and (self.is_lost(answer) or isinstance(error, NoSuchKey))):
                raise error
        raise ConditionalRequestConflict

    def put_tags(self, name: ObjectName, version: str | None, tags: Mapping[str, str]) -> Plan[str | None]:
        """Set Blob Tags; neither the time nor the ETag changes."""
        check_version(name, version)
        check_tags(tags)
        rows = "".join([f"<Tag><Key>{escape(k)}</Key><Value>{escape(v)}</Value></Tag>" for k, v in tags.items()])
        body = f'<?xml version="1.0" encoding="utf-8"?><Tags><TagSet>{rows}</TagSet></Tags>'.encode()
        answer = yield self.request("PUT", self.path(name), {"comp": "tags"}, body=body)
        if answer.status != 204:
            raise self.refusal(answer)
        return None


def _known(upload: Upload) -> dict[str, str]:
    """The checksums that are known before the content is sent."""
    if upload.data is not None and upload.sealed is not None:
        return dict(upload.sealed.checksums)
    return {upload.promised.algorithm: upload.promised.value} if upload.promised.value else {}

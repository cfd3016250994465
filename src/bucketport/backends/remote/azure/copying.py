"""How is an object copied within one account? By Copy Blob, which the service carries out by itself.

Metadata goes along in the same request. A blob's own properties (Content-Type and its kin) come from the source there;
where the client brings others they are set right after, bound to what the copy made.
"""

from collections.abc import Mapping
from dataclasses import replace

from bucketport.backends.remote.azure.answers import (
    Blob,
    Facts,
    check_options,
    metadata_headers,
    native_headers,
    tags_header,
)
from bucketport.backends.remote.azure.bodies import passed
from bucketport.backends.remote.azure.reading import ATTEMPTS, check_version, read_tags
from bucketport.backends.remote.azure.tiers import tier_of
from bucketport.backends.remote.azure.writing import Writing
from bucketport.backends.remote.dialect import Plan
from bucketport.backends.remote.s3.answers import modified_of
from bucketport.errors import BackendError, ConditionalRequestConflict, PreconditionFailed, Trouble
from bucketport.message import HttpAnswer, HttpRequest, release
from bucketport.model import NO_HEADERS, ObjectName, Stored
from bucketport.options import CopyOptions, PutOptions, Want
from bucketport.wire.checksums import FULL_OBJECT
from bucketport.wire.conditions import check_copy
from bucketport.wire.etag import unquote

_POLLS = 60
"""How often a copy that is under way is asked after. Within an account it is done when the answer comes."""

SOURCE_LOST = frozenset({"SourceConditionNotMet", "CannotVerifyCopySource", "BlobNotFound"})
"""Codes that say that the source is no longer what was looked at."""


class Copying(Writing):
    """CopyObject."""

    def copy(self, source: ObjectName, want: Want, name: ObjectName, options: CopyOptions) -> Plan[Stored]:
        """Copy Blob; new metadata, properties and tier where source and target are one."""
        check_version(source, want.version)
        for _ in range(ATTEMPTS):
            found = yield from self._source(source, want)
            wanted = options.checksum_algorithm
            if wanted and not (wanted in found.info.checksums and found.info.checksum_type == FULL_OBJECT):
                if (stored := (yield from self._through(source, found, name, options))) is not None:
                    return stored
                continue
            if wanted:
                sums = {wanted: found.info.checksums[wanted]}
                found = replace(found, info=replace(found.info, checksums=sums))
            headers = yield from self._headers(source, found, options)
            guard = yield from self.guard(name, options.conditions)
            in_place = source == self.real(name)
            if in_place:
                if "if-none-match" in guard:
                    raise PreconditionFailed(fields={"Condition": "If-None-Match"})
                answer = yield from self._change(name, found, headers, options)
            else:
                answer = yield from self._copy(source, found.tag, name, headers | guard)
            if answer.status in (200, 202):
                if not in_place and options.headers is not None:
                    answer = yield from self._properties(name, found, answer, options)
                return _stored(found, answer)
            if not (self.is_lost(answer) or self.code_of(answer) in SOURCE_LOST):
                raise self.refusal(answer)
            if "if-none-match" in guard and self.is_lost(answer):
                raise PreconditionFailed(fields={"Condition": "If-None-Match"})
        raise ConditionalRequestConflict

    def _source(self, source: ObjectName, want: Want) -> Plan[Blob]:
        """What is to be copied. Raises: NoSuchKey, NoSuchBucket, PreconditionFailed."""
        answer = yield self.request("HEAD", self.path_of(source))
        found = self.read(source, answer)
        check_copy(want.conditions, found.info)
        return found

    def _through(self, source: ObjectName, found: Blob, name: ObjectName, options: CopyOptions) -> Plan[Stored | None]:
        """Read what is copied for its checksum, and write it anew; None when the source is another by now."""
        info, algorithm = found.info, options.checksum_algorithm
        tags = options.tags
        if tags is None:
            tags = yield from self._tags(source, found)
        headers = info.headers if options.headers is None else options.headers
        how = PutOptions(
            options.owner, headers, options.storage_class, options.acl, tags, options.conditions, options.extra
        )
        answer = yield self.request("GET", self.path_of(source), headers={"if-match": found.tag}, streamed=True)
        if answer.status in (404, 412):
            return None
        if answer.status != 200:
            raise self.refusal(answer)
        upload = passed(answer, info.size, self.tools.digests, algorithm)
        stored = yield from self.put(name, upload, how)
        release(answer.body)
        return stored

    def _tags(self, source: ObjectName, found: Blob) -> Plan[Mapping[str, str]]:
        """The source's tags."""
        if not found.info.tags_count:
            return NO_HEADERS
        answer = yield self.request("GET", self.path_of(source), {"comp": "tags"})
        if answer.status != 200:
            raise self.refusal(answer)
        return read_tags(answer)

    def _headers(self, source: ObjectName, found: Blob, options: CopyOptions) -> Plan[dict[str, str]]:
        """What the copy has of its own: metadata, tags, tier. Raises: NotImplemented."""
        info = found.info
        check_options(PutOptions(options.owner, acl=options.acl, extra=options.extra))
        headers = info.headers if options.headers is None else options.headers
        facts = Facts(options.owner, info.etag if info.parts_count else "", info.checksums, info.checksum_type)
        made = metadata_headers(headers, options.storage_class, facts)
        tags = options.tags
        if tags is None:
            tags = yield from self._tags(source, found)
        if tags:
            made["x-ms-tags"] = tags_header(tags)
        tier = tier_of(options.storage_class, self.place.tier)
        if tier:
            made["x-ms-access-tier"] = tier
        return made

    def _copy(self, source: ObjectName, tag: str, name: ObjectName, headers: dict[str, str]) -> Plan[HttpAnswer]:
        """Copy Blob, until it is done. Raises: BackendError when it fails on the way."""
        answer = yield self.copying(source, tag, name, headers)
        if answer.status != 202:
            return answer
        answer = yield from self.followed(name, answer)
        status = copy_status(answer)
        if status == "pending":
            abort = {"x-ms-copy-action": "abort"}
            copy_id = answer.headers.get("x-ms-copy-id", "")
            yield self.request("PUT", self.path(name), {"comp": "copy", "copyid": copy_id}, abort)
        if status != "success":
            raise BackendError(Trouble.UNEXPECTED, f"the backend's copy ended as {status[:40]}")
        return answer

    def copying(self, source: ObjectName, tag: str, name: ObjectName, headers: Mapping[str, str]) -> HttpRequest:
        """Copy Blob, of the source as it is by Azure's ETag `tag`."""
        place = self.place.endpoint
        how = {"x-ms-copy-source": f"{place.scheme}://{place.authority}{self.path_of(source)}"}
        how["x-ms-source-if-match"] = tag
        return self.request("PUT", self.path(name), headers={**headers, **how}, idempotent=False)

    def followed(self, name: ObjectName, answer: HttpAnswer) -> Plan[HttpAnswer]:
        """What is told of a copy once it is over, or was asked after often enough. Raises: BackendError."""
        copy_id = answer.headers.get("x-ms-copy-id", "")
        for _ in range(_POLLS):
            if copy_status(answer) != "pending":
                break
            answer = yield self.blob("HEAD", name)
            if answer.status != 200 or answer.headers.get("x-ms-copy-id") != copy_id:
                raise BackendError(Trouble.UNEXPECTED, "a copy was overwritten while it was under way")
        return answer

    def _properties(self, name: ObjectName, found: Blob, answer: HttpAnswer, options: CopyOptions) -> Plan[HttpAnswer]:
        """Set Blob Properties where the client's differ from the source's. What is not named is cleared there."""
        assert options.headers is not None
        headers = native_headers(options.headers)
        if headers == native_headers(found.info.headers):
            return answer
        if found.md5:
            headers["x-ms-blob-content-md5"] = found.md5
        headers["if-match"] = answer.headers.get("etag", found.tag)
        changed = yield self.blob("PUT", name, headers, "properties")
        # Whoever overwrote the copy meanwhile came after us.
        if changed.status in (404, 412):
            return answer
        if changed.status != 200:
            raise self.refusal(changed)
        return changed

    def _change(self, name: ObjectName, found: Blob, headers: dict[str, str], options: CopyOptions) -> Plan[HttpAnswer]:
        """An object copied onto itself: its content stays where it is."""
        tags, tier = headers.pop("x-ms-tags", ""), headers.pop("x-ms-access-tier", "")
        answer = yield self.blob("PUT", name, headers | {"if-match": found.tag}, "metadata")
        if answer.status != 200:
            return answer
        if options.headers is not None:
            answer = yield from self._properties(name, found, answer, options)
        if options.tags is not None and (tags or found.info.tags_count):
            yield from self.put_tags(name, None, options.tags)
        if tier and options.storage_class != found.info.storage_class:
            moved = yield self.blob("PUT", name, {"x-ms-access-tier": tier}, "tier")
            if moved.status not in (200, 202):
                raise self.refusal(moved)
        return answer


def copy_status(answer: HttpAnswer) -> str:
    """How the copy that made a blob stands; `success` for a blob that none made."""
    return answer.headers.get("x-ms-copy-status", "success")


def _stored(found: Blob, answer: HttpAnswer) -> Stored:
    """What a copy made. Where Azure's own ETag serves as S3's, the copy has another one."""
    info = found.info
    own = info.etag == unquote(found.tag)
    tag = unquote(answer.headers.get("etag", "")) if own else info.etag
    modified = modified_of(answer.headers.get("last-modified"))
    return Stored(tag, modified, info.size, info.checksums, info.checksum_type)

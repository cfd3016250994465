"""How is an object uploaded in parts? By the XML API; how an upload is completed has a room of its own.

Google refuses conditions on the request that completes an upload, and lets nobody add metadata to it; hence the name of
its own at which an upload is begun, see `uploads`.
"""

import base64
from collections.abc import Mapping
from dataclasses import replace

from bucketport.backends.remote.credentials_gcs import Bearer
from bucketport.backends.remote.dialect import Plan
from bucketport.backends.remote.gcs import held as helds
from bucketport.backends.remote.gcs import uploads
from bucketport.backends.remote.gcs.answers import facts_of, info_of, nonsense
from bucketport.backends.remote.gcs.completing import Completing
from bucketport.backends.remote.gcs.framing import Digested, Relayed
from bucketport.backends.remote.gcs.signing import presign
from bucketport.backends.remote.gcs.uploads import STAGED, Staged, node_of, staged
from bucketport.backends.remote.gcs.writing import held_of
from bucketport.backends.remote.upload import PlainBody, Upload
from bucketport.errors import InvalidArgument, InvalidURI, NoSuchBucket, NoSuchKey, NoSuchUpload, NotImplemented
from bucketport.message import HttpAnswer, HttpRequest, Outgoing, Stream, release
from bucketport.model import ObjectName, PartInfo, PartsPage, UploadEntry, UploadInfo, UploadListing, UploadName
from bucketport.options import ListQuery, UploadOptions, Want
from bucketport.ports import Hasher
from bucketport.wire import conditions, dates, etag, ranges
from bucketport.wire.headers import on_wire
from bucketport.wire.query import unescape
from bucketport.wire.xml import Node

_FIXED = ("content-type", "cache-control", "content-disposition", "content-encoding", "content-language")

_OURS = frozenset(STAGED + "0123456789abcdefghijk")
"""What a name of ours has behind the key: a delimiter of these alone could be found there."""


class Multipart(Completing):
    """The calls about uploads in parts but Complete."""

    def create_upload(self, name: ObjectName, options: UploadOptions) -> Plan[UploadName]:
        """POST ?uploads, with all the metadata that is known now."""
        put, there = options.put, self.real(name)
        self.check_options(put.acl, put.extra)
        google = helds.google_class(put.storage_class)
        sealed = uploads.seal(
            self.now_ms(), self.nonce(), (options.checksum_algorithm, options.checksum_type, put.storage_class)
        )
        headers = {name: on_wire(put.headers[name]) for name in _FIXED if put.headers.get(name)}
        for item, value in helds.metadata_of(put.headers, held_of(put, {})).items():
            headers["x-goog-meta-" + item] = value
        if google:
            headers["x-goog-storage-class"] = google
        target = uploads.staged_name(there, sealed)
        answer = yield self.xml("POST", target, {"uploads": ""}, headers, idempotent=False)
        if answer.status == 404:
            raise NoSuchBucket(fields={"BucketName": name.bucket})
        if answer.status != 200:
            raise self.refusal(answer)
        google_id = node_of(answer, "InitiateMultipartUploadResult").value("UploadId").strip()
        if not google_id:
            raise nonsense("an upload without an id")
        return UploadName(name.bucket, name.key, f"{sealed}.{google_id}")

    def upload(self, upload: UploadName) -> Plan[UploadInfo]:
        """What the id says, once Google says that there is such an upload."""
        return (yield from self.list_parts(upload, 0, 1)).info

    def put_part(self, upload: UploadName, number: int, content: Upload) -> Plan[PartInfo]:
        """PUT ?partNumber. Google checks what the client declared of it beforehand."""
        found = yield from self.staged(upload)
        headers = {}
        if content.promised.md5:
            headers["content-md5"] = helds.base64_md5(content.promised.md5)
        if content.algorithm == "CRC32C" and content.value:
            headers["x-goog-hash"] = f"crc32c={content.value}"
        body: bytes | Outgoing
        hasher = None if content.algorithm == found.algorithm else self._hasher(found)
        if content.data is not None:
            body = content.data
            if hasher is not None:
                hasher.update(body)
        else:
            body = PlainBody(content) if hasher is None else Digested(content, hasher)
        part = yield from self._put_part(found, number, headers, body)
        seal = content.seal
        if seal.md5 and seal.md5.hex() != part.etag:
            raise nonsense("it confirms other content than was sent")
        sums = dict(seal.checksums)
        if hasher is not None:
            sums[found.algorithm] = _base64(hasher)
        return PartInfo(number, seal.size, part.etag, part.modified_ms, sums)

    def presign_part(
        self, upload: UploadName, number: int, seconds: int, key: Bearer | None, now: float
    ) -> HttpRequest:
        """PUT ?partNumber as a signed URL. Whether the upload is still there is told to whoever uses it.

        Raises: NoSuchUpload for an id that was not made here, NotImplemented without a service account's key.
        """
        found = staged(upload, self.real_bucket(upload.bucket))
        request = self.xml("PUT", found.name, {"partNumber": str(number), "uploadId": found.id})
        return presign(request, key.signer if key is not None else None, seconds, now)

    def _hasher(self, found: Staged) -> Hasher | None:
        """A digest of the algorithm that the upload was begun with; None where it has none."""
        return self.digests.new(found.algorithm) if found.algorithm else None

    def _put_part(
        self, found: Staged, number: int, headers: Mapping[str, str], body: bytes | Outgoing
    ) -> Plan[PartInfo]:
        query = {"partNumber": str(number), "uploadId": found.id}
        answer = yield self.xml("PUT", found.name, query, headers, body=body)
        if answer.status != 200:
            raise (yield from self.no_upload(answer, found))
        tag = etag.unquote(answer.headers.get("etag", ""))
        if not tag:
            raise nonsense("a part without an ETag")
        seconds = dates.parse_http_date(answer.headers.get("date", "")) or 0
        return PartInfo(number, len(body) if isinstance(body, bytes) else body.length, tag, seconds * 1000)

    def copy_part(self, upload: UploadName, number: int, source: ObjectName, want: Want) -> Plan[PartInfo]:
        """Google has no such call: the bytes come through here, as they come, at one generation of the source."""
        found = yield from self.staged(upload)
        facts = facts_of((yield from self.the_resource(source, want.version)))
        conditions.check_copy(want.conditions, info_of(facts))
        first, last = 0, facts.size - 1
        headers = {"accept-encoding": "gzip"}
        if want.range is not None:
            first, last = ranges.parse_copy_range(want.range)
            if last >= facts.size:
                raise InvalidArgument(
                    f"Range specified is not valid for source object of size: {facts.size}",
                    fields={"ArgumentName": "x-amz-copy-source-range", "ArgumentValue": want.range[:200]},
                )
            headers["range"] = f"bytes={first}-{last}"
        answer = yield self.xml("GET", source, {"generation": facts.generation}, headers, streamed=True)
        if answer.status == 404:
            raise NoSuchKey
        if answer.status != (200 if want.range is None else 206):
            raise self.refusal(answer)
        hasher = self._hasher(found)
        body = _passed_on(answer, last - first + 1, hasher)
        part = yield from self._put_part(found, number, {}, body)
        release(answer.body)
        return part if hasher is None else replace(part, checksums={found.algorithm: _base64(hasher)})

    def list_parts(self, upload: UploadName, after: int, limit: int) -> Plan[PartsPage]:
        """GET ?uploadId. Checksums of parts are not held."""
        found = yield from self.staged(upload)
        query = {
            "uploadId": found.id,
            "max-parts": str(min(max(limit, 1), 1000)),
            "part-number-marker": str(after),
        }
        answer = yield self.xml("GET", found.name, query)
        if answer.status != 200:
            raise (yield from self.no_upload(answer, found))
        node = node_of(answer, "ListPartsResult")
        info = UploadInfo(upload, "", found.started_ms, found.storage_class, found.algorithm, found.checksum_type)
        if limit <= 0:
            return PartsPage(info, ())
        parts = [uploads.part_of(row) for row in node.all("Part")]
        more = uploads.count(node, "NextPartNumberMarker") if node.value("IsTruncated") == "true" else 0
        return PartsPage(info, parts, more)

    def list_uploads(self, bucket: str, query: ListQuery) -> Plan[UploadListing]:
        """GET ?uploads: those that were begun here, by key and then by start.

        Raises: NotImplemented for a delimiter that names of ours might hold.
        """
        if query.delimiter and _OURS.issuperset(query.delimiter):
            raise NotImplemented("Uploads to this bucket cannot be listed with this delimiter")
        name = ObjectName(self.real_bucket(bucket), "")
        sent = {"uploads": "", "max-uploads": str(min(max(query.limit, 1), 1000)), "encoding-type": "url"}
        if query.prefix:
            sent["prefix"] = query.prefix
        if query.delimiter:
            sent["delimiter"] = query.delimiter
        marker = _marker(query)
        entries: list[UploadEntry] = []
        while True:
            if marker:
                sent["key-marker"] = marker
            answer = yield self.xml("GET", name, sent)
            if answer.status == 404:
                raise NoSuchBucket(fields={"BucketName": bucket})
            if answer.status != 200:
                raise self.refusal(answer)
            node = node_of(answer, "ListMultipartUploadsResult")
            if query.limit <= 0:
                return UploadListing((), ())
            entries = [entry for row in node.all("Upload") if (entry := _entry(row)) is not None]
            prefixes = [_text(row, "Prefix") for row in node.all("CommonPrefixes")]
            more = node.value("IsTruncated") == "true"
            following = _text(node, "NextKeyMarker")
            if not more:
                return UploadListing(entries, prefixes)
            if not following or following <= marker:
                raise nonsense("a list of uploads that does not end")
            marker = following
            if entries or prefixes:
                last = uploads.key_of(marker)
                if last is None:
                    return UploadListing(entries, prefixes, True, marker)
                google_id = next((entry.upload_id for entry in entries if entry.upload_id.startswith(last[1])), "")
                return UploadListing(entries, prefixes, True, last[0], google_id)

    def abort(self, upload: UploadName) -> Plan[None]:
        """DELETE ?uploadId; and what a Complete that was cut short left of it."""
        found = yield from self.staged(upload)
        answer = yield self.xml("DELETE", found.name, {"uploadId": found.id})
        if answer.status in (200, 204):
            return
        error = yield from self.no_upload(answer, found)
        if isinstance(error, NoSuchUpload):
            left = yield self.about("DELETE", found.name)
            if left.status in (200, 204):
                return
        raise error


def _base64(hasher: Hasher) -> str:
    return base64.b64encode(hasher.digest()).decode()


def _passed_on(answer: HttpAnswer, length: int, hasher: Hasher | None) -> bytes | Outgoing:
    """The body of a read as the body of a part. Raises: BackendError when it is of another length."""
    body = answer.body
    if isinstance(body, bytes):
        if len(body) != length:
            raise nonsense("a read of another length than was asked for")
        if hasher is not None:
            hasher.update(body)
        return body
    if not isinstance(body, Stream) or body.length not in (None, length):
        raise nonsense("a read of another length than was asked for")
    return Relayed(body, length, hasher)


def _marker(query: ListQuery) -> str:
    """Google's marker for ours: names behind it are listed."""
    if not query.after:
        return ""
    sealed, dot, _ = query.after_id.partition(".")
    if dot and uploads.key_of(STAGED + sealed) is not None:
        return query.after + STAGED + sealed
    if query.delimiter and query.after.endswith(query.delimiter):
        return query.after + "\U0010ffff"
    return query.after + STAGED + "~"


def _text(row: Node, name: str) -> str:
    """A name in a list, which is percent-encoded there. Raises: BackendError."""
    try:
        return unescape(row.value(name))
    except InvalidURI as error:
        raise nonsense(f"{name} is not encoded as was asked for") from error


def _entry(row: Node) -> UploadEntry | None:
    """A row of a listing; None for an upload that was not begun here."""
    found = uploads.key_of(_text(row, "Key"))
    google_id = row.value("UploadId").strip()
    if found is None or not google_id:
        return None
    key, sealed = found
    name = UploadName("", key, f"{sealed}.{google_id}")
    known = staged(name, "")
    return UploadEntry(
        key, name.upload_id, uploads.moment(row, "Initiated"), "", known.storage_class, known.algorithm,
        known.checksum_type,
    )  # fmt: skip

"""How is an object in parts made at S3? By its own uploads, so that nothing of them is kept here."""

from bucketport.backends.remote.credentials import AwsKey
from bucketport.backends.remote.dialect import Plan
from bucketport.backends.remote.s3.answers import (
    checksum_type,
    checksums_in,
    checksums_of,
    modified_of,
    moment,
    node_of,
    nonsense,
    number,
)
from bucketport.backends.remote.s3.objects import Objects, source_headers
from bucketport.backends.remote.s3.requests import put_headers, write_conditions
from bucketport.backends.remote.upload import Upload
from bucketport.message import HttpRequest
from bucketport.model import ObjectName, PartInfo, PartsPage, Stored, UploadInfo, UploadName
from bucketport.options import NO_CONDITIONS, CompleteOptions, UploadOptions, Want
from bucketport.wire import etag
from bucketport.wire.checksums import ALGORITHMS
from bucketport.wire.ranges import parse_copy_range
from bucketport.wire.xml import DECLARATION, NAMESPACE, Node, escape


class Parts(Objects):
    """The calls about uploads."""

    def create_upload(self, name: ObjectName, options: UploadOptions) -> Plan[UploadName]:
        """CreateMultipartUpload."""
        headers = put_headers(options.put)
        if options.checksum_algorithm:
            headers["x-amz-checksum-algorithm"] = options.checksum_algorithm
        if options.checksum_type:
            headers["x-amz-checksum-type"] = options.checksum_type
        answer = yield self.request("POST", name.bucket, name.key, {"uploads": ""}, headers, idempotent=False)
        if answer.status != 200:
            raise self.refusal(answer)
        upload_id = node_of(answer, "InitiateMultipartUploadResult").value("UploadId")
        if not upload_id:
            raise nonsense("an upload without an id")
        return UploadName(name.bucket, name.key, upload_id)

    def upload(self, upload: UploadName) -> Plan[UploadInfo]:
        """ListParts, for what it says of the upload."""
        page = yield from self.list_parts(upload, 0, 1)
        return page.info

    def put_part(self, upload: UploadName, number: int, content: Upload) -> Plan[PartInfo]:
        """UploadPart."""
        headers, body = self.content(content)
        query = {"partNumber": str(number), "uploadId": upload.upload_id}
        answer = yield self.request("PUT", upload.bucket, upload.key, query, headers, body=body)
        if answer.status != 200:
            raise self.refusal(answer)
        if content.sealed is None or "etag" not in answer.headers:
            raise nonsense("it does not confirm the part")
        checksums = checksums_of(answer)
        if content.algorithm and content.algorithm not in checksums:
            checksums[content.algorithm] = content.sealed.checksums[content.algorithm]
        modified = modified_of(answer.headers.get("date"))
        return PartInfo(number, content.sealed.size, etag.unquote(answer.headers["etag"]), modified, checksums)

    def presign_part(
        self, upload: UploadName, number: int, seconds: int, key: AwsKey | None, now: float
    ) -> HttpRequest:
        """UploadPart as a presigned URL. Whether the upload is still there is told to whoever uses it.

        Raises: NotImplemented where nothing is signed.
        """
        query = {"partNumber": str(number), "uploadId": upload.upload_id}
        return self.presign(self.request("PUT", upload.bucket, upload.key, query), seconds, key, now)

    def copy_part(self, upload: UploadName, number: int, source: ObjectName, want: Want) -> Plan[PartInfo]:
        """UploadPartCopy. The size is known where a range was asked for; else it is 0."""
        query = {"partNumber": str(number), "uploadId": upload.upload_id}
        answer = yield self.request("PUT", upload.bucket, upload.key, query, source_headers(source, want))
        if answer.status != 200:
            raise self.refusal(answer)
        node = self.result(answer, "CopyPartResult")
        size = 0
        if want.range is not None:
            first, last = parse_copy_range(want.range)
            size = last - first + 1
        modified = moment(node.value("LastModified"))
        return PartInfo(number, size, etag.unquote(node.value("ETag")), modified, checksums_in(node))

    def list_parts(self, upload: UploadName, after: int, limit: int) -> Plan[PartsPage]:
        """ListParts."""
        query = {"uploadId": upload.upload_id, "max-parts": str(limit)}
        if after:
            query["part-number-marker"] = str(after)
        answer = yield self.request("GET", upload.bucket, upload.key, query)
        if answer.status != 200:
            raise self.refusal(answer)
        page = node_of(answer, "ListPartsResult", "ListPartsResponse")
        owner = page.find("Owner")
        info = UploadInfo(
            upload,
            owner.value("ID") if owner is not None else "",
            0,
            page.value("StorageClass") or "STANDARD",
            page.value("ChecksumAlgorithm"),
            page.value("ChecksumType"),
        )
        parts = [_part(node) for node in page.all("Part")]
        more = page.value("IsTruncated") == "true" and bool(parts)
        return PartsPage(info, parts, parts[-1].number if more else 0)

    def complete(self, upload: UploadName, options: CompleteOptions) -> Plan[Stored]:
        """CompleteMultipartUpload. Its 200 may hold an error."""
        headers = write_conditions(options.conditions) | {"content-type": "application/xml"}
        headers |= {ALGORITHMS[name].header: value for name, value in options.checksums.items()}
        if options.checksum_type:
            headers["x-amz-checksum-type"] = options.checksum_type
        if options.size is not None:
            headers["x-amz-mp-object-size"] = str(options.size)
        parts = "".join([_part_xml(part) for part in options.parts])
        body = f'{DECLARATION}<CompleteMultipartUpload xmlns="{NAMESPACE}">{parts}</CompleteMultipartUpload>'.encode()
        answer = yield self.request(
            "POST",
            upload.bucket,
            upload.key,
            {"uploadId": upload.upload_id},
            headers,
            body=body,
            idempotent=options.conditions is NO_CONDITIONS,
        )
        if answer.status != 200:
            raise self.refusal(answer)
        node = self.result(answer, "CompleteMultipartUploadResult")
        checksums = checksums_in(node)
        return Stored(
            etag.unquote(node.value("ETag")),
            modified_of(answer.headers.get("date")),
            0,
            checksums,
            node.value("ChecksumType") or checksum_type(checksums),
            answer.headers.get("x-amz-version-id"),
        )

    def abort(self, upload: UploadName) -> Plan[None]:
        """AbortMultipartUpload."""
        answer = yield self.request("DELETE", upload.bucket, upload.key, {"uploadId": upload.upload_id})
        if answer.status not in (200, 204):
            raise self.refusal(answer)


def _part(node: Node) -> PartInfo:
    return PartInfo(
        number(node.value("PartNumber")),
        number(node.value("Size")),
        etag.unquote(node.value("ETag")),
        moment(node.value("LastModified")),
        checksums_in(node),
    )


def _part_xml(part: PartInfo) -> str:
    checksums = "".join(f"<Checksum{name}>{escape(v)}</Checksum{name}>" for name, v in part.checksums.items())
    tag = escape(f'"{part.etag}"')
    return f"<Part>{checksums}<ETag>{tag}</ETag><PartNumber>{part.number}</PartNumber></Part>"

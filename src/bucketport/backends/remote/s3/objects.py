"""How is one object at S3 read, written, copied and removed, and how are many removed in one request?"""

import base64
import hashlib
import re
from collections.abc import Sequence

from bucketport.backends.remote.dialect import Plan
from bucketport.backends.remote.s3.answers import (
    checksum_type,
    checksums_in,
    checksums_of,
    info_of,
    modified_of,
    moment,
    node_of,
    nonsense,
    span_of,
)
from bucketport.backends.remote.s3.requests import Requests, object_headers, put_headers, tagging, write_conditions
from bucketport.backends.remote.upload import Upload
from bucketport.errors import BackendError, InternalError, InvalidPartNumber, NoSuchVersion, S3Error, Trouble, kind_of
from bucketport.message import HttpAnswer
from bucketport.model import Deleted, Found, ObjectName, PartInfo, Stored
from bucketport.options import NO_CONDITIONS, UNCONDITIONAL, CopyOptions, DeleteItem, PutOptions, Want, WriteConditions
from bucketport.wire import dates, etag
from bucketport.wire.query import encode, encode_key
from bucketport.wire.xml import DECLARATION, NAMESPACE, Node, escape

_READ = {"x-amz-checksum-mode": "ENABLED"}
"""Checksums are asked for always: only the client's request decides whether they are shown."""


def read_headers(want: Want) -> dict[str, str]:
    """What a read asks for, as headers."""
    made = dict(_READ)
    if want.range is not None:
        made["range"] = want.range
    if want.extra:
        made.update(want.extra)
    given = want.conditions
    if given is UNCONDITIONAL:
        return made
    if given.if_match is not None:
        made["if-match"] = given.if_match
    if given.if_none_match is not None:
        made["if-none-match"] = given.if_none_match
    if given.if_modified_since is not None:
        made["if-modified-since"] = dates.http_date(given.if_modified_since * 1000)
    if given.if_unmodified_since is not None:
        made["if-unmodified-since"] = dates.http_date(given.if_unmodified_since * 1000)
    return made


def source_headers(source: ObjectName, want: Want) -> dict[str, str]:
    """What a copy reads, as headers; `source` by its bucket's own name."""
    version = f"?versionId={encode(want.version)}" if want.version else ""
    made = {"x-amz-copy-source": f"/{encode(source.bucket)}/{encode_key(source.key)}{version}"}
    if want.range is not None:
        made["x-amz-copy-source-range"] = want.range
    if want.extra:
        made.update(want.extra)
    given = want.conditions
    if given.if_match is not None:
        made["x-amz-copy-source-if-match"] = given.if_match
    if given.if_none_match is not None:
        made["x-amz-copy-source-if-none-match"] = given.if_none_match
    if given.if_modified_since is not None:
        made["x-amz-copy-source-if-modified-since"] = dates.http_date(given.if_modified_since * 1000)
    if given.if_unmodified_since is not None:
        made["x-amz-copy-source-if-unmodified-since"] = dates.http_date(given.if_unmodified_since * 1000)
    return made


_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
"""What XML 1.0 cannot hold, not even as a reference (section 2.2)."""


class Objects(Requests):
    """The calls about objects."""

    batches = True

    def get(self, name: ObjectName, want: Want) -> Plan[Found]:
        """GetObject."""
        answer = yield self.request("GET", name.bucket, name.key, _which(want), read_headers(want), streamed=True)
        return self._found(name, want, answer)

    def head(self, name: ObjectName, want: Want) -> Plan[Found]:
        """HeadObject."""
        answer = yield self.request("HEAD", name.bucket, name.key, _which(want), read_headers(want))
        return self._found(name, want, answer)

    def _found(self, name: ObjectName, want: Want, answer: HttpAnswer) -> Found:
        if answer.status == 200:
            return Found(info_of(name.key, answer), answer.body)
        if answer.status == 206:
            info, span, part = info_of(name.key, answer), span_of(answer), None
            if want.part_number is not None and info.parts_count:
                part = PartInfo(want.part_number, span.length if span else 0, info.etag, 0, info.checksums)
            return Found(info, answer.body, span, part)
        error = self.refusal(answer)
        if isinstance(error, S3Error) and not answer.body:
            # The answer to a HEAD has no code, so what was asked for tells the rest.
            if answer.status == 404 and want.version is not None and "x-amz-delete-marker" not in error.headers:
                raise NoSuchVersion(reason=error.reason, headers=error.headers)
            if answer.status == 416 and want.part_number is not None:
                raise InvalidPartNumber(reason=error.reason)
        raise error

    def put(self, name: ObjectName, upload: Upload, options: PutOptions) -> Plan[Stored]:
        """PutObject, in one request."""
        headers, body = self.content(upload)
        made = put_headers(options) | write_conditions(options.conditions)
        if "content-encoding" in headers and "content-encoding" in made:
            headers["content-encoding"] += f",{made['content-encoding']}"
        answer = yield self.request(
            "PUT",
            name.bucket,
            name.key,
            headers=made | headers,
            body=body,
            idempotent=options.conditions is NO_CONDITIONS,
        )
        if answer.status != 200:
            raise self.refusal(answer)
        return stored_of(answer, upload)

    def delete(self, name: ObjectName, version: str | None, conditions: WriteConditions) -> Plan[Deleted]:
        """DeleteObject."""
        query = {"versionId": version} if version is not None else {}
        answer = yield self.request(
            "DELETE",
            name.bucket,
            name.key,
            query,
            write_conditions(conditions),
            idempotent=conditions is NO_CONDITIONS,
        )
        if answer.status not in (200, 204):
            raise self.refusal(answer)
        headers = answer.headers
        return Deleted(headers.get("x-amz-version-id"), headers.get("x-amz-delete-marker") == "true")

    def delete_many(self, bucket: str, items: Sequence[DeleteItem]) -> Plan[Sequence[Deleted | Exception]]:
        """DeleteObjects, but for keys that XML cannot hold: those go one by one.

        A key that the answer does not speak of is an error of its own.
        """
        results: dict[tuple[str, str], Deleted | Exception] = {}
        plain = [item for item in items if _NOT_XML.search(item.key) is None]
        if plain:
            yield from self._delete_plain(bucket, plain, results)
        if len(plain) < len(items):
            for item in items:
                if _NOT_XML.search(item.key) is not None:
                    results[item.key, item.version or ""] = yield from self._delete_one(bucket, item)
        silent = BackendError(Trouble.UNEXPECTED, "the backend did not say what became of a key")
        return [results.get((item.key, item.version or "")) or results.get((item.key, ""), silent) for item in items]

    def _delete_plain(
        self, bucket: str, items: Sequence[DeleteItem], results: dict[tuple[str, str], Deleted | Exception]
    ) -> Plan[None]:
        body = delete_document(items)
        headers = {
            "content-md5": base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode(),
            "x-amz-content-sha256": hashlib.sha256(body).hexdigest(),
            "content-type": "application/xml",
        }
        answer = yield self.request("POST", bucket, None, {"delete": ""}, headers, body=body)
        if answer.status != 200:
            raise self.refusal(answer)
        for node in node_of(answer, "DeleteResult").children:
            place = node.value("Key"), node.value("VersionId")
            if node.name == "Deleted":
                marker = node.value("DeleteMarkerVersionId") or None
                results[place] = Deleted(marker, node.value("DeleteMarker") == "true")
            elif node.name == "Error":
                results[place] = failed(node)

    def _delete_one(self, bucket: str, item: DeleteItem) -> Plan[Deleted | Exception]:
        try:
            return (yield from self.delete(ObjectName(bucket, item.key), item.version, item.conditions))
        except (S3Error, BackendError) as error:
            return error

    def copy(self, source: ObjectName, want: Want, name: ObjectName, options: CopyOptions) -> Plan[Stored]:
        """CopyObject."""
        headers = source_headers(source, want) | copy_headers(options) | write_conditions(options.conditions)
        answer = yield self.request("PUT", name.bucket, name.key, headers=headers, idempotent=False)
        if answer.status != 200:
            raise self.refusal(answer)
        node = self.result(answer, "CopyObjectResult")
        checksums = checksums_in(node)
        return Stored(
            etag.unquote(node.value("ETag")),
            moment(node.value("LastModified")),
            0,
            checksums,
            node.value("ChecksumType") or checksum_type(checksums),
            answer.headers.get("x-amz-version-id"),
            answer.headers.get("x-amz-copy-source-version-id"),
        )

    def result(self, answer: HttpAnswer, root: str) -> Node:
        """The XML of a 200 that may yet be an error: S3 sends the status before a long work is done.

        Raises: the error. Source: AWS CopyObject and CompleteMultipartUpload, "200 OK response with an error".
        """
        if b"<Error>" in answer.content[:1000]:
            node = node_of(answer, "Error")
            raise failed(node)
        return node_of(answer, root)


def _which(want: Want) -> dict[str, str]:
    if want.version is None and want.part_number is None:
        return {}
    made = {}
    if want.version is not None:
        made["versionId"] = want.version
    if want.part_number is not None:
        made["partNumber"] = str(want.part_number)
    return made


def copy_headers(options: CopyOptions) -> dict[str, str]:
    """How a copy differs from its source, as headers."""
    made: dict[str, str] = {}
    if options.headers is not None:
        made = object_headers(options.headers) | {"x-amz-metadata-directive": "REPLACE"}
    if options.tags is not None:
        made |= {"x-amz-tagging": tagging(options.tags), "x-amz-tagging-directive": "REPLACE"}
    if options.storage_class != "STANDARD":
        made["x-amz-storage-class"] = options.storage_class
    if options.acl != "private":
        made["x-amz-acl"] = options.acl
    if options.checksum_algorithm:
        made["x-amz-checksum-algorithm"] = options.checksum_algorithm
    return made | dict(options.extra)


def stored_of(answer: HttpAnswer, upload: Upload) -> Stored:
    """What a PUT made. The client's own checksum is answered also where the backend does not repeat it.

    Raises: BackendError when the answer has no ETag, or came before the content was through.
    """
    if upload.sealed is None or "etag" not in answer.headers:
        raise nonsense("it does not confirm what was stored")
    headers = answer.headers
    checksums = checksums_of(answer)
    if upload.algorithm and upload.algorithm not in checksums:
        checksums[upload.algorithm] = upload.sealed.checksums[upload.algorithm]
    extra = {n: v for n, v in headers.items() if n.startswith("x-amz-server-side-") or n == "x-amz-expiration"}
    return Stored(
        etag.unquote(headers["etag"]),
        modified_of(headers.get("date")),
        upload.sealed.size,
        checksums,
        headers.get("x-amz-checksum-type", "") or checksum_type(checksums),
        headers.get("x-amz-version-id"),
        None,
        extra,
    )


def delete_document(items: Sequence[DeleteItem]) -> bytes:
    """The body of a DeleteObjects."""
    objects = []
    for item in items:
        made = f"<Key>{escape(item.key)}</Key>"
        if item.version is not None:
            made += f"<VersionId>{escape(item.version)}</VersionId>"
        given = item.conditions
        if given.if_match is not None:
            made += f"<ETag>{escape(given.if_match)}</ETag>"
        if given.if_match_size is not None:
            made += f"<Size>{given.if_match_size}</Size>"
        if given.if_match_modified is not None:
            made += f"<LastModifiedTime>{dates.http_date(given.if_match_modified * 1000)}</LastModifiedTime>"
        objects.append(f"<Object>{made}</Object>")
    return f'{DECLARATION}<Delete xmlns="{NAMESPACE}">{"".join(objects)}</Delete>'.encode()


def failed(node: Node) -> Exception:
    """The error that an element within a good answer tells of."""
    code, said = node.value("Code").strip(), node.value("Message")[:300]
    kind = kind_of(code)
    if code in ("InternalError", "SlowDown", "ServiceUnavailable", "OperationAborted") or kind is None:
        trouble = Trouble.THROTTLED if code == "SlowDown" else Trouble.UNREACHABLE
        return BackendError(trouble, f"the backend answered 200 with {code} {said}")
    return kind(reason=said) if issubclass(kind, S3Error) else InternalError(reason=said)

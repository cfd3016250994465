"""What is an upload's id, and where are its parts put together?

An upload to `key` is begun at `key + STAGED + seal`: the moment it was begun and a nonce,
both in hex, and three letters that say what Google would not tell before the end (the checksum's algorithm, its type,
the storage class). The client's upload id is
the seal and Google's own id, so that neither needs a state of ours, and a listing of uploads makes the same id again.
"""

import re
from collections.abc import Sequence

from bucketport.backends.remote.gcs.answers import nonsense
from bucketport.backends.remote.gcs.held import CLASSES
from bucketport.errors import KeyTooLongError, MalformedXML, NoSuchUpload
from bucketport.message import HttpAnswer
from bucketport.model import ObjectName, PartInfo, UploadName
from bucketport.record import record
from bucketport.wire import dates, etag, xml
from bucketport.wire.checksums import COMPOSITE, FULL_OBJECT

STAGED = " .bucketport-upload-"
"""What stands between the key and the seal. It begins with a space, so that uploads are listed in the order of keys."""

SEAL = 35
"""Characters of a seal: 11 digits of milliseconds since 1970, 21 of a nonce, and the letters."""

KEY_BYTES = 1024
"""Bytes that a name may have, at S3 and at Google."""

_ALGORITHMS = (
    "", "CRC32", "CRC32C", "SHA1", "SHA256", "CRC64NVME", "SHA512", "MD5", "XXHASH64", "XXHASH3", "XXHASH128",
)  # fmt: skip
_TYPES = ("", COMPOSITE, FULL_OBJECT)
_CLASSES = tuple(CLASSES)
"""Letters of a seal count places in these, from `a`: append only."""

_SEAL = re.compile(r"[0-9a-f]{32}([a-k])([a-c])([a-h])")


@record
class Staged:
    """An upload as Google knows it. `name` is where its parts are put together."""

    name: ObjectName
    id: str
    started_ms: int
    algorithm: str
    checksum_type: str
    storage_class: str


def is_staged(name: str) -> bool:
    """Whether an object is an upload that is being completed: no client ever sees it."""
    return key_of(name) is not None


def key_of(name: str) -> tuple[str, str] | None:
    """The key and the seal in the name of an upload that was begun here; None for any other name."""
    seal = name[-SEAL:]
    head = name[:-SEAL]
    if not head.endswith(STAGED) or not _SEAL.fullmatch(seal):
        return None
    return head[: -len(STAGED)], seal


def seal(now_ms: int, nonce: str, settings: tuple[str, str, str]) -> str:
    """What an upload's name ends in; `settings` are the checksum's algorithm and type, and the storage class."""
    algorithm, checksum_type, storage_class = settings
    places = _ALGORITHMS.index(algorithm), _TYPES.index(checksum_type), _CLASSES.index(storage_class)
    return f"{now_ms:011x}{nonce[:21]}" + "".join(chr(ord("a") + place) for place in places)


def staged_name(name: ObjectName, sealed: str) -> ObjectName:
    """Where an upload's parts are put together. Raises: KeyTooLongError."""
    made = name.key + STAGED + sealed
    if len(made.encode()) > KEY_BYTES:
        most = KEY_BYTES - len(STAGED) - SEAL
        raise KeyTooLongError(
            f"A key that is uploaded in parts to this bucket may have at most {most} bytes.",
            fields={"Size": str(len(name.key.encode())), "MaxSizeAllowed": str(most)},
        )
    return ObjectName(name.bucket, made)


def staged(upload: UploadName, bucket: str) -> Staged:
    """What a client's upload id names; `bucket` by its own name. Raises: NoSuchUpload."""
    sealed, dot, google = upload.upload_id.partition(".")
    found = _SEAL.fullmatch(sealed)
    if not found or not dot or not google:
        raise NoSuchUpload(fields={"UploadId": upload.upload_id[:200]})
    algorithm, kind, storage_class = (ord(letter) - ord("a") for letter in found.groups())
    name = ObjectName(bucket, upload.key + STAGED + sealed)
    return Staged(name, google, int(sealed[:11], 16), _ALGORITHMS[algorithm], _TYPES[kind], _CLASSES[storage_class])


def node_of(answer: HttpAnswer, root: str) -> xml.Node:
    """The XML of an answer. Raises: BackendError."""
    try:
        return xml.parse(answer.content, root)
    except MalformedXML as error:
        raise nonsense(f"it is no {root}") from error


def count(node: xml.Node, name: str) -> int:
    """A number in XML. Raises: BackendError."""
    value = node.value(name).strip()
    if not (value.isascii() and value.isdigit() and len(value) <= 18):
        raise nonsense(f"{name} is no number")
    return int(value)


def moment(node: xml.Node, name: str) -> int:
    """A time in XML, in milliseconds; 0 where there is none."""
    return dates.parse_iso(node.value(name)) or 0


def part_of(node: xml.Node) -> PartInfo:
    """A row of a list of parts. Raises: BackendError."""
    tag = etag.unquote(node.value("ETag"))
    if not tag:
        raise nonsense("a part without an ETag")
    return PartInfo(count(node, "PartNumber"), count(node, "Size"), tag, moment(node, "LastModified"))


def completion(parts: Sequence[PartInfo]) -> bytes:
    """The body that completes an upload."""
    rows = [
        f"<Part><PartNumber>{part.number}</PartNumber><ETag>{xml.escape(etag.quote(part.etag))}</ETag></Part>"
        for part in parts
    ]
    return f"<CompleteMultipartUpload>{''.join(rows)}</CompleteMultipartUpload>".encode()

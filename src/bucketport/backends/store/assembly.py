"""What object do these parts make? Judges the parts that a client names against those that are there. Pure.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html
"""

import base64
import itertools
from collections.abc import Callable, Mapping, Sequence

from bucketport.errors import BadDigest, EntityTooSmall, InvalidPart, InvalidPartOrder, InvalidRequest, MalformedXML
from bucketport.model import NO_HEADERS, PartInfo, UploadInfo
from bucketport.options import CompleteOptions
from bucketport.ports import Hasher
from bucketport.record import record
from bucketport.wire import checksums, etag


@record
class Whole:
    """The object to be: checksums empty when none was asked for."""

    size: int
    etag: str
    checksums: Mapping[str, str] = NO_HEADERS
    checksum_algorithm: str = ""
    checksum_type: str = ""


def assemble(
    upload: UploadInfo,
    there: Mapping[int, PartInfo],
    options: CompleteOptions,
    minimum: int,
    new: Callable[[str], Hasher],
) -> Whole:
    """The object of the named parts. `minimum`: bytes of every part but the last, unless they are named loosely.

    Raises: InvalidPart, InvalidPartOrder, EntityTooSmall, BadDigest, InvalidRequest.
    """
    parts = _named_parts(upload, there, options)
    for part in parts[:-1]:
        if part.size < minimum and not options.loose:
            raise EntityTooSmall(
                fields={
                    "ProposedSize": str(part.size),
                    "MinSizeAllowed": str(minimum),
                    "PartNumber": str(part.number),
                    "ETag": part.etag,
                }
            )
    size = sum(part.size for part in parts)
    if options.size is not None and options.size != size:
        raise InvalidRequest(
            "The provided 'x-amz-mp-object-size' header value does not match what was computed: "
            f"{size} bytes, {options.size} given."
        )
    return _sealed(upload, parts, options, size, new) if parts else _empty(upload, new)


def _named_parts(upload: UploadInfo, there: Mapping[int, PartInfo], options: CompleteOptions) -> list[PartInfo]:
    named = options.parts
    if options.loose:
        ordered = len({part.number for part in named}) == len(named)
    elif not named:
        raise MalformedXML
    else:
        ordered = all(part.number < following.number for part, following in itertools.pairwise(named))
    if not ordered:
        raise InvalidPartOrder(fields={"UploadId": upload.upload.upload_id})
    found = []
    for part in named:
        stored = there.get(part.number)
        if stored is None or stored.etag != part.etag or (part.size and part.size != stored.size):
            raise _invalid(upload, part)
        for algorithm, value in part.checksums.items():
            if stored.checksums.get(algorithm, value) != value:
                raise _invalid(upload, part)
        found.append(stored)
    return found


def _invalid(upload: UploadInfo, part: PartInfo) -> InvalidPart:  # type: ignore[valid-type]
    return InvalidPart(
        fields={
            "UploadId": upload.upload.upload_id,
            "PartNumber": str(part.number),
            "ETag": part.etag[:200],
        }
    )


def _empty(upload: UploadInfo, new: Callable[[str], Hasher]) -> Whole:
    """What no parts make: an object like one that was put without a byte."""
    algorithm, tag = upload.checksum_algorithm, new("MD5").digest().hex()
    if not algorithm:
        return Whole(0, tag)
    value = base64.b64encode(new(algorithm).digest()).decode()
    return Whole(0, tag, {algorithm: value}, algorithm, checksums.FULL_OBJECT)


def _sealed(
    upload: UploadInfo, parts: Sequence[PartInfo], options: CompleteOptions, size: int, new: Callable[[str], Hasher]
) -> Whole:
    tag = etag.multipart(part.etag for part in parts)
    algorithm, kind = upload.checksum_algorithm, upload.checksum_type
    if not algorithm:
        return Whole(size, tag)
    if options.checksum_type and options.checksum_type != kind:
        raise InvalidRequest(
            f"The upload was created using the {kind} checksum mode. The complete request must use the same "
            "checksum mode."
        )
    values = [part.checksums.get(algorithm, "") for part in parts]
    if kind == "FULL_OBJECT":
        value = checksums.combine(algorithm, [(each, part.size) for each, part in zip(values, parts, strict=True)])
    else:
        value = checksums.composite(algorithm, values, new)
    declared = options.checksums.get(algorithm)
    if declared is not None and declared != value and not (kind == "COMPOSITE" and declared == value.partition("-")[0]):
        raise BadDigest(f"The {algorithm} you specified did not match the calculated checksum.")
    return Whole(size, tag, {algorithm: value}, algorithm, kind)

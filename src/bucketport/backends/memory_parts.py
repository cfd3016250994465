"""What object do the parts make that a client names? Judged as S3 judges; pure.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html
"""

import base64
import itertools
from collections.abc import Mapping, Sequence

from bucketport.errors import BadDigest, EntityTooSmall, InvalidPart, InvalidPartOrder, InvalidRequest, MalformedXML
from bucketport.model import NO_HEADERS, PartInfo, UploadInfo
from bucketport.options import CompleteOptions
from bucketport.ports import Digests
from bucketport.wire import checksums


def chosen(there: Mapping[int, PartInfo], options: CompleteOptions, minimum: int) -> list[PartInfo]:
    """The parts that are named, as they were stored. All but the last have `minimum` bytes or more, unless `loose`.

    Raises: InvalidPartOrder, InvalidPart, EntityTooSmall, InvalidRequest (the size of the whole is another).
    """
    numbers = [part.number for part in options.parts]
    if not numbers and not options.loose:
        raise MalformedXML
    if options.loose:
        ordered = len(set(numbers)) == len(numbers)
    else:
        ordered = all(number < following for number, following in itertools.pairwise(numbers))
    if not ordered:
        raise InvalidPartOrder
    parts = []
    for named in options.parts:
        part = there.get(named.number)
        if part is None or not _is_same(part, named):
            raise InvalidPart(fields={"PartNumber": str(named.number), "ETag": named.etag[:200]})
        parts.append(part)
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
    if options.size not in (None, size):
        raise InvalidRequest(
            f"The provided 'x-amz-mp-object-size' header value {options.size} does not match what was computed: {size}"
        )
    return parts


def _is_same(part: PartInfo, named: PartInfo) -> bool:
    """Whether a stored part is what a client says of it; what it does not say (or we do not know) cannot disagree."""
    if part.etag != named.etag or named.size not in (0, part.size):
        return False
    return all(part.checksums.get(name, value) == value for name, value in named.checksums.items())


def checksum_of(
    upload: UploadInfo, parts: Sequence[PartInfo], options: CompleteOptions, digests: Digests
) -> Mapping[str, str]:
    """The checksum of the whole, when the upload was begun with one.

    Raises: BadDigest when the client says another; InvalidRequest when it speaks of another type.
    """
    algorithm, kind = upload.checksum_algorithm, upload.checksum_type
    if not algorithm:
        return NO_HEADERS
    if options.checksum_type not in ("", kind):
        raise InvalidRequest(
            f"The upload was created using the {kind} checksum mode. The complete request must use the same checksum "
            "mode."
        )
    if not parts:
        return {algorithm: base64.b64encode(digests.new(algorithm).digest()).decode()}
    values = [part.checksums[algorithm] for part in parts]
    if kind == checksums.FULL_OBJECT:
        made = checksums.combine(algorithm, [(value, part.size) for value, part in zip(values, parts, strict=True)])
    else:
        made = checksums.composite(algorithm, values, digests.new)
    # A client may leave the number of parts off a composite checksum.
    if options.checksums.get(algorithm, made) not in (made, made.partition("-")[0]):
        raise BadDigest(f"The {algorithm} you specified did not match the calculated checksum.")
    return {algorithm: made}

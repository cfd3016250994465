"""Which parts make the object? What arrived, in the order of its bytes, or an error that names what is missing. Pure.

Where there are lanes (tus), it is the one that is whole and no piece of another; else the parts of lane 0 from 1 on.
"""

from collections.abc import Iterable, Mapping, Sequence

from bucketport.errors import InvalidPart, InvalidPartOrder, InvalidRequest, S3Error, UploadIncomplete
from bucketport.model import PartInfo
from bucketport.sessions import LANE, Lane, Session
from bucketport.wire import etag

NAMED = 100
"""Missing parts that an error names."""


def lane_of(number: int) -> int:
    """The lane that a part is in."""
    return (number - 1) // LANE


def by_lane(parts: Iterable[PartInfo]) -> dict[int, list[PartInfo]]:
    """The parts of each lane that has some, in their order."""
    found: dict[int, list[PartInfo]] = {}
    for part in sorted(parts, key=lambda part: part.number):
        found.setdefault(lane_of(part.number), []).append(part)
    return found


def size_of(parts: Iterable[PartInfo]) -> int:
    """Bytes of these parts together."""
    return sum(part.size for part in parts)


def chosen(
    session: Session, lanes: Sequence[Lane], parts: Sequence[PartInfo], named: Sequence[PartInfo] = ()
) -> list[PartInfo]:
    """The parts of the object, in its order, as they are stored. `named`: those that the client says it is made of.

    Raises: UploadIncomplete; InvalidPart, InvalidPartOrder for what is named wrongly; InvalidRequest for two wholes.
    """
    arrived = by_lane(parts)
    # Naming parts of lane 0 says that it was not tus that sent the content.
    if lanes and not (named and all(lane_of(part.number) == 0 for part in named)):
        return _of_lanes(lanes, arrived, named)
    there = {part.number: part for part in arrived.get(0, ())}
    found = _named(there, named) if named else _counted(there)
    if session.total:
        missing = missing_of(session.total, (part.number for part in found))
        if missing:
            raise _incomplete(missing, f"of {session.total} parts")
        # A total that shrank would silently drop what came before.
        return [part for part in found if part.number <= session.total]
    if not found and session.terms.size != 0:
        raise UploadIncomplete("Nothing has arrived yet.")
    return found


def missing_of(total: int, numbers: Iterable[int]) -> list[int]:
    """Which of 1 to `total` are not among the numbers."""
    there = set(numbers)
    return [number for number in range(1, total + 1) if number not in there]


def _named(there: Mapping[int, PartInfo], named: Sequence[PartInfo]) -> list[PartInfo]:
    found: list[PartInfo] = []
    for part in named:
        if found and found[-1].number >= part.number:
            raise InvalidPartOrder
        stored = there.get(part.number)
        if stored is None or (part.etag and etag.unquote(part.etag) != stored.etag):
            raise InvalidPart(fields={"PartNumber": str(part.number), "ETag": part.etag[:200]})
        found.append(stored)
    return found


def _counted(there: Mapping[int, PartInfo]) -> list[PartInfo]:
    numbers = sorted(there)
    missing = missing_of(numbers[-1], numbers) if numbers else []
    if missing:
        raise _incomplete(missing, f"before part {numbers[-1]}")
    return [there[number] for number in numbers]


def _incomplete(missing: Sequence[int], where: str) -> S3Error:
    shown = ", ".join(map(str, missing[:NAMED]))
    more = f" and {len(missing) - NAMED} more" if len(missing) > NAMED else ""
    message = f"{len(missing)} {where} are missing: {shown}{more}."
    return UploadIncomplete(message, fields={"MissingParts": shown, "MissingCount": str(len(missing))})


def _of_lanes(
    lanes: Sequence[Lane], arrived: Mapping[int, Sequence[PartInfo]], named: Sequence[PartInfo]
) -> list[PartInfo]:
    by_number = {lane.number: lane for lane in lanes}
    whole = [lane for lane in lanes if not lane.partial and _is_whole(lane, by_number, arrived)]
    if named:
        # Naming the parts of one of several says which.
        said = [(part.number, part.etag) for part in named]
        whole = [lane for lane in whole if [(part.number, part.etag) for part in _parts(lane, arrived)] == said]
    if len(whole) == 1:
        return _parts(whole[0], arrived)
    if whole:
        raise InvalidRequest(
            f"{len(whole)} uploads of this session are whole (numbers {', '.join(str(lane.number) for lane in whole)});"
            " terminate all but one."
        )
    states = "; ".join(_state(lane, arrived) for lane in lanes[:NAMED])
    raise UploadIncomplete(f"No upload of this session is whole: {states}.")


def _parts(lane: Lane, arrived: Mapping[int, Sequence[PartInfo]]) -> list[PartInfo]:
    return [part for number in lane.joins or (lane.number,) for part in arrived.get(number, ())]


def _is_whole(lane: Lane, lanes: Mapping[int, Lane], arrived: Mapping[int, Sequence[PartInfo]]) -> bool:
    if lane.joins:
        return all(number in lanes and _is_whole(lanes[number], lanes, arrived) for number in lane.joins)
    return lane.length is not None and size_of(arrived.get(lane.number, ())) == lane.length


def _state(lane: Lane, arrived: Mapping[int, Sequence[PartInfo]]) -> str:
    kind = "piece " if lane.partial else "number "
    length = "an unknown length" if lane.length is None else f"{lane.length} bytes"
    return f"{kind}{lane.number} has {size_of(arrived.get(lane.number, ()))} of {length}"

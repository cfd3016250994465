"""Which parts make an object, whatever arrived in whatever order?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucketport.errors import EntityTooLarge, InvalidPartOrder, InvalidRequest, UploadIncomplete
from bucketport.model import PartInfo
from bucketport.sessions import LANE, Lane, Session, Terms
from bucketport.uploads import choice, terms

SESSION = Session("s1", "photos", "a", "ann", 1, 2)


def parts(numbers):
    return [PartInfo(number, number % 7, f"{number:032x}") for number in numbers]


@given(st.sets(st.integers(1, 30), min_size=1), st.randoms())
def test_all_of_an_unbroken_row_are_chosen_in_order_or_the_gaps_are_named(numbers, random):
    sent = parts(numbers)
    random.shuffle(sent)
    gaps = sorted(set(range(1, max(numbers) + 1)) - numbers)
    if not gaps:
        assert choice.chosen(SESSION, (), sent) == parts(sorted(numbers))
        return
    with pytest.raises(UploadIncomplete) as caught:
        choice.chosen(SESSION, (), sent)
    assert caught.value.fields == {"MissingParts": ", ".join(map(str, gaps)), "MissingCount": str(len(gaps))}


@given(st.lists(st.integers(0, 4), max_size=5), st.permutations([1, 2, 3]))
def test_a_join_is_its_lanes_in_the_order_that_it_says(counts, order):
    counts += [1] * (3 - len(counts))
    sent = [part for lane in (1, 2, 3) for part in parts(range(lane * LANE + 1, lane * LANE + 1 + counts[lane - 1]))]
    held = choice.by_lane(sent)
    lanes = [Lane("s1", lane, choice.size_of(held.get(lane, ())), partial=True) for lane in (1, 2, 3)]
    made = choice.chosen(SESSION, [*lanes, Lane("s1", 4, joins=tuple(order))], sent)
    assert made == [part for lane in order for part in held.get(lane, ())]


def test_a_join_of_what_is_not_whole_or_gone_is_not_whole():
    lanes = [Lane("s1", 1, 1, partial=True), Lane("s1", 3, joins=(1, 2))]
    with pytest.raises(UploadIncomplete):
        choice.chosen(SESSION, lanes, [PartInfo(LANE + 1, 1, "e")])
    with pytest.raises(UploadIncomplete):
        choice.chosen(SESSION, [lanes[0], Lane("s1", 3, joins=(1,))], [])


def test_named_parts_stand_in_order_and_once():
    for named in ([2, 1], [1, 1]):
        with pytest.raises(InvalidPartOrder):
            choice.chosen(SESSION, (), parts([1, 2]), parts(named))


def test_lanes_begin_where_the_one_before_ends():
    assert [choice.lane_of(number) for number in (1, LANE, LANE + 1, 2 * LANE, 2 * LANE + 1)] == [0, 0, 1, 1, 2]


@pytest.mark.parametrize(
    ("wanted", "kind", "good"),
    [
        ((), "", True),
        (("image/*",), "image/png", True),
        (("image/*",), "IMAGE/PNG; q=1", True),
        (("Image/PNG",), "image/png", True),
        (("image/*",), "image/", False),
        (("image/*",), "imagex/png", False),
        (("image/*",), "", False),
        (("*/*",), "text/plain", True),
        (("*/*",), "", False),
        (("text/plain", "text/csv"), "text/csv", True),
        (("text/plain",), "text/plainer", False),
    ],
)
def test_a_type_is_wanted_or_refused(wanted, kind, good):
    if good:
        terms.check_content_type(Terms(content_types=wanted), kind)
        return
    with pytest.raises(InvalidRequest):
        terms.check_content_type(Terms(content_types=wanted), kind)


def test_room_is_the_narrower_bound_and_never_below_nothing():
    assert terms.room(Terms()) is None
    assert terms.room(Terms(size=5, max_size=9), 2) == 3
    assert terms.room(Terms(max_size=9), 10) == 0


def test_a_size_told_beforehand_is_judged_beforehand():
    terms.check_announced(Terms(size=5), 5)
    with pytest.raises(InvalidRequest):
        terms.check_announced(Terms(size=5), 4)
    with pytest.raises(EntityTooLarge):
        terms.check_announced(Terms(max_size=5), 6)

"""What may a batch delete say of its keys?"""

import pytest

from bucketport.errors import InvalidArgument
from bucketport.operations.batch import read_items


def body(inner: str) -> bytes:
    return f"<Delete><Object><Key>k</Key>{inner}</Object></Delete>".encode()


def test_a_size_is_a_condition() -> None:
    items, _ = read_items(body("<Size>17</Size>"))
    assert items[0].conditions.if_match_size == 17


@pytest.mark.parametrize("size", ["-1", "1.0", "x", "٣", "9" * 19, "9" * 5000])
def test_a_size_that_no_object_has_is_refused_by_name(size: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        read_items(body(f"<Size>{size}</Size>"))
    assert caught.value.fields["ArgumentName"] == "Size"

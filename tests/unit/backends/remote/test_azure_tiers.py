"""Does a storage class come back from Azure, also where the answer does not tell the tier?"""

import pytest

from bucketport.backends.remote.azure.tiers import class_of, kept, tier_of

CLASSES = (
    "STANDARD", "STANDARD_IA", "ONEZONE_IA", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE", "REDUCED_REDUNDANCY",
    "INTELLIGENT_TIERING",
)  # fmt: skip


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_comes_back_with_its_tier_and_without(name: str) -> None:
    assert class_of(tier_of(name, "Hot"), kept(name), "Hot") == name
    assert class_of("", kept(name), "Hot") == name


@pytest.mark.parametrize("name", CLASSES)
def test_a_tier_that_was_set_by_somebody_else_is_believed(name: str) -> None:
    assert class_of("Cold", kept(name), "Hot") == "GLACIER_IR"

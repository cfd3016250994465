"""Do block ids and upload ids say all that an upload has to know, and only what was sealed into them?"""

import base64
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucketport.backends.remote.azure.blocks import (
    ABORTED,
    BEGUN,
    ID_BYTES,
    Attempt,
    Blocks,
    Kind,
    committed_parts,
    decoded,
    mark,
)
from bucketport.backends.remote.azure.upload_id import Begun, seal, unseal
from bucketport.errors import NoSuchUpload
from bucketport.model import ObjectName, Secret, UploadName
from bucketport.options import PutOptions, UploadOptions

NONCE = b"nonce1"
MD5 = bytes(range(16))
NAME = ObjectName("box", "a key/\U0001f600")
SECRET = Secret("secret")
NOTHING = bytes.fromhex("d41d8cd98f00b204e9800998ecf8427e")


def rows(attempt, sizes, md5=MD5, checksum=b""):
    made = [(attempt.data(index), size) for index, size in enumerate(sizes)]
    return made + [(block, 1) for block in attempt.seals(md5, checksum)]


@given(
    st.binary(min_size=6, max_size=6),
    st.integers(1, 10_000),
    st.integers(0, 2**48 - 1),
    st.binary(min_size=2, max_size=2),
    st.binary(min_size=16, max_size=16),
    st.sampled_from([0, 4, 8, 16, 20, 32, 64]),
)
def test_part_is_what_its_blocks_say(nonce, number, at_ms, salt, md5, length):
    checksum = os.urandom(length)
    attempt = Attempt(nonce, number, at_ms, salt)
    found = Blocks(nonce, rows(attempt, [5, 7], md5, checksum)).parts
    (part,) = found.values()
    assert (part.number, part.size, part.md5, part.at_ms) == (number, 12, md5, at_ms)
    assert part.checksum[:length] == checksum
    assert part.ids == (attempt.data(0), attempt.data(1))


@given(st.integers(1, 10_000), st.integers(0, 2**48 - 1), st.integers(0, 255))
def test_every_id_has_one_length(number, at_ms, index):
    attempt = Attempt(NONCE, number, at_ms)
    made = [attempt.data(index), *attempt.seals(MD5, bytes(64)), mark(NONCE, BEGUN, at_ms)]
    assert len(set(made)) == len(made)
    assert {len(base64.b64decode(block)) for block in made} == {ID_BYTES}
    assert {len(block) for block in made} == {88}


def test_part_without_its_seal_is_none():
    attempt = Attempt(NONCE, 1, 5)
    assert Blocks(NONCE, [(attempt.data(0), 5)]).parts == {}


def test_seal_whose_data_was_discarded_is_no_part():
    (block,) = Attempt(NONCE, 1, 5).seals(MD5, b"")
    assert Blocks(NONCE, [(block, 1)]).parts == {}


def test_part_without_content_needs_only_its_seal():
    attempt = Attempt(NONCE, 1, 5)
    (part,) = Blocks(NONCE, rows(attempt, [], NOTHING)).parts.values()
    assert (part.size, part.ids) == (0, ())


def test_the_last_try_counts_in_whatever_order_they_are_listed():
    old, new = Attempt(NONCE, 1, 5, b"zz"), Attempt(NONCE, 1, 6, b"aa")
    for order in (rows(old, [1]) + rows(new, [2]), rows(new, [2]) + rows(old, [1])):
        assert Blocks(NONCE, order).parts[1].size == 2


def test_blocks_of_others_are_passed_over():
    other = rows(Attempt(b"nonce2", 1, 5), [9])
    strange = [("AAAA", 3), ("not base64!", 3), (base64.b64encode(b"x" * 48).decode(), 4), ("", 1)]
    assert Blocks(NONCE, other + strange).parts == {}
    assert decoded("AAAA") is None


def test_upload_is_there_between_its_marks():
    begun, aborted = (mark(NONCE, BEGUN, 1), 1), (mark(NONCE, ABORTED, 2), 1)
    assert not Blocks(NONCE, []).alive
    assert Blocks(NONCE, [begun]).alive
    assert not Blocks(NONCE, [begun, aborted]).alive
    assert not Blocks(NONCE, [aborted]).alive
    assert not Blocks(b"nonce2", [begun]).alive


def test_parts_of_an_object_are_read_off_its_blocks():
    one, two = Attempt(NONCE, 3, 5), Attempt(NONCE, 9, 5)
    assert committed_parts([(one.data(0), 4), (one.data(1), 5), (two.data(0), 6), ("AAAA", 7)]) == [(3, 9), (9, 6)]


def test_kinds_fit_into_two_bits():
    assert max(Kind) == 3


OPTIONS = UploadOptions(
    PutOptions("bob", {"content-type": "a/b", "x-amz-meta-a": "gr\u00fc\u00df\ud800"}, "GLACIER", tags={"t": "1"}),
    "SHA256",
    "COMPOSITE",
)
BEGUN_ONE = Begun(NONCE, 1_795_000_000_123, OPTIONS)


def test_what_was_sealed_is_read():
    text = seal(BEGUN_ONE, NAME, SECRET)
    assert unseal(text, NAME, SECRET) == BEGUN_ONE
    assert text.replace("-", "a").replace("_", "a").isalnum()
    info = BEGUN_ONE.info(UploadName(NAME.bucket, NAME.key, text))
    assert (info.owner, info.storage_class, info.started_ms) == ("bob", "GLACIER", 1_795_000_000_123)
    assert (info.checksum_algorithm, info.checksum_type) == ("SHA256", "COMPOSITE")


@pytest.mark.parametrize("name", [ObjectName("box", "other"), ObjectName("other", NAME.key)])
def test_id_of_another_key_is_refused(name):
    with pytest.raises(NoSuchUpload):
        unseal(seal(BEGUN_ONE, NAME, SECRET), name, SECRET)


def test_id_sealed_with_another_secret_is_refused():
    with pytest.raises(NoSuchUpload):
        unseal(seal(BEGUN_ONE, NAME, Secret("other")), NAME, SECRET)


def test_any_changed_character_is_refused():
    text = seal(BEGUN_ONE, NAME, SECRET)
    for at in range(0, len(text), 3):
        changed = text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]
        if base64.urlsafe_b64decode(changed + "==") != base64.urlsafe_b64decode(text + "=="):
            with pytest.raises(NoSuchUpload):
                unseal(changed, NAME, SECRET)


@given(st.text(max_size=80))
def test_any_text_is_refused_as_no_upload(text):
    with pytest.raises(NoSuchUpload):
        unseal(text, NAME, SECRET)


def test_id_of_an_upload_with_all_metadata_fits_into_a_request_line():
    headers = {f"x-amz-meta-{number}": os.urandom(30).hex() for number in range(30)}
    tags = {f"{number}" * 50: os.urandom(100).hex() for number in range(10)}
    made = seal(Begun(NONCE, 1, UploadOptions(PutOptions("bob", headers, tags=tags))), NAME, SECRET)
    assert len(made) < 8000

"""What is a client given that sends its part to Azure itself, and what of what it sends there is believed?"""

import base64
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucketport.backends.remote.azure import own_blob
from bucketport.backends.remote.azure.blocks import BEGUN, Attempt, Kind, committed_parts
from bucketport.backends.remote.azure.dialect import Azure
from bucketport.backends.remote.azure.own_blob import Ids, OwnBlocks, is_own
from bucketport.backends.remote.azure.requests import Place, Tools
from bucketport.backends.remote.azure.sas import write_query
from bucketport.backends.remote.azure.upload_id import DIRECT, Begun, seal, unseal
from bucketport.backends.remote.credentials_azure import Bearer, Sas, SharedKey
from bucketport.backends.remote.endpoint import parse_endpoint
from bucketport.errors import (
    BackendError,
    InvalidPart,
    InvalidRequest,
    KeyTooLongError,
    NoSuchUpload,
    NotImplemented,
    PreconditionFailed,
    Trouble,
)
from bucketport.message import HttpAnswer
from bucketport.model import ObjectName, Offer, PartInfo, Secret, UploadName
from bucketport.options import CompleteOptions, PutOptions, UploadOptions, WriteConditions
from bucketport.testing.fakes import DIGESTS, FakeClock, FakeEntropy

NOW = 1_795_000_000.5
KEY = SharedKey("account", Secret("a2V5"))
SECRET = Secret("sealing")
NONCE = b"nonce1"
NAME = ObjectName("here", "dir/grün")
OWN = ObjectName("there", "dir/grün .bucketport-upload-00000000005" + NONCE.hex())
DATE = "Sat, 21 Nov 2026 09:28:01 GMT"


def dialect(container="there", **how):
    tools = Tools(FakeClock(NOW), FakeEntropy(), DIGESTS, SECRET)
    return Azure(Place(parse_endpoint("https://h"), container, "account"), tools, part_minimum=1, **how)


def upload_of(*, direct=True, **put):
    begun = Begun(NONCE, 5, UploadOptions(PutOptions("alice", **put), direct=direct))
    return UploadName("here", "dir/grün", seal(begun, ObjectName("there", "dir/grün"), SECRET))


def ids(own=OWN, nonce=NONCE, secret=SECRET):
    return Ids(own, nonce, secret)


# The signature


@pytest.mark.parametrize(
    ("key", "scheme", "signature"),
    [
        ("dir/grün +&=?#%.txt", "https", "garVXpqgSyzuAV0hp/Zp0R30SO3HQPm1FN5a5XXGpfM="),
        ("key", "http", "caNy8Ll4PS4yhoyMmCxwAR9V8W043Hjx9PD8ReXNdVQ="),
    ],
)
def test_signature_is_that_of_microsofts_own_client(key, scheme, signature):
    """Source: generate_blob_sas of azure-storage-blob 12.31, with that version of the service."""
    query = write_query(ObjectName("data", key), KEY, scheme, 600, NOW)
    assert {name: values[0] for name, values in parse_qs(query, strict_parsing=True).items()} == {
        "sv": "2025-11-05",
        "se": "2026-11-18T11:16:40Z",
        "sr": "b",
        "sp": "w",
        "spr": "https" if scheme == "https" else "https,http",
        "sig": signature,
    }


@pytest.mark.parametrize(("seconds", "expires"), [(0, "2026-11-18T11:06:41Z"), (10_000_000, "2026-11-25T11:06:40Z")])
def test_leave_ends_within_a_week(seconds, expires):
    query = write_query(NAME, KEY, "https", seconds, NOW)
    assert parse_qs(query)["se"] == [expires]


def test_request_is_for_the_uploads_own_blob_and_that_part():
    request = dialect().presign_part(upload_of(), 7, 600, KEY, NOW)
    assert (request.method, dict(request.headers)) == ("PUT", {})
    assert request.path == f"/there/dir/gr%C3%BCn%20.bucketport-upload-00000000005{NONCE.hex()}"
    found = {name: values[0] for name, values in parse_qs(request.query, strict_parsing=True).items()}
    assert (found["comp"], found["blockid"]) == ("block", ids().of(Kind.DATA, 7))
    assert request.query.endswith(write_query(OWN, KEY, "https", 600, NOW))


def test_only_an_accounts_key_offers_it():
    assert Offer.DIRECT not in dialect().offers
    assert Offer.DIRECT in dialect(signs_urls=True).offers
    for without in (None, Bearer(Secret("token")), Sas(Secret("sig=x"))):
        with pytest.raises(NotImplemented):
            dialect().presign_part(upload_of(), 1, 60, without, NOW)


def test_upload_that_was_begun_for_us_gives_no_leave():
    with pytest.raises(InvalidRequest):
        dialect().presign_part(upload_of(direct=False), 1, 60, KEY, NOW)


@pytest.mark.parametrize("change", [lambda text: text.removeprefix(DIRECT), lambda text: DIRECT + text, lambda _: "x"])
def test_id_that_was_not_made_here_is_no_upload(change):
    for direct in (True, False):
        made = upload_of(direct=direct)
        forged = UploadName(made.bucket, made.key, change(made.upload_id))
        if forged == made:
            continue
        with pytest.raises(NoSuchUpload):
            dialect().presign_part(forged, 1, 60, KEY, NOW)


@pytest.mark.parametrize("direct", [True, False])
def test_id_tells_whether_clients_send_the_parts(direct):
    there = ObjectName("there", "dir/grün")
    assert unseal(upload_of(direct=direct).upload_id, there, SECRET).options.direct is direct


def test_checksum_is_not_promised():
    plan = dialect().create_upload(NAME, UploadOptions(PutOptions("alice"), "CRC32", direct=True))
    with pytest.raises(NotImplemented):
        next(plan)


def test_key_leaves_room_for_the_name_of_its_upload():
    for key, fits in (("k" * 981, True), ("k" * 982, False), ("ü" * 491, False)):
        plan = dialect().create_upload(ObjectName("here", key), UploadOptions(PutOptions("alice"), direct=True))
        if fits:
            assert next(plan).path.count(".bucketport-upload-") == 1
        else:
            with pytest.raises(KeyTooLongError):
                next(plan)


@pytest.mark.parametrize(
    ("name", "hidden"),
    [
        (OWN.key, True),
        (OWN.key[:-1], False),
        (OWN.key + "0", False),
        (OWN.key.upper(), False),
        ("key", False),
        (" .bucketport-upload-", False),
        (OWN.key[-43:], True),
    ],
)
def test_only_uploads_own_blobs_are_hidden(name, hidden):
    assert is_own(name) is hidden


# What is believed


@given(st.sampled_from([Kind.DATA, Kind.SEAL, Kind.MARK]), st.integers(1, 10_000))
def test_id_is_read_as_it_was_made_and_never_elsewhere(kind, number):
    made = ids().of(kind, number)
    assert len(base64.b64decode(made)) == 64
    assert ids().read(made) == (kind, number)
    others = [
        ids(ObjectName("there", "other")),
        ids(ObjectName("other", OWN.key)),
        ids(nonce=b"nonce2"),
        ids(secret=Secret("another")),
    ]
    assert [other.read(made) for other in others] == [None] * 4


@given(st.binary(min_size=58, max_size=58), st.integers(0, 63), st.integers(1, 255))
def test_invented_id_is_nothing(rest, at, change):
    invented = base64.b64encode(NONCE + rest).decode()
    raw = bytearray(base64.b64decode(ids().of(Kind.DATA, 1)))
    raw[at] ^= change
    altered = base64.b64encode(raw).decode()
    plain = Attempt(NONCE, 1, 0).data(0)
    blocks = OwnBlocks(ids(), 5, (), [(name, 9) for name in (invented, altered, plain, "x", "")])
    assert (blocks.parts, blocks.alive, blocks.put) == ({}, False, True)


def test_parts_are_what_their_blocks_say():
    data = [ids().of(Kind.DATA, number) for number in (1, 2)]
    empty, begun = [ids().of(Kind.SEAL, number) for number in (2, 3)], ids().of(Kind.MARK, BEGUN)
    blocks = OwnBlocks(ids(), 5, [(data[0], 10)], [(begun, 1), (data[0], 11), *[(e, 1) for e in empty], (data[1], 5)])
    assert {number: (part.size, part.ids) for number, part in blocks.parts.items()} == {
        1: (11, (data[0],)),
        2: (5, (data[1],)),
        3: (0, ()),
    }
    assert blocks.alive
    assert len({part.md5 for part in blocks.parts.values()}) == 3
    # An object's parts are read off its blocks as those of any other upload.
    assert committed_parts([(data[0], 11), (data[1], 5)]) == [(1, 11), (2, 5)]


def test_another_length_is_another_part():
    assert own_blob.part_of(1, 5, 0, "id").md5 != own_blob.part_of(1, 6, 0, "id").md5


def test_upload_whose_complete_broke_off_is_alive():
    block = ids().of(Kind.DATA, 1)
    assert OwnBlocks(ids(), 5, [(block, 1)], ()).alive
    assert not OwnBlocks(ids(), 5, (), [(block, 1)]).alive


# Completing, where an emulator is too quick or too kind


def rows(*blocks, kind="Uncommitted"):
    listed = "".join(f"<Block><Name>{name}</Name><Size>{size}</Size></Block>" for name, size in blocks)
    return 200, {}, f"<BlockList><{kind}Blocks>{listed}</{kind}Blocks></BlockList>".encode()


def there(*, copy="", size=7, upload="", etag="", tag='"0x1"', copy_id="c1"):
    headers = {"content-length": str(size), "etag": tag, "last-modified": DATE}
    headers |= {"x-ms-copy-status": copy, "x-ms-copy-id": copy_id} if copy else {}
    headers |= {"x-ms-meta-bucketport_upload": upload} if upload else {}
    headers |= {"x-ms-meta-bucketport_etag": etag} if etag else {}
    return 200, headers, b""


def refused(status, code):
    return status, {"x-ms-error-code": code}, b""


BLOCK = ids().of(Kind.DATA, 1)
ALIVE = rows((ids().of(Kind.MARK, BEGUN), 1), (BLOCK, 7))
PART = PartInfo(1, 7, own_blob.part_of(1, 7, 5, BLOCK).md5.hex())
ABSENT = refused(404, "BlobNotFound")
CREATED = 201, {"etag": '"0x1"', "last-modified": DATE}, b""
DELETED = 202, {}, b""


def copied(status="success", **more):
    return 202, {"x-ms-copy-id": "c1", "x-ms-copy-status": status, "etag": '"0x2"', "last-modified": DATE, **more}, b""


def run(plan, *answers):
    """What a plan returns and what it sent, when it is told these; everything has to be asked for."""
    sent = [next(plan)]
    left = list(answers)
    try:
        while True:
            sent.append(plan.send(HttpAnswer(*left.pop(0))))
    except StopIteration as stop:
        assert not left
        return stop.value, sent


def complete(*answers, conditions=None, **put):
    options = CompleteOptions([PART], conditions or WriteConditions())
    return run(dialect().complete(upload_of(**put), options), *answers)


def test_what_was_committed_is_copied_as_it_was_looked_at():
    stored, sent = complete(
        ALIVE, ABSENT, CREATED, there(), copied(), DELETED, headers={"content-type": "a/b"}, storage_class="GLACIER_IR"
    )
    assert (stored.size, stored.etag[-2:]) == (7, "-1")
    own, key = f"/there/dir/gr%C3%BCn%20.bucketport-upload-00000000005{NONCE.hex()}", "/there/dir/gr%C3%BCn"
    assert [(request.method, request.path) for request in sent] == [
        ("GET", own),
        ("HEAD", key),
        ("PUT", own),
        ("HEAD", own),
        ("PUT", key),
        ("DELETE", own),
    ]
    fixed, looked, copy = sent[2:5]
    assert f"<BlockList><Latest>{BLOCK}</Latest></BlockList>".encode() in fixed.body
    # The copy alone is in a tier that costs a fee when it is removed soon.
    assert (fixed.headers["x-ms-blob-content-type"], fixed.headers["x-ms-access-tier"]) == ("a/b", "Hot")
    assert looked.headers["if-match"] == copy.headers["x-ms-source-if-match"] == '"0x1"'
    assert copy.headers["x-ms-access-tier"] == "Cold"
    assert copy.headers["x-ms-meta-bucketport_upload"] == NONCE.hex()


def test_a_block_that_grew_meanwhile_is_not_copied():
    grown = rows((BLOCK, 8), kind="Committed")
    with pytest.raises(InvalidPart):
        complete(ALIVE, ABSENT, CREATED, there(size=8), grown, ABSENT)


def test_what_was_overwritten_meanwhile_is_not_copied():
    for told in (refused(412, "ConditionNotMet"), refused(404, "BlobNotFound")):
        with pytest.raises(NoSuchUpload):
            complete(ALIVE, ABSENT, CREATED, told, ABSENT, ABSENT)
    with pytest.raises(NoSuchUpload):
        complete(ALIVE, ABSENT, CREATED, there(), refused(412, "SourceConditionNotMet"), rows(), ABSENT)


def test_key_that_came_meanwhile_is_not_replaced():
    new = WriteConditions(if_none_match="*")
    again = rows((BLOCK, 7), kind="Committed")
    with pytest.raises(PreconditionFailed):
        complete(ALIVE, ABSENT, CREATED, there(), refused(409, "BlobAlreadyExists"), again, there(), conditions=new)
    with pytest.raises(PreconditionFailed):
        complete(ALIVE, there(), conditions=new)


def test_copy_that_takes_longer_is_waited_for():
    stored, _ = complete(
        ALIVE, ABSENT, CREATED, there(), copied("pending"), there(copy="pending"), there(copy="success"), DELETED
    )
    assert stored.size == 7


def test_copy_that_is_under_way_for_long_is_left_at_work():
    pending = [there(copy="pending")] * 60
    with pytest.raises(BackendError) as told:
        complete(ALIVE, ABSENT, CREATED, there(), copied("pending"), *pending)
    assert told.value.trouble is Trouble.TIMEOUT


def test_what_a_failed_copy_left_is_removed_and_never_taken_for_the_object():
    plan = dialect().complete(upload_of(), CompleteOptions([PART], WriteConditions(if_none_match="*")))
    with pytest.raises(BackendError):
        run(plan, ALIVE, ABSENT, CREATED, there(), copied("pending"), there(copy="failed", size=0), DELETED)
    whole, _ = complete(ALIVE, ABSENT, CREATED, there(), copied(), DELETED)
    broken = there(copy="failed", size=0, upload=NONCE.hex(), etag=whole.etag, tag='"0x9"')
    again = rows((BLOCK, 7), kind="Committed")
    new = WriteConditions(if_none_match="*")
    stored, sent = complete(again, broken, CREATED, there(), copied(), DELETED, conditions=new)
    assert stored == whole
    assert sent[4].headers["if-match"] == '"0x9"'
    with pytest.raises(NoSuchUpload):
        complete(ABSENT, broken)


def test_repeating_answers_the_same():
    whole, _ = complete(ALIVE, ABSENT, CREATED, there(), copied(), DELETED)
    done = there(copy="success", upload=NONCE.hex(), etag=whole.etag)
    left = rows((BLOCK, 7), kind="Committed")
    assert complete(left, done, DELETED)[0] == complete(ABSENT, done)[0] == whole


def test_object_is_there_though_its_uploads_blob_may_not_be_removed():
    assert complete(ALIVE, ABSENT, CREATED, there(), copied(), refused(409, "BlobImmutableDueToPolicy"))[0].size == 7


def test_a_lease_does_not_keep_what_is_over():
    plan = dialect().abort(upload_of())
    broken = [(202, {}, b""), DELETED]
    _, sent = run(
        plan, rows((BLOCK, 7), (ids().of(Kind.MARK, BEGUN), 1)), CREATED, refused(412, "LeaseIdMissing"), *broken
    )
    assert [request.method for request in sent] == ["GET", "PUT", "DELETE", "PUT", "DELETE"]
    assert sent[3].headers["x-ms-lease-action"] == "break"
    assert sent[2].headers["x-ms-delete-snapshots"] == "include"
    assert b"<BlockList></BlockList>" in sent[1].body


def test_a_blob_of_another_kind_is_removed_too():
    plan = dialect().abort(upload_of())
    with pytest.raises(NoSuchUpload):
        run(plan, refused(409, "InvalidBlobType"), DELETED)

"""For every value: what is written is read back, what is selected lies within, what is hostile is refused in kind."""

import base64
import contextlib
import datetime
import zlib

from hypothesis import given
from hypothesis import strategies as st

from bucketport.crypto.digests import WheelDigests
from bucketport.errors import InvalidRange, MalformedXML, NotModified, PreconditionFailed, S3Error
from bucketport.model import ObjectInfo
from bucketport.options import ReadConditions
from bucketport.wire import checksums, conditions, dates, etag, headers, ranges, xml

MOMENTS = st.integers(min_value=0, max_value=253_402_300_799_999)
TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=60)
LATIN = st.text(st.characters(max_codepoint=255), max_size=60)
DIGESTS = WheelDigests()


@given(MOMENTS)
def test_every_moment_is_read_back(ms: int) -> None:
    moment = datetime.datetime.fromtimestamp(0, datetime.UTC) + datetime.timedelta(milliseconds=ms)
    assert dates.iso(ms) == moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert dates.parse_iso(dates.iso(ms)) == ms
    assert dates.parse_http_date(dates.http_date(ms)) == ms // 1000
    assert dates.parse_stamp(dates.stamp(ms / 1000)) == ms // 1000


@given(LATIN | st.from_regex(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT", fullmatch=True))
def test_any_text_is_a_date_or_none(text: str) -> None:
    for read in (dates.parse_http_date, dates.parse_iso, dates.parse_stamp):
        assert read(text) is None or isinstance(read(text), int)


@given(LATIN | st.from_regex(r"bytes=\d{0,3}-\d{0,3}", fullmatch=True), st.integers(min_value=0, max_value=500))
def test_every_selected_span_lies_within_the_object_and_is_never_empty(header: str, size: int) -> None:
    try:
        span = ranges.select(header, size)
    except InvalidRange:
        return
    assert span is None or (0 <= span.start < span.stop <= size == span.size)


@given(st.from_regex(r"[!#-+\--~]{1,40}", fullmatch=True), st.lists(st.from_regex(r"[a-f0-9]{1,8}"), max_size=4))
def test_an_etag_matches_itself_however_it_is_sent(value: str, others: list[str]) -> None:
    for sent in (value, etag.quote(value), "W/" + etag.quote(value)):
        assert etag.matches(sent, etag.unquote(value))
        assert etag.matches(",".join([*others, sent]), etag.unquote(value))


@given(LATIN, LATIN)
def test_any_condition_header_is_judged(one: str, other: str) -> None:
    info = ObjectInfo("k", 0, "abc", 0)
    for name in ("if-match", "if-none-match", "if-modified-since", "if-unmodified-since"):
        with contextlib.suppress(NotModified, PreconditionFailed):
            conditions.check_read(conditions.parse_read({"if-match": other, name: one}), info)


@given(st.booleans(), st.booleans(), st.booleans(), st.booleans())
def test_conditions_combine_as_rfc_9110_says(match: bool, unmodified: bool, none_match: bool, modified: bool) -> None:
    info = ObjectInfo("k", 0, "abc", 5000)
    asked = ReadConditions(
        if_match="abc" if match else "x",
        if_none_match="x" if none_match else "abc",
        if_modified_since=4 if modified else 5,
        if_unmodified_since=5 if unmodified else 4,
    )
    status = 200
    try:
        conditions.check_read(asked, info)
    except S3Error as error:
        status = error.status
    assert status == (412 if not match else 200 if none_match else 304)


@given(TEXT)
def test_every_text_that_xml_can_hold_is_read_back(text: str) -> None:
    written = xml.escape(text)
    assert "<" not in written
    assert '"' not in written
    try:
        node = xml.parse(f"<k>{written}</k>".encode(), "k")
    except MalformedXML:
        assert any(c < " " and c not in "\t\n\r" for c in text) or "\ufffe" in text or "\uffff" in text
        return
    assert node.text == text


@given(st.binary(max_size=80) | st.text("<>/&;!a[]DOCTYPE \"'=#x0-", max_size=60).map(str.encode))
def test_any_body_is_a_node_or_malformed(body: bytes) -> None:
    for data in (body, b"<a>" + body + b"</a>"):
        with contextlib.suppress(MalformedXML):
            assert xml.parse(data, "a").name == "a"


@given(st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\r\n\0"), max_size=60))
def test_every_metadata_value_comes_back(value: str) -> None:
    sent = value.encode().decode("latin-1")
    kept = headers.stored({"x-amz-meta-a": sent})["x-amz-meta-a"]
    if "=?" not in value:
        assert kept == value
    returned = headers.encode_metadata(kept)
    assert returned.isascii()
    if not kept.isascii():
        assert headers.stored({"x-amz-meta-a": returned})["x-amz-meta-a"] == kept


@given(st.dictionaries(st.from_regex(r"x-amz-meta-[a-z]{0,3}", fullmatch=True), LATIN, max_size=4), LATIN)
def test_any_headers_are_stored_or_refused(meta: dict[str, str], value: str) -> None:
    try:
        kept = headers.stored(meta | {"content-type": value, "content-encoding": value})
    except S3Error:
        return
    for sent in headers.answer(ObjectInfo("k", 0, "e", 0, kept)).values():
        sent.encode("latin-1")
        assert not set(sent) & set("\r\n\0")


def text_of(algorithm: str, data: bytes) -> str:
    digest = DIGESTS.new(algorithm)
    digest.update(data)
    return base64.b64encode(digest.digest()).decode()


@given(
    st.sampled_from(["CRC32", "CRC32C", "CRC64NVME"]), st.lists(st.binary(max_size=300), max_size=12), st.integers(1, 9)
)
def test_combined_crc_is_that_of_the_whole(algorithm: str, parts: list[bytes], times: int) -> None:
    parts = parts * times
    declared = [(text_of(algorithm, part), len(part)) for part in parts]
    assert checksums.combine(algorithm, declared) == text_of(algorithm, b"".join(parts))


@given(st.sampled_from(sorted(checksums.ALGORITHMS)), st.binary(max_size=100))
def test_every_computed_value_is_a_declarable_one(algorithm: str, data: bytes) -> None:
    row, value = checksums.ALGORITHMS[algorithm], text_of(algorithm, data)
    assert checksums.declared({row.header: value}) == (algorithm, value)


@given(st.lists(st.binary(max_size=50), max_size=8))
def test_digests_do_not_depend_on_the_cut(pieces: list[bytes]) -> None:
    for algorithm in checksums.ALGORITHMS:
        digest = DIGESTS.new(algorithm)
        for piece in pieces:
            digest.update(memoryview(piece))
        assert base64.b64encode(digest.digest()).decode() == text_of(algorithm, b"".join(pieces))
    assert base64.b64decode(text_of("CRC32", b"".join(pieces))) == zlib.crc32(b"".join(pieces)).to_bytes(4, "big")

"""For every target: an address or query comes out as it was meant, or an S3Error; never anything else."""

from urllib.parse import parse_qsl, quote

from hypothesis import given
from hypothesis import strategies as st

from bucketport.errors import S3Error
from bucketport.wire import address, headers, query

TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=40)
KEYS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1, max_size=200)
LATIN = st.text(st.characters(max_codepoint=255), max_size=60)
HOSTILE = st.text(st.sampled_from("/%25Ff0cC3a9é+&=?#.\x00 "), max_size=30)


@given(KEYS)
def test_every_key_survives_its_url(key: str) -> None:
    found = address.split("/bucket/" + query.encode_key(key), "host", ())
    assert (found.bucket, found.key) == ("bucket", key)
    assert address.split("/bucket/" + query.encode(key), "host", ()).key == key
    virtual = address.split("/" + query.encode_key(key), "bucket.s3.test:80", ("s3.test",))
    assert (virtual.bucket, virtual.key) == ("bucket", key)


@given(TEXT)
def test_encoder_agrees_with_the_standard_library(text: str) -> None:
    assert query.encode(text) == quote(text, safe="")
    assert query.encode_key(text) == quote(text, safe="/")


@given(LATIN | HOSTILE, LATIN)
def test_any_target_is_an_address_or_an_error(raw: str, host: str) -> None:
    for path in (raw, "/" + raw):
        try:
            found = address.split(path, host, ("s3.test",))
        except S3Error:
            continue
        assert len(found.key.encode()) <= address.KEY_BYTES
        assert "\0" not in found.key
        assert (found.level is address.Level.SERVICE) == (found.bucket == "")
        assert (found.level is address.Level.OBJECT) == (found.key != "")


@given(st.lists(st.tuples(TEXT, TEXT), max_size=8))
def test_every_query_survives_its_encoding(pairs: list[tuple[str, str]]) -> None:
    raw = "&".join(f"{query.encode(name)}={query.encode(value)}" for name, value in pairs)
    expected: dict[str, str] = {}
    for name, value in pairs:
        expected.setdefault(name, value)
    assert query.parse(raw) == expected


@given(LATIN | HOSTILE)
def test_any_query_is_read_or_refused(raw: str) -> None:
    pairs = query.pairs(raw)
    assert len(pairs) == sum(1 for pair in raw.split("&") if pair)
    try:
        found = query.parse(raw)
    except S3Error:
        return
    if raw.isascii():
        expected: dict[str, str] = {}
        for name, value in parse_qsl(raw, keep_blank_values=True):
            expected.setdefault(name, value)
        assert found == expected


@given(LATIN | HOSTILE)
def test_any_tagging_header_is_read_or_refused(raw: str) -> None:
    try:
        tags = headers.tagging(raw)
    except S3Error:
        return
    assert headers.check_tags(list(tags.items())) == tags

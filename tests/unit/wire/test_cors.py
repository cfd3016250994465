"""CORS rules as S3's XML and as JSON."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucketport.errors import InvalidArgument, InvalidRequest, MalformedXML, S3Error
from bucketport.wire.cors import METHODS, Rule, read_json, read_xml, to_json, to_xml
from bucketport.wire.xml import NAMESPACE


def document(inner: str) -> bytes:
    return f'<CORSConfiguration xmlns="{NAMESPACE}">{inner}</CORSConfiguration>'.encode()


def rule(inner: str = "") -> bytes:
    return document(
        f"<CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod>{inner}</CORSRule>",
    )


def test_a_rule_is_read_with_all_that_it_may_have() -> None:
    assert read_xml(
        rule(
            "<ID>mine</ID><AllowedOrigin>https://a</AllowedOrigin><AllowedHeader>x-*</AllowedHeader>"
            "<ExposeHeader>ETag</ExposeHeader><MaxAgeSeconds>30</MaxAgeSeconds>"
        )
    ) == (Rule(("*", "https://a"), ("GET",), ("x-*",), ("ETag",), 30, "mine"),)


@pytest.mark.parametrize(
    ("body", "kind", "message"),
    [
        (document(""), MalformedXML, "well-formed"),
        (b"no xml", MalformedXML, "well-formed"),
        (document("<CORSRule><AllowedOrigin>*</AllowedOrigin></CORSRule>"), MalformedXML, "well-formed"),
        (document("<CORSRule><AllowedMethod>GET</AllowedMethod></CORSRule>"), MalformedXML, "well-formed"),
        (rule("<AllowedOrigin/>"), MalformedXML, "well-formed"),
        (rule("<MaxAgeSeconds>soon</MaxAgeSeconds>"), MalformedXML, "well-formed"),
        (rule("<MaxAgeSeconds>-1</MaxAgeSeconds>"), MalformedXML, "well-formed"),
        (rule("<MaxAgeSeconds>99999999999</MaxAgeSeconds>"), MalformedXML, "well-formed"),
        (rule("<AllowedMethod>PATCH</AllowedMethod>"), InvalidRequest, "Unsupported method is PATCH"),
        (rule("<AllowedMethod>get</AllowedMethod>"), InvalidRequest, "Unsupported method is get"),
        (rule("<AllowedOrigin>http://*.*</AllowedOrigin>"), InvalidRequest, 'AllowedOrigin "http://*.*" can not have'),
        (rule("<AllowedHeader>*-*</AllowedHeader>"), InvalidRequest, 'AllowedHeader "*-*" can not have'),
        (rule("<ExposeHeader>x-*</ExposeHeader>"), InvalidRequest, 'ExposeHeader "x-*" contains wildcard'),
        (rule("<ExposeHeader>a&#13;&#10;b: c</ExposeHeader>"), InvalidRequest, "is not the name of a header"),
        (rule(f"<ID>{'i' * 256}</ID>"), InvalidArgument, "255"),
    ],
)
def test_what_s3_does_not_take_is_refused_by_name(body: bytes, kind: type[S3Error], message: str) -> None:
    with pytest.raises(kind) as refused:
        read_xml(body)
    assert message in refused.value.message


def test_a_bucket_has_at_most_a_hundred_rules() -> None:
    one = "<CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod></CORSRule>"
    assert len(read_xml(document(one * 100))) == 100
    with pytest.raises(InvalidRequest, match="100 rules"):
        read_xml(document(one * 101))


_words = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FFF, exclude_characters="*"), min_size=1, max_size=9)
_names = st.text("abcXYZ019-_!", min_size=1, max_size=9)
_rules = st.builds(
    Rule,
    st.lists(_words, min_size=1, max_size=3).map(tuple),
    st.lists(st.sampled_from(METHODS), min_size=1, max_size=3).map(tuple),
    st.lists(_names, max_size=3).map(tuple),
    st.lists(_names, max_size=3).map(tuple),
    st.none() | st.integers(0, (1 << 31) - 1),
    _words | st.just(""),
)


@given(st.lists(_rules, min_size=1, max_size=4).map(tuple))
def test_rules_come_back_as_they_were(rules: tuple[Rule, ...]) -> None:
    assert read_json(to_json(rules)) == rules
    stripped = tuple(
        Rule(tuple(o.strip() for o in r.origins), r.methods, r.headers, r.exposed, r.max_age, r.id.strip())
        for r in rules
    )
    if all(all(r.origins) for r in stripped):
        assert read_xml(document(to_xml(stripped))) == stripped

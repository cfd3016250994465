"""Promises of wire/xml.py."""

import pytest

from bucketport.errors import MalformedXML
from bucketport.wire import xml
from bucketport.wire.xml import Node, escape, parse


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("plain/key.txt", "plain/key.txt"),
        ("é😀 ü", "é😀 ü"),
        ("", ""),
        ("a&b<c>d\"e'f", "a&amp;b&lt;c&gt;d&quot;e'f"),
        ("\x01\t\n\r\x1f\x7f", "&#x1;&#x9;&#xA;&#xD;&#x1F;&#x7F;"),
        ("\ufffe\uffff", "&#xFFFE;&#xFFFF;"),
        ("a\u00a0b\u2028", "a\u00a0b\u2028"),
    ],
)
def test_escape_writes_what_a_parser_gives_back(text: str, escaped: str) -> None:
    assert escape(text) == escaped


def test_names_come_without_namespace() -> None:
    body = (
        f'{xml.DECLARATION}<a:Delete xmlns:a="{xml.NAMESPACE}"><a:Object x:type="t" xmlns:x="y"><a:Key>k &amp; &#x6b;'
        "</a:Key></a:Object> <Quiet>true</Quiet><!-- no --></a:Delete>"
    )
    assert parse(body.encode(), "Delete") == Node(
        "Delete",
        "",
        [Node("Object", "", [Node("Key", "k & k", [], {})], {"type": "t"}), Node("Quiet", "true", [], {})],
        {},
    )


def test_nodes_are_found_by_name() -> None:
    node = parse(b"<r><a>1</a><b> 2 </b><a>3</a><c/></r>", "r")
    found = node.find("a")
    assert found is not None
    assert found.text == "1"
    assert [each.text for each in node.all("a")] == ["1", "3"]
    assert (node.value("b"), node.value("c", "x"), node.value("d", "x"), node.value("d")) == (" 2 ", "", "x", "")
    assert node.find("d") is None


def test_text_is_kept_exactly() -> None:
    assert parse("<k>a  b\té😀<![CDATA[<&>]]></k>".encode(), "k").text == "a  b\té😀<&>"
    assert parse('<?xml version="1.0" encoding="UTF-16"?><k>é</k>'.encode("utf-16"), "k").text == "é"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"<r>",
        b"<r></q>",
        b"<r/><r/>",
        b"<other/>",
        b"<r>\x00</r>",
        b"<r>\xff</r>",
        b"<r>&nope;</r>",
        b"<r>&#0;</r>",
        b'<?xml version="1.0" encoding="utf-7"?><r/>',
        b'<?xml version="1.0" encoding="nope"?><r/>',
        b"<!DOCTYPE r><r/>",
        b'<!DOCTYPE r [<!ENTITY a "b">]><r>&a;</r>',
        b'<!DOCTYPE r SYSTEM "file:///etc/passwd"><r/>',
        b'<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><r>&b;</r>',
        b"<r>" * 17 + b"</r>" * 17,
        b"not xml",
        b'{"json": true}',
    ],
)
def test_anything_off_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedXML):
        parse(body, "r")


def test_depth_and_count_are_bounded() -> None:
    assert parse(b"<r>" * 16 + b"</r>" * 16, "r").name == "r"
    assert len(parse(b"<r>" + b"<a/>" * (xml.NODES - 1) + b"</r>", "r").children) == xml.NODES - 1
    with pytest.raises(MalformedXML):
        parse(b"<r>" + b"<a/>" * xml.NODES + b"</r>", "r")


def _attributes(count: int, of_element: int) -> str:
    one = "<a " + " ".join(f'a{number}="㰀"' for number in range(of_element)) + "/>"
    return f"<k>{one * (count // of_element)}</k>"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("of_element", [100_000, 1_000])
def test_attributes_are_bounded_in_number_and_in_one_tag(of_element: int, encoding: str) -> None:
    with pytest.raises(MalformedXML):
        parse(_attributes(200_000, of_element).encode(encoding), "k")
    assert len(parse(_attributes(2_000, 1_000).encode(encoding), "k").children) == 2


@pytest.mark.parametrize("tag", ["<{}/>", "<k><!--{}--></k>", "<k a='{}'/>", "<k>{}</k>"])
def test_nothing_is_longer_than_64_kib_without_a_tag_in_it(tag: str) -> None:
    with pytest.raises(MalformedXML):
        parse(tag.format("k" * 65_536).encode(), "k")

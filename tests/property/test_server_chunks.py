"""Is a chunked body read the same however it is cut, and is nothing but its content ever given out?"""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucketport.errors import InvalidRequest
from bucketport.runtimes.server.chunks import ChunkDecoder


def decode(pieces):
    """Content, what lies behind, whether it ended; or the refusal."""
    decoder, out, rest = ChunkDecoder(), [], b""
    for piece in pieces:
        if decoder.ended:
            rest += piece
            continue
        try:
            rest += decoder.feed(piece, out)
        except InvalidRequest:
            return "refused"
    return b"".join(out), rest, decoder.ended


@st.composite
def framed(draw):
    content = draw(st.lists(st.binary(min_size=1, max_size=40), max_size=5))
    size = st.sampled_from(["%x", "%X", "%04x"])
    extension = st.sampled_from(["", ";a", " ; a=b", ';q="r s"'])
    raw = b"".join(
        (draw(size) % len(piece) + draw(extension)).encode() + b"\r\n" + piece + b"\r\n" for piece in content
    )
    trailer = draw(st.sampled_from([b"", b"A: b\r\n", b"A: b\r\nC:\r\n"]))
    return b"".join(content), raw + b"0\r\n" + trailer + b"\r\n"


def cut(raw, places):
    places = sorted({min(place, len(raw)) for place in places})
    return [raw[a:b] for a, b in itertools.pairwise([0, *places, len(raw)])]


@given(framed(), st.lists(st.integers(0, 300), max_size=6), st.binary(max_size=9))
def test_content_of_any_cut_is_whole_and_what_follows_is_left(body, places, behind):
    content, raw = body
    assert decode(cut(raw + behind, places)) == (content, behind, True)
    assert decode([raw[at : at + 1] for at in range(len(raw))]) == (content, b"", True)


@given(framed(), st.integers(0, 400), st.binary(min_size=1, max_size=3), st.lists(st.integers(0, 300), max_size=6))
def test_changed_bytes_have_the_same_outcome_in_any_cut(body, at, change, places):
    _, raw = body
    raw = raw[:at] + change + raw[at + len(change) :]
    whole = decode([raw])
    assert decode(cut(raw, places)) == whole
    assert decode([raw[at : at + 1] for at in range(len(raw))]) == whole


@pytest.mark.parametrize("raw", [b"0\r\n\r\n", b"00\r\n\r\n", b"0;x\r\nA:b\r\n\r\n"])
def test_empty_body_ends(raw):
    assert decode([raw]) == (b"", b"", True)

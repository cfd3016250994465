"""A form taken apart: whole, byte by byte, cut anywhere, and in every hostile shape."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucketport.errors import EntityTooLarge, IncompleteBody, MalformedPOSTRequest
from bucketport.wire.form import FIELDS_BYTES, HEAD_BYTES, PART_END, Decoder, Head, boundary_of

BOUNDARY = b"----WebKitFormBoundaryx7G"
FILE = b'Content-Disposition: form-data; name="file"; filename="a.txt"\r\nContent-Type: text/plain'


def field(name, value):
    return b'Content-Disposition: form-data; name="' + name + b'"', value


def form(*parts, boundary=BOUNDARY, end=b"--\r\n"):
    made = b""
    for head, content in parts:
        made += b"--" + boundary + b"\r\n" + head + b"\r\n\r\n" + content + b"\r\n"
    return made + b"--" + boundary + end


def decode(body, piece=None, boundary=BOUNDARY):
    """[(head, content)] of all parts."""
    decoder = Decoder(boundary, "file")
    found = []
    for at in range(0, len(body), piece or len(body) or 1):
        for item in decoder.feed(body[at : at + (piece or len(body))]):
            if isinstance(item, Head):
                found.append([item, b""])
            elif item is PART_END:
                found[-1] = tuple(found[-1])
            else:
                found[-1][1] += bytes(item)
    decoder.finish()
    return found


CONTENTS = [
    b"",
    b"hello",
    b"\r\n",
    b"\r\n--",
    b"\r\n--" + BOUNDARY[:-1],
    b"--" + BOUNDARY,
    b"\r\r\n\r\n--\r\n--" + BOUNDARY[:5] + b"\r",
    bytes(range(256)) * 20,
]


@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("piece", [None, 1, 2, 3, 7, 64, 1000])
def test_parts_come_out_however_the_body_is_cut(content, piece):
    body = form(field(b"key", b"value"), (FILE, content), field(b"after", b""))
    assert decode(body, piece) == [
        (Head("key"), b"value"),
        (Head("file", "a.txt", "text/plain"), content),
        (Head("after"), b""),
    ]


@given(
    st.lists(st.sampled_from([b"\r", b"\n", b"-", b"--", BOUNDARY[:4], BOUNDARY[4:], b"x"]), max_size=60),
    st.integers(1, 50),
)
def test_content_that_looks_like_a_boundary_is_content(pieces, piece):
    content = b"".join(pieces)
    if b"\r\n--" + BOUNDARY in b"\r\n" + content[:0] + content + b"\r\n":
        return
    assert decode(form((FILE, content)), piece)[0][1] == content


def test_a_body_cut_anywhere_is_incomplete():
    body = form(field(b"key", b"value"), (FILE, b"content"))
    for stop in range(len(body) - 2):
        with pytest.raises(IncompleteBody):
            decode(body[:stop])


def test_large_content_is_handed_on_as_it_was_fed():
    decoder = Decoder(BOUNDARY, "file")
    decoder.feed(b"--" + BOUNDARY + b"\r\n" + FILE + b"\r\n\r\n")
    piece = b"x" * 100_000
    assert decoder.feed(piece)[0] is piece


def test_a_leading_line_break_and_a_trailing_one_are_forgiven():
    body = form((FILE, b"x"))
    assert decode(b"\r\n" + body + b"\r\n", 1) == decode(body)
    assert decode(form((FILE, b"x"), end=b"--")) == decode(body)


@pytest.mark.parametrize(
    ("disposition", "head"),
    [
        (b'form-data; name="file"; filename="C:\\dir\\a.txt"', Head("file", "C:\\dir\\a.txt")),
        (b'form-data; name="file"; filename="a\\"b"', Head("file", 'a\\"b')),
        (b'form-data; name="file"; filename="ends\\"', Head("file", "ends\\")),
        (b"Form-Data;name=file;filename=x", Head("file", "x")),
        ('form-data; name="file"; filename="ä.txt"'.encode(), Head("file", "ä.txt")),
        (b'form-data; name="file"', Head("file", None)),
        (b'form-data; filename=""; name="file"', Head("file", "")),
        (b'form-data; name="file"; filename="x"; filename*=UTF-8\'\'y', Head("file", "x")),
    ],
)
def test_names_are_read_as_browsers_write_them(disposition, head):
    assert decode(form((b"content-disposition:" + disposition, b"")))[0][0] == head


@pytest.mark.parametrize(
    "body",
    [
        b"preamble\r\n" + form((FILE, b"x")),
        form((FILE, b"x"), boundary=BOUNDARY + b"y"),
        form((FILE, b"x"), end=b"\r\n\r\n"),
        form((FILE, b"x"), end=b"- \r\n"),
        form((FILE, b"x")) + b"epilogue",
        form((FILE, b"x")) + form((FILE, b"y")),
        form((FILE, b"x"), (FILE, b"y")),
        form((b'Content-Disposition: form-data; name="other"; filename="x"', b"x"), (FILE, b"y")),
        form((b"", b"x")),
        form((b"Content-Type: text/plain", b"x")),
        form((b"Content-Disposition: attachment; name=file", b"x")),
        form((b"Content-Disposition: form-data; filename=file", b"x")),
        form((b"Content-Disposition: form-data; name=file; name=other", b"x")),
        form((b'Content-Disposition: form-data; name="file', b"x")),
        form((b'Content-Disposition: form-data; name="file" x', b"x")),
        form((b"Content-Disposition: form-data; name=file\r\nContent-Disposition: form-data; name=b", b"x")),
        form((b"Content-Disposition: form-data;\r\n name=file", b"x")),
        form((FILE + b"\nX: y", b"x")),
        form((FILE + b"\rX: y", b"x")),
        form((FILE + b"\x00", b"x")),
        form((FILE + b"\r\nno header", b"x")),
        form((FILE + b"\r\nb\xc3d: y", b"x")),
        form((FILE + b"\r\nx : y", b"x")),
        form((FILE + b"\r\nX-Latin: \xe4", b"x")),
        form((FILE + b"\r\nContent-Transfer-Encoding: base64", b"eA==")),
        form(field(b"key", b"value")),
        b"--" + BOUNDARY + b"--\r\n",
    ],
)
@pytest.mark.parametrize("piece", [None, 1])
def test_a_hostile_form_is_refused(body, piece):
    # A part that cannot have ended reads on for ever, so a broken-off body is a refusal too.
    with pytest.raises((MalformedPOSTRequest, IncompleteBody)):
        decode(body, piece)


@pytest.mark.parametrize("piece", [None, 4096])
def test_a_head_of_more_than_its_bound_is_refused(piece):
    room = HEAD_BYTES - len(FILE) - len(b"\r\nX: ")
    assert decode(form((FILE + b"\r\nX: " + b"y" * room, b"x")), piece)[0][1] == b"x"
    with pytest.raises(EntityTooLarge):
        decode(form((FILE + b"\r\nX: " + b"y" * (room + 1), b"x")), piece)
    with pytest.raises(EntityTooLarge):
        Decoder(BOUNDARY, "file").feed(b"--" + BOUNDARY + b"\r\n" + b"y" * (HEAD_BYTES + 4))


@pytest.mark.parametrize("piece", [None, 65536])
def test_everything_beside_the_file_has_a_bound(piece):
    for body in (
        form(field(b"key", b"v" * FIELDS_BYTES), (FILE, b"x")),
        form((FILE, b"x"), field(b"key", b"v" * FIELDS_BYTES)),
        form(*[field(b"k" * 5000, b"")] * 300, (FILE, b"x")),
        form((FILE, b"x")) + b"\r\n" * FIELDS_BYTES,
    ):
        with pytest.raises(EntityTooLarge):
            decode(body, piece)
    assert len(decode(form((FILE, b"x" * (2 * FIELDS_BYTES))), piece)[0][1]) == 2 * FIELDS_BYTES


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        ("multipart/form-data; boundary=----WebKitFormBoundaryx7G", BOUNDARY),
        ("Multipart/Form-Data;charset=UTF-8; Boundary=abc", b"abc"),
        ('multipart/form-data; boundary="a b:c"', b"a b:c"),
        ("multipart/form-data; boundary=" + "b" * 70, b"b" * 70),
    ],
)
def test_a_boundary_is_found(content_type, boundary):
    assert boundary_of(content_type) == boundary


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "multipart/form-data",
        "multipart/mixed; boundary=a",
        "multipart/form-data; boundary=",
        'multipart/form-data; boundary=""',
        "multipart/form-data; boundary=" + "b" * 71,
        'multipart/form-data; boundary="a "',
        'multipart/form-data; boundary="a\r\nb"',
        "multipart/form-data; boundary=ä",
        "multipart/form-data; boundary=a; boundary=b",
        "multipart/form-data; boundary=a; x",
        "application/x-www-form-urlencoded",
    ],
)
def test_a_malformed_boundary_is_refused(content_type):
    with pytest.raises(MalformedPOSTRequest):
        boundary_of(content_type)

"""Are heads read strictly and written safely?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucketport.message import Endpoint, HttpRequest
from bucketport.transports.http1_messages import head_of, keeps, read_head

PLACE = Endpoint("http", "h", 81, "h:81")


def test_head_is_what_the_request_says():
    request = HttpRequest("GET", PLACE, "/a//../%2F", "x=%20&y", {"range": "bytes=0-1"})
    assert head_of(request, 0) == b"GET /a//../%2F?x=%20&y HTTP/1.1\r\nhost: h:81\r\nrange: bytes=0-1\r\n\r\n"
    assert b"content-length: 0\r\n" in head_of(HttpRequest("PUT", PLACE, "/"), 0)


@pytest.mark.parametrize("value", ["a\r\nx: y", "a\nb", "a\rb", "a\0b"])
def test_header_cannot_end_its_line(value):
    with pytest.raises(ValueError, match="line end"):
        head_of(HttpRequest("GET", PLACE, "/", headers={"x-amz-meta-a": value}), 0)


@pytest.mark.parametrize("path", ["/a b", "/a\r\nx: y", "/é", "/a\0"])
def test_target_cannot_end_its_line(path):
    with pytest.raises(ValueError, match="target"):
        head_of(HttpRequest("GET", PLACE, path), 0)


def test_head_of_an_answer():
    status, headers, newest = read_head('HTTP/1.1 206 Partial Content\r\nETag:  "a" \r\nX-A: 1\r\nx-a: 2\r\nEmpty:')
    assert (status, newest) == (206, True)
    assert headers == {"etag": '"a"', "x-a": "1, 2", "empty": ""}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "HTTP/1.1",
        "HTTP/2 200",
        "HTTP/1.1 99 X",
        "HTTP/1.1 2000 X",
        "HTTP/1.1 200 OK\r\nno colon",
        "HTTP/1.1 200 OK\r\nspace : x",
        "HTTP/1.1 200 OK\r\n: x",
        "HTTP/1.1 200 OK\r\na: b\r\n folded",
        "HTTP/1.1 200 OK\r\na: b\nc: d",
        "HTTP/1.1 200 OK\r\na: b\rc",
        "HTTP/1.1 200 OK\r\na: \0",
    ],
)
def test_malformed_head_is_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011
        read_head(text)


@given(st.text(max_size=200))
def test_any_text_is_a_head_or_refused(text):
    try:
        _, headers, _ = read_head("HTTP/1.1 200 OK\r\n" + text)
    except ValueError:
        return
    assert all(name == name.lower() and "\n" not in value for name, value in headers.items())


@pytest.mark.parametrize(
    ("connection", "newest", "kept"),
    [
        ("", True, True),
        ("", False, False),
        ("close", True, False),
        ("Keep-Alive", False, True),
        ("x, Close", True, False),
    ],
)
def test_connection_is_kept_as_it_says(connection, newest, kept):
    assert keeps(connection, newest) is kept

"""Which bytes are refused? A table against the real socket; each row whole and byte by byte, with the same outcome."""

import asyncio

import pytest

HOST = b"Host: localhost\r\n"
CLOSE = b"Connection: close\r\n"


def get(*fields, target=b"/", version=b"HTTP/1.1", host=HOST):
    return b"GET " + target + b" " + version + b"\r\n" + host + b"".join(f + b"\r\n" for f in fields) + b"\r\n"


def put(*fields, body=b"", host=HOST):
    return b"PUT /b/k HTTP/1.1\r\n" + host + b"".join(f + b"\r\n" for f in fields) + b"\r\n" + body


def chunked(body):
    return put(b"Transfer-Encoding: chunked", body=body)


MALFORMED = {
    "both lengths": put(b"Content-Length: 3", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
    "both lengths, other order": put(b"Transfer-Encoding: chunked", b"Content-Length: 3", body=b"0\r\n\r\n"),
    "length given twice": put(b"Content-Length: 3", b"Content-Length: 3", body=b"abc"),
    "lengths differ": put(b"Content-Length: 3", b"Content-Length: 4", body=b"abc"),
    "lengths in other case": put(b"Content-Length: 3", b"content-length: 3", body=b"abc"),
    "length list": put(b"Content-Length: 3, 3", body=b"abc"),
    "length with a sign": put(b"Content-Length: +3", body=b"abc"),
    "negative length": put(b"Content-Length: -3", body=b"abc"),
    "hex length": put(b"Content-Length: 0x3", body=b"abc"),
    "empty length": put(b"Content-Length:", body=b"abc"),
    "length with a space in it": put(b"Content-Length: 1 2", body=b"abc"),
    "length of other digits": put("Content-Length: ³".encode("latin-1"), body=b"abc"),
    "endless length": put(b"Content-Length: 99999999999999999999", body=b"abc"),
    "encoding before chunked": put(b"Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"),
    "encoding after chunked": put(b"Transfer-Encoding: chunked, identity", body=b"0\r\n\r\n"),
    "identity": put(b"Transfer-Encoding: identity"),
    "chunked twice": put(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
    "chunked, then identity": put(b"Transfer-Encoding: chunked", b"transfer-encoding: identity", body=b"0\r\n\r\n"),
    "quoted chunked": put(b'Transfer-Encoding: "chunked"', body=b"0\r\n\r\n"),
    "xchunked": put(b"Transfer-Encoding: xchunked", body=b"0\r\n\r\n"),
    "empty encoding": put(b"Transfer-Encoding:", body=b"0\r\n\r\n"),
    "vertical tab before chunked": put(b"Transfer-Encoding: \x0bchunked", body=b"0\r\n\r\n"),
    "chunked in HTTP/1.0": chunked(b"0\r\n\r\n").replace(b"HTTP/1.1", b"HTTP/1.0"),
    "space before colon": get(b"X-A : b"),
    "tab before colon": get(b"X-A\t: b"),
    "space before colon of length": put(b"Content-Length : 3", body=b"abc"),
    "space before colon of encoding": put(b"Transfer-Encoding : chunked", body=b"0\r\n\r\n"),
    "folded line": get(b"X-A: b", b" c"),
    "folded line with tab": get(b"X-A: b", b"\tc"),
    "folded length": put(b"Content-Length:", b" 3", body=b"abc"),
    "first field folded": get(host=b" Host: localhost\r\n"),
    "line without colon": get(b"nonsense"),
    "empty name": get(b": b"),
    "name not a token": get(b"X(A): b"),
    "name not ASCII": get(b"X\xe9: b"),
    "bare CR in a value": get(b"X-A: b\rX-B: c"),
    "bare CR before the colon": get(b"X-A\r: b"),
    "bare LF between fields": get(b"X-A: b\nX-B: c"),
    "CR CR LF": get(b"X-A: b\r"),
    "bare LF everywhere": b"GET / HTTP/1.1\nHost: localhost\n\n",
    "bare LF at the end": b"GET / HTTP/1.1\r\nHost: localhost\r\n\n",
    "LF CR": b"GET / HTTP/1.1\n\rHost: localhost\n\r\n\r",
    "NUL in a value": get(b"X-A: b\0c"),
    "NUL in a name": get(b"X\0A: b"),
    "control character in a value": get(b"X-A: b\x1bc"),
    "DEL in a value": get(b"X-A: b\x7fc"),
    "no Host": get(host=b""),
    "two Hosts": get(b"Host: other"),
    "two Hosts alike": get(b"host: localhost"),
    "Host list": get(host=b"Host: a b\r\n"),
    "Host with a path": get(host=b"Host: a/b\r\n"),
    "Host with user": get(host=b"Host: u@a\r\n"),
    "two spaces after method": b"GET  / HTTP/1.1\r\n" + HOST + b"\r\n",
    "two spaces before version": b"GET /  HTTP/1.1\r\n" + HOST + b"\r\n",
    "space in target": b"GET /a b HTTP/1.1\r\n" + HOST + b"\r\n",
    "tab for a space": b"GET\t/\tHTTP/1.1\r\n" + HOST + b"\r\n",
    "space before method": b" GET / HTTP/1.1\r\n" + HOST + b"\r\n",
    "space after version": b"GET / HTTP/1.1 \r\n" + HOST + b"\r\n",
    "no version": b"GET /\r\n" + HOST + b"\r\n",
    "no target": b"GET HTTP/1.1\r\n" + HOST + b"\r\n",
    "version in lower case": get(version=b"http/1.1"),
    "version with two digits": get(version=b"HTTP/1.10"),
    "version of other digits": get(version="HTTP/1.¹".encode("latin-1")),
    "other protocol": get(version=b"RTSP/1.1"),
    "method not a token": b"G@T / HTTP/1.1\r\n" + HOST + b"\r\n",
    "empty method": b" / HTTP/1.1\r\n" + HOST + b"\r\n",
    "asterisk": b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n",
    "CONNECT": b"CONNECT localhost:80 HTTP/1.1\r\n" + HOST + b"\r\n",
    "target without slash": get(target=b"a"),
    "query alone": get(target=b"?a"),
    "absolute without host": get(target=b"http:///a"),
    "absolute with user": get(target=b"http://u@localhost/a"),
    "other scheme": get(target=b"ftp://localhost/a"),
    "control character in target": get(target=b"/a\x01b"),
    "DEL in target": get(target=b"/a\x7fb"),
    "TLS on a plain port": b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03",
    "random bytes": bytes(range(128, 160)) + b"\0\0\0\0",
}

MALFORMED_CHUNKS = {
    "size not hex": b"g\r\n",
    "empty size": b"\r\n",
    "size with 0x": b"0x3\r\nabc\r\n0\r\n\r\n",
    "negative size": b"-3\r\nabc\r\n0\r\n\r\n",
    "size with a plus": b"+3\r\nabc\r\n0\r\n\r\n",
    "space before size": b" 3\r\nabc\r\n0\r\n\r\n",
    "space after size": b"3 \r\nabc\r\n0\r\n\r\n",
    "underscore in size": b"1_0\r\n",
    "size beyond 64 bits": b"11111111111111111\r\n",
    "size line ends in LF": b"3\nabc\r\n0\r\n\r\n",
    "size line ends in CR": b"3\rabc\r\n0\r\n\r\n",
    "CR in extension": b"3;a\rb\r\nabc\r\n0\r\n\r\n",
    "NUL in extension": b"3;a\0\r\nabc\r\n0\r\n\r\n",
    "long extension": b"3;" + b"a" * 2000 + b"\r\nabc\r\n0\r\n\r\n",
    "chunk longer than its size": b"3\r\nabcd\r\n0\r\n\r\n",
    "chunk without CR LF": b"3\r\nabc0\r\n\r\n",
    "chunk ends in LF": b"3\r\nabc\n0\r\n\r\n",
    "last chunk ends in LF": b"3\r\nabc\r\n0\n\n",
    "trailer ends in LF": b"0\r\nX-A: b\n\r\n",
    "trailer folded": b"0\r\nX-A: b\r\n c\r\n\r\n",
    "trailer with space before colon": b"0\r\nX-A : b\r\n\r\n",
    "trailer without colon": b"0\r\nabc\r\n\r\n",
    "long trailer": b"0\r\n" + b"X-A: b\r\n" * 2000 + b"\r\n",
}

TOO_LARGE = {
    "request line": get(target=b"/" + b"a" * 300),
    "request line without an end": b"GET /" + b"a" * 300,
    "one field": get(b"X-A: " + b"b" * 600),
    "field without an end": b"GET / HTTP/1.1\r\nX-A: " + b"b" * 600,
    "many fields": get(*[b"X-%d: b" % number for number in range(11)]),
}

SMALL = {"request_line_bytes": 200, "header_bytes": 500, "header_fields": 10, "query_pairs": 5}

FOLLOWER = get(CLOSE[:-2], target=b"/smuggled")


def outcome(play, serving, answers, raw, split, **limits):
    """Statuses answered, targets that reached the application."""

    async def main():
        async with serving(**limits) as served:
            received = await served.talk(raw, split)
            return [status for status, _, _ in answers(received)], [r.raw_path for r in served.app.seen]

    return play(main)


@pytest.mark.parametrize("split", [False, True], ids=["whole", "byte by byte"])
@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_head_is_refused_and_nothing_behind_it_is_read(play, serving, answers, name, split):
    statuses, reached = outcome(play, serving, answers, MALFORMED[name] + FOLLOWER, split)
    assert statuses == [400]
    assert reached == []


@pytest.mark.parametrize("split", [False, True], ids=["whole", "byte by byte"])
@pytest.mark.parametrize("name", MALFORMED_CHUNKS)
def test_malformed_chunks_are_refused_and_nothing_behind_them_is_read(play, serving, answers, name, split):
    statuses, reached = outcome(play, serving, answers, chunked(MALFORMED_CHUNKS[name]) + FOLLOWER, split)
    assert statuses == [400]
    assert reached == ["/b/k"]


@pytest.mark.parametrize("split", [False, True], ids=["whole", "byte by byte"])
@pytest.mark.parametrize("name", TOO_LARGE)
def test_head_over_a_limit_is_refused(play, serving, answers, name, split):
    statuses, reached = outcome(play, serving, answers, TOO_LARGE[name], split, **SMALL)
    assert statuses == [400]
    assert reached == []


@pytest.mark.parametrize("split", [False, True], ids=["whole", "byte by byte"])
@pytest.mark.parametrize("version", [b"HTTP/2.0", b"HTTP/0.9", b"HTTP/1.2", b"HTTP/3.0"])
def test_other_version_is_answered_505(play, serving, answers, version, split):
    assert outcome(play, serving, answers, get(version=version), split) == ([505], [])


@pytest.mark.parametrize("split", [False, True], ids=["whole", "byte by byte"])
def test_http2_preface_is_answered_505(play, serving, answers, split):
    assert outcome(play, serving, answers, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", split) == ([505], [])


def test_query_with_too_many_pairs_is_refused(play, serving, answers):
    assert outcome(play, serving, answers, get(target=b"/?a&b&c&d&e&f"), False, **SMALL) == ([400], [])
    assert outcome(play, serving, answers, get(CLOSE[:-2], target=b"/?a&b&c&d&e"), False, **SMALL) == ([200], ["/"])


ACCEPTED = {
    "plain": get(),
    "HTTP/1.0 without Host": get(version=b"HTTP/1.0", host=b""),
    "empty lines before": b"\r\n\r\n" + get(),
    "unknown method": get().replace(b"GET", b"BREW"),
    "method in lower case": get().replace(b"GET", b"get"),
    "upgrade is not taken": get(b"Upgrade: h2c", b"Connection: Upgrade, HTTP2-Settings", b"HTTP2-Settings: AAA"),
    "empty value": get(b"X-A:", b"X-B: c"),
    "latin-1 value": get(b"X-A: caf\xe9"),
    "length zero": put(b"Content-Length: 0"),
    "length with leading zeros": put(b"Content-Length: 0003", body=b"abc"),
    "chunked with extension and trailer": chunked(b"3;a=b\r\nabc\r\n0;c\r\nX-A: b\r\n\r\n"),
    "chunked in capitals": put(b"Transfer-Encoding: CHUNKED", body=b"A\r\n0123456789\r\n000\r\n\r\n"),
    "odd header name": get(b"!#$%&'*+-.^_`|~0: b"),
}


@pytest.mark.parametrize("split", [False, True], ids=["whole", "byte by byte"])
@pytest.mark.parametrize("name", ACCEPTED)
def test_unusual_but_plain_request_is_served_and_the_next_one_too(play, serving, answers, name, split):
    raw = ACCEPTED[name]
    statuses, reached = outcome(play, serving, answers, raw + (FOLLOWER if b"HTTP/1.0" not in raw else b""), split)
    assert statuses == [200] * len(reached)
    assert reached[1:] == (["/smuggled"] if b"HTTP/1.0" not in raw else [])


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        (b"/a#b?c#d", "/a#b", "c#d"),
        (b"/a%2Fb//c/../d?x=%20+&y", "/a%2Fb//c/../d", "x=%20+&y"),
        (b"/\xc3\xa9\xff?\x80", "/Ã©ÿ", "\x80"),
        (b'/"<>\\^`{|}', '/"<>\\^`{|}', ""),
        (b"//a?", "//a", ""),
        (b"/?a?b", "/", "a?b"),
        (b"http://other:9/a?b", "/a", "b"),
        (b"HTTPS://other:9?b", "/", "b"),
        (b"http://other:9", "/", ""),
    ],
)
def test_target_reaches_the_application_byte_for_byte(play, serving, target, path, query):
    async def main():
        async with serving() as served:
            await served.talk(get(CLOSE[:-2], target=target))
            request, exchange = served.app.seen[0], served.book.exchanges[0]
            assert (request.raw_path, request.raw_query) == (path, query)
            assert exchange.target == target.decode("latin-1")
            absolute = not target.startswith(b"/")
            assert request.headers["host"] == ("other:9" if absolute else "localhost")

    play(main)


def test_headers_are_lower_case_stripped_and_joined(play, serving):
    raw = get(b"X-A:  \t b \t", b"x-a: c", b"X-Empty:", b"ACCEPT: d", b"X-Caf: caf\xe9", CLOSE[:-2])

    async def main():
        async with serving() as served:
            await served.talk(raw)
            assert served.app.seen[0].headers == {
                "host": "localhost",
                "x-a": "b,c",
                "x-empty": "",
                "accept": "d",
                "x-caf": "café",
                "connection": "close",
            }

    play(main)


def test_refusal_is_told_to_the_meters_with_what_could_be_read(play, serving):
    async def main():
        async with serving() as served:
            await served.talk(b"DELETE /b/k HTTP/1.1\r\n\r\n")
            (exchange,) = served.book.exchanges
            assert (exchange.method, exchange.target, exchange.status) == ("DELETE", "/b/k", 400)
            assert exchange.client == "127.0.0.1"

    play(main)


def test_head_of_any_cut_is_the_same_request(play, serving, answers):
    raw = put(b"Content-Length: 3", b"X-A: b", body=b"abc") + chunked(b"3\r\nabc\r\n0\r\n\r\n") + FOLLOWER

    async def main():
        async with serving() as served:
            for cut in range(1, len(raw)):
                client = await served.connect()
                await client.send(raw[:cut])
                await asyncio.sleep(0)
                await client.send(raw[cut:])
                assert [a[0] for a in answers(await client.rest(), "PUT", "PUT", "GET")] == [200, 200, 200]
                client.close()
            assert served.app.bodies == [b"abc", b"abc", b""] * (len(raw) - 1)

    play(main)

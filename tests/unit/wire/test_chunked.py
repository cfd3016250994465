"""The aws-chunked decoder: three forms, whole and byte by byte, and every way to be malformed."""

import hashlib
from collections.abc import Iterable, Sequence

import pytest

from bucketport.errors import (
    IncompleteBody,
    InvalidArgument,
    InvalidChunkSizeError,
    InvalidRequest,
    MalformedTrailerError,
    MissingContentLength,
    S3Error,
    SignatureDoesNotMatch,
)
from bucketport.model import Secret
from bucketport.wire.chunked import Decoder, decoder_for
from bucketport.wire.sigv4 import ChunkSigner, scope

SEED = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
SIGNED_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
FORMS = (SIGNED, SIGNED_TRAILER, UNSIGNED_TRAILER)
TRAILER = ("x-amz-checksum-crc32c", "sOO8/Q==")
BIG = bytes(range(256)) * 40


def signer() -> ChunkSigner:
    secret = Secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    return ChunkSigner(secret, scope("20130524", "us-east-1"), "20130524T000000Z", SEED)


def encode(form: str, chunks: Sequence[bytes], trailers: Iterable[tuple[str, str]] = (TRAILER,)) -> bytes:
    """A body of that form."""
    chain = signer()
    body = b""
    for chunk in (*chunks, b""):
        body += b"%x" % len(chunk)
        if form != UNSIGNED_TRAILER:
            body += b";chunk-signature=" + chain.next_chunk(hashlib.sha256(chunk).digest())
        body += b"\r\n" + chunk + (b"\r\n" if chunk else b"")
    if form != SIGNED:
        lines = "".join(f"{name}:{value}\n" for name, value in trailers).encode()
        body += lines.replace(b"\n", b"\r\n")
        if form == SIGNED_TRAILER:
            body += b"x-amz-trailer-signature:" + chain.trailer(hashlib.sha256(lines).digest()) + b"\r\n"
    return body + b"\r\n"


def decoder(form: str, length: int, trailer: str = TRAILER[0]) -> Decoder:
    headers = {"x-amz-decoded-content-length": str(length)}
    if form != SIGNED and trailer:
        headers["x-amz-trailer"] = trailer
    made = decoder_for(form, headers, signer() if form != UNSIGNED_TRAILER else None)
    assert made is not None
    return made


def decode(made: Decoder, body: bytes, piece: int | None = None) -> tuple[bytes, dict[str, str]]:
    piece = piece or len(body) or 1
    content = []
    for at in range(0, len(body), piece):
        content += made.feed(body[at : at + piece])
    trailers = made.finish()
    return b"".join(content), trailers


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("chunks", [[], [b"x"], [BIG], [BIG, b"\r\n0\r\n\r\n"], [BIG] * 5 + [b"end"]])
@pytest.mark.parametrize("piece", [None, 1, 2, 3, 7, 1000, 8192])
def test_content_and_trailers_come_out_however_it_is_cut(form: str, chunks: list[bytes], piece: int | None) -> None:
    content = b"".join(chunks)
    found, trailers = decode(decoder(form, len(content)), encode(form, chunks), piece)
    assert found == content
    assert trailers == ({} if form == SIGNED else dict([TRAILER]))


def test_pieces_are_views_and_nothing_is_kept() -> None:
    made = decoder(UNSIGNED_TRAILER, 5 * 1024**3)
    made.feed(b"%x\r\n" % (5 * 1024**3))
    piece = b"x" * 65536
    assert made.feed(piece)[0] is piece
    (view,) = decoder(UNSIGNED_TRAILER, 10240).feed(b"2800\r\n" + BIG + b"\r\n")
    assert isinstance(view, memoryview)
    assert made.feed(b"") == []


@pytest.mark.parametrize("form", FORMS)
def test_a_body_cut_anywhere_is_incomplete(form: str) -> None:
    body = encode(form, [BIG, b"end"])
    for stop in (*range(200), *range(len(body) - 400, len(body))):
        with pytest.raises(IncompleteBody, match="terminated unexpectedly"):
            decode(decoder(form, len(BIG) + 3), body[:stop])


@pytest.mark.parametrize("form", [SIGNED, SIGNED_TRAILER])
@pytest.mark.parametrize("piece", [None, 1000])
def test_every_flipped_byte_of_a_signed_body_is_refused(form: str, piece: int | None) -> None:
    body = encode(form, [BIG, b"end"])
    places = (*range(110), 5000, *range(len(BIG) + 90, len(body)))
    for at in places:
        broken = bytearray(body)
        broken[at] ^= 1
        with pytest.raises(S3Error):
            decode(decoder(form, len(BIG) + 3), bytes(broken), piece)


def test_a_wrong_signature_is_found_at_the_end_of_its_chunk() -> None:
    body = encode(SIGNED, [BIG, BIG])
    broken = body.replace(BIG[:100], b"y" * 100, 1)
    made = decoder(SIGNED, 2 * len(BIG))
    first = 4 + 81 + 2 + len(BIG)
    made.feed(broken[: first - 1])
    with pytest.raises(SignatureDoesNotMatch):
        made.feed(broken[first - 1 : first])


def test_the_signature_of_the_last_chunk_is_checked() -> None:
    body = encode(SIGNED, [b"x"])
    at = body.rindex(b"chunk-signature=") + 16
    with pytest.raises(SignatureDoesNotMatch):
        decode(decoder(SIGNED, 1), body[:at] + b"0" * 64 + body[at + 64 :])


def test_the_signature_of_the_trailer_is_checked() -> None:
    body = encode(SIGNED_TRAILER, [b"x"])
    for old, new in ((b"sOO8", b"sOO9"), (body[-66:-4], b"0" * 62)):
        with pytest.raises(SignatureDoesNotMatch):
            decode(decoder(SIGNED_TRAILER, 1), body.replace(old, new))


def test_chunks_cannot_change_places() -> None:
    one, two = BIG, BIG[::-1]
    body = encode(SIGNED, [one, two])
    line = 4 + 81 + 2
    first, second = body[: line + len(one) + 2], body[line + len(one) + 2 : 2 * (line + len(one) + 2)]
    with pytest.raises(SignatureDoesNotMatch):
        decode(decoder(SIGNED, 2 * len(BIG)), second + first + body[2 * len(first) :])


@pytest.mark.parametrize("form", FORMS)
def test_a_small_chunk_before_the_last_is_refused(form: str) -> None:
    with pytest.raises(InvalidChunkSizeError, match="less than 8192 bytes") as caught:
        decode(decoder(form, 8191 + len(BIG) + 1), encode(form, [BIG, BIG[:8191], b"x"]))
    assert caught.value.fields == {"Chunk": "2", "BadChunkSize": "8191"}
    decode(decoder(form, 8192 + 1), encode(form, [BIG[:8192], b"x"]))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("off", [-1, 1])
def test_another_length_than_declared_is_incomplete(form: str, off: int) -> None:
    with pytest.raises(IncompleteBody):
        decode(decoder(form, len(BIG) + off), encode(form, [BIG]))


def test_a_chunk_longer_than_declared_is_refused_before_its_bytes_come() -> None:
    with pytest.raises(IncompleteBody):
        decoder(UNSIGNED_TRAILER, 10).feed(b"b\r\n")


MALFORMED = [
    b"\r\n",
    b"x\r\n",
    b"-1\r\n",
    b"+1\r\n",
    b"0x1\r\n",
    b" 1\r\n",
    b"1 \r\n",
    b"1_0\r\n",
    b"\xc2\xb2\r\n",
    b"11111111111111111\r\n",
    b"1\n",
    b"1\r",
    b"1\r\r\n",
    b"1;a=b\r\n",
    b"1;chunk-signature=" + b"0" * 64 + b"\r\n",
    b"1\r\nxy\r\n",
    b"1\r\nx\n",
    b"1\r\nx" + b"y" * 1000,
    b"1" * 1000,
    b"\0\r\n",
    b"1\r\nx\r\n\r\n",
    b"1\r\nx\r\n0\r\nx-amz-checksum-crc32c:sOO8/Q==\r\n\r\nmore",
    b"1\r\nx\r\n0\r\nx-amz-checksum-crc32c:sOO8/Q==\r\n\r\n\r\n",
]


@pytest.mark.parametrize("body", MALFORMED)
@pytest.mark.parametrize("piece", [None, 1])
def test_malformed_framing_is_refused(body: bytes, piece: int | None) -> None:
    with pytest.raises((InvalidRequest, IncompleteBody)) as caught:
        decode(decoder(UNSIGNED_TRAILER, 1), body, piece)
    assert caught.type is (IncompleteBody if body == b"1\r" else InvalidRequest)


@pytest.mark.parametrize(
    "line",
    [
        b"1\r\n",
        b"1;\r\n",
        b"1;chunk-signature=\r\n",
        b"1;chunk-signature=" + b"0" * 63 + b"\r\n",
        b"1;chunk-signature=" + b"0" * 65 + b"\r\n",
        b"1;chunk-signature=" + b"0" * 64 + b";a=b\r\n",
        b"1;Chunk-Signature=" + b"0" * 64 + b"\r\n",
        b"1; chunk-signature=" + b"0" * 63 + b"\r\n",
    ],
)
def test_a_signed_chunk_without_its_signature_is_refused(line: bytes) -> None:
    with pytest.raises(InvalidRequest):
        decoder(SIGNED, 1).feed(line)


@pytest.mark.parametrize(
    ("trailer", "announced"),
    [
        (b"", "x-amz-checksum-crc32c"),
        (b"x-amz-checksum-crc32:AAAAAA==\r\n", "x-amz-checksum-crc32c"),
        (b"x-amz-checksum-crc32:AAAAAA==\r\n", ""),
        (b"x-amz-checksum-crc32:AAAAAA==\r\nx-amz-checksum-crc32:AAAAAA==\r\n", "x-amz-checksum-crc32"),
        (b"x-amz-checksum-crc32\r\n", "x-amz-checksum-crc32"),
        (b"x-amz-checksum-crc32:\r\n", "x-amz-checksum-crc32"),
        (b":AAAAAA==\r\n", "x-amz-checksum-crc32"),
        (b" x-amz-checksum-crc32:AAAAAA==\r\n", "x-amz-checksum-crc32"),
        (b"x-amz-checksum-crc32 :AAAAAA==\r\n", "x-amz-checksum-crc32"),
        (b"x-amz-checksum-crc32:AAAAAA==\n\r\n", "x-amz-checksum-crc32"),
        (b"x-amz-checksum-crc32:AAAA\rAA==\r\n", "x-amz-checksum-crc32"),
        (b"x-amz-checksum-crc32:" + b"A" * 9000 + b"\r\n", "x-amz-checksum-crc32"),
        (b"x-amz-trailer-signature:" + b"0" * 64 + b"\r\n", ""),
    ],
)
@pytest.mark.parametrize("piece", [None, 1])
def test_malformed_trailers_are_refused(trailer: bytes, announced: str, piece: int | None) -> None:
    with pytest.raises(MalformedTrailerError):
        decode(decoder(UNSIGNED_TRAILER, 1, announced), b"1\r\nx\r\n0\r\n" + trailer + b"\r\n", piece)


def test_a_trailer_without_its_signature_is_refused() -> None:
    body = encode(SIGNED_TRAILER, [b"x"])
    unsigned = body[: body.index(b"x-amz-trailer-signature")] + b"\r\n"
    with pytest.raises(MalformedTrailerError):
        decode(decoder(SIGNED_TRAILER, 1), unsigned)


def test_nothing_may_follow_the_signature_of_the_trailer() -> None:
    body = encode(SIGNED_TRAILER, [b"x"], [])
    with pytest.raises(MalformedTrailerError):
        decode(decoder(SIGNED_TRAILER, 1), body[:-2] + b"x-amz-checksum-crc32c:sOO8/Q==\r\n\r\n")


@pytest.mark.parametrize("lines", [b"x-amz-checksum-crc32c:sOO8/Q==\r\n", b"x-amz-trailer-signature:0\r\n"])
def test_a_form_without_trailers_takes_none(lines: bytes) -> None:
    with pytest.raises(MalformedTrailerError):
        decode(decoder(SIGNED, 1), encode(SIGNED, [b"x"])[:-2] + lines + b"\r\n")


def test_a_trailer_form_that_announces_none_needs_none() -> None:
    for form in (SIGNED_TRAILER, UNSIGNED_TRAILER):
        assert decode(decoder(form, 1, ""), encode(form, [b"x"], [])) == (b"x", {})


def test_names_of_trailers_are_matched_in_any_case() -> None:
    body = b"1\r\nx\r\n0\r\nX-Amz-Checksum-CRC32: AAAAAA== \r\n\r\n"
    made = decoder(UNSIGNED_TRAILER, 1, " X-Amz-Checksum-Crc32 ,")
    assert decode(made, body) == (b"x", {"x-amz-checksum-crc32": "AAAAAA=="})


@pytest.mark.parametrize("payload", ["", "UNSIGNED-PAYLOAD", "0" * 64])
def test_other_payloads_need_no_decoder(payload: str) -> None:
    assert decoder_for(payload, {}, None) is None


def test_the_decoded_length_must_be_declared() -> None:
    with pytest.raises(MissingContentLength):
        decoder_for(UNSIGNED_TRAILER, {}, None)


@pytest.mark.parametrize("text", ["", "-1", "1.0", "x", "1 ", "\u00b2", "9" * 17, "9" * 16, "1,1"])
def test_a_decoded_length_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument):
        decoder_for(UNSIGNED_TRAILER, {"x-amz-decoded-content-length": text}, None)


def test_a_signed_form_needs_a_signed_request() -> None:
    with pytest.raises(InvalidRequest):
        decoder_for(SIGNED, {"x-amz-decoded-content-length": "1"}, None)


def test_trailers_announced_for_a_form_without_any_are_refused() -> None:
    headers = {"x-amz-decoded-content-length": "1", "x-amz-trailer": "x-amz-checksum-crc32"}
    with pytest.raises(MalformedTrailerError):
        decoder_for(SIGNED, headers, signer())

"""However an aws-chunked body is cut on its way, the same comes out; and garbage never breaks the decoder."""

import hashlib
import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from bucketport.errors import S3Error
from bucketport.model import Secret
from bucketport.wire.chunked import FORMS, Decoder, decoder_for
from bucketport.wire.sigv4 import ChunkSigner, scope

NAME, VALUE = "x-amz-checksum-crc64nvme", "rosUhgp5mIg="


def signer() -> ChunkSigner:
    return ChunkSigner(Secret("secret"), scope("20261121", "us-east-1"), "20261121T092801Z", "0" * 64)


def encode(payload: str, chunks: list[bytes]) -> bytes:
    form = FORMS[payload]
    chain = signer()
    body = b""
    for chunk in (*chunks, b""):
        body += b"%x" % len(chunk)
        if form.signed:
            body += b";chunk-signature=" + chain.next_chunk(hashlib.sha256(chunk).digest())
        body += b"\r\n" + chunk + (b"\r\n" if chunk else b"")
    if form.trailer:
        body += f"{NAME}:{VALUE}\r\n".encode()
        if form.signed:
            signature = chain.trailer(hashlib.sha256(f"{NAME}:{VALUE}\n".encode()).digest())
            body += b"x-amz-trailer-signature:" + signature + b"\r\n"
    return body + b"\r\n"


def decoder(payload: str, length: int) -> Decoder:
    headers = {"x-amz-decoded-content-length": str(length)}
    if FORMS[payload].trailer:
        headers["x-amz-trailer"] = NAME
    made = decoder_for(payload, headers, signer() if FORMS[payload].signed else None)
    assert made is not None
    return made


def decode(made: Decoder, body: bytes, cuts: list[int]) -> tuple[bytes, dict[str, str]]:
    edges = sorted({0, len(body), *(cut % (len(body) + 1) for cut in cuts)})
    content = b"".join(
        bytes(piece) for start, stop in itertools.pairwise(edges) for piece in made.feed(body[start:stop])
    )
    return content, made.finish()


payloads = st.sampled_from(sorted(FORMS))
chunks = st.tuples(
    st.lists(st.integers(8192, 20000), max_size=3), st.integers(0, 9000), st.binary(min_size=1, max_size=64)
)
cuts = st.lists(st.integers(0, 1 << 20), max_size=40)


def spread(made: tuple[list[int], int, bytes]) -> list[bytes]:
    """Chunks of those sizes, filled with a pattern."""
    sizes, last, pattern = made
    content = [(pattern * (size // len(pattern) + 1))[:size] for size in (*sizes, last)]
    return [chunk for chunk in content if chunk]


@settings(max_examples=150, deadline=None)
@given(payloads, chunks, cuts)
def test_any_split_decodes_alike(payload: str, made: tuple[list[int], int, bytes], cuts: list[int]) -> None:
    content = spread(made)
    length = sum(map(len, content))
    found, trailers = decode(decoder(payload, length), encode(payload, content), cuts)
    assert found == b"".join(content)
    assert trailers == ({NAME: VALUE} if FORMS[payload].trailer else {})


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from([name for name in sorted(FORMS) if FORMS[name].signed]),
    chunks,
    cuts,
    st.integers(0, 1 << 20),
    st.integers(1, 255),
)
def test_a_signed_body_changed_anywhere_never_gives_other_content(
    payload: str, made: tuple[list[int], int, bytes], cuts: list[int], place: int, flip: int
) -> None:
    content = spread(made)
    body = bytearray(encode(payload, content))
    body[place % len(body)] ^= flip
    try:
        found, trailers = decode(decoder(payload, sum(map(len, content))), bytes(body), cuts)
    except S3Error:
        return
    # What may change unnoticed is the case of a letter in a size or in a trailer's name.
    assert found == b"".join(content)
    assert trailers == ({NAME: VALUE} if FORMS[payload].trailer else {})


@settings(max_examples=200, deadline=None)
@given(
    payloads,
    st.lists(
        st.sampled_from(
            [
                b"0",
                b"1",
                b"a",
                b"2000",
                b";",
                b"chunk-signature=",
                b"\r",
                b"\n",
                b"\r\n",
                b"x" * 8192,
                b"\0",
                NAME.encode(),
                b":",
                VALUE.encode(),
            ]
        )
    ),
    cuts,
)
def test_garbage_is_refused_or_is_the_declared_length(payload: str, pieces: list[bytes], cuts: list[int]) -> None:
    body = b"".join(pieces)
    try:
        found, _ = decode(decoder(payload, 8192), body, cuts)
    except S3Error:
        return
    assert len(found) == 8192

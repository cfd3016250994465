"""What a tus request says: every header whole, wrong and missing."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucketport.errors import InvalidRequest, UnsupportedMediaType
from bucketport.wire import tus

TOKEN = "abc.1799999999.c2ln"


def creation(**headers):
    return tus.parse_creation({name.replace("_", "-"): value for name, value in headers.items()}, TOKEN)


def patch(**headers):
    said = {"content-type": tus.CONTENT_TYPE, "upload-offset": "0"}
    said |= {name.replace("_", "-"): value for name, value in headers.items()}
    return tus.parse_patch({name: value for name, value in said.items() if value is not None})


def test_only_our_version_is_spoken():
    tus.check_version({"tus-resumable": "1.0.0"})
    for headers in ({}, {"tus-resumable": "0.2.2"}, {"tus-resumable": "1.0.0, 0.2.2"}):
        with pytest.raises(tus.UnsupportedVersion) as caught:
            tus.check_version(headers)
        assert (caught.value.status, caught.value.headers["Tus-Version"]) == (412, "1.0.0")


def test_offers_name_every_extension_and_algorithm():
    made = tus.offers(1000)
    assert made["Tus-Max-Size"] == "1000"
    assert "concatenation" in made["Tus-Extension"].split(",")
    assert {"sha1", "sha256", "md5", "crc32"} <= set(made["Tus-Checksum-Algorithm"].split(","))
    assert "Tus-Max-Size" not in tus.offers(None)


def test_a_creation_says_its_length_or_defers_it():
    assert creation(upload_length="0").length == 0
    assert creation(upload_length="123").length == 123
    assert creation(upload_defer_length="1").length is None


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"upload_length": "5", "upload_defer_length": "1"},
        {"upload_defer_length": "0"},
        {"upload_defer_length": "true"},
        {"upload_length": ""},
        {"upload_length": "-1"},
        {"upload_length": "+1"},
        {"upload_length": "1.0"},
        {"upload_length": "1,1"},
        {"upload_length": "٣"},
        {"upload_length": "1" * 21},
        {"upload_length": "5", "upload_concat": "Partial"},
        {"upload_length": "5", "upload_concat": "final;"},
        {"upload_concat": "final"},
        {"upload_concat": "final;"},
        {"upload_concat": f"final;/-/uploads/{TOKEN}/tus/1", "upload_length": "5"},
        {"upload_concat": "final;/-/uploads/other.1.c2ln/tus/1"},
        {"upload_concat": f"final;/-/uploads/{TOKEN}/tus/x"},
        {"upload_concat": f"final;/-/uploads/{TOKEN}/tus/1?x=1"},
        {"upload_concat": f"final;http://host/?/-/uploads/{TOKEN}/tus/1"},
        {"upload_concat": "final;1"},
        {"upload_concat": "final;tus/../1"},
        {"upload_concat": "final;" + "tus/1 " * 1001},
    ],
)
def test_a_malformed_creation_is_refused(headers):
    with pytest.raises(InvalidRequest):
        creation(**headers)


def test_a_final_upload_names_its_pieces_by_any_kind_of_url():
    urls = [f"https://up.example.org/s3/-/uploads/{TOKEN}/tus/7", f"/-/uploads/{TOKEN}/tus/2", "tus/3", "./tus/4"]
    made = creation(upload_concat=f"final;{' '.join(urls)}", upload_metadata="filename YQ==")
    assert (made.final, made.joins, made.length) == (True, (7, 2, 3, 4), None)
    assert creation(upload_concat="partial", upload_length="5").partial
    assert tus.concat_header(True, ()) == "partial"
    assert tus.concat_header(False, ["a", "b"]) == "final;a b"
    assert tus.concat_header(False, ()) == ""


def test_metadata_is_decoded_and_kept_as_sent():
    header = "filename d29ybGRfZG9taW5hdGlvbl9wbGFuLnBkZg==, is_confidential,empty "
    assert tus.parse_metadata(header) == {
        "filename": b"world_domination_plan.pdf",
        "is_confidential": b"",
        "empty": b"",
    }
    assert creation(upload_length="1", upload_metadata=header).metadata == header


@pytest.mark.parametrize(
    "header", [",", "a YQ==,", "a YQ==,a YQ==", " YQ==,", "a Y", "a YQ== x", "a YQ", "ä YQ==", "a\x00 YQ==", "a" * 8193]
)
def test_malformed_metadata_is_refused(header):
    with pytest.raises(InvalidRequest):
        tus.parse_metadata(header)


@given(
    st.dictionaries(st.text("abcXYZ-_.09", min_size=1, max_size=20), st.binary(max_size=50), min_size=1, max_size=10)
)
def test_metadata_round_trips(pairs):
    header = ",".join(f"{key} {base64.b64encode(value).decode()}" for key, value in pairs.items())
    assert tus.parse_metadata(header) == pairs


def test_a_patch_says_where_it_goes_on():
    assert patch(upload_offset="70") == tus.Patch(70, None, None)
    assert patch(upload_length="100").length == 100
    assert patch(content_type="Application/Offset+Octet-Stream ; x=y").offset == 0


def test_content_of_another_type_is_refused():
    for kind in (None, "", "application/octet-stream"):
        with pytest.raises(UnsupportedMediaType) as caught:
            patch(content_type=kind)
        assert caught.value.status == 415


@pytest.mark.parametrize("offset", [None, "", "-1", "x", "0x1", "1 "])
def test_a_patch_without_an_offset_is_refused(offset):
    with pytest.raises(InvalidRequest, match="Upload-Offset"):
        patch(upload_offset=offset)


def test_a_checksum_is_an_algorithm_and_a_digest():
    found = patch(upload_checksum="sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=").checksum
    assert (found.algorithm, found.digest.hex()) == ("SHA1", "2aae6c35c94fcfb415dbe95f408b9ce91ee846ed")
    assert patch(upload_checksum="crc32 AAAAAA==").checksum.algorithm == "CRC32"


@pytest.mark.parametrize(
    "header", ["", "sha1", "sha1 ", "sha1 AAAA", "SHA1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=", "md4 AAAA", "crc32 AAAA AA=="]
)
def test_a_malformed_checksum_is_refused(header):
    with pytest.raises(InvalidRequest, match="Upload-Checksum"):
        patch(upload_checksum=header)


def test_a_method_may_be_overridden():
    assert tus.override("POST", {}) == "POST"
    assert tus.override("POST", {"x-http-method-override": "patch"}) == "PATCH"

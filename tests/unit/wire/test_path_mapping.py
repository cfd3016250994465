"""Several leading segments as one bucket: names in, names out."""

import pytest

from bucketport.errors import NoSuchBucket
from bucketport.message import NoBody, Request
from bucketport.wire import address, query
from bucketport.wire.path_mapping import Mapped, PathMapping, Shown, apply

TWO = PathMapping(2, ":", 1)


def mapped(target: str, mapping: PathMapping = TWO, **headers: str) -> Mapped:
    path, _, text = target.partition("?")
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = Request("GET", path, text, named, NoBody())
    return apply(mapping, request, address.split(path, "", ()), query.parse(text))


@pytest.mark.parametrize(
    ("target", "bucket", "key"),
    [
        ("/acme/data/report.csv", "acme:data", "report.csv"),
        ("/acme/data/a/b//c", "acme:data", "a/b//c"),
        ("/acme/data", "acme:data", ""),
        ("/acme/data/", "acme:data", ""),
        ("/acme/data/..%2Fx", "acme:data", "../x"),
    ],
)
def test_leading_segments_name_the_bucket(target: str, bucket: str, key: str) -> None:
    seen = mapped(target)
    assert (seen.address.bucket, seen.address.key) == (bucket, key)
    assert seen.shown == Shown("acme", "data/")


def test_a_list_prefix_names_what_the_path_does_not() -> None:
    seen = mapped("/acme?list-type=2&prefix=data/sub/&start-after=data/sub/x")
    assert seen.address.bucket == "acme:data"
    assert seen.query["prefix"] == "sub/"
    assert seen.query["start-after"] == "sub/x"


def test_one_segment_may_be_shown_as_all_of_them() -> None:
    assert mapped("/acme/data/k", PathMapping(2, "--", 2)).shown == Shown("acme/data", "")


def test_one_segment_changes_nothing() -> None:
    seen = mapped("/acme/data/k", PathMapping(1))
    assert (seen.address.bucket, seen.address.key, seen.shown) == ("acme", "data/k", Shown("acme", ""))


def test_the_copy_source_is_mapped_too() -> None:
    source = mapped("/acme/data/k", x_amz_copy_source="acme/other/a%20b?versionId=1").request.headers
    assert source["x-amz-copy-source"] == "/acme%3Aother/a%20b?versionId=1"


@pytest.mark.parametrize("target", ["/acme", "/acme?list-type=2", "/acme?prefix=", "/acme//k"])
def test_too_few_segments_name_no_bucket(target: str) -> None:
    with pytest.raises(NoSuchBucket):
        mapped(target)


def test_the_account_itself_is_not_mapped() -> None:
    assert mapped("/").address.bucket == ""

"""What an operator sees, and with a key for some buckets."""

import json
from typing import Any

import pytest

from bucketport.api.uploads.context import Statistics


def ask(world: Any, target: str, key: str = "key-1", method: str = "GET") -> tuple[int, dict[str, Any]]:
    answer = world.ask(method, target, authorization=f"Bearer {key}")
    said = json.loads(answer.body)
    assert said["success"] == (answer.status == 200)
    return answer.status, said


@pytest.fixture
def filled(world: Any) -> Any:
    for at in range(5):
        world.ask("POST", world.url(bucket="pictures", blob_id=f"p{at}"), b"x" * at)
    world.ask("POST", world.url(bucket="music", blob_id="m"), b"song")
    world.make_bucket("empty")
    return world


def test_statistics_have_both_names(make_world: Any) -> None:
    async def count() -> Statistics:
        return Statistics(4, 3, 750, 1000)

    status, said = ask(make_world(statistics=count), "/admin/stats")
    assert status == 200
    assert said["stats"] == {
        "total_objects": 4,
        "unique_content_count": 3,
        "actual_storage_size": 750,
        "total_logical_size": 1000,
        "unique_content_files": 3,
        "actual_storage_bytes": 750,
        "logical_storage_bytes": 1000,
        "deduplication_percentage": 25.0,
    }


def test_where_nothing_is_counted_it_says_so(world: Any) -> None:
    said = ask(world, "/admin/stats")[1]
    assert said["counted"] is False
    assert said["stats"]["total_objects"] == 0


def test_statistics_are_for_keys_of_all_buckets(world: Any) -> None:
    assert ask(world, "/admin/stats", "key-2")[0] == 403


def test_a_key_sees_its_buckets(filled: Any) -> None:
    assert [one["name"] for one in ask(filled, "/admin/buckets")[1]["buckets"]] == ["empty", "music", "pictures"]
    assert [one["name"] for one in ask(filled, "/admin/buckets", "key-2")[1]["buckets"]] == ["pictures"]
    assert ask(filled, "/admin/buckets/music", "key-2")[0] == 403
    assert ask(filled, "/admin/objects/music", "key-2")[0] == 403
    assert ask(filled, "/admin/buckets/music", "key-2", "DELETE")[0] == 403


def test_a_bucket_is_counted(filled: Any) -> None:
    assert ask(filled, "/admin/buckets/Pictures")[1]["bucket"] == {
        "name": "pictures",
        "object_count": 5,
        "total_size": 10,
    }
    assert ask(filled, "/admin/buckets/none")[0] == 404
    assert ask(filled, "/admin/buckets/%zz")[0] == 400


def test_only_an_empty_bucket_goes(filled: Any) -> None:
    status, said = ask(filled, "/admin/buckets/pictures", method="DELETE")
    assert (status, said["code"]) == (409, "BucketNotEmpty")
    assert ask(filled, "/admin/buckets/empty", method="DELETE")[0] == 200
    assert ask(filled, "/admin/buckets/empty", method="DELETE")[0] == 404


def test_objects_come_in_pages(filled: Any) -> None:
    said = ask(filled, "/admin/objects/pictures")[1]
    assert said["total"] == 5
    assert [one["blob_id"] for one in said["objects"]] == [f"p{at}" for at in range(5)]
    assert said["objects"][2]["size"] == 2
    said = ask(filled, "/admin/objects/pictures?limit=2&offset=3")[1]
    assert (said["total"], [one["blob_id"] for one in said["objects"]]) == (5, ["p3", "p4"])
    assert ask(filled, "/admin/objects/pictures?limit=0")[1]["objects"] == []
    assert ask(filled, "/admin/objects/pictures?offset=9")[1]["objects"] == []


def test_objects_of_all_buckets_are_in_one_list(filled: Any) -> None:
    said = ask(filled, "/admin/objects?limit=2")[1]
    assert said["total"] == 6
    assert [(one["bucket"], one["blob_id"]) for one in said["objects"]] == [("music", "m"), ("pictures", "p0")]
    assert ask(filled, "/admin/objects", "key-2")[1]["total"] == 5


def test_more_objects_than_a_page_of_the_backend_are_all_counted(filled: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bucketport.api.uploads.admin.PAGE", 2)
    assert ask(filled, "/admin/objects/pictures")[1]["total"] == 5
    assert len(ask(filled, "/admin/buckets")[1]["buckets"]) == 3


def test_figures_that_are_kept_spare_the_counting(make_world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bucketport.api.uploads.admin.PAGE", 2)
    kept = {"music": (3, 33), "pictures": (5, 55)}
    world = make_world(bucket_figures=lambda mount: kept.get(mount.bucket))
    for bucket, (count, _) in kept.items():
        for at in range(count):
            world.ask("POST", world.url(bucket=bucket, blob_id=f"{bucket[0]}{at}"), b"x")
    assert ask(world, "/admin/buckets/music")[1]["bucket"]["total_size"] == 33
    every = [f"m{at}" for at in range(3)] + [f"p{at}" for at in range(5)]
    for offset in range(10):
        for limit in range(10):
            said = ask(world, f"/admin/objects?offset={offset}&limit={limit}")[1]
            assert said["total"] == 8
            assert [one["blob_id"] for one in said["objects"]] == every[offset : offset + limit]
    assert ask(world, "/admin/objects?offset=3&limit=2")[1]["total"] == 8


@pytest.mark.parametrize("query", ["limit=-1", "limit=1001", "limit=x", "offset=-1", "offset=1e3", "limit="])
def test_a_page_that_is_none_is_refused(filled: Any, query: str) -> None:
    status, said = ask(filled, f"/admin/objects?{query}")
    assert (status, said["code"]) == (400, "InvalidArgument")

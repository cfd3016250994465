"""Does a URL of a part let its holder send that part, and nothing else?"""

import hashlib

import pytest


def urls(world, begun, **asked):
    status, told = world.ask("POST", begun["parts"]["url"], asked)
    assert status == 200, told
    return told


def test_urls_are_made_for_the_numbers_that_are_asked_for(world):
    told = urls(world, world.begin(), numbers=[7, 10_000])
    assert [part["number"] for part in told["parts"]] == [7, 10_000]
    assert told["expires_in"] == 3600


def test_a_url_lives_no_longer_than_its_session(world):
    assert urls(world, world.begin(expires_in=100), count=1)["expires_in"] == 100
    assert urls(world, world.begin(), count=1, expires_in=5)["expires_in"] == 5


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"count": 0},
        {"count": 1001},
        {"count": 1, "numbers": [1]},
        {"numbers": []},
        {"numbers": [0]},
        {"numbers": [10_001]},
        {"numbers": ["1"]},
        {"numbers": [True]},
        {"numbers": list(range(1, 1002))},
        {"number": [1]},
    ],
)
def test_what_cannot_be_a_part_gets_no_url(world, asked):
    assert world.ask("POST", world.begin()["parts"]["url"], asked)[0] == 400


def test_a_url_sends_its_part_and_no_other(world):
    url = urls(world, world.begin(), count=1)["parts"][0]["url"]
    assert world.send("PUT", url.replace("partNumber=1", "partNumber=2"), b"x").status == 403
    assert world.send("GET", url).status == 403
    assert world.send("PUT", url.replace("/a%20b/", "/c/"), b"x").status == 403
    assert world.send("PUT", url, b"x").status == 200


def test_a_url_ends_with_its_time_its_session_and_its_commit(world):
    begun = world.begin()
    url = urls(world, begun, count=1, expires_in=10)["parts"][0]["url"]
    assert world.send("PUT", url, b"x").status == 200
    world.clock.advance(11)
    assert world.send("PUT", url, b"x").status == 403
    url = urls(world, begun, count=1)["parts"][0]["url"]
    assert world.ask("POST", begun["commit_url"])[0] == 200
    assert world.send("PUT", url, b"x").status == 403
    assert world.content() == b"x"


def test_a_session_that_expired_gives_an_api_key_no_urls(world):
    begun = world.begin(expires_in=10)
    world.clock.advance(11)
    path = f"/-/uploads/{begun['session']['id']}/parts"
    assert world.ask("POST", path, {"count": 1}, authorization="Bearer key-1")[0] == 403


def test_parts_go_through_us_to_a_cloud_that_is_not_asked_directly(make_world):
    world = make_world(cloud=True)
    begun = world.begin()
    world.put(begun, b"first", b"last")
    assert world.ask("POST", begun["commit_url"])[0] == 200
    assert world.content() == b"firstlast"


def test_parts_of_a_direct_session_go_to_the_cloud_itself(make_world):
    world = make_world(cloud=True, direct=True)
    begun = world.begin()
    assert begun["session"]["direct"] is True
    part = urls(world, begun, count=1, expires_in=9)["parts"][0]
    assert (part["method"], part["headers"]) == ("PUT", {"x-kind": "part"})
    assert part["url"] == "https://cloud.example/a b/ü.txt?n=1&s=9"
    assert world.begin(direct=False)["session"]["direct"] is False


def test_a_direct_session_cannot_prove_a_hash(make_world):
    world = make_world(cloud=True)
    wanted = {"bucket": "photos", "key": "a", "direct": True, "sha256": "0" * 64}
    status, message = world.refused(**wanted)
    assert (status, "sha256 must be absent" in message) == (400, True)
    assert make_world(cloud=True, verify_after=True).begin(**wanted)["session"]["direct"] is True
    # Where nobody asked for it, the hash matters more than the way.
    assert make_world(cloud=True, direct=True).begin(sha256="0" * 64)["session"]["direct"] is False


def test_content_with_a_hash_comes_to_a_cloud_by_way_of_the_staging_store(make_world):
    world = make_world(cloud=True)
    content = b"abc"
    begun = world.begin(sha256=hashlib.sha256(content).hexdigest())
    assert world.ask("POST", begun["parts"]["url"], {"count": 1})[0] == 400

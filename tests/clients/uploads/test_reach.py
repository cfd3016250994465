"""How far does what somebody holds reach? A key to its buckets, a token to its session, a URL to its object."""

import json

import pytest

ALL, SOME = "the-key-for-all-buckets", "the-key-for-one-bucket"


@pytest.fixture(scope="module")
def server(tmp_path_factory, launch):
    keys = [{"name": "all", "key": ALL}, {"name": "some", "key": SOME, "buckets": ["mine"]}]
    running = launch(tmp_path_factory.mktemp("reach"), BUCKETPORT_UPLOADS__KEYS=json.dumps(keys), PRESIGN_API_KEY="")
    yield running
    assert running.stop() == 0, running.said()


@pytest.fixture
def client(server):
    made = server.client()
    yield made
    made.close()


def post(client, target, asked, key=ALL):
    return client.json("POST", target, json.dumps(asked).encode(), Authorization=f"Bearer {key}")


@pytest.fixture
def sessions(client):
    """A session in each bucket."""
    made = [post(client, "/-/uploads", {"bucket": bucket, "key": "key"}) for bucket in ("theirs", "mine")]
    assert [status for status, _ in made] == [201, 201]
    return made[0][1], made[1][1]


def test_a_key_reaches_its_buckets(client, sessions):
    theirs = f"/-/uploads/{sessions[0]['session']['id']}"
    refused = [
        ("GET", theirs, {}), ("DELETE", theirs, {}), ("POST", f"{theirs}/commit", {}), ("POST", f"{theirs}/form", {}),
        ("POST", f"{theirs}/tus", {"Tus_Resumable": "1.0.0", "Upload_Length": "1"}), ("GET", "/admin/stats", {}),
        ("GET", "/admin/buckets/theirs", {}), ("GET", "/admin/objects/theirs", {}),
        ("DELETE", "/admin/buckets/theirs", {}), ("GET", "/admin/objects/%74heirs", {}),
        ("GET", "/admin/objects/THEIRS", {}),
    ]  # fmt: skip
    for method, target, headers in refused:
        if target.endswith("/form"):
            headers = {"Content_Type": "multipart/form-data; boundary=x"}
        status, said = client.json(method, target, Authorization=f"Bearer {SOME}", **headers)
        assert (status, said["code"]) == (403, "AccessDenied"), target
    assert post(client, f"{theirs}/parts", {"numbers": [1]}, SOME)[0] == 403
    for target in ("/-/uploads", "/-/uploads?bucket=theirs", "/admin/buckets", "/admin/objects"):
        status, said = client.json("GET", target, Authorization=f"Bearer {SOME}")
        assert (status, "theirs" in str(said)) == (200, False), target


def test_a_token_reaches_its_session(client, sessions):
    one, other = (made["token"] for made in sessions)
    spoken = {"Tus_Resumable": "1.0.0"}
    created = client.ask("POST", f"/-/uploads/{one}/tus", Upload_Length="1", Upload_Concat="partial", **spoken)
    assert created[0] == 201
    concat = f"final;{created[1]['Location']}"
    assert client.ask("POST", f"/-/uploads/{other}/tus", Upload_Concat=concat, **spoken)[0] == 400
    assert client.ask("HEAD", f"/-/uploads/{other}/tus/1", **spoken)[0] == 404
    mixed = f"{one.partition('.')[0]}.{other.partition('.')[2]}"
    assert client.json("GET", f"/-/uploads/{mixed}")[0] == 403


def test_a_url_of_a_part_sends_its_part(client, sessions, server):
    _, said = client.json("POST", f"/-/uploads/{sessions[1]['token']}/parts", b'{"numbers":[1]}')
    url = said["parts"][0]["url"]
    for method in ("GET", "DELETE", "POST"):
        assert client.ask(method, url)[0] == 403
    for changed in (
        url.replace("partNumber=1", "partNumber=2"),
        url.replace("/mine/key", "/mine/other"),
        url.replace("/mine/", "/theirs/"),
        f"{url}&x-amz-copy-source=/theirs/key",
    ):
        assert client.ask("PUT", changed, b"x")[0] == 403
    for header in ("x_amz_copy_source", "x_amz_acl", "x_amz_tagging"):
        assert client.ask("PUT", url, b"", **{header: "/theirs/key"})[0] == 403
    assert client.ask("PUT", url, b"x", X_HTTP_Method_Override="DELETE")[0] == 200
    assert client.json("POST", sessions[1]["commit_url"])[1]["object"]["size"] == 1
    assert client.ask("PUT", url, b"x")[0] == 403


def test_what_is_added_to_a_url_says_nothing(client, server):
    def minted(action):
        return post(client, "/presign", {"action": action, "bucket": "theirs", "blob_id": "object"})[1]["url"]

    assert client.ask("PUT", minted("update"), b"content", Content_Type="text/plain")[0] == 200
    added = {"x_amz_copy_source": "/mine/key", "x_amz_acl": "public-read", "x_amz_tagging": "a=b"}
    for query in (
        "versionId=x",
        "response-content-type=text/html",
        "acl",
        "uploads",
        "uploadId=1&partNumber=1",
        "tagging",
    ):
        status, headers, content = client.ask("GET", f"{minted('download')}&{query}")
        assert (status, headers["Content-Type"], content) == (200, "text/plain", b"content"), query
        sent = client.json("PUT", f"{minted('update')}&{query}", b"content", Content_Type="text/plain", **added)
        assert (sent[0], sent[1]["bytes_written"]) == (200, 7), query
    overridden = client.json("PUT", minted("update"), b"content", X_HTTP_Method_Override="DELETE")
    assert overridden[0] == 200
    s3 = server.s3()
    assert len(s3.get_object_acl(Bucket="theirs", Key="object")["Grants"]) == 1
    assert s3.get_object_tagging(Bucket="theirs", Key="object")["TagSet"] == []

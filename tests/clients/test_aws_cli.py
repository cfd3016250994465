"""Does aws-cli get what S3 would give it?"""

import json

import pytest


@pytest.fixture
def aws(run, server):
    """Run `aws` against the server."""

    def command(*words, fails=False):
        return run("aws", "--endpoint-url", server.endpoint, *words, fails=fails)

    return command


def test_a_bucket_is_made_filled_listed_and_removed(aws, bucket, tmp_path):
    name = f"{bucket}-cli"
    (tmp_path / "file.txt").write_text("hello\n")
    assert "make_bucket" in aws("s3", "mb", f"s3://{name}")
    aws("s3", "cp", "file.txt", f"s3://{name}/dir/file.txt")
    assert aws("s3", "ls", f"s3://{name}/").split() == ["PRE", "dir/"]
    assert aws("s3", "ls", "--recursive", f"s3://{name}").split()[2:] == ["6", "dir/file.txt"]
    assert aws("s3", "cp", f"s3://{name}/dir/file.txt", "-") == "hello\n"
    assert "BucketNotEmpty" in aws("s3", "rb", f"s3://{name}", fails=True)
    aws("s3", "rb", "--force", f"s3://{name}")
    assert name not in aws("s3", "ls")


def test_a_big_file_travels_in_parts(aws, bucket, big, sha, tmp_path):
    (tmp_path / "big").write_bytes(big)
    aws("s3", "cp", "--no-progress", "big", f"s3://{bucket}/big", "--metadata", "colour=blue")
    head = json.loads(aws("s3api", "head-object", "--bucket", bucket, "--key", "big"))
    assert head["ContentLength"] == len(big)
    assert head["ETag"].endswith('-3"')
    assert head["Metadata"] == {"colour": "blue"}
    aws("s3", "cp", "--no-progress", f"s3://{bucket}/big", "back")
    assert sha((tmp_path / "back").read_bytes()) == sha(big)
    aws("s3", "cp", "--no-progress", f"s3://{bucket}/big", f"s3://{bucket}/copy")
    aws("s3", "mv", "--no-progress", f"s3://{bucket}/copy", f"s3://{bucket}/moved")
    aws("s3", "cp", "--no-progress", f"s3://{bucket}/moved", "moved")
    assert sha((tmp_path / "moved").read_bytes()) == sha(big)
    assert [line.split()[3] for line in aws("s3", "ls", f"s3://{bucket}").splitlines()] == ["big", "moved"]


def test_a_range_is_cut_out(aws, bucket, tmp_path):
    (tmp_path / "digits").write_text("0123456789")
    aws("s3api", "put-object", "--bucket", bucket, "--key", "digits", "--body", "digits")
    told = aws("s3api", "get-object", "--bucket", bucket, "--key", "digits", "--range", "bytes=3-5", "part")
    assert json.loads(told)["ContentRange"] == "bytes 3-5/10"
    assert (tmp_path / "part").read_text() == "345"


def test_sync_moves_only_what_differs(aws, bucket, tmp_path):
    tree = tmp_path / "tree"
    names = ["one.txt", "sub/two words.txt", "sub/plus+sign & ampersand.txt", "sub/\u00fcmlaut.txt"]
    for name in names:
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(name)
    said = aws("s3", "sync", "--no-progress", "tree", f"s3://{bucket}/tree")
    assert said.count("upload:") == len(names)
    assert aws("s3", "sync", "--no-progress", "tree", f"s3://{bucket}/tree") == ""
    (tree / "one.txt").write_text("changed now")
    assert aws("s3", "sync", "--no-progress", "tree", f"s3://{bucket}/tree").count("upload:") == 1
    aws("s3", "sync", "--no-progress", f"s3://{bucket}/tree", "back")
    assert {file.name: file.read_text() for file in (tmp_path / "back").rglob("*.txt")} == {
        file.name: file.read_text() for file in tree.rglob("*.txt")
    }
    (tree / "one.txt").unlink()
    assert "delete:" in aws("s3", "sync", "--delete", "--no-progress", "tree", f"s3://{bucket}/tree")
    aws("s3", "rm", "--recursive", f"s3://{bucket}/")
    assert aws("s3", "ls", f"s3://{bucket}/") == ""


def test_a_presigned_url_can_be_fetched(aws, server, bucket, tmp_path):
    (tmp_path / "file").write_text("by url")
    aws("s3", "cp", "file", f"s3://{bucket}/a key")
    url = aws("s3", "presign", f"s3://{bucket}/a key").strip()
    assert server.ask("GET", url.removeprefix(server.endpoint)).body == b"by url"


def test_a_url_that_it_presigns_unless_told_otherwise_can_be_fetched(aws, server, run, bucket, tmp_path):
    (tmp_path / "file").write_text("by url")
    aws("s3", "cp", "file", f"s3://{bucket}/a key")
    (tmp_path / "plain-config").write_text("[default]\n")
    words = ("aws", "--endpoint-url", server.endpoint, "s3", "presign", f"s3://{bucket}/a key")
    url = run(*words, AWS_CONFIG_FILE=str(tmp_path / "plain-config")).strip()
    assert server.ask("GET", url.removeprefix(server.endpoint)).body == b"by url"


def test_a_conditional_write_is_judged(aws, bucket, tmp_path):
    (tmp_path / "file").write_text("x")
    put = ("s3api", "put-object", "--bucket", bucket, "--key", "lock", "--body", "file", "--if-none-match", "*")
    aws(*put)
    assert "PreconditionFailed" in aws(*put, fails=True)

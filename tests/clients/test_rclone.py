"""Does rclone get what S3 would give it?"""

import datetime
import json
import re

import pytest

REMOTE = {
    "RCLONE_CONFIG": "/dev/null",
    "RCLONE_CONFIG_IT_TYPE": "s3",
    "RCLONE_CONFIG_IT_PROVIDER": "Other",
    "RCLONE_CONFIG_IT_ENV_AUTH": "true",
    "RCLONE_CONFIG_IT_REGION": "us-east-1",
    "RCLONE_RETRIES": "1",
    "RCLONE_LOW_LEVEL_RETRIES": "1",
}


@pytest.fixture
def rclone(run, server):
    """Run `rclone` with a remote `it:` that is the server."""
    settings = REMOTE | {"RCLONE_CONFIG_IT_ENDPOINT": server.endpoint}
    if server.authority:
        settings["RCLONE_CA_CERT"] = str(server.authority.root)

    def command(*words, fails=False):
        return run("rclone", *words, fails=fails, **settings)

    return command


@pytest.fixture
def tree(tmp_path, big):
    """A folder with odd names, an empty file and a file that travels in parts."""
    folder = tmp_path / "tree"
    names = ["a b+c.txt", "sub/100%.txt", "sub/#hash?.txt", "sub/\u00fc\U0001f600.txt", "sub/deep/er/empty"]
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name if name.endswith(".txt") else "")
    (folder / "big").write_bytes(big)
    return folder


def test_a_tree_travels_both_ways(rclone, bucket, tree):
    rclone("copy", "tree", f"it:{bucket}/tree", "--s3-upload-cutoff", "16M", "--s3-chunk-size", "8M")
    rclone("check", "--download", "tree", f"it:{bucket}/tree")
    files = [file for file in tree.rglob("*") if file.is_file()]
    listed = json.loads(rclone("lsjson", "-R", "--files-only", f"it:{bucket}/tree"))
    assert {entry["Path"]: entry["Size"] for entry in listed} == {
        file.relative_to(tree).as_posix(): file.stat().st_size for file in files
    }
    rclone("copy", f"it:{bucket}/tree", "back")
    rclone("check", "--download", "tree", "back")
    assert rclone("sync", "--dry-run", "--combined", "-", "tree", f"it:{bucket}/tree").count("= ") == len(files)


def test_times_are_kept_in_metadata(rclone, bucket, tree):
    rclone("copyto", "tree/a b+c.txt", f"it:{bucket}/k")
    entry = json.loads(rclone("lsjson", "--stat", f"it:{bucket}/k"))
    written = datetime.datetime.fromtimestamp(int((tree / "a b+c.txt").stat().st_mtime), datetime.UTC)
    assert entry["ModTime"][:19] == written.isoformat()[:19]


def test_a_range_is_cut_out(rclone, bucket, tmp_path):
    (tmp_path / "digits").write_text("0123456789")
    rclone("copyto", "digits", f"it:{bucket}/digits")
    assert rclone("cat", "--offset", "3", "--count", "4", f"it:{bucket}/digits") == "3456"


def test_a_copy_stays_on_the_server(rclone, bucket, tree):
    rclone("copyto", "tree/big", f"it:{bucket}/big", "--s3-upload-cutoff", "16M", "--s3-chunk-size", "8M")
    rclone("copyto", f"it:{bucket}/big", f"it:{bucket}/copy")
    rclone("moveto", f"it:{bucket}/copy", f"it:{bucket}/moved", "--s3-copy-cutoff", "16M", "--s3-chunk-size", "8M")
    assert sorted(rclone("lsf", f"it:{bucket}").split()) == ["big", "moved"]
    assert (
        rclone("hashsum", "sha256", "--download", f"it:{bucket}/moved").split()[0]
        == (rclone("hashsum", "sha256", "tree/big").split()[0])
    )


def test_a_link_can_be_fetched(rclone, server, bucket, tree):
    rclone("copyto", "tree/a b+c.txt", f"it:{bucket}/a b+c.txt")
    url = rclone("link", "--expire", "1h", f"it:{bucket}/a b+c.txt").strip()
    assert server.ask("GET", url.removeprefix(server.endpoint)).body == b"a b+c.txt"


def test_what_is_purged_is_gone(rclone, bucket, tree):
    rclone("copy", "tree/sub", f"it:{bucket}/sub")
    rclone("purge", f"it:{bucket}")
    assert bucket not in rclone("lsd", "it:")
    assert re.search("not found|NoSuchBucket", rclone("lsf", f"it:{bucket}", fails=True))

"""What becomes of another program's files in the data folder? Nothing, and somebody is told."""

import pytest

from bucketport.config.data_folder import check, said_of, strangers
from bucketport.config.trouble import DataUnusable


def test_what_is_ours_is_no_stranger(tmp_path):
    for name in ("index.sqlite", "index.sqlite-wal", "state.sqlite", "uploads.secret", "server.json", ".hidden"):
        (tmp_path / name).touch()
    (tmp_path / "blobs").mkdir()
    assert strangers(str(tmp_path)) == []
    assert said_of(str(tmp_path)) == ""


def test_a_folder_that_is_not_there_holds_nothing(tmp_path):
    assert strangers(str(tmp_path / "none")) == []
    check(str(tmp_path / "none"))


def test_what_is_not_ours_is_named(tmp_path):
    for number in range(7):
        (tmp_path / f"bucket{number}").mkdir()
    line = said_of(str(tmp_path))
    assert "bucket0, bucket1, bucket2, bucket3, bucket4 and 2 more" in line


@pytest.mark.parametrize("name", ["blobs/ab/0193", "temporary/x"])
def test_content_without_an_index_is_not_touched(tmp_path, name):
    file = tmp_path / name
    file.parent.mkdir(parents=True)
    file.write_text("somebody's")
    with pytest.raises(DataUnusable, match=r"has no index\.sqlite"):
        check(str(tmp_path))


def test_a_folder_of_ours_is_good(tmp_path):
    (tmp_path / "blobs" / "00").mkdir(parents=True)
    (tmp_path / "blobs" / "00" / "1").touch()
    (tmp_path / "index.sqlite").touch()
    check(str(tmp_path))


def test_what_a_first_start_that_was_killed_left_is_good(tmp_path):
    (tmp_path / "blobs").mkdir()
    (tmp_path / "temporary" / "ab12").mkdir(parents=True)
    check(str(tmp_path))

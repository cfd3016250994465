"""Is the secret that nobody gave made once, and for nobody else's eyes?"""

import os
import stat

import pytest

from bucketport.config.kept_secret import kept_secret
from bucketport.config.trouble import DataUnusable


def test_it_is_made_once(tmp_path):
    path = str(tmp_path / "folder" / "secret")
    first = kept_secret(path, os.urandom).reveal()
    assert len(first) == 64
    assert kept_secret(path, os.urandom).reveal() == first
    assert os.listdir(tmp_path / "folder") == ["secret"]


def test_nobody_else_may_read_it(tmp_path):
    path = tmp_path / "secret"
    kept_secret(str(path), os.urandom)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_one_that_another_process_made_meanwhile_stays(tmp_path):
    path = tmp_path / "secret"

    def entropy(size):
        path.write_text("of-the-other\n")
        return b"\1" * size

    assert kept_secret(str(path), entropy).reveal() == "of-the-other"


def test_an_empty_file_is_refused_with_what_to_do(tmp_path):
    (tmp_path / "secret").touch()
    with pytest.raises(DataUnusable, match="is empty: remove it"):
        kept_secret(str(tmp_path / "secret"), os.urandom)

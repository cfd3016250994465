"""What belongs in the repository? What a clone needs, nothing of one machine, nothing that was made by a command."""

import re
import subprocess

import pytest

MACHINE = re.compile(rb"(?<![\w.:/-])/(?:work|root|home|Users)/[\w.-]")
OUTSIDE = re.compile(rb"(?<![\w./])(?:\.\./)+[A-Za-z]")
LATER = re.compile(rb"\b(?:T" + rb"ODO|FIX" + rb"ME|X" + rb"XX)\b")
CONFLICT = re.compile(rb"^(?:<{7}|>{7}) ", re.MULTILINE)
KEPT_APART = 1 << 20
"""Bytes above which a file is no source."""

NEEDED = (
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "LICENSE",
    "Makefile",
    "pyproject.toml",
    ".ci/run",
    "docs/index.md",
)

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def _lines(tracked, pattern, chosen=lambda name: True):
    for name, content in tracked.items():
        if b"\0" in content[:8000] or not chosen(name):
            continue
        for match in pattern.finditer(content):
            yield f"{name}:{content.count(10, 0, match.start()) + 1}: {match.group().decode(errors='replace')}"


@pytest.mark.parametrize("name", NEEDED)
def test_what_a_clone_needs_is_there(tracked, name):
    assert tracked.get(name, b"").strip()


def test_nothing_names_a_path_of_somebodys_machine(tracked):
    assert not list(_lines(tracked, MACHINE))


def test_nothing_points_out_of_the_repository(tracked):
    def chosen(name):
        return name.startswith(".") or name.rpartition(".")[2] in ("md", "toml", "yml", "yaml", "Makefile", "cfg")

    for name, content in tracked.items():
        if not chosen(name):
            continue
        depth = name.count("/")
        for match in OUTSIDE.finditer(content):
            assert match.group().count(b"../") <= depth, f"{name}: {match.group().decode()}"


def test_links_between_pages_lead_somewhere(tracked, root):
    found = []
    for name, content in tracked.items():
        if not name.endswith(".md"):
            continue
        for target in LINK.findall(content.decode()):
            place = target.partition("#")[0]
            if place and ":" not in place and not (root / name).parent.joinpath(place).exists():
                found.append(f"{name}: {target}")
    assert not found


def test_nothing_is_left_for_later_without_a_name(tracked):
    assert not list(_lines(tracked, LATER, lambda name: not name.endswith(".json")))


def test_no_merge_was_left_halfway(tracked):
    assert not list(_lines(tracked, CONFLICT))


def test_no_file_is_a_bulk_of_data(tracked):
    assert not [name for name, content in tracked.items() if len(content) > KEPT_APART]


def test_text_files_end_with_one_newline(tracked):
    found = [
        name
        for name, content in tracked.items()
        if content and b"\0" not in content[:8000] and (not content.endswith(b"\n") or content.endswith(b"\n\n"))
    ]
    assert not found


def test_scripts_can_be_run(tracked, root):
    found = [
        name for name, content in tracked.items() if content[:2] == b"#!" and not (root / name).stat().st_mode & 0o100
    ]
    assert not found


def test_what_is_ignored_is_not_kept(root, tracked):
    assert tracked
    command = ["git", "-C", str(root), "ls-files", "--cached", "--ignored", "--exclude-standard"]
    assert subprocess.run(command, capture_output=True, check=True).stdout == b""


def test_unit_tests_mirror_the_package(root):
    rooms = {
        place.name for place in (root / "tests" / "unit").iterdir() if place.is_dir() and place.name[0] not in "._"
    }
    package = {place.name for place in (root / "src" / "bucketport").iterdir() if place.is_dir()}
    assert rooms <= package


def test_the_readme_can_be_read_in_a_few_minutes(root):
    assert len((root / "README.md").read_text().splitlines()) <= 150

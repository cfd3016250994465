"""Do the pages say what the code does? Reference pages are made from tables; commands in prose must exist."""

import importlib.util
import re
import shlex

import pytest
from typer.main import get_command

FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def generator(root):
    spec = importlib.util.spec_from_file_location("generate", root / "docs" / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def prose(root):
    """The pages that people wrote, by name."""
    names = [root / "README.md", *sorted((root / "docs").rglob("*.md"))]
    return {str(file.relative_to(root)): file.read_text() for file in names if file.parent.name != "reference"}


def test_reference_pages_are_current(generator):
    assert generator.stale() == [], "run `make docs`"


def test_every_operation_is_in_the_matrix(generator):
    from bucketport import operations

    text = generator.pages()["operations.md"]
    assert all(f"| {row.name} |" in text for row in operations.table())


def test_every_page_is_reached_from_the_index(root, prose):
    index = prose["docs/index.md"]
    pages = [file.relative_to(root / "docs").as_posix() for file in (root / "docs").rglob("*.md")]
    assert [page for page in pages if page != "index.md" and f"({page})" not in index] == []


def test_every_make_target_in_prose_exists(root, prose):
    targets = set(re.findall(r"^([a-z]+):", (root / "Makefile").read_text(), re.MULTILINE))
    named = {
        (page, target)
        for page, text in prose.items()
        for target in re.findall(r"(?:^|`)make ([a-z]+)", text, re.MULTILINE)
    }
    assert {(page, target) for page, target in named if target not in targets} == set()


def test_the_readme_names_the_two_commands(prose):
    blocks = [body for _, body in FENCE.findall(prose["README.md"])]
    assert any("make serve" in body for body in blocks)
    assert any("make test" in body for body in blocks)


def _commands(prose):
    """(page, words) of every `bucketport ...` line in a block of shell commands."""
    for page, text in prose.items():
        for kind, body in FENCE.findall(text):
            if kind == "sh":
                for line in body.replace("\\\n", " ").splitlines():
                    for command in re.findall(r"(?:^|[ (/])bucketport ([a-z][^)#|]*)", line):
                        yield page, shlex.split(command.replace('"', ""))


def test_every_command_in_prose_exists_with_its_options(prose):
    from bucketport.cli.main import app

    root, found = get_command(app), []
    for page, words in _commands(prose):
        command = root
        while words and words[0] in getattr(command, "commands", {}):
            command = command.commands[words.pop(0)]
        known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
        strange = [word for word in words if word.startswith("--") and word.partition("=")[0] not in known]
        if command is root or strange:
            found.append(f"{page}: bucketport {' '.join(words)}: {strange or 'no such command'}")
    assert not found, "\n".join(found)


def test_every_command_is_told_of(prose):
    from bucketport.cli.main import app

    text = "\n".join(prose.values())
    assert [name for name in get_command(app).commands if f"bucketport {name}" not in text] == []

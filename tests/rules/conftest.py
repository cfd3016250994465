"""What do the rules read? The files of the repository, each parsed once."""

import ast
import pathlib
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Source(NamedTuple):
    """A Python file of the package: its path below `src/bucketport`, its dotted name, its text and its tree."""

    path: str
    module: str
    text: str
    tree: ast.Module


class Definition(NamedTuple):
    """A class or a function in a file: its dotted name there and its node. `public`: no part begins with `_`."""

    name: str
    node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    within: ast.AST
    public: bool


@pytest.fixture(scope="session")
def root() -> pathlib.Path:
    """The folder of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def sources() -> Sequence[Source]:
    """Every Python file of the package."""
    package = ROOT / "src" / "bucketport"
    found = []
    for file in sorted(package.rglob("*.py")):
        path = file.relative_to(package).as_posix()
        parts = ["bucketport", *path.removesuffix(".py").split("/")]
        module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        text = file.read_text(encoding="utf-8")
        found.append(Source(path, module, text, ast.parse(text, path)))
    assert len(found) > 20, "the rules found hardly a file to read"
    return found


@pytest.fixture(scope="session")
def definitions() -> Callable[[Source], Iterator[Definition]]:
    """The classes and functions of a file; those inside a function are nobody's interface and not public."""
    return _definitions


def _definitions(source: Source) -> Iterator[Definition]:
    todo: list[tuple[ast.AST, str, bool]] = [(source.tree, "", True)]
    while todo:
        within, prefix, public = todo.pop()
        for node in ast.iter_child_nodes(within):
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                seen = public and not node.name.startswith("_")
                yield Definition(prefix + node.name, node, within, seen)
                todo.append((node, f"{prefix}{node.name}.", seen and isinstance(node, ast.ClassDef)))
            else:
                todo.append((node, prefix, public))


@pytest.fixture(scope="session")
def tracked() -> Mapping[str, bytes]:
    """Every file that git keeps, by its path in the repository; also one that is to be added."""
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout: nothing says which files belong to the repository")
    names = [name.decode() for name in listed.split(b"\0") if name]
    return {name: (ROOT / name).read_bytes() for name in names if (ROOT / name).is_file()}

"""Does everything public say what it is for? A file by its question, a class or a function by its promise."""

import ast

OVERRIDES = ("override", "overload", "setter")

PROMISES = "testing/contracts/"
"""Tests that are shipped: the name of each is its promise."""


def test_every_file_opens_with_its_question(sources):
    found = []
    for source in sources:
        text = ast.get_docstring(source.tree) or ""
        package_without_content = source.path.endswith("__init__.py") and len(source.tree.body) <= 2
        if not text or ("?" not in text.partition("\n\n")[0] and not package_without_content):
            found.append(f"src/bucketport/{source.path}:1: {text[:60]!r}")
    assert not found, "\n".join(found)


def test_every_public_name_has_a_docstring(sources, definitions):
    found = []
    for source in sources:
        for name, node, _, public in definitions(source):
            if node.name.startswith("test_"):
                continue  # the shipped contracts: a test's name is its promise
            marks = {ast.unparse(mark).rpartition(".")[2] for mark in node.decorator_list}
            if public and not marks.intersection(OVERRIDES) and not ast.get_docstring(node):
                found.append(f"src/bucketport/{source.path}:{node.lineno}: {name}")
    assert not found, "\n".join(found)

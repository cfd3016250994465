"""Are things called by their names? Whole words, nouns for modules, nothing that says `and the rest`."""

import ast
import re

RESTS = {"utils", "util", "helpers", "helper", "common", "manager", "misc", "tools", "stuff"}

ABBREVIATIONS = frozenset(
    re.findall(
        r"\w+",
        "addr arr attr attrs buf cb cfg cnt cmd conf conn ctx cur desc dest dst elem env err evt fmt fn func hdr "
        "hdrs idx impl lst mgr msg num obj opt opts pkt pos prev proc prop props ptr pwd ref req res resp ret sess "
        "sig sock spec src srv sz tbl tmp tok val vals var ver ",
    )
)

ALLOWED = {"msg": "asyncio's word for the parameter of Task.cancel"}
"""A name that holds one of them, and why: mostly a word of somebody else's interface."""


def _names(tree):
    """(line, name) of everything that the file itself names: definitions, parameters, fields and variables."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.lineno, node.name
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.attr


def _words(name):
    return {word.lower() for word in re.split(r"_+|(?<=[a-z0-9])(?=[A-Z])", name) if word}


def test_modules_are_named_for_what_they_hold(sources):
    found = [source.path for source in sources if RESTS & set(re.split("[/_]", source.path.removesuffix(".py")))]
    assert not found


def test_names_are_whole_words(sources):
    found = []
    for source in sources:
        for line, name in _names(source.tree):
            short = _words(name) & ABBREVIATIONS
            if short and name not in ALLOWED:
                found.append(f"src/bucketport/{source.path}:{line}: {name}: {', '.join(sorted(short))}")
    assert not found, "\n".join(found)

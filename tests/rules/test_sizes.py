"""How large may a thing become? A file, a function and a list of parameters each have a bound."""

import ast

FILE_LINES = 400
FUNCTION_LINES = 60
POSITIONAL = 5

EXCEPTIONS: dict[str, str] = {}
"""`path` or `path:function` that is larger than the bound, and why it may be."""


def _functions(source, definitions):
    for found in definitions(source):
        if not isinstance(found.node, ast.ClassDef):
            yield found


def test_files_stay_under_the_bound(sources):
    found = [
        f"src/bucketport/{source.path}: {lines} lines, at most {FILE_LINES - 1}"
        for source in sources
        if (lines := source.text.count("\n")) >= FILE_LINES and source.path not in EXCEPTIONS
    ]
    assert not found, "\n".join(found)


def test_functions_stay_under_the_bound(sources, definitions):
    found = []
    for source in sources:
        for name, node, _, _ in _functions(source, definitions):
            lines = node.end_lineno - node.lineno + 1
            if lines >= FUNCTION_LINES and f"{source.path}:{name}" not in EXCEPTIONS:
                found.append(f"src/bucketport/{source.path}:{node.lineno}: {name} has {lines} lines")
    assert not found, "\n".join(found)


def test_functions_take_at_most_five_positional_parameters(sources, definitions):
    found = []
    for source in sources:
        for name, node, within, _ in _functions(source, definitions):
            count = len(node.args.posonlyargs) + len(node.args.args)
            method = isinstance(within, ast.ClassDef)
            if method and "staticmethod" not in {getattr(mark, "id", "") for mark in node.decorator_list}:
                count -= 1
            if count > POSITIONAL and f"{source.path}:{name}" not in EXCEPTIONS:
                found.append(f"src/bucketport/{source.path}:{node.lineno}: {name} takes {count}")
    assert not found, "\n".join(found)


def test_every_exception_has_a_reason():
    assert all(len(reason) > 20 for reason in EXCEPTIONS.values())

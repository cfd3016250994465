"""In which line does a setting stand? Every key and element, in TOML and in JSON."""

import json
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucketport.config.lines import lines_of_json, lines_of_toml

DOCUMENT = '''# a comment with [brackets] and = signs
owner_id = "x"  # another

[server]
listen = "127.0.0.1:9000"
"quoted key" = 'literal # no comment'
dotted.inner.key = 1

[[buckets]]
name = "a"
prefixes = [
  "one",  # with a comment, and a ]
  "two",
]

[buckets.backend_options]
text = """
several
lines = "not a key"
"""
end = """ends in quotes"""""

[[buckets]]
name = "b"
backend_options = { bucket_name = "zz", region = "r" }
scopes = [
  { bucket = "x", actions = [
    "get_object"] },
  { bucket = "y", actions = [] }
]

[[buckets.inner]]
a = 2026-11-21T09:28:01Z
[[buckets.inner]]
a = -1.5e3
[limits]'''


def line(path):
    return lines_of_toml(DOCUMENT)[path]


@pytest.mark.parametrize(
    ("path", "number"),
    [
        (("owner_id",), 2),
        (("server",), 4),
        (("server", "listen"), 5),
        (("server", "quoted key"), 6),
        (("server", "dotted", "inner", "key"), 7),
        (("buckets", 0), 9),
        (("buckets", 0, "name"), 10),
        (("buckets", 0, "prefixes", 0), 12),
        (("buckets", 0, "prefixes", 1), 13),
        (("buckets", 0, "backend_options", "text"), 17),
        (("buckets", 0, "backend_options", "end"), 21),
        (("buckets", 1, "name"), 24),
        (("buckets", 1, "backend_options", "region"), 25),
        (("buckets", 1, "scopes", 0, "bucket"), 27),
        (("buckets", 1, "scopes", 0, "actions", 0), 28),
        (("buckets", 1, "scopes", 1, "bucket"), 29),
        (("buckets", 1, "inner", 0, "a"), 33),
        (("buckets", 1, "inner", 1, "a"), 35),
        (("limits",), 36),
    ],
)
def test_a_setting_is_found_in_its_line(path, number):
    assert line(path) == number


def paths(value, path=()):
    if isinstance(value, dict):
        for name, inner in value.items():
            yield (*path, name)
            yield from paths(inner, (*path, name))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield (*path, number)
            yield from paths(inner, (*path, number))


def test_every_setting_of_a_document_has_a_line():
    assert set(paths(tomllib.loads(DOCUMENT))) == set(lines_of_toml(DOCUMENT))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text(max_size=5), JSON, max_size=5), st.sampled_from([None, 1, 2]), st.booleans())
def test_every_setting_of_any_json_has_a_line(value, indent, ascii_only):
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    found = lines_of_json(text)
    assert set(paths(value)) == set(found)
    assert all(1 <= number <= text.count("\n") + 1 for number in found.values())


def test_a_line_of_json_is_the_right_one():
    text = '{\n  "buckets": [\n    {"name": "a"},\n    {\n      "name": "b"}]}'
    found = lines_of_json(text)
    assert found["buckets", 0, "name"] == 3
    assert found["buckets", 1, "name"] == 5

"""How does one say what the model found wrong? In a few plain words, without the value where it could be a secret."""

import difflib
from collections.abc import Mapping
from typing import Any

from bucketport.config.lines import Path

_EXPECTED = {
    "string_type": "a text is expected",
    "int_type": "a whole number is expected",
    "int_from_float": "a whole number is expected",
    "float_type": "a number is expected",
    "bool_type": "true or false is expected",
    "list_type": "a list is expected",
    "dict_type": "a table is expected",
    "model_type": "a table is expected",
    "datetime_type": "a time such as 2026-11-21T09:28:01Z is expected",
}
"""By the type of pydantic's error."""


def path_of(found: Mapping[str, Any], data: Any) -> Path:
    """Where in the file an error of the model belongs: the validator's own steps taken out."""
    path: list[str | int] = []
    for step in found["loc"]:
        if isinstance(data, dict) and step not in data and found["type"] != "missing":
            break
        if not isinstance(data, dict | list):
            break
        path.append(step)
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            break
    return tuple(path)


def say(found: Mapping[str, Any]) -> str:
    """What is wrong, in words."""
    kind, value = found["type"], found.get("input")
    if kind == "extra_forbidden":
        return "unknown setting"
    if kind == "missing":
        return "is missing"
    if kind == "literal_error":
        return _of_these(str(found["ctx"]["expected"]), value)
    if kind == "too_short":
        return "at least one is needed"
    if kind == "is_instance_of":
        return "a text is expected"  # of a secret, so what is there is not shown
    if kind in _EXPECTED:
        return f"{_EXPECTED[kind]}, not {_shown(value)}"
    if kind == "value_error":
        return str(found["ctx"]["error"])
    return f"{str(found['msg']).replace('Input should', 'should')}, not {_shown(value)}"


def _of_these(expected: str, value: Any) -> str:
    known = [word.strip("' ") for word in expected.replace(" or ", ", ").split(", ")]
    near = difflib.get_close_matches(str(value).lower(), known, 1)
    hint = f"; did you mean {near[0]}?" if near else ""
    return f"one of {', '.join(known)} is expected, not {_shown(value)}{hint}"


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, int | float):
        return f"the number {value}"
    return repr(str(value)[:80])

"""Which settings come from outside the file? The environment's, read by the model; and the keys found there.

`BUCKETPORT_SERVER__LISTEN` is `listen` of `[server]`, `BUCKETPORT_MAX_UPLOAD_BYTES` a key of the top level. Lists are
separated by commas; a list of tables is JSON.
"""

import json
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel

from bucketport.config.fields import SecretText
from bucketport.config.lines import Path
from bucketport.config.model import Settings
from bucketport.record import record

PREFIX = "BUCKETPORT_"

OF_THEIR_OWN = frozenset({"ACCESS_KEY", "SECRET_KEY", "ACCESS_KEY_FILE", "SECRET_KEY_FILE", "CONFIG", "LOG"})
"""Names after the prefix that are no settings of the model."""

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off", ""})


@record
class Given:
    """A setting from outside the file: which one, its value, and where it was said.

    `appends`: the value is one more row of a list of tables; it takes the place of one of the same name.
    """

    path: Path
    value: Any
    place: str
    appends: bool = False


def fields_at(path: Path) -> dict[str, Any] | None:
    """The names that may stand below `path` in the file, with their types; None where anything may."""
    kind: Any = Settings
    for name in path:
        if isinstance(name, int):
            kind = next(iter(typing.get_args(kind)), None)
        elif isinstance(kind, type) and issubclass(kind, BaseModel) and name in kind.model_fields:
            kind = _without_none(kind.model_fields[name].annotation)
        else:
            return None
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return {name: _without_none(field.annotation) for name, field in kind.model_fields.items()}
    return None


def _without_none(kind: Any) -> Any:
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return next(inner for inner in typing.get_args(kind) if inner is not type(None))
    return kind


def from_environment(environment: Mapping[str, str], wrong: Callable[[str, Path, str], None]) -> list[Given]:
    """The settings that the environment has. `wrong` is told the variable, the setting and the trouble."""
    found: list[Given] = []
    if environment.get("MAX_UPLOAD_BYTES"):
        found += _read("MAX_UPLOAD_BYTES", ("max_upload_bytes",), environment, wrong)
    level = environment.get("BUCKETPORT_LOG", "").lower()
    if level:
        found.append(Given(("server", "verbose"), level in ("debug", "trace"), "environment BUCKETPORT_LOG"))
    for variable in sorted(environment):
        name = variable.removeprefix(PREFIX)
        if name == variable or name in OF_THEIR_OWN:
            continue
        path: Path = tuple(name.lower().split("__"))
        if kind_at(path) is not None:
            found += _read(variable, path, environment, wrong)
        elif "__" in name:  # one without is mostly Kubernetes': it names the address of a service so
            wrong(variable, path, "unknown setting")
    return found


def kind_at(path: Path) -> Any:
    """The type of the setting at `path`; None when there is none, or when it is a whole section."""
    kind = (fields_at(path[:-1]) or {}).get(str(path[-1])) if path else None
    return None if isinstance(kind, type) and issubclass(kind, BaseModel) else kind


def _read(
    variable: str, path: Path, environment: Mapping[str, str], wrong: Callable[[str, Path, str], None]
) -> list[Given]:
    text = environment[variable]
    kind = kind_at(path)
    try:
        value = convert(text, kind)
    except ValueError as error:
        wrong(variable, path, str(error))
        return []
    return [Given(path, value, f"environment {variable}")]


def convert(text: str, kind: Any) -> Any:
    """The text as a value of that type. Raises: ValueError that says what was expected."""
    if kind is bool:
        return _boolean(text)
    if kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            raise ValueError(f"a number is expected, not {text[:80]!r}") from None
    if kind in (list[str], list[SecretText]):
        return [part.strip() for part in text.split(",") if part.strip()]
    if typing.get_origin(kind) in (list, dict):
        try:
            return json.loads(text)
        except ValueError:
            raise ValueError("JSON is expected") from None
    return text


def _boolean(text: str) -> bool:
    word = text.strip().lower()
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    raise ValueError(f"true or false is expected, not {text[:80]!r}")

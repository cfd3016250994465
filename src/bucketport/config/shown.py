"""How are settings shown? Leaf by leaf, with a word in the place of every secret."""

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from bucketport.config import options
from bucketport.config.lines import Path
from bucketport.model import Secret

HIDDEN = "(secret)"


def leaves(settings: BaseModel, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """(where, value) of every setting; a list of texts is one, a list of tables is each of its settings."""
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if name == "backend_options":
            for option, text in value.items():
                yield (*path, name, option), HIDDEN if options.is_secret(option) else text
        elif name == "options":
            yield from (((*path, name, option), HIDDEN) for option in value)
        elif isinstance(value, BaseModel):
            yield from leaves(value, (*path, name))
        elif isinstance(value, list) and value and isinstance(value[0], BaseModel):
            for number, inner in enumerate(value):
                yield from leaves(inner, (*path, name, number))
        else:
            yield (*path, name), _plain(value)


def _plain(value: Any) -> Any:
    if isinstance(value, Secret):
        return HIDDEN
    if isinstance(value, list) and value and isinstance(value[0], Secret):
        return [HIDDEN] * len(value)
    return value if isinstance(value, str | int | float | bool | list) or value is None else str(value)

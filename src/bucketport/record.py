"""How is a value declared here? As a slotted dataclass that the type checker holds frozen.

`dataclasses.dataclass(frozen=True)` costs about a microsecond a field at construction, because each assignment goes
through `object.__setattr__`. Requests make several of these each, so the promise is kept by mypy and not at run time.
"""

import dataclasses
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True)
def record(cls: type[T]) -> type[T]:
    """Make `cls` a slotted, comparable and hashable dataclass; assigning to its fields is a type error.

    Use `dataclasses.replace` to get a changed copy. Fields that hold dicts or lists make an instance unhashable.
    """
    return dataclasses.dataclass(slots=True, unsafe_hash=True)(cls)

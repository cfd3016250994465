"""Of what are the tables of the configuration made? Their base, and kinds of values that TOML has no word for."""

import datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict

from bucketport.model import Secret


def _moment(value: Any) -> Any:
    """A time as TOML writes it, or as text; without a zone it is UTC."""
    if isinstance(value, str):
        try:
            value = datetime.datetime.fromisoformat(value)
        except ValueError:
            raise ValueError("a time such as 2026-11-21T09:28:01Z is expected") from None
    if isinstance(value, datetime.datetime) and value.tzinfo is None:
        return value.replace(tzinfo=datetime.UTC)
    return value


def _secret(value: Any) -> Any:
    return Secret(value) if isinstance(value, str) else value


def _texts(value: Any) -> Any:
    """Options are texts; a number or a boolean is taken for its text."""
    if not isinstance(value, dict):
        return value
    return {name: _text(option) for name, option in value.items()}


def _text(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else value


def _several(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Moment = Annotated[datetime.datetime, BeforeValidator(_moment)]
SecretText = Annotated[Secret, BeforeValidator(_secret)]
SecretTexts = Annotated[list[SecretText], BeforeValidator(_several)]
Options = Annotated[dict[str, str], BeforeValidator(_texts)]
Texts = Annotated[list[str], BeforeValidator(_several)]


class Section(BaseModel):
    """A table of the file. What it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, arbitrary_types_allowed=True)

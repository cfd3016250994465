"""Where is a secret that the file only points to? `${VARIABLE}` in any text, `file:PATH` where a secret belongs.

`$${` is a plain `${`. A path is taken from the folder of the configuration; one line end after the content is dropped,
because editors and `echo` put it there.
"""

import pathlib
import re
from collections.abc import Callable, Mapping
from typing import Any

from bucketport.config.lines import Path

_VARIABLE = re.compile(r"(\$?)\$\{([^}]*)\}")

_SECRETS = frozenset(
    ("secret_access_key", "key", "secret", "hmac_secrets", "presign_api_key", "presign_hmac_secret"),
)
"""Keys whose value, or values, may be `file:PATH`, besides everything in these tables."""

_TABLES = frozenset({"backend_options", "options"})


class Resolver:
    """Replaces references. `files` holds the paths that were read, for whoever watches them; `wrong` is told of what
    cannot be found."""

    def __init__(
        self, environment: Mapping[str, str], folder: pathlib.Path, wrong: Callable[[Path, str], None]
    ) -> None:
        self._environment, self._folder, self._wrong = environment, folder, wrong
        self.files: set[str] = set()

    def resolve(self, value: Any, path: Path = ()) -> Any:
        """The value with every reference in it replaced."""
        if isinstance(value, dict):
            return {name: self.resolve(inner, (*path, name)) for name, inner in value.items()}
        if isinstance(value, list):
            return [self.resolve(inner, (*path, number)) for number, inner in enumerate(value)]
        if isinstance(value, str):
            return self._text(value, path)
        return value

    def _text(self, text: str, path: Path) -> str:
        if "${" in text:
            text = _VARIABLE.sub(lambda found: self._variable(found, path), text)
        if text.startswith("file:") and not (_SECRETS | _TABLES).isdisjoint(path):
            return self._content(text.removeprefix("file:"), path)
        return text

    def _variable(self, found: re.Match[str], path: Path) -> str:
        doubled, name = found.groups()
        if doubled:
            return found.group()[1:]
        value = self._environment.get(name)
        if value is None:
            self._wrong(path, f"the environment has no variable {name}")
            return ""
        return value

    def _content(self, name: str, path: Path) -> str:
        place = self._folder / name
        self.files.add(str(place))
        try:
            return place.read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
        except OSError as error:
            self._wrong(path, f"{place} cannot be read: {error.strerror or error}")
        except UnicodeDecodeError:
            self._wrong(path, f"{place} is not UTF-8 text")
        return ""

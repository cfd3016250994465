"""What is in force, and who said so? Flags before the environment, that before the file, that before defaults.

`load` does all of it and tells everything that is wrong at once, each with its place. It is called again for a reload.
"""

import difflib
import json
import pathlib
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from bucketport.config import borderless, rules, words
from bucketport.config.keys import GivenKey, main_key
from bucketport.config.lines import Path, lines_of_json, lines_of_toml
from bucketport.config.model import Settings
from bucketport.config.references import Resolver
from bucketport.config.sources import Given, fields_at, from_environment
from bucketport.config.trouble import BadConfiguration, Problem, UsageError
from bucketport.model import NO_HEADERS
from bucketport.record import record


@record
class Asked:
    """What `load` starts from: the file's path (empty: none), flags, further keys, and the environment."""

    file: str = ""
    flags: Sequence[Given] = ()
    users: Sequence[GivenKey] = ()
    environment: Mapping[str, str] = NO_HEADERS


@record
class Loaded:
    """The settings, where each that is no default was said, and what to mention. `files` are all that were read."""

    settings: Settings
    places: Mapping[Path, str]
    warnings: Sequence[Problem]
    files: Sequence[str]

    def place(self, path: Path) -> str:
        """Where that setting was said: `default`, `config.toml:12`, `environment BUCKETPORT_...`, `flag --...`."""
        found = self.places.get(path)
        for length in range(len(path) - 1, 0, -1):
            if found is not None:
                break
            # Not a line of the file: that the table around it stands there does not say this.
            around = self.places.get(path[:length], "")
            found = around if around.startswith(("environment ", "flag ")) else None
        return found or "default"


def load(asked: Asked) -> Loaded:
    """Read, merge and check everything. Raises: BadConfiguration with all that is wrong, UsageError."""
    document = _Document(asked.file)
    data = document.data
    given = from_environment(asked.environment, document.wrong_variable)
    resolver = Resolver(asked.environment, pathlib.Path(asked.file).parent, document.wrong)
    data = resolver.resolve(data)
    in_file = borderless.of_file(
        data, lambda name: document.places.get((name,), asked.file), lambda name, text: document.wrong((name,), text)
    )
    theirs = borderless.of_environment(asked.environment, (*in_file, *asked.flags), document.wrong_variable)
    for setting in (*in_file, *theirs, *given, *asked.flags):
        document.places |= dict.fromkeys(_put(data, setting), setting.place)
    _add_keys(data, document, asked)
    settings = _validate(data, document)
    warnings = []
    if settings is not None:
        for finding in rules.check(settings):
            if finding.harmless:
                warnings.append(document.problem(finding.path, finding.message))
            else:
                document.wrong(finding.path, finding.message)
    if document.problems or settings is None:
        document.problems.sort(key=lambda problem: _order(problem.place))
        raise BadConfiguration(document.problems)
    files = [asked.file, *sorted(resolver.files)] if asked.file else []
    return Loaded(settings, document.places, warnings, files)


class _Document:
    """The file, where its settings stand, and what turned out to be wrong."""

    def __init__(self, file: str) -> None:
        self.problems: list[Problem] = []
        self.places: dict[Path, str] = {}
        self.data: dict[str, Any] = {}
        self._name = file
        if file:
            self._read(file)

    def _read(self, file: str) -> None:
        try:
            text = pathlib.Path(file).read_text(encoding="utf-8")
        except OSError as error:
            raise UsageError(f"The configuration {file} cannot be read: {error.strerror or error}.") from error
        except UnicodeDecodeError as error:
            raise UsageError(f"The configuration {file} is not UTF-8 text.") from error
        try:
            if file.endswith(".json"):
                self.data, lines = json.loads(text), lines_of_json(text)
            else:
                self.data, lines = tomllib.loads(text), lines_of_toml(text)
        except json.JSONDecodeError as error:
            raise UsageError(f"{file}:{error.lineno}: not JSON: {error.msg} (column {error.colno})") from error
        except tomllib.TOMLDecodeError as error:
            raise UsageError(f"{_place_of(file, text, str(error))}: not TOML: {error}") from error
        if not isinstance(self.data, dict):
            raise UsageError(f"{file}:1: a configuration is a table (a JSON object).")
        self.places = {path: f"{file}:{line}" for path, line in lines.items()}

    def wrong(self, path: Path, message: str) -> None:
        """Remember what is wrong with a setting."""
        self.problems.append(self.problem(path, message))

    def wrong_variable(self, variable: str, path: Path, message: str) -> None:
        """Remember what is wrong with a variable of the environment."""
        hint = suggestion(path) if message == "unknown setting" else ""
        self.problems.append(Problem(f"environment {variable}", "", message + hint))

    def problem(self, path: Path, message: str) -> Problem:
        """The Problem with its place: its own, or that of the nearest thing around it."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.places:
                return Problem(self.places[path[:length]], written(path), message)
        return Problem(self._name, written(path), message)


def written(path: Path) -> str:
    """A path as people write it: `buckets[0].backend_options.region`; elements are counted from 0."""
    text = "".join(f"[{name}]" if isinstance(name, int) else f".{name}" for name in path)
    return text.removeprefix(".")


def suggestion(path: Path) -> str:
    """`; did you mean X?` where a name like the last one of `path` is known there; else what is, if it is little."""
    known = fields_at(path[:-1])
    if known is None and len(path) == 2:
        near = difflib.get_close_matches(str(path[0]), list(fields_at(()) or {}), 1)
        return f"; did you mean {near[0]}?" if near else ""
    near = difflib.get_close_matches(str(path[-1]), list(known or {}), 1, 0.5)
    if near:
        return f"; did you mean {near[0]}?"
    return f"; known here: {', '.join(known)}" if known and len(known) <= 12 else ""


def _place_of(file: str, text: str, error: str) -> str:
    """`config.toml:12` from the words `... (at line 12, column 3)` or `... (at end of document)`."""
    _, mark, rest = error.partition("(at line ")
    return f"{file}:{rest.partition(',')[0] if mark else len(text.splitlines())}"


def _put(data: dict[str, Any], setting: Given) -> list[Path]:
    """Set it in the tables; where it stands then, with what is in it."""
    *around, last = map(str, setting.path)
    for name in around:
        inner = data.setdefault(name, {})
        if not isinstance(inner, dict):
            return []  # the file has something else there, which is told when it is validated
        data = inner
    if not setting.appends:
        data[last] = setting.value
        return [setting.path]
    rows = data.setdefault(last, [])
    if not isinstance(rows, list):
        return []
    names = [row.get("name") if isinstance(row, dict) else None for row in rows]
    at = names.index(setting.value["name"]) if setting.value["name"] in names else len(rows)
    rows[at:] = [setting.value, *rows[at + 1 :]]
    path = (*setting.path, at)
    return [path, *((*path, name) for name in setting.value)]


def _add_keys(data: dict[str, Any], document: _Document, asked: Asked) -> None:
    """Keys from flags and from the environment stand after those of the file."""
    is_gateway = bool(data.get("buckets") or data.get("default_backend"))
    rows = data.setdefault("credentials", [])
    main = main_key(asked.environment, is_gateway=is_gateway)
    for key in (*([main] if main else []), *asked.users):
        if isinstance(rows, list):
            document.places["credentials", len(rows)] = key.place
            rows.append(key.row)


def _validate(data: dict[str, Any], document: _Document) -> Settings | None:
    try:
        return Settings.model_validate(data, strict=True)
    except ValidationError as error:
        for found in error.errors(include_url=False, include_context=True):
            path = words.path_of(found, data)
            hint = suggestion(path) if found["type"] == "extra_forbidden" else ""
            document.wrong(path, words.say(found) + hint)
        return None


def _order(place: str) -> tuple[str, int]:
    name, _, line = place.rpartition(":")
    return (name, int(line)) if line.isdigit() else (place, 0)

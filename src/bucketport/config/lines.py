"""In which line of the file does a setting stand? For errors that say where.

The parsers of the standard library tell no positions, so this walks over a text that they already took for good TOML or
JSON, and keeps the line of each key and of each element. Both languages write values alike; only their frames differ.
"""

import contextlib
import json
from bisect import bisect_right
from collections.abc import Mapping

Path = tuple[str | int, ...]
"""Where a setting stands: names of tables and keys, numbers of elements."""


def lines_of_toml(text: str) -> Mapping[Path, int]:
    """The line (from 1) of every table, key and element."""
    walk = _Walk(text)
    walk.toml()
    return walk.lines


def lines_of_json(text: str) -> Mapping[Path, int]:
    """The line (from 1) of every key and element."""
    walk = _Walk(text)
    walk.skip()
    walk.value(())
    return walk.lines


class _Walk:
    """One walk over a text that is known to be well formed."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text + "\n", 0
        self.lines: dict[Path, int] = {}
        self._breaks = [place for place, letter in enumerate(text) if letter == "\n"]
        self._tables: dict[Path, int] = {}

    def skip(self) -> None:
        """Pass white space, line ends and comments."""
        while self.at < len(self.text):
            if self.text[self.at] == "#":
                self.at = self.text.index("\n", self.at)
            elif self.text[self.at] in " \t\r\n":
                self.at += 1
            else:
                return

    def toml(self) -> None:
        """The whole document: headers, and keys below each."""
        base: Path = ()
        self.skip()
        while self.at < len(self.text):
            if self.text[self.at] == "[":
                base = self._header()
            else:
                self._pair(base)
            self.skip()

    def _header(self) -> Path:
        line, several = self._line(), self.text.startswith("[[", self.at)
        self.at += 2 if several else 1
        names = self._key()
        self.at = self.text.index("]", self.at) + (2 if several else 1)
        path: Path = ()
        for depth, name in enumerate(names, start=1):
            path += (name,)
            self.lines.setdefault(path, line)
            if path in self._tables and not (several and len(names) == depth):
                path += (self._tables[path],)
        if several:
            self._tables[path] = self._tables.get(path, -1) + 1
            path += (self._tables[path],)
        self.lines.setdefault(path, line)
        return path

    def _pair(self, base: Path) -> None:
        line = self._line()
        path = base
        for name in self._key():
            path += (name,)
            self.lines.setdefault(path, line)
        self.at += 1  # the `=` or `:`
        self.skip()
        self.value(path)

    def _key(self) -> list[str]:
        """A name, or several with dots between them; stops at what follows."""
        names = []
        while True:
            self._blanks()
            if self.text[self.at] in "\"'":
                names.append(self._string())
            else:
                start = self.at
                while self.text[self.at].isalnum() or self.text[self.at] in "-_":
                    self.at += 1
                names.append(self.text[start : self.at])
            self._blanks()
            if self.text[self.at] != ".":
                return names
            self.at += 1

    def value(self, path: Path) -> None:
        """Pass a value, and keep the lines of what is in it."""
        first = self.text[self.at]
        if first in "\"'":
            self._string()
        elif first == "[":
            self._items(path)
        elif first == "{":
            self._table(path)
        else:
            while self.text[self.at] not in ",]}\n#":
                self.at += 1

    def _items(self, path: Path) -> None:
        number = 0
        self.at += 1
        self.skip()
        while self.text[self.at] != "]":
            self.lines.setdefault((*path, number), self._line())
            self.value((*path, number))
            number += 1
            self._after()
        self.at += 1

    def _table(self, path: Path) -> None:
        self.at += 1
        self.skip()
        while self.text[self.at] != "}":
            self._pair(path)
            self._after()
        self.at += 1

    def _after(self) -> None:
        """Pass the comma after an element, if there is one."""
        self.skip()
        if self.text[self.at] == ",":
            self.at += 1
            self.skip()

    def _string(self) -> str:
        mark = self.text[self.at]
        if self.text.startswith(mark * 3, self.at):
            mark *= 3
        start = self.at = self.at + len(mark)
        while not self.text.startswith(mark, self.at):
            self.at += 2 if self.text[self.at] == "\\" and mark[0] == '"' else 1
        inner = self.text[start : self.at]
        self.at += len(mark)
        while len(mark) == 3 and self.text.startswith(mark[0], self.at):
            self.at += 1  # a multi-line string may end in up to five quotes
        with contextlib.suppress(ValueError):
            return str(json.loads(f'"{inner}"')) if mark == '"' else inner
        return inner

    def _blanks(self) -> None:
        while self.text[self.at] in " \t":
            self.at += 1

    def _line(self) -> int:
        return bisect_right(self._breaks, self.at - 1) + 1

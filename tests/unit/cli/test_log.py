"""What can a client's words do to the log of events?"""

import json

import pytest

from bucketport.cli.log import Journal


class Lines:
    """A writer that keeps what it is given."""

    def __init__(self) -> None:
        self.text = ""

    def put(self, descriptor: int, lines: bytes) -> None:
        self.text += lines.decode()


def said(text: str, kind: str = "text") -> str:
    lines = Lines()
    Journal(kind, lines, lambda: 0.0).say(text)  # type: ignore[arg-type]
    return lines.text


def test_a_line_end_does_not_begin_another_event() -> None:
    lines = said("b/k\n2026-11-21T09:28:01.123Z bucketport: all is well").splitlines()
    assert [line.startswith("2026") for line in lines] == [False, False]
    assert lines[1].startswith("    ")


@pytest.mark.parametrize("sign", ["\r", "\x1b[2J", "\x9b2J", "\u2028", "\u202e", "\0"])
def test_what_would_change_a_terminal_is_escaped(sign: str) -> None:
    assert said(f"b/k{sign}x").removesuffix("\n").isprintable()


def test_letters_of_any_language_stay() -> None:
    assert said("b/gr\u00fc\u00df \u4f60").endswith("b/gr\u00fc\u00df \u4f60\n")


def test_json_is_one_line() -> None:
    line = said("b/k\n\x1b", "json")
    assert line.count("\n") == 1
    assert json.loads(line)["text"] == "b/k\n\x1b"

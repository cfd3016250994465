"""What does the log say of a request? One line, as text or as JSON, made from its Exchange.

Whatever a client can put into a line is escaped, so that it can neither end the line nor change a terminal; a presigned
URL's signature and tokens in a target are never written. Lines are kept a moment and written together.
"""

import re
from collections.abc import Callable
from json.encoder import encode_basestring_ascii as quoted
from typing import Literal
from urllib.parse import unquote

from bucketport.exchange import Exchange
from bucketport.wire.dates import iso

Format = Literal["text", "json"]

LONGEST = 1024
"""Characters of a target or a user agent that are written; a key is at most 1,024 bytes anyway."""

WAITING = 512
"""Lines after which they are written without waiting for the moment to pass."""

_SECRET_NAMES = frozenset(
    ("x-amz-signature", "x-amz-security-token", "signature", "sig", "token", "webidentitytoken", "x-goog-signature")
)
"""Query parameters whose values open a door, lower case."""

_MAY_BE_SECRET = re.compile(r"sig|token|%", re.IGNORECASE)
"""What a query holds when it could hold one of them: `%` because a name can be escaped."""

_TOKEN = re.compile(r"(/-/uploads/[^/.]*\.[^/.]*\.)[^/]+")
"""An upload session's token in a path: its id and its end may be seen."""

_NOT_PLAIN = re.compile(r"[^ !#-\[\]-~]")


def line(exchange: Exchange) -> str:
    """The line as text: time, id, status, operation, bucket/key, caller, bytes in and out, times, client, request."""
    started, target, agent = exchange.started, exchange.target, exchange.user_agent
    if "?" in target or "/-/" in target:
        target = redacted(target)
    place = f"{exchange.bucket}/{exchange.key}" if exchange.key else exchange.bucket or "-"
    caller = f"{exchange.user}({exchange.access_key})" if exchange.access_key else "-"
    request = f"{exchange.method} {target}"
    given = f"{place}{caller}{request}{agent}"
    # One look at all that a client chose: mostly there is nothing in it to escape.
    if not (given.isascii() and given.isprintable()) or '"' in given or "\\" in given or len(given) > LONGEST:
        place, caller = escaped(place), escaped(caller)
        request, agent = escaped(request[:LONGEST]), escaped(agent[:LONGEST])
    if " " in place or " " in caller:
        place, caller = place.replace(" ", "\\u0020"), caller.replace(" ", "\\u0020")
    first = (exchange.headed - started) * 1e3 if exchange.headed else 0.0
    text = (
        f"{iso(int(exchange.started_at * 1000))} {exchange.id} {exchange.status} {exchange.operation} {place} {caller} "
        f"in={exchange.bytes_in} out={exchange.bytes_out} first={first:.2f}ms "
        f'total={(exchange.ended - started) * 1e3:.2f}ms {exchange.client or "-"} "{request}" "{agent}"'
    )
    if exchange.code or exchange.aborted or exchange.upstream:
        text += _trouble(exchange)
    return text + "\n"


def json_line(exchange: Exchange) -> str:
    """The line as a JSON object of one line; times are seconds."""
    return (
        f'{{"time":"{iso(int(exchange.started_at * 1000))}","kind":"request","id":"{exchange.id}",'
        f'"status":{exchange.status},"code":"{exchange.code}","operation":"{exchange.operation}",'
        f'"bucket":{quoted(exchange.bucket)},"key":{quoted(exchange.key)},"user":{quoted(exchange.user)},'
        f'"access_key":{quoted(exchange.access_key)},"bytes_in":{exchange.bytes_in},'
        f'"bytes_out":{exchange.bytes_out},"first_byte":{_first(exchange):.6f},'
        f'"total":{exchange.ended - exchange.started:.6f},"upstream":{exchange.upstream:.6f},'
        f'"client":{quoted(exchange.client)},"method":{quoted(exchange.method)},'
        f'"target":{quoted(redacted(exchange.target)[:LONGEST])},'
        f'"user_agent":{quoted(exchange.user_agent[:LONGEST])},"reason":{quoted(_reason(exchange))},'
        f'"aborted":{"true" if exchange.aborted else "false"}}}\n'
    )


def escaped(text: str) -> str:
    """The text with whatever is not a plain ASCII character, and `"` and a backslash, written as an escape."""
    if _NOT_PLAIN.search(text) is None:
        return text
    return quoted(text)[1:-1].replace("\x7f", "\\u007f")


def redacted(target: str) -> str:
    """The target without what in it opens a door: values in its query, and the proof in an upload's token."""
    path, mark, query = target.partition("?")
    if "/-/uploads/" in path:
        path = _TOKEN.sub(r"\1REDACTED", path)
        target = f"{path}{mark}{query}"
    if not mark or _MAY_BE_SECRET.search(query) is None:
        return target
    return f"{path}?{'&'.join(map(_redacted_pair, query.split('&')))}"


def _redacted_pair(pair: str) -> str:
    name, mark, value = pair.partition("=")
    plain = unquote(name.replace("+", " ")) if "%" in name else name
    return f"{name}=REDACTED" if mark and value and plain.strip().lower() in _SECRET_NAMES else pair


def _first(exchange: Exchange) -> float:
    """Seconds until the answer's head; 0 when there was no answer."""
    return exchange.headed - exchange.started if exchange.headed else 0.0


def _reason(exchange: Exchange) -> str:
    """Why it was refused or failed; empty for what went well."""
    return exchange.reason if exchange.code else ""


def _trouble(exchange: Exchange) -> str:
    """What is said only of some requests: time in a cloud, a refusal, an answer that broke off."""
    said = f" upstream={exchange.upstream * 1e3:.2f}ms" if exchange.upstream else ""
    if exchange.code:
        said += f' {exchange.code} "{escaped(exchange.reason)}"'
    return said + (" aborted" if exchange.aborted else "")


class AccessLog:
    """A meter that writes lines. `write` takes whole lines as bytes; `soon` calls what it is given in a moment."""

    def __init__(
        self, kind: Format, write: Callable[[bytes], None], soon: Callable[[Callable[[], None]], None]
    ) -> None:
        self._form = json_line if kind == "json" else line
        self._write, self._soon = write, soon
        self._lines: list[str] = []

    def record(self, exchange: Exchange) -> None:
        """Keep the line of a finished request to be written in a moment."""
        lines = self._lines
        lines.append(self._form(exchange))
        if len(lines) == 1:
            self._soon(self.flush)
        elif len(lines) >= WAITING:
            self.flush()

    def flush(self) -> None:
        """Write what is kept."""
        if self._lines:
            lines, self._lines = self._lines, []
            self._write("".join(lines).encode())

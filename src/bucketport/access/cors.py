"""May a page of another origin read the answer? Rules for the whole server, as the configuration says them.

A browser asks before it sends (a preflight), and looks at the answer's headers after. What is said here opens nothing
to anybody but browsers' pages: who may do what is still decided by keys.
Source: https://fetch.spec.whatwg.org/#http-cors-protocol
"""

import fnmatch
from collections.abc import Mapping, Sequence

from bucketport.record import record


@record
class Cors:
    """`origins`, `methods` and `headers` may hold `*`, also within a text; `max_age` is seconds."""

    origins: Sequence[str]
    methods: Sequence[str] = ("GET", "HEAD", "PUT", "POST", "DELETE")
    headers: Sequence[str] = ("*",)
    exposed: Sequence[str] = ()
    max_age: int = 3600

    def answer(self, origin: str) -> dict[str, str]:
        """The headers of an answer to a page of that origin; none when it is not allowed."""
        if not _matches(self.origins, origin):
            return {}
        made = {"Access-Control-Allow-Origin": "*" if "*" in self.origins else origin, "Vary": "Origin"}
        if self.exposed:
            made["Access-Control-Expose-Headers"] = ", ".join(self.exposed)
        return made

    def preflight(self, headers: Mapping[str, str]) -> dict[str, str] | None:
        """The headers that allow what a preflight asks; None when it is not allowed or is no preflight."""
        made = self.answer(headers.get("origin", ""))
        method = headers.get("access-control-request-method", "")
        asked = [name.strip() for name in headers.get("access-control-request-headers", "").split(",")]
        if not made or not _matches(self.methods, method):
            return None
        if not all(_matches(self.headers, name, fold=True) for name in asked if name):
            return None
        made["Access-Control-Allow-Methods"] = ", ".join(self.methods)
        if any(asked):
            made["Access-Control-Allow-Headers"] = ", ".join(name for name in asked if name)
        made["Access-Control-Max-Age"] = str(self.max_age)
        return made


def _matches(patterns: Sequence[str], text: str, *, fold: bool = False) -> bool:
    """Whether the text is one of the patterns; only `*` has a meaning in them."""
    if fold:
        text = text.lower()
    return bool(text) and any(_one(pattern.lower() if fold else pattern, text) for pattern in patterns)


def _one(pattern: str, text: str) -> bool:
    return fnmatch.fnmatchcase(text, pattern.replace("[", "[[]").replace("?", "[?]"))

"""May a page of another origin read the answer? Evaluated as S3 does: the first rule that matches speaks.

A browser asks before it sends (a preflight), and looks at the answer's headers after. What is said here opens nothing
to anybody but browsers' pages: who may do what is still decided by keys.
Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/cors.html (checked 2026-11),
https://fetch.spec.whatwg.org/#http-cors-protocol
"""

import dataclasses
import functools
import re
from collections.abc import Mapping, Sequence

from bucketport.mounts import Mount
from bucketport.record import record
from bucketport.wire.acl import grants
from bucketport.wire.cors import Rule, read_json

VARY = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"
"""What an answer depends on where there are rules, also an answer to a page that they do not name."""

ASKED = 100
"""Most header names of one preflight; whoever asks for more is refused. Pages send a handful, a stranger anything."""


@record
class Cors:
    """Rules, in the order in which they are tried."""

    rules: tuple[Rule, ...]

    def answer(self, origin: str, method: str = "") -> dict[str, str]:
        """The headers of an answer to a page of that origin; none when it is not allowed. No method: whichever."""
        rule = self._first(origin, method, ())
        return {} if rule is None else _said(rule, origin)

    def preflight(self, headers: Mapping[str, str]) -> dict[str, str] | None:
        """The headers that allow what a preflight asks; None when it is not allowed or is no preflight."""
        origin, method = headers.get("origin", ""), headers.get("access-control-request-method", "")
        names = [name.strip() for name in headers.get("access-control-request-headers", "").split(",")]
        asked = tuple(name for name in names if name)
        rule = self._first(origin, method, asked) if method and len(asked) <= ASKED else None
        if rule is None:
            return None
        made = _said(rule, origin)
        if asked:
            made["Access-Control-Allow-Headers"] = ", ".join(asked)
        return made

    def widened(self, methods: Sequence[str], exposed: Sequence[str]) -> "Cors":
        """The same pages, which may use these methods and read these headers too: for a protocol that needs them."""
        return Cors(
            tuple(
                dataclasses.replace(
                    rule,
                    methods=tuple(dict.fromkeys((*rule.methods, *methods))),
                    exposed=tuple(dict.fromkeys((*rule.exposed, *exposed))),
                )
                for rule in self.rules
            )
        )

    def _first(self, origin: str, method: str, asked: tuple[str, ...]) -> Rule | None:
        for rule in self.rules:
            if not origin or not _any_of(rule.origins).match(origin):
                continue
            if method and not _any_of(rule.methods).match(method):
                continue
            if all(_any_of(rule.headers, fold=True).match(name) for name in asked):
                return rule
        return None


def _said(rule: Rule, origin: str) -> dict[str, str]:
    """What a page of that origin is told of a rule that matches. Credentials only where the origin is named."""
    made = {"Access-Control-Allow-Origin": "*"}
    if "*" not in rule.origins:
        made = {"Access-Control-Allow-Origin": origin, "Access-Control-Allow-Credentials": "true"}
    made["Access-Control-Allow-Methods"] = ", ".join(rule.methods)
    if rule.exposed:
        made["Access-Control-Expose-Headers"] = ", ".join(rule.exposed)
    if rule.max_age is not None:
        made["Access-Control-Max-Age"] = str(rule.max_age)
    made["Vary"] = VARY
    return made


@functools.lru_cache(maxsize=1024)
def _any_of(patterns: tuple[str, ...], *, fold: bool = False) -> re.Pattern[str]:
    """What matches one of the patterns; only `*` has a meaning in them. `fold`: letters' case does not matter."""
    choices = "|".join(re.escape(pattern).replace(r"\*", ".*") for pattern in patterns)
    return re.compile(rf"(?:{choices})\Z" if patterns else r"\Z(?!\Z)", re.IGNORECASE if fold else 0)


PUBLIC = Cors(
    (
        Rule(
            ("*",),
            ("GET", "HEAD"),
            ("*",),
            ("ETag", "Content-Range", "Content-Length", "Accept-Ranges", "Content-Encoding", "Last-Modified", "*"),
            86400,
        ),
    )
)
"""What holds for a bucket that everybody may read, unless something else is said: every page may read it, too.

The star exposes all headers (every x-amz-meta-* among them) to requests without credentials, which is all that `*` as
an origin allows; the names are there for browsers that take the star for a name (before 2020), and are what readers of
COG, Zarr, PMTiles and Parquet look at.
"""


def applying(mount: Mount | None, everywhere: Cors | None) -> Cors | None:
    """The rules for a bucket: its own, else those for the whole server, else PUBLIC if everybody may read it.

    `mount` None: there is no such bucket, or the request names none. None: no page of another origin reads anything.
    """
    if mount is not None and mount.cors:
        return _read(mount.cors)
    if everywhere is not None or mount is None:
        return everywhere
    return PUBLIC if is_public(mount) else None


def is_public(mount: Mount) -> bool:
    """Whether everybody may read the bucket, by the configuration or by its ACL."""
    return mount.anonymous_read or (mount.acl != "private" and grants(mount.acl, "READ", signed=False))


@functools.lru_cache(maxsize=256)
def _read(text: str) -> Cors:
    return Cors(read_json(text))

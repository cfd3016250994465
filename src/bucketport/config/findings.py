"""How is said what does not fit? Findings, and the checks that several groups of rules make."""

import ipaddress
from collections.abc import Callable, Iterator, Mapping, Sequence

from bucketport.config.lines import Path
from bucketport.record import record

SHORT_SECRET = 8
"""Characters below which a secret gets a warning. Source: the minimum that MinIO takes."""


@record
class Finding:
    """What is wrong with the setting at `path`; `harmless`: the server starts all the same, and says it."""

    path: Path
    message: str
    harmless: bool = False


def unreadable(
    path: Path, values: Mapping[str, str] | Mapping[int, str], read: Callable[[str], object]
) -> Iterator[Finding]:
    """Those of the settings below `path` that `read` refuses, in its words (a ValueError)."""
    for name, value in values.items():
        try:
            read(value)
        except ValueError as error:
            yield Finding((*path, name), str(error))


def parse_network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """A network, or a single address as one. Raises: ValueError."""
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ValueError(f"an address or a network is expected, such as 10.0.0.0/8, not {text[:80]!r}") from None


def repeated(path: Path, field: str, names: Sequence[str]) -> Iterator[Finding]:
    """Names that are there more than once; `path` is their list's, `field` what holds them."""
    seen: set[str] = set()
    for number, name in enumerate(names):
        if name in seen:
            yield Finding((*path, number, field), f"{name[:80]!r} is there twice")
        seen.add(name)

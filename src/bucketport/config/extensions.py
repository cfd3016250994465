"""What can another package bring? A kind of backend, a registry of keys or of buckets, a way to authenticate.

It says so by an entry point in one of four groups, whose object is called with `Means` and gives what the group is for:

bucketport.backends      (means) -> StoreBackend: a `backend_type` of that name
bucketport.credentials   (means) -> Credentials: asked for keys that neither configuration nor data folder have
bucketport.buckets       (means, behind) -> Buckets: stands before the registry `behind`
bucketport.methods       (means, credentials) -> Method: one more way to say who one is

It raises ValueError with a sentence when its options are wrong. `docs/extending/` shows each.
"""

from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from bucketport.config.trouble import UsageError
from bucketport.ports import Digests, Entropy, HttpClient, NewId, Now
from bucketport.record import record


@record
class Means:
    """What an extension is made with: its `options` from the configuration, and what the process gives.

    `now` is seconds since 1970, `monotonic` seconds of a clock that never jumps; `report` takes a line about trouble.
    `client` is outbound HTTP, its connections shared with all backends.
    """

    options: Mapping[str, str]
    now: Now
    monotonic: Callable[[], float]
    entropy: Entropy
    new_id: NewId
    digests: Digests
    client: HttpClient
    report: Callable[[str], None]


def installed(group: str) -> dict[str, EntryPoint]:
    """The extensions of a group (`backends`, `credentials`, `buckets`, `methods`) that are there, by name."""
    return {found.name: found for found in entry_points(group=f"bucketport.{group}")}


def make(group: str, name: str, *arguments: Any) -> Any:
    """What the extension makes of these arguments. Raises: UsageError that says what is wrong."""
    found = installed(group).get(name)
    if found is None:
        raise UsageError(f"No package that is installed brings {name!r} for bucketport.{group}.")
    try:
        return found.load()(*arguments)
    except ImportError as error:
        raise UsageError(f"The extension {name} ({found.value}) cannot be loaded: {error}.") from error
    except AttributeError as error:
        raise UsageError(f"The extension {name} is not at {found.value}: {error}.") from error
    except (ValueError, OSError) as error:
        raise UsageError(f"The extension {name} cannot be used: {error}.") from error

"""How does a URL say that its holder may write one blob? By a service SAS, made with the account's key.

Pure, given the time. `w` is the least that Put Block takes; `r`, `d`, `l` and `t` are not in it, so its holder can
neither read, list nor delete. It names the blob, and nothing of the rest of the query is signed: what else its holder
can do with that blob is judged in `direct`.
Source: https://learn.microsoft.com/rest/api/storageservices/create-service-sas (2026-11), version 2020-12-06 and later;
it makes the signatures of azure-storage-blob 12.31.
"""

import base64
import hmac

from bucketport.backends.remote.azure.signing import VERSION, key_bytes
from bucketport.backends.remote.credentials_azure import SharedKey
from bucketport.model import ObjectName
from bucketport.wire import dates
from bucketport.wire.query import encode

LONGEST = 604_800
"""Seconds that a leave may serve at most: a week, as at S3."""

_PERMISSION = "w"
_UNUSED = [""] * 7
"""Snapshot, encryption scope, and the five headers of an answer that may be named."""


def write_query(name: ObjectName, key: SharedKey, scheme: str, seconds: int, now: float) -> str:
    """The query that lets anybody write that blob (by its container's own name) within that time.

    `scheme` is the endpoint's: by `http` it may be used only where there is nothing else.
    """
    protocol = "https" if scheme == "https" else "https,http"
    expires = dates.iso((int(now) + min(max(seconds, 1), LONGEST)) * 1000)[:19] + "Z"
    place = f"/blob/{key.account}/{name.bucket}/{name.key}"
    lines = [_PERMISSION, "", expires, place, "", "", protocol, VERSION, "b", *_UNUSED]
    made = hmac.digest(key_bytes(key), "\n".join(lines).encode("utf-8", "surrogatepass"), "sha256")
    pairs = {"sv": VERSION, "se": expires, "sr": "b", "sp": _PERMISSION, "spr": protocol}
    pairs["sig"] = base64.b64encode(made).decode()
    return "&".join([f"{name}={encode(value)}" for name, value in pairs.items()])

"""What is in the id of an upload? All that was said when it was begun, sealed so that nobody can say otherwise.

The id is bound to its bucket and key. It is no secret: whoever holds it may read in it what the client itself sent.
"""

import base64
import binascii
import hmac
import json
import zlib

from bucketport.backends.remote.azure.blocks import NONCE
from bucketport.errors import NoSuchUpload
from bucketport.model import ObjectName, Secret, UploadInfo, UploadName
from bucketport.options import PutOptions, UploadOptions
from bucketport.record import record

_FORMAT, _FORMAT_DIRECT = b"\1", b"\2"
_MAC = 16

DIRECT = "direct-"
"""What the id of an upload begins with whose parts clients send themselves; any other's begins with an `A`."""


@record
class Begun:
    """An upload's beginning: the nonce that its blocks bear, when (ms since 1970), and how it is to be stored."""

    nonce: bytes
    started_ms: int
    options: UploadOptions

    def info(self, upload: UploadName) -> UploadInfo:
        """It as ListParts shows it."""
        put = self.options.put
        return UploadInfo(
            upload, put.owner, self.started_ms, put.storage_class, self.options.checksum_algorithm,
            self.options.checksum_type,
        )  # fmt: skip


def seal(begun: Begun, name: ObjectName, secret: Secret) -> str:
    """The id of the upload to `name`: letters, digits, `-` and `_`."""
    put = begun.options.put
    said = [put.owner, put.storage_class, dict(put.headers), dict(put.tags)]
    said += [begun.options.checksum_algorithm, begun.options.checksum_type]
    packed = zlib.compress(json.dumps(said, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass"))
    direct = begun.options.direct
    form = _FORMAT_DIRECT if direct else _FORMAT
    sealed = begun.nonce + begun.started_ms.to_bytes(6, "big") + packed
    text = base64.urlsafe_b64encode(form + _mac(form + sealed, name, secret) + sealed).decode().rstrip("=")
    return DIRECT + text if direct else text


def unseal(text: str, name: ObjectName, secret: Secret) -> Begun:
    """What `seal` put into an id. Raises: NoSuchUpload for an id of another key, or one that was not made here."""
    direct = text.startswith(DIRECT)
    form, rest = (_FORMAT_DIRECT, text[len(DIRECT) :]) if direct else (_FORMAT, text)
    try:
        raw = base64.b64decode(rest + "=" * (-len(rest) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise _none_such(text) from None
    sealed = raw[1 + _MAC :]
    if raw[:1] != form or not hmac.compare_digest(raw[1 : 1 + _MAC], _mac(form + sealed, name, secret)):
        raise _none_such(text)
    nonce, at = sealed[:NONCE], int.from_bytes(sealed[NONCE : NONCE + 6], "big")
    owner, storage_class, headers, tags, algorithm, kind = json.loads(zlib.decompress(sealed[NONCE + 6 :]))
    put = PutOptions(owner, headers, storage_class, tags=tags)
    return Begun(nonce, at, UploadOptions(put, algorithm, kind, direct=direct))


def _none_such(text: str) -> NoSuchUpload:  # type: ignore[valid-type]
    return NoSuchUpload(fields={"UploadId": text[:200]})


def _mac(formed: bytes, name: ObjectName, secret: Secret) -> bytes:
    place = f"{name.bucket}\0{name.key}\0".encode("utf-8", "surrogatepass")
    return hmac.digest(secret.reveal().encode(), formed[:1] + place + formed[1:], "sha256")[:_MAC]

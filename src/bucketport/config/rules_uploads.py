"""Does `[uploads]` fit together? Keys that can be told apart, URLs and networks that can be read."""

from collections.abc import Iterator

from bucketport.config.findings import SHORT_SECRET, Finding, parse_network, repeated, unreadable
from bucketport.config.model_uploads import UploadKey, Uploads
from bucketport.model import Secret
from bucketport.wire.forwarded import parse_public_url

_PATH = ("uploads",)


def check(uploads: Uploads) -> Iterator[Finding]:
    """Everything that does not fit."""
    if uploads.public_url:
        yield from unreadable(_PATH, {"public_url": uploads.public_url}, parse_public_url)
    networks = dict(enumerate(uploads.webhooks.allow_networks))
    yield from unreadable((*_PATH, "webhooks", "allow_networks"), networks, parse_network)
    for number, secret in enumerate(uploads.hmac_secrets):
        yield from _secret((*_PATH, "hmac_secrets", number), secret)
    if uploads.webhooks.secret is not None:
        yield from _secret((*_PATH, "webhooks", "secret"), uploads.webhooks.secret)
    seen: set[str] = set()
    for number, row in enumerate(uploads.keys):
        yield from _key(row, number, seen)
    yield from repeated((*_PATH, "keys"), "name", [row.name for row in uploads.keys])


def _secret(path: tuple[str | int, ...], secret: Secret) -> Iterator[Finding]:
    length = len(secret.reveal())
    if length < SHORT_SECRET:
        message = "is empty" if not length else f"is shorter than {SHORT_SECRET} characters: it can be guessed"
        yield Finding(path, message, harmless=length > 0)


def _key(row: UploadKey, number: int, seen: set[str]) -> Iterator[Finding]:
    path = (*_PATH, "keys", number)
    yield from _secret((*path, "key"), row.key)
    text = row.key.reveal()
    if not text.isascii() or not text.isprintable() or " " in text:
        yield Finding((*path, "key"), "a key is sent in a header: printable ASCII without spaces")
    if text in seen:
        yield Finding((*path, "key"), "is the same as another one's")
    seen.add(text)
    for place, bucket in enumerate(row.buckets):
        if not bucket or "/" in bucket:
            yield Finding((*path, "buckets", place), "a bucket's name, or `*` for every bucket")

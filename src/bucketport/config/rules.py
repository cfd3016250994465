"""Does it all fit together? What no single setting can tell: names used twice, halves of a pair, options that lack.

Each finding says which setting it is about; `load` adds the file and the line.
"""

import difflib
from collections.abc import Iterable, Iterator, Sequence

from bucketport import operations
from bucketport.access.actions import ACTIONS
from bucketport.config import extensions, options, rules_uploads
from bucketport.config.findings import SHORT_SECRET, Finding, parse_network, repeated, unreadable
from bucketport.config.lines import Path
from bucketport.config.model import Credential, Role, Scope, Settings
from bucketport.errors import InvalidBucketName
from bucketport.wire.address import check_bucket_name
from bucketport.wire.forwarded import parse_public_url


def check(settings: Settings) -> Iterator[Finding]:
    """Everything that does not fit."""
    yield from _server(settings)
    yield from _store(settings)
    yield from _buckets(settings)
    yield from _default_backend(settings)
    yield from _credentials(settings)
    for number, extension in enumerate(settings.extensions):
        yield from _kind(("extensions", number, "name"), extension.kind, extension.name)
    for number, role in enumerate(settings.roles):
        yield from _role(role, ("roles", number))
    yield from repeated(("roles",), "role_id", [role.role_id for role in settings.roles])
    if settings.roles:
        yield Finding(("roles",), "roles are checked, but tokens are not exchanged for sessions yet", harmless=True)
    yield from rules_uploads.check(settings.uploads)
    if settings.paths.display_bucket_segments > settings.paths.bucket_segments:
        yield Finding(("paths", "display_bucket_segments"), "is more than bucket_segments")


def _server(settings: Settings) -> Iterator[Finding]:
    server = settings.server
    yield from unreadable(("server",), {"listen": server.listen}, parse_listen)
    yield from unreadable(("server", "public_urls"), dict(enumerate(server.public_urls)), parse_public_url)
    yield from unreadable(("server", "trusted_proxies"), dict(enumerate(server.trusted_proxies)), parse_network)
    if bool(server.tls_cert) != bool(server.tls_key):
        here, missing = ("tls_cert", "tls_key") if server.tls_cert else ("tls_key", "tls_cert")
        yield Finding(("server", here), f"{missing} is missing: TLS needs both")
    for number, domain in enumerate(server.domains):
        if not domain or "/" in domain or ":" in domain or domain.startswith("."):
            yield Finding(("server", "domains", number), f"a domain is a name such as s3.example.org, not {domain!r}")


def parse_listen(text: str) -> tuple[str, int]:
    """Address and port of `127.0.0.1:9000`, `[::1]:9000`, `:9000` (every address) or `localhost:9000`.

    Raises: ValueError that says what is expected.
    """
    host, mark, port = text.rpartition(":")
    if not mark or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError(f"an address and a port are expected, such as 127.0.0.1:9000, not {text[:80]!r}")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError(f"an IPv6 address stands in brackets, such as [::1]:9000, not {text[:80]!r}")
    return host, int(port)


def _store(settings: Settings) -> Iterator[Finding]:
    for kind, names in (("buckets", settings.store_settings.buckets), ("public", settings.store_settings.public)):
        for number, name in enumerate(names):
            yield from _bucket_name(("store", kind, number), name)
            if not settings.has_store:
                yield Finding(("store", kind, number), "there is no embedded store: add a section [store]")


def _bucket_name(path: Path, name: str) -> Iterator[Finding]:
    try:
        check_bucket_name(name)
    except InvalidBucketName:
        yield Finding(path, f"{name[:80]!r} is no name for a bucket: 3 to 63 of a-z, 0-9, dots and hyphens")


def _buckets(settings: Settings) -> Iterator[Finding]:
    roles = {role.role_id for role in settings.roles}
    for number, bucket in enumerate(settings.buckets):
        path: Path = ("buckets", number)
        if not bucket.name or "/" in bucket.name:
            yield Finding((*path, "name"), "a name without a slash is needed")
        for place, role in enumerate(bucket.allowed_roles):
            if role not in roles:
                near = _near(role, roles)
                yield Finding((*path, "allowed_roles", place), f"there is no role {role!r}{near}", harmless=True)
        yield from _kind((*path, "backend_type"), "backends", bucket.backend_type, options.KINDS)
        for message, option, harmless in options.check(bucket.backend_type, bucket.backend_options, one_bucket=True):
            yield Finding((*path, "backend_options", option) if option else path, message, harmless)
    yield from repeated(("buckets",), "name", [bucket.name for bucket in settings.buckets])


def _default_backend(settings: Settings) -> Iterator[Finding]:
    backend = settings.default_backend
    if backend is None:
        return
    path: Path = ("default_backend",)
    yield from _kind((*path, "backend_type"), "backends", backend.backend_type, options.KINDS)
    for message, option, harmless in options.check(backend.backend_type, backend.backend_options, one_bucket=False):
        yield Finding((*path, "backend_options", option) if option else path, message, harmless)
    for number, user in enumerate(backend.users):
        if backend.backend_type not in options.KINDS:
            break
        found = options.check_names(backend.backend_type, user.backend_options, {}, one_bucket=False)
        for message, option, harmless in found:
            yield Finding((*path, "users", number, "backend_options", option), message, harmless)
    yield from repeated((*path, "users"), "principal_name", [user.principal_name for user in backend.users])
    if settings.store is not None and (settings.store.buckets or settings.store.public):
        yield Finding(("store",), "every name leads to [default_backend]: no client sees the store's buckets", True)


def _credentials(settings: Settings) -> Iterator[Finding]:
    for number, key in enumerate(settings.credentials):
        yield from _credential(key, ("credentials", number))
    yield from repeated(("credentials",), "access_key_id", [key.access_key_id for key in settings.credentials])


def _credential(key: Credential, path: Path) -> Iterator[Finding]:
    length = len(key.secret_access_key.reveal())
    if length < SHORT_SECRET:
        message = "is empty" if not length else f"is shorter than {SHORT_SECRET} characters: it can be guessed"
        yield Finding((*path, "secret_access_key"), message, harmless=length > 0)
    if any(letter in key.access_key_id for letter in "/ ,=") or not key.access_key_id.isprintable():
        yield Finding((*path, "access_key_id"), "a key's name has no slash, space, comma or equals sign")
    if key.unrestricted and key.allowed_scopes:
        yield Finding((*path, "unrestricted"), "either this or allowed_scopes, not both")
    if not key.unrestricted and not key.allowed_scopes:
        message = "this key may do nothing: give it allowed_scopes, or unrestricted = true"
        yield Finding(path, message, harmless=True)
    yield from _scopes(key.allowed_scopes, (*path, "allowed_scopes"))


def _role(role: Role, path: Path) -> Iterator[Finding]:
    if role.required_audience and role.required_audiences:
        yield Finding((*path, "required_audience"), "is the older name of required_audiences: use one of them")
    yield from _scopes(role.allowed_scopes, (*path, "allowed_scopes"))


def actions() -> set[str]:
    """What a scope's `actions` may name."""
    return {*ACTIONS, "*", "copy", *(row.action for row in operations.table())}


def action_trouble(name: str) -> str:
    """What is wrong with the name of an action; empty when nothing is."""
    known = actions() - {"*"}
    return "" if name in known else f"unknown action {name[:80]!r}{_near(name, known)}"


def _scopes(scopes: Sequence[Scope], path: Path) -> Iterator[Finding]:
    known = actions() if scopes else set()
    for number, scope in enumerate(scopes):
        if not scope.bucket:
            yield Finding((*path, number, "bucket"), "is empty; `*` stands for every bucket")
        for place, action in enumerate(scope.actions):
            if action not in known:
                yield Finding((*path, number, "actions", place), f"unknown action {action!r}{_near(action, known)}")


def _kind(path: Path, group: str, name: str, always: Sequence[str] = ()) -> Iterator[Finding]:
    """Whether that kind of thing is there, always or by another package."""
    if name not in always:
        known = [*always, *extensions.installed(group)]
        if name not in known:
            expected = f"one of {', '.join(known)} is expected" if known else "no package that is installed brings one"
            yield Finding(path, f"{expected}, not {name[:80]!r}{_near(name, known)}")


def _near(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word.lower(), list(known), 1)
    return f"; did you mean {near[0]}?" if near else ""

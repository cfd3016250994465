"""Why may a key do that, or why not? The decision that the server would make, and the line that it rests on.

It is the server's own decision (`access.decision.judge`) on the same settings and keys; nothing is asked of a backend.
What only an object's own row can tell is said to be so.
"""

import os
from typing import cast

from bucketport import operations
from bucketport.access.decision import judge
from bucketport.access.scopes import covers
from bucketport.config.lines import Path
from bucketport.config.load import Loaded
from bucketport.config.offline import Keys, list_buckets
from bucketport.config.rules import action_trouble
from bucketport.config.scopes import credential_of, spelled_out
from bucketport.config.trouble import Failure, UsageError
from bucketport.model import ANONYMOUS, Claim, Credential, Identity
from bucketport.mounts import Mount
from bucketport.ports import StoreBackend
from bucketport.record import record
from bucketport.wire.address import Level

STATE = "the data folder's keys"

_OF_THE_ACCOUNT = ("list_buckets", "create_bucket")


@record
class Explanation:
    """The decision. `allowed` None: the object's owner and ACL decide. `place` is a line of the file, or what it is."""

    allowed: bool | None
    reason: str
    place: str


def explain(loaded: Loaded, access_key: str | None, action: str, target: str, now: float) -> Explanation:
    """Whether that key (None: a stranger) may do that at `s3://bucket/key`; for a listing, the key is its prefix.

    An action that stands for several (`copy`) gets the first denial. `now` is seconds since 1970.

    Raises: UsageError, Failure when there is no such key or bucket.
    """
    if trouble := action_trouble(action):
        raise UsageError(f"The action cannot be judged: {trouble}.")
    bucket, _, key = target.removeprefix("s3://").partition("/")
    if not target.startswith("s3://") or not bucket:
        raise UsageError(f"A target is s3://bucket/key, not {target[:80]!r}.")
    number, credential = (None, None) if access_key is None else _credential(loaded, access_key)
    caller = ANONYMOUS
    if credential is not None:
        if refused := _refused(loaded, number, credential, now):
            return refused
        caller = Identity(credential.user, credential.access_key, credential.scopes)
    mount, mounted = (None, ()) if action in _OF_THE_ACCOUNT else _mount(loaded, bucket)
    found = Explanation(None, "", "")
    for single in spelled_out([action]):
        claim = _claim(single, bucket, key)
        verdict = judge(caller, claim, mount)
        path = _behind(caller, claim, number, mounted)
        place = loaded.place(path) if path else STATE if credential is not None and number is None else ""
        found = Explanation(verdict.allowed, verdict.reason, place)
        if not verdict.allowed:
            break
    return found


def _credential(loaded: Loaded, name: str) -> tuple[int | None, Credential]:
    """The key, and its number in the configuration where it is from there. Raises: Failure."""
    for number, row in enumerate(loaded.settings.credentials):
        if row.access_key_id == name:
            return number, credential_of(row)
    folder = loaded.settings.server.data
    if os.path.exists(f"{folder}/state.sqlite"):
        with Keys(folder) as registry:
            for stored in registry.all():
                if stored.credential.access_key == name:
                    return None, stored.credential
    raise Failure(f"There is no key {name[:80]}: requests with it are refused as those with an unknown access key.")


def _refused(loaded: Loaded, number: int | None, credential: Credential, now: float) -> Explanation | None:
    """The answer for a key that does not work, whatever it may do."""
    if not credential.enabled:
        field = "enabled"
    elif credential.expires_at is not None and now >= credential.expires_at:
        field = "expires_at"
    else:
        return None
    place = STATE if number is None else loaded.place(("credentials", number, field))
    return Explanation(False, f"the key is {'disabled' if field == 'enabled' else 'expired'}", place)


def _claim(action: str, bucket: str, key: str) -> Claim:
    """A claim as the operation would make it: on a key, or on a bucket with what a listing is limited to."""
    levels = {row.level for row in operations.table() if row.action == action}
    on_key = Level.OBJECT in levels if levels else bool(key)
    return Claim(action, bucket, key) if on_key else Claim(action, bucket, prefix=key)


def _mount(loaded: Loaded, name: str) -> tuple[Mount, Path]:
    """The bucket as the server would find it, and the setting that opens it to strangers. Raises: Failure."""
    settings, untouched = loaded.settings, cast(StoreBackend, None)
    for number, row in enumerate(settings.buckets):
        if row.name == name:
            return Mount(name, untouched, anonymous_read=row.anonymous_access), ("buckets", number, "anonymous_access")
    account = settings.default_backend
    if account is not None:
        is_open = account.anonymous_access
        return Mount(name, untouched, anonymous_read=is_open), ("default_backend", "anonymous_access")
    folder = settings.server.data
    if settings.has_store and os.path.exists(f"{folder}/index.sqlite"):
        for info in list_buckets(folder):
            if info.name == name:
                is_open = name in settings.store_settings.public
                return Mount(name, untouched, info.owner, info.acl, anonymous_read=is_open), ("store", "public")
    raise Failure(f"There is no bucket {name[:80]}.")


def _behind(caller: Identity, claim: Claim, number: int | None, mounted: Path) -> Path:
    """Which setting the decision rests on; empty: none (an owner, an ACL)."""
    if number is None:
        return mounted if caller.anonymous else ()
    key: Path = ("credentials", number)
    for at, scope in enumerate(caller.scopes or ()):
        if covers(scope, claim):
            return (*key, "allowed_scopes", at)
    return key

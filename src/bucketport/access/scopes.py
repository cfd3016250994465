"""Does a key's scope cover a claim? Bucket, action and prefix must all match; nothing is allowed by default."""

from bucketport.access.actions import action
from bucketport.model import Claim, Scope

_OF_THE_BUCKET = frozenset({"head_bucket", "get_bucket_location", "delete_objects"})
"""Judged on the bucket alone: they show or do nothing to a key (each key of a batch delete is judged by itself)."""


def covers(scope: Scope, claim: Claim) -> bool:
    """Whether this one scope allows the claim."""
    if scope.bucket not in ("*", claim.bucket):
        return False
    if not _names(scope, claim.action):
        return False
    if not scope.prefixes or claim.action in _OF_THE_BUCKET:
        return True
    if claim.key is not None:
        return any(_holds(prefix, claim.key) for prefix in scope.prefixes)
    # A listing is allowed when all it could show lies inside; anything else on the whole bucket is not.
    return claim.prefix is not None and any(_encloses(prefix, claim.prefix) for prefix in scope.prefixes)


def _names(scope: Scope, name: str) -> bool:
    """Whether the scope's actions name the action, one that implies it, or all."""
    actions = scope.actions
    return name in actions or "*" in actions or any(other in actions for other in action(name).implied_by)


def _holds(prefix: str, key: str) -> bool:
    """`a/` holds what begins with it; `data` holds itself and what is under `data/`, never `data-private`."""
    if not prefix or prefix.endswith("/"):
        return key.startswith(prefix)
    return key == prefix or key.startswith(prefix + "/")


def _encloses(prefix: str, asked: str) -> bool:
    """Whether every key that begins with `asked` is held by `prefix`."""
    return asked.startswith(prefix if not prefix or prefix.endswith("/") else prefix + "/")

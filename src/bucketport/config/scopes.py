"""What does a row of `[[credentials]]` mean to the rest of the product? A Credential with its scopes."""

from collections.abc import Iterable

from bucketport.config import model
from bucketport.model import Credential, Scope

_SEVERAL = {"copy": ("get_object", "put_object")}
"""Words that stand for more than one action."""


def credential_of(row: model.Credential) -> Credential:
    """The key that the row describes."""
    return Credential(
        row.access_key_id,
        row.secret_access_key,
        row.principal_name,
        row.enabled,
        row.expires_at.timestamp() if row.expires_at is not None else None,
        None if row.unrestricted else tuple(scope_of(scope) for scope in row.allowed_scopes),
    )


def scope_of(row: model.Scope) -> Scope:
    """The scope that a table describes, with `copy` as what it is made of."""
    return Scope(row.bucket, tuple(row.prefixes), frozenset(spelled_out(row.actions)))


def spelled_out(actions: Iterable[str]) -> Iterable[str]:
    """Single actions in the place of words that stand for several."""
    for action in actions:
        yield from _SEVERAL.get(action, (action,))

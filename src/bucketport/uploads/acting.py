"""Who acts for an upload session? Its user, limited to what a session needs to do with its one key."""

from bucketport.model import Identity, Scope
from bucketport.sessions import Session

_MAY = frozenset(
    {
        "put_object",
        "create_multipart_upload",
        "upload_part",
        "list_multipart_upload_parts",
        "complete_multipart_upload",
        "abort_multipart_upload",
    }
)


ACTING = "session:"
"""How the names of those begin who act by a session's token."""


def identity_of(session: Session, actions: frozenset[str] = _MAY) -> Identity:
    """Who acts for a session: its user, limited to writing its key."""
    scope = Scope(session.bucket, (session.key,), actions)
    return Identity(session.user, ACTING + session.id, (scope,))

"""Which key opens the server at its first start? One that is made then, when nobody gave one.

It stays in the data folder's registry of keys, where later starts and other commands find it.
"""

import base64
from collections.abc import Sequence

from bucketport.config.keys import MAIN_USER
from bucketport.config.load import Loaded
from bucketport.config.scopes import credential_of
from bucketport.model import Credential, Secret
from bucketport.ports import Entropy, Now
from bucketport.registry.sqlite import SqliteCredentials, StoredKey

_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""32 letters and digits of which none looks like another: five bits each."""


def make_key(user: str, entropy: Entropy) -> Credential:
    """A fresh key: 20 letters and digits, as S3's clients expect, and a secret of 40 characters (240 bits)."""
    access_key = "BP" + "".join(_LETTERS[byte & 31] for byte in entropy(18))
    secret = base64.b64encode(entropy(30), altchars=b"Az").decode()
    return Credential(access_key, Secret(secret), user)


def is_wanted(loaded: Loaded, stored: Sequence[Credential]) -> bool:
    """Whether a main key is to be made: the store serves, and no other way in is configured.

    Further users (`--user`) are not asked for, they are besides.
    """
    settings = loaded.settings
    if not settings.has_store or any(key.user == MAIN_USER for key in stored):
        return False
    return all(loaded.place(("credentials", at)) == "flag --user" for at in range(len(settings.credentials)))


def ensure_first_key(loaded: Loaded, registry: SqliteCredentials, entropy: Entropy, now: Now) -> Credential | None:
    """The key that was made because there was none; None when there is one already."""
    if not is_wanted(loaded, [key.credential for key in registry.all()]):
        return None
    made = make_key(MAIN_USER, entropy)
    registry.add(made, now())
    return made


def known_key(
    loaded: Loaded, stored: Sequence[StoredKey], user: str = MAIN_USER, access_key: str = ""
) -> Credential | None:
    """A key of that user that works (or the one of that name): from flags, environment or file, then the registry."""
    rows = [credential_of(row) for row in reversed(loaded.settings.credentials)]
    for key in (*rows, *(row.credential for row in stored)):
        wanted = key.access_key == access_key if access_key else key.user == user
        if wanted and key.enabled and key.expires_at is None:
            return key
    return None

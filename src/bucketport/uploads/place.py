"""Where does a session's content gather, and what of it is there? A draft's place, and its parts page by page."""

import hashlib

from bucketport.model import PartInfo, UploadName
from bucketport.ports import StoreBackend
from bucketport.record import record
from bucketport.sessions import Session

PAGE = 1000


@record
class Place:
    """A draft: the upload and the backend that holds it. `staged`: not where the object is to be. `loose`: parts may
    be of any size and number, and their content can be hashed (Offer.DRAFTS)."""

    backend: StoreBackend
    upload: UploadName
    staged: bool
    loose: bool


def draft_id(session: Session) -> str:
    """The id of a session's draft where we can choose it: it follows from the session, so that a draft is found again
    that a crash left before the registry knew of it."""
    made = hashlib.sha256(f"draft\n{session.id}\n{session.created_ms}".encode()).hexdigest()
    return f"{session.created_ms:012x}{made[:30]}"


async def parts_of(place: Place, first: int = 1, last: int | None = None) -> list[PartInfo]:
    """Its parts from `first` to `last` (None: all), by number. Raises: NoSuchUpload."""
    found: list[PartInfo] = []
    after = first - 1
    while True:
        page = await place.backend.list_parts(place.upload, after, PAGE)
        found += page.parts if last is None else [part for part in page.parts if part.number <= last]
        after = page.next_after
        if not after or (last is not None and after >= last):
            return found

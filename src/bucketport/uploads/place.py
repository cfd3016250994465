"""Where does a session's content gather, and what of it is there? A draft's place, and its parts page by page."""

from bucketport.model import PartInfo, UploadName
from bucketport.ports import StoreBackend
from bucketport.record import record

PAGE = 1000


@record
class Place:
    """A draft: the upload and the backend that holds it. `staged`: not where the object is to be. `loose`: parts may
    be of any size and number, and their content can be hashed (Offer.DRAFTS)."""

    backend: StoreBackend
    upload: UploadName
    staged: bool
    loose: bool


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

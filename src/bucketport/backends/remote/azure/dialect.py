"""What of S3 can Azure Blob Storage hold? Every call of the contract but ACLs, relaying and listing uploads."""

from bucketport.backends.remote.azure.direct import Direct
from bucketport.backends.remote.azure.listing import Listings
from bucketport.backends.remote.azure.requests import BLOCK_LIMIT, PART_MINIMUM, Place, Tools
from bucketport.model import Offer


class Azure(Direct, Listings):
    """The dialect of Azure, for one container or for a whole account (`Place.container` empty).

    Azure has no ACLs of S3's kind and no relay; blobs have no versions that S3's clients could use, so each object is
    its own only one. Which uploads are under way cannot be asked.

    `signs_urls`: its credentials are the account's key, so that clients can be given leave to send parts.
    """

    offers = frozenset(
        {Offer.OBJECTS, Offer.BUCKETS, Offer.COPY, Offer.MULTIPART, Offer.VERSIONS, Offer.TAGS, Offer.ATTRIBUTES}
    )

    def __init__(
        self,
        place: Place,
        tools: Tools,
        *,
        part_minimum: int = PART_MINIMUM,
        block_limit: int = BLOCK_LIMIT,
        signs_urls: bool = False,
    ) -> None:
        super().__init__(place, tools, part_minimum=part_minimum, block_limit=block_limit)
        if signs_urls:
            self.offers = self.offers | {Offer.DIRECT}

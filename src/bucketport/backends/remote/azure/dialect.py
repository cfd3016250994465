"""What of S3 can Azure Blob Storage hold? Every call of the contract but ACLs, relaying and listing uploads."""

from bucketport.backends.remote.azure.copying import Copying
from bucketport.backends.remote.azure.listing import Listings
from bucketport.backends.remote.azure.multipart import Multipart
from bucketport.model import Offer


class Azure(Copying, Multipart, Listings):
    """The dialect of Azure, for one container or for a whole account (`Place.container` empty).

    Azure has no ACLs of S3's kind and no relay; blobs have no versions that S3's clients could use, so each object is
    its own only one. Which uploads are under way cannot be asked.

    Clients cannot be given leave to send parts to Azure itself: a shared access signature names a blob and a
    permission, never the block, so its holder could commit to the blob whatever it likes, past every term of the
    upload.
    Source: https://learn.microsoft.com/rest/api/storageservices/create-service-sas (2026-11), write permission.
    """

    offers = frozenset(
        {Offer.OBJECTS, Offer.BUCKETS, Offer.COPY, Offer.MULTIPART, Offer.VERSIONS, Offer.TAGS, Offer.ATTRIBUTES}
    )

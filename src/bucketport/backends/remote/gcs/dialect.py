"""What does Google Cloud Storage offer as a backend? All that the contract has but ACLs, CORS rules and relaying."""

from bucketport.backends.remote.gcs.buckets import Buckets
from bucketport.backends.remote.gcs.requests import Place
from bucketport.model import Offer
from bucketport.ports import Digests, Entropy, Now


class Gcs(Buckets):
    """The dialect of Google Cloud Storage, for one bucket or for a whole project (`Place.bucket` empty).

    `signs_urls`: its credentials are a service account's key, so that clients can be given leave to send parts.
    """

    offers = frozenset(Offer) - {Offer.ACLS, Offer.CORS, Offer.RELAY, Offer.DRAFTS, Offer.DIRECT}

    def __init__(self, place: Place, digests: Digests, entropy: Entropy, now: Now, *, signs_urls: bool = False) -> None:
        super().__init__(place, digests, entropy, now)
        if signs_urls:
            self.offers = self.offers | {Offer.DIRECT}

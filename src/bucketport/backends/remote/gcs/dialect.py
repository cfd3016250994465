"""What does Google Cloud Storage offer as a backend? All that the contract has but ACLs, CORS rules and relaying."""

from bucketport.backends.remote.gcs.buckets import Buckets
from bucketport.model import Offer


class Gcs(Buckets):
    """The dialect of Google Cloud Storage, for one bucket or for a whole project (`Place.bucket` empty)."""

    offers = frozenset(Offer) - {Offer.ACLS, Offer.CORS, Offer.RELAY, Offer.DRAFTS, Offer.DIRECT}

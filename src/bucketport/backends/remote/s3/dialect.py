"""What does S3 as a backend hold? Every call that the contract has, and a relay for those it has not."""

from bucketport.backends.remote.s3.requests import Place
from bucketport.backends.remote.s3.settings import Settings
from bucketport.model import Offer


class S3(Settings):
    """The dialect of S3, for one bucket or for a whole account (`Place.bucket` empty).

    A bucket's CORS rules are its own, and relayed: nothing here has to understand them.
    """

    offers = frozenset(Offer) - {Offer.CORS, Offer.DRAFTS}

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        if place.anonymous:
            self.offers = self.offers - {Offer.DIRECT}

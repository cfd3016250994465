"""What is a webhook told of a commit, and when? An event as S3's notifications have it, signed, and tried again until
it is taken.
"""

import dataclasses
import hashlib
import hmac
import json

from bucketport.model import Secret
from bucketport.ports import Entropy
from bucketport.record import record
from bucketport.sessions import Event, Outcome, Session
from bucketport.wire.dates import iso
from bucketport.wire.query import encode_key

SIGNATURE = "bucketport-signature"

FIRST_WAIT = 40.0
"""Seconds until the second try; each further wait is twice the one before. Twelve tries take about 23 hours."""

LONGEST_WAIT = 86_400.0


@record
class Occasion:
    """What is known of the request that committed. `name` is the event's, after `ObjectCreated:`."""

    region: str = "us-east-1"
    client: str = ""
    request_id: str = ""
    name: str = "CompleteMultipartUpload"


UNKNOWN = Occasion()


def first_id(ms: int) -> str:
    """What the ids of events of that millisecond begin with; it sorts before all of them."""
    return f"{ms:012x}"


def event_of(
    session: Session, outcome: Outcome, now_ms: int, entropy: Entropy, occasion: Occasion = UNKNOWN
) -> Event | None:
    """What the session's webhook is to be told of its commit, due at once; None when it has none.

    The event's id is unique, and ids sort by their time.
    """
    if not session.webhook:
        return None
    event_id = first_id(now_ms) + entropy(10).hex()
    payload = json.dumps(
        {
            "Records": [_record(session, outcome, now_ms, occasion)],
            "bucketport": {
                "event": event_id,
                "session": session.id,
                "user": session.user,
                "sha256": outcome.sha256 or None,
                "content_type": session.headers.get("content-type"),
            },
        },
        separators=(",", ":"),
    )
    return Event(event_id, now_ms, session.id, session.webhook, payload, due_ms=now_ms)


def _record(session: Session, outcome: Outcome, now_ms: int, occasion: Occasion) -> dict[str, object]:
    """Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html"""
    named = {"versionId": outcome.version_id} if outcome.version_id is not None else {}
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",  # what consumers of S3's notifications look for
        "awsRegion": occasion.region,
        "eventTime": iso(now_ms),
        "eventName": f"ObjectCreated:{occasion.name}",
        "userIdentity": {"principalId": session.user},
        "requestParameters": {"sourceIPAddress": occasion.client},
        "responseElements": {"x-amz-request-id": occasion.request_id, "x-amz-id-2": ""},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "bucketport",
            "bucket": {
                "name": session.bucket,
                "ownerIdentity": {"principalId": session.user},
                "arn": f"arn:aws:s3:::{session.bucket}",
            },
            "object": {
                "key": encode_key(session.key).replace("%20", "+"),
                "size": outcome.size,
                "eTag": outcome.etag,
                **named,
                "sequencer": f"{now_ms:016X}",
            },
        },
    }


def sign(body: bytes, now: float, secret: Secret) -> str:
    """The header that proves a delivery: `t=<seconds since 1970>,v1=<hex HMAC-SHA256 of t, a dot and the body>`.

    A receiver computes it from the raw body and refuses an old `t`, so that nobody can send it again.
    Source: Stripe's webhooks are signed so, https://docs.stripe.com/webhooks#verify-manually
    """
    moment = int(now)
    proof = hmac.new(secret.reveal().encode(), b"%d.%b" % (moment, body), hashlib.sha256).hexdigest()
    return f"t={moment},v1={proof}"


def wait_before(tries: int, entropy: Entropy) -> float:
    """Seconds to wait after so many tries: 80 to 120 % of a span that doubles, a day at most."""
    span = min(FIRST_WAIT * 2.0 ** min(tries - 1, 30), LONGEST_WAIT)
    return span * (0.8 + 0.4 * int.from_bytes(entropy(2), "big") / 65_535)


def taken(event: Event, now_ms: int) -> Event:
    """The event after a try that the webhook took."""
    return dataclasses.replace(event, tries=event.tries + 1, done_ms=now_ms, failed=False, trouble="")


def refused(event: Event, trouble: str, due_ms: int) -> Event:
    """The event after a try in vain, to be tried again then."""
    return dataclasses.replace(event, tries=event.tries + 1, due_ms=due_ms, trouble=trouble)


def given_up(event: Event, trouble: str) -> Event:
    """The event after its last try."""
    return dataclasses.replace(event, tries=event.tries + 1, failed=True, trouble=trouble)


def replayed(event: Event, now_ms: int) -> Event:
    """The event as if it was new: it is told once more, even when it was taken."""
    return dataclasses.replace(event, tries=0, due_ms=now_ms, done_ms=0, failed=False, trouble="")

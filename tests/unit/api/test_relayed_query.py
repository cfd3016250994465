"""What signs a request is for us alone: it does not go on to the backend that a call is relayed to."""

import asyncio
from typing import Any

import pytest

from bucketport.api.s3 import S3Api, Settings
from bucketport.app import App
from bucketport.backends.memory import Memory
from bucketport.crypto.digests import WheelDigests
from bucketport.exchange import Exchange
from bucketport.message import NoBody, Request, Response
from bucketport.model import BucketInfo, Identity, Offer
from bucketport.mounts import Mount
from bucketport.options import RelayedCall
from bucketport.ports import Proof
from bucketport.testing.fakes import FakeClock, FakeIds


class Relaying(Memory):
    """A backend that keeps what it is to relay."""

    offers = Memory.offers | {Offer.RELAY}
    calls: list[RelayedCall]

    async def relay(self, call: RelayedCall) -> Response:
        self.calls.append(call)
        return Response(200, {})


class Registry:
    """One bucket."""

    def __init__(self, backend: Memory) -> None:
        self._backend = backend

    async def find(self, bucket: str, caller: Identity) -> Mount:
        info = BucketInfo(bucket, "alice", 0, "us-east-1")
        return Mount(bucket, self._backend, info.owner, info.acl, info.region, info.created_ms)


class Alice:
    """Every request is Alice's."""

    def recognizes(self, request: Request) -> bool:
        return True

    async def authenticate(self, request: Request, now: float) -> Proof:
        return Proof(Identity("alice"), "UNSIGNED-PAYLOAD")


@pytest.mark.parametrize(
    "query", ["AWSAccessKeyId=a&Signature=b&Expires=1", "X-Amz-Signature=a&x-amz-security-token=b", "%53ignature=b"]
)
def test_a_signature_is_not_relayed(query: str) -> None:
    digests, clock = WheelDigests(), FakeClock()
    backend = Relaying(now=clock, new_id=FakeIds(), digests=digests)
    backend.calls = []
    buckets: Any = Registry(backend)
    app = App([S3Api(buckets, [Alice()], digests, clock, Settings())], print)
    request = Request("GET", "/bucket", f"encryption&{query}", {"host": "h"}, NoBody())
    assert asyncio.run(app.handle(request, Exchange("ID", 0, 0))).status == 200
    assert [dict(call.query) for call in backend.calls] == [{"encryption": ""}]

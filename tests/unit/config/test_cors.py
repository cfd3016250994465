"""Which rules for pages of other origins does a configuration make? Through the server that it describes."""

import asyncio

import pytest

from bucketport.config.build import Foundation, Surroundings, assemble
from bucketport.config.load import Asked, load
from bucketport.exchange import Exchange
from bucketport.message import NoBody, Request

FILE = """
[server]
data = "{data}"
[cors]
allowed_origins = ["https://everywhere.example"]
[store]
[[buckets]]
name = "plain"
backend_type = "memory"
[[buckets]]
name = "ruled"
backend_type = "memory"
anonymous_access = true
[[buckets.cors]]
allowed_origins = ["https://*.one.example"]
allowed_methods = "PUT"
[[buckets.cors]]
allowed_origins = ["https://two.example"]
allowed_methods = "GET"
max_age_seconds = 7
[[buckets]]
name = "closed"
backend_type = "memory"
[[buckets.cors]]
[[credentials]]
access_key_id = "READER"
secret_access_key = "long-enough"
principal_name = "reader"
unrestricted = true
"""


@pytest.fixture
def preflight(tmp_path):
    """Asks for leave; the answer's headers, or its status when it is refused."""
    file = tmp_path / "config.toml"
    file.write_text(FILE.format(data=tmp_path / "data"))

    async def ask(bucket, origin, method):
        loaded = load(Asked(str(file)))
        foundation = Foundation(loaded.settings, Surroundings(lambda: 0.0, lambda: 0.0, bytes, print))
        headers = {"host": "s3.example", "origin": origin, "access-control-request-method": method}
        try:
            app = assemble(loaded, foundation)
            answer = await app.handle(Request("OPTIONS", f"/{bucket}/k", "", headers, NoBody()), Exchange("ID", 0, 0))
            return answer.headers if answer.status == 200 else answer.status
        finally:
            await foundation.close()

    return lambda *asked: asyncio.run(ask(*asked))


def test_a_bucket_without_rules_has_those_of_the_server(preflight):
    allowed = preflight("plain", "https://everywhere.example", "DELETE")
    assert allowed["Access-Control-Allow-Origin"] == "https://everywhere.example"
    assert "Content-Range" in allowed["Access-Control-Expose-Headers"]
    assert preflight("plain", "https://two.example", "GET") == 403


def test_a_buckets_own_rules_are_tried_in_their_order_and_nothing_else_is(preflight):
    assert preflight("ruled", "https://a.one.example", "PUT")["Access-Control-Allow-Methods"] == "PUT"
    assert preflight("ruled", "https://two.example", "GET")["Access-Control-Max-Age"] == "7"
    assert preflight("ruled", "https://two.example", "PUT") == 403
    assert preflight("ruled", "https://everywhere.example", "GET") == 403


def test_a_rule_that_names_no_origin_allows_none(preflight):
    assert preflight("closed", "https://everywhere.example", "GET") == 403

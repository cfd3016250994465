"""How does Microsoft's own client sign? Writes azure_sharedkey.json; run again after an upgrade.

pip install azure-storage-blob; python tests/vectors/make_azure.py
"""

import json
import pathlib
import types

import azure.storage.blob
from azure.storage.blob._shared.authentication import SharedKeyCredentialPolicy

ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="

COMMON = {"x-ms-date": "Sat, 21 Nov 2026 09:28:01 GMT", "x-ms-version": "2025-11-05"}

CASES = [
    ("GET", "/box/key", {}, {}, 0),
    ("GET", "/devstoreaccount1/box/a%20b/%C3%A9", {}, {"x-ms-range": "bytes=0-5", "if-match": '"0x8D"'}, 0),
    ("GET", "/box", {"restype": "container", "comp": "list", "prefix": "a b/é", "maxresults": "5"}, {}, 0),
    ("HEAD", "/box/..%2F", {}, {}, 0),
    ("PUT", "/box/key", {}, {"x-ms-blob-type": "BlockBlob", "content-md5": "1B2M2Y8AsgTpgAmY7PhCfg=="}, 11),
    (
        "PUT",
        "/box/key",
        {"comp": "metadata"},
        {"x-ms-meta-a1": "1", "x-ms-meta-a_1": "2", "x-ms-meta-ab": "3", "x-ms-meta-a": "4", "x-ms-meta-a__": "5"},
        0,
    ),
    ("PUT", "/box/key", {"comp": "block", "blockid": "AAA+/w=="}, {}, 1 << 20),
    ("PUT", "/box/key", {}, {"x-ms-copy-source": "https://h/box/k", "x-ms-source-if-match": '"1"'}, 0),
    ("DELETE", "/box/key", {}, {"if-none-match": "*"}, 0),
]


def vector(method, path, query, headers, length):
    """A request as the client signs it."""
    sent = {**headers, **COMMON, "content-length": str(length)}
    http = types.SimpleNamespace(method=method, url=f"https://host{path}", headers=dict(sent), query=dict(query))
    request = types.SimpleNamespace(http_request=http, context=types.SimpleNamespace(transport=None))
    SharedKeyCredentialPolicy(ACCOUNT, KEY).on_request(request)
    made = http.headers["Authorization"]
    return {"method": method, "path": path, "query": query, "headers": {**headers, **COMMON}, "length": length} | {
        "authorization": made
    }


made = {"by": f"azure-storage-blob {azure.storage.blob.__version__}", "account": ACCOUNT, "key": KEY}
made["vectors"] = [vector(*case) for case in CASES]
target = pathlib.Path(__file__).with_name("azure_sharedkey.json")
target.write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n")

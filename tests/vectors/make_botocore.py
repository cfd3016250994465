"""Which requests does botocore sign, byte for byte? Writes them to sigv4_botocore.json; run again after an upgrade.

    python tests/vectors/make_botocore.py

The requests are caught on their way out, at a fixed time and with AWS's example credentials; nothing is sent.
"""

import base64
import datetime
import io
import json
import os
import pathlib
from unittest import mock
from urllib.parse import urlsplit

os.environ["BOTO_DISABLE_CRT"] = "true"  # the Python signer, whose clock can be set

import boto3
import botocore
from botocore.awsrequest import AWSResponse
from botocore.config import Config

ACCESS_KEY = "AKIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
NOW = datetime.datetime(2026, 11, 21, 9, 28, 1)
KEYS = (
    "plain.txt",
    "a//b",
    "../x",
    "./x",
    "dir/",
    "%2F",
    "a%2Fb",
    "a+b",
    "a b",
    "emoji 🪣",
    "ümlaut/é",
    "=&?#",
    "~-._",
    "!*'();:@$,[]",
    '\\^`{|}<>"',
    "100%",
    "//",
    "a\u0001b",
)


class Answer(io.BytesIO):
    """An answer's body as botocore reads it."""

    def stream(self):
        """All of it."""
        yield self.getvalue()


def client(endpoint: str, style: str, caught: list[dict[str, str]]) -> "botocore.client.BaseClient":
    """A client whose requests end in `caught` instead of on the wire."""
    made = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET,
        config=Config(s3={"addressing_style": style}, retries={"max_attempts": 0}, signature_version="s3v4"),
    )

    def catch(request, **_: object) -> AWSResponse:
        body = request.body
        if hasattr(body, "read"):
            body = body.read()
        headers = {
            name.lower(): value.decode("latin-1") if isinstance(value, bytes) else value
            for name, value in request.headers.items()
            if name.lower() not in ("user-agent", "amz-sdk-invocation-id", "amz-sdk-request")
        }
        parts = urlsplit(request.url)
        headers.setdefault("host", parts.netloc)
        target = request.url.split(parts.netloc, 1)[1]
        caught.append(
            {
                "method": request.method,
                "target": target,
                "headers": headers,
                "body": base64.b64encode(body or b"").decode(),
            }
        )
        return AWSResponse(request.url, 200, {"ETag": '"x"'}, Answer(b"<Answer/>"))

    made.meta.events.register("before-send.s3", catch)
    return made


def requests() -> list[dict[str, str]]:
    """Every vector: what was called, and what would have gone out."""
    caught: list[dict[str, str]] = []
    names: list[str] = []
    path = client("http://127.0.0.1:9000", "path", caught)
    host = client("http://s3.example.test", "virtual", caught)
    secure = client("https://s3.example.test:9443", "path", caught)
    for key in KEYS:
        path.get_object(Bucket="bucket", Key=key)
        host.get_object(Bucket="bucket", Key=key)
        path.put_object(Bucket="bucket", Key=key, Body=b"content", Metadata={"a": "x  y", "b": "1"})
        path.list_objects_v2(Bucket="bucket", Prefix=key, Delimiter="/", StartAfter=key)
        names += [f"get {key!r}", f"get virtual-hosted {key!r}", f"put {key!r}", f"list {key!r}"]
        for name, params in (
            ("get_object", {"Bucket": "bucket", "Key": key, "ResponseContentType": "text/plain; charset=utf-8"}),
            ("put_object", {"Bucket": "bucket", "Key": key, "ContentType": "text/plain", "Metadata": {"a": "b"}}),
        ):
            url = path.generate_presigned_url(name, Params=params, ExpiresIn=600)
            headers = {"host": "127.0.0.1:9000"}
            if name == "put_object":
                headers |= {"content-type": "text/plain", "x-amz-meta-a": "b"}
            method = "GET" if name == "get_object" else "PUT"
            target = url.split("127.0.0.1:9000", 1)[1]
            caught.append({"method": method, "target": target, "headers": headers, "body": ""})
            names.append(f"presigned {name} {key!r}")
    secure.put_object(Bucket="bucket", Key="unsigned trailer", Body=io.BytesIO(b"x" * 3_000_000))
    path.delete_objects(Bucket="bucket", Delete={"Objects": [{"Key": "a b"}, {"Key": "c"}]})
    path.copy_object(Bucket="bucket", Key="to", CopySource={"Bucket": "bucket", "Key": "from a+b 🪣"})
    path.put_object_tagging(Bucket="bucket", Key="k", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    path.list_buckets()
    names += ["unsigned trailer", "delete many", "copy", "tagging", "list buckets"]
    return [{"name": name, **request} for name, request in zip(names, caught, strict=True)]


if __name__ == "__main__":
    with mock.patch("botocore.auth.get_current_datetime", return_value=NOW):
        found = requests()
    for vector in found:
        if len(vector["body"]) > 10_000:
            vector["body"] = ""
    document = {
        "source": f"botocore {botocore.__version__}, caught on the way out",
        "access_key": ACCESS_KEY,
        "secret": SECRET,
        "now": int(NOW.replace(tzinfo=datetime.UTC).timestamp()),
        "requests": found,
    }
    file = pathlib.Path(__file__).with_name("sigv4_botocore.json")
    file.write_text(json.dumps(document, indent=1, ensure_ascii=True) + "\n")

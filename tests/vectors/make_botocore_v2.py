"""Which URLs does botocore presign with Signature Version 2? Writes them to sigv2_botocore.json; run again after an
upgrade.

    python tests/vectors/make_botocore_v2.py

It is what boto3 does in us-east-1 by itself. The clock is fixed, the credentials are AWS's example; nothing is sent.
"""

import json
import os
import pathlib
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

os.environ["BOTO_DISABLE_CRT"] = "true"

import boto3
import botocore
from botocore.config import Config

ACCESS_KEY = "AKIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
NOW = 1795253281
KEYS = (
    "plain.txt",
    "a//b",
    "../x",
    "dir/",
    "%2F",
    "a+b",
    "a b",
    "emoji 🪣",
    "=&?#",
    "!*'();:@$,[]",
    "100%",
    "//",
)
SENT = {
    "ContentType": "content-type",
    "ContentMD5": "content-md5",
    "ACL": "x-amz-acl",
    "CopySource": "x-amz-copy-source",
}
OVERRIDES = {
    "ResponseContentDisposition": 'attachment; filename="a b+c=1.txt"',
    "ResponseContentType": "text/plain; charset=utf-8",
    "ResponseCacheControl": "no-cache",
}


def presign(endpoint: str, style: str, operation: str, method: str, params: dict[str, Any]) -> dict[str, Any]:
    """One vector: what a client that was given the URL has to send."""
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET,
        config=Config(s3={"addressing_style": style}),
    )
    url = client.generate_presigned_url(operation, Params=params, ExpiresIn=600)
    parts = urlsplit(url)
    headers = {"host": parts.netloc} | {SENT[name]: value for name, value in params.items() if name in SENT}
    headers |= {f"x-amz-meta-{name}": value for name, value in params.get("Metadata", {}).items()}
    name = " ".join([operation, style, *(repr(value) for value in params.values())])
    return {"name": name, "method": method, "target": url.split(parts.netloc, 1)[1], "headers": headers}


def requests() -> list[dict[str, Any]]:
    """Every vector."""
    found = []
    for style, endpoint in (("path", "http://127.0.0.1:9000"), ("virtual", "http://s3.example.test")):
        bucket: dict[str, Any] = {"Bucket": "bucket"}
        calls: list[tuple[str, str, dict[str, Any]]] = [
            ("list_buckets", "GET", {}),
            ("create_bucket", "PUT", bucket),
            ("head_bucket", "HEAD", bucket),
            ("get_bucket_acl", "GET", bucket),
            ("list_objects", "GET", bucket | {"Prefix": "a b/", "Delimiter": "/"}),
            ("list_objects_v2", "GET", bucket | {"Prefix": "a b/", "StartAfter": "+"}),
            ("list_object_versions", "GET", bucket | {"KeyMarker": "a&b"}),
            ("list_multipart_uploads", "GET", bucket),
        ]
        for key in KEYS:
            named = bucket | {"Key": key}
            calls += [
                ("get_object", "GET", named),
                ("get_object", "GET", named | OVERRIDES),
                ("delete_object", "DELETE", named),
                ("put_object", "PUT", named),
                (
                    "put_object",
                    "PUT",
                    named | {"ContentType": "text/plain", "ACL": "private", "Metadata": {"b": "1", "a": "x  y"}},
                ),
            ]
        named = bucket | {"Key": "k"}
        calls += [
            ("head_object", "HEAD", named),
            ("get_object", "GET", named | {"VersionId": "v+/=1"}),
            ("get_object", "GET", named | {"PartNumber": 2}),
            ("delete_object", "DELETE", named | {"VersionId": "v1"}),
            ("get_object_tagging", "GET", named),
            ("put_object", "PUT", named | {"ContentMD5": "1B2M2Y8AsgTpgAmY7PhCfg=="}),
            ("copy_object", "PUT", named | {"CopySource": "bucket/from%20a%2Bb?versionId=1"}),
            ("create_multipart_upload", "POST", named),
            ("upload_part", "PUT", named | {"UploadId": "u+/=&1", "PartNumber": 3}),
            ("complete_multipart_upload", "POST", named | {"UploadId": "u"}),
            ("list_parts", "GET", named | {"UploadId": "u", "MaxParts": 2}),
        ]
        found += [presign(endpoint, style, *call) for call in calls]
    return found


if __name__ == "__main__":
    with mock.patch("botocore.auth.time.time", return_value=NOW):
        vectors = requests()
    document = {
        "source": f"botocore {botocore.__version__}, generate_presigned_url",
        "access_key": ACCESS_KEY,
        "secret": SECRET,
        "now": NOW,
        "domain": "s3.example.test",
        "requests": vectors,
    }
    file = pathlib.Path(__file__).with_name("sigv2_botocore.json")
    file.write_text(json.dumps(document, indent=1, ensure_ascii=True) + "\n")

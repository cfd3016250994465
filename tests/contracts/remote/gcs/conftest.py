"""What stands in for Google where no emulator does? A model of its documents: generations, preconditions on everything,
rewrites in several calls, moves, versions, and the XML API's uploads in parts.

It is written from https://cloud.google.com/storage/docs/json_api/v1 and https://cloud.google.com/storage/docs/xml-api
(checked 2026-11), not from a server: what is proven with it alone is listed as not proven live in docs/conformance.md.
"""

import base64
import dataclasses
import hashlib
import itertools
import json
import re
import urllib.parse
from xml.sax.saxutils import escape

import pytest

from bucketport.message import HttpAnswer, Stream
from bucketport.testing.contracts import objects
from bucketport.testing.fakes import checksum
from bucketport.wire import dates

PIECE = 64 << 10
"""Bytes up to which an answer's body is bytes, and bytes of a piece of a longer one."""


@dataclasses.dataclass
class Object:
    """A generation of an object."""

    resource: dict
    content: bytes

    @property
    def generation(self):
        return int(self.resource["generation"])


@dataclasses.dataclass
class Upload:
    """An upload in parts."""

    name: str
    id: str
    headers: dict
    parts: dict


class Refused(Exception):
    """An answer that is an error."""

    def __init__(self, status, reason, message=""):
        self.status, self.reason, self.message = status, reason, message


class Bucket:
    """Objects by name, the live one last; older ones only with versions."""

    def __init__(self, name, resource):
        self.name, self.resource = name, resource
        self.objects, self.archived, self.uploads = {}, {}, {}

    @property
    def versioned(self):
        return self.resource.get("versioning", {}).get("enabled", False)


class Google:
    """A `ports.HttpClient` that answers as Google's documents say. `open_bodies` counts streams not yet given back."""

    normalises_paths = False

    def __init__(self, now=1_795_000_000):
        self.buckets, self.now = {}, now
        self.numbers = itertools.count(1_795_000_000_000_000, 7)
        self.rewrites = {}
        self.open_bodies = 0
        self.requests = []

    async def send(self, request):
        body = request.body
        if not isinstance(body, bytes):
            body = b"".join([bytes(piece) async for pieces in request.body.blocks() for piece in pieces])
            assert len(body) == request.body.length
        self.requests.append((request.method, request.path, request.query))
        query = dict(urllib.parse.parse_qsl(request.query, keep_blank_values=True))
        is_json = request.path.startswith(("/storage/v1", "/upload/"))
        try:
            if is_json:
                return self.json(request.method, request.path, query, dict(request.headers), body)
            return self.xml(request.method, request.path, query, dict(request.headers), body)
        except Refused as error:
            return refused(error, is_json)

    # Names

    def bucket(self, name):
        if name not in self.buckets:
            raise Refused(404, "notFound", "The specified bucket does not exist.")
        return self.buckets[name]

    def found(self, bucket, name, generation=None):
        live = bucket.objects.get(name)
        candidates = [*bucket.archived.get(name, []), *([live] if live else [])]
        if generation is None:
            candidates = [live] if live else []
        for candidate in candidates:
            if generation in (None, candidate.resource["generation"]):
                return candidate
        raise Refused(404, "notFound", f"No such object: {bucket.name}/{name}")

    def check(self, query, current, names=("ifGenerationMatch", "ifGenerationNotMatch"), meta="ifMetagenerationMatch"):
        generation = current.resource["generation"] if current else "0"
        if query.get(names[0], generation) != generation or query.get(names[1]) == generation:
            raise Refused(412, "conditionNotMet", "At least one of the pre-conditions you specified did not hold.")
        if meta in query and (current is None or query[meta] != current.resource["metageneration"]):
            raise Refused(412, "conditionNotMet", "At least one of the pre-conditions you specified did not hold.")

    def store(self, bucket, resource, content, *, has_md5=True):
        name = resource["name"]
        made = {key: value for key, value in resource.items() if key not in ("md5Hash", "crc32c", "bucket")}
        if sum(len(k.encode()) + len(v.encode()) for k, v in made.get("metadata", {}).items()) > 8192:
            raise Refused(400, "invalid", "The maximum size of custom metadata is 8 KiB.")
        stamp = dates.iso(self.now * 1000)
        made |= {"size": str(len(content)), "generation": str(next(self.numbers)), "metageneration": "1"}
        made |= {"timeCreated": stamp, "updated": stamp, "crc32c": checksum("CRC32C", content)}
        made.setdefault("storageClass", "STANDARD")
        if has_md5:
            made["md5Hash"] = base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()
        for field in ("md5Hash", "crc32c"):
            if field in resource and resource[field] != made.get(field, resource[field]):
                raise Refused(400, "invalid", f"Provided MD5 hash doesn't match calculated MD5 hash ({field}).")
        self.retire(bucket, name)
        bucket.objects[name] = Object(made, content)
        return made

    def retire(self, bucket, name):
        live = bucket.objects.pop(name, None)
        if live and bucket.versioned:
            live.resource["timeDeleted"] = dates.iso(self.now * 1000)
            bucket.archived.setdefault(name, []).append(live)

    # The JSON API

    def json(self, method, path, query, headers, body):
        steps = [urllib.parse.unquote(step) for step in path.removeprefix("/upload").split("/")[3:]]
        match (method, steps):
            case ("POST", ["b"]):
                return self.create_bucket(json.loads(body), query)
            case ("GET", ["b"]):
                names = sorted(name for name in self.buckets if name.startswith(query.get("prefix", "")))
                first = int(query.get("pageToken", "0"))
                size = min(int(query.get("maxResults", "1000")), 2)
                items = [self.buckets[name].resource for name in names[first : first + size]]
                more = {"nextPageToken": str(first + size)} if len(names) > first + size else {}
                return answer({"items": items} | more)
            case ("GET", ["b", name]):
                return answer(self.bucket(name).resource)
            case ("DELETE", ["b", name]):
                bucket = self.bucket(name)
                if bucket.objects or any(bucket.archived.values()):
                    raise Refused(409, "conflict", "The bucket you tried to delete is not empty.")
                del self.buckets[name]
                return HttpAnswer(204, {})
            case ("GET", ["b", name, "o"]):
                return self.list(self.bucket(name), query)
            case ("POST", ["b", name, "o"]):
                return self.insert(self.bucket(name), query, headers, body)
            case ("POST", ["b", name, "o", source, "moveTo", "o", target]):
                return self.move(self.bucket(name), source, target, query)
            case ("POST", ["b", name, "o", source, "rewriteTo", "b", other, "o", target]):
                return self.rewrite(self.bucket(name), source, self.bucket(other), target, query, json.loads(body))
            case ("GET", ["b", name, "o", key]):
                return answer(self.found(self.bucket(name), key, query.get("generation")).resource)
            case ("PATCH", ["b", name, "o", key]):
                found = self.found(self.bucket(name), key, query.get("generation"))
                self.check(query, found)
                resource = found.resource
                resource["metadata"] = resource.get("metadata", {}) | json.loads(body)["metadata"]
                resource["metageneration"] = str(int(resource["metageneration"]) + 1)
                resource["updated"] = dates.iso((self.now + 100) * 1000)
                return answer(resource)
            case ("DELETE", ["b", name, "o", key]):
                bucket = self.bucket(name)
                found = self.found(bucket, key, query.get("generation"))
                self.check(query, bucket.objects.get(key))
                if "generation" not in query:
                    self.retire(bucket, key)
                elif bucket.objects.get(key) is found:
                    del bucket.objects[key]
                else:
                    bucket.archived[key].remove(found)
                return HttpAnswer(204, {})
        raise AssertionError((method, path))

    def create_bucket(self, resource, query):
        assert query["project"]
        if resource["name"] in self.buckets:
            message = "Your previous request to create the named bucket succeeded and you already own it."
            raise Refused(409, "conflict", message)
        resource |= {"timeCreated": dates.iso(self.now * 1000), "location": resource.get("location", "US")}
        self.buckets[resource["name"]] = Bucket(resource["name"], resource)
        return answer(resource)

    def list(self, bucket, query):
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        start = query.get("startOffset", "")
        first = json.loads(query.get("pageToken", '["", ""]'))
        objects = list(bucket.objects.values())
        if query.get("versions") == "true":
            objects += [found for older in bucket.archived.values() for found in older]
        rows = sorted((found.resource["name"], found.resource["generation"], found) for found in objects)
        items, prefixes = [], []
        last = ("", "")
        for name, generation, found in rows:
            if not name.startswith(prefix) or name < start or [name, generation] <= first:
                continue
            head, mark, _ = name[len(prefix) :].partition(delimiter) if delimiter else ("", "", "")
            group = prefix + head + mark if mark else ""
            if (group and group in prefixes) or (group and first[0].startswith(group)):
                last = (name, generation)
                continue
            if len(items) + len(prefixes) == min(int(query["maxResults"]), 1000):
                return answer({"items": items, "prefixes": prefixes, "nextPageToken": json.dumps(last)})
            if group:
                prefixes.append(group)
            else:
                items.append(found.resource)
            last = (name, generation)
        return answer({"items": items, "prefixes": prefixes})

    def insert(self, bucket, query, headers, body):
        boundary = headers["content-type"].partition("boundary=")[2]
        head, resource, content, end = body.split(f"--{boundary}".encode())[0:4]
        assert (head, end) == (b"", b"--\r\n")
        resource = json.loads(resource.partition(b"\r\n\r\n")[2])
        content = content.partition(b"\r\n\r\n")[2][:-2]
        self.check(query, bucket.objects.get(resource["name"]))
        return answer(self.store(bucket, resource, content))

    def move(self, bucket, source, target, query):
        found = self.found(bucket, source)
        self.check(query, found, ("ifSourceGenerationMatch", "ifSourceGenerationNotMatch"), "")
        self.check(query, bucket.objects.get(target))
        resource = found.resource | {"name": target}
        del bucket.objects[source]
        return answer(self.store(bucket, resource, found.content, has_md5="md5Hash" in resource))

    def rewrite(self, bucket, source, other, target, query, resource):
        found = self.found(bucket, source, query.get("sourceGeneration"))
        self.check(query, other.objects.get(target))
        state = {"totalBytesRewritten": "0", "objectSize": found.resource["size"], "done": False}
        token = query.get("rewriteToken")
        if len(found.content) > 1 << 18 and token is None:
            token = f"token {len(self.rewrites)}"
            self.rewrites[token] = 2
            return answer(state | {"rewriteToken": token})
        if token is not None:
            self.rewrites[token] -= 1
            if self.rewrites[token]:
                return answer(state | {"rewriteToken": token})
        made = self.store(other, resource | {"name": target}, found.content, has_md5="md5Hash" in found.resource)
        return answer({"done": True, "resource": made})

    # The XML API

    def xml(self, method, path, query, headers, body):
        _, name, key = path.split("/", 2)
        bucket, key = self.bucket(urllib.parse.unquote(name)), urllib.parse.unquote(key)
        if method == "GET" and "uploads" in query:
            return self.list_uploads(bucket, query)
        if method == "POST" and "uploads" in query:
            upload = Upload(key, f"ABPn{len(bucket.uploads)}_-.{next(self.numbers)}", headers, {})
            bucket.uploads[upload.id] = upload
            return xml_answer("InitiateMultipartUploadResult", element("UploadId", upload.id))
        if "uploadId" not in query:
            assert method == "GET"
            return self.get(bucket, key, query, headers)
        upload = bucket.uploads.get(query["uploadId"])
        if upload is None or upload.name != key:
            raise Refused(404, "NoSuchUpload", "The requested upload was not found.")
        if method == "PUT":
            return self.put_part(upload, int(query["partNumber"]), headers, body)
        if method == "GET":
            return self.list_parts(upload, query)
        if method == "DELETE":
            del bucket.uploads[upload.id]
            return HttpAnswer(204, {})
        return self.complete(bucket, upload, body.decode())

    def get(self, bucket, key, query, headers):
        found = self.found(bucket, key, query.get("generation"))
        resource, content = found.resource, found.content
        made = {
            "etag": '"whatever"',
            "x-goog-generation": resource["generation"],
            "x-goog-stored-content-length": str(len(content)),
            "x-goog-stored-content-encoding": resource.get("contentEncoding", "identity"),
            "x-goog-storage-class": resource["storageClass"],
            "x-goog-hash": f"crc32c={resource['crc32c']}",
            "last-modified": dates.http_date(dates.parse_iso(resource["updated"])),
            "cache-control": resource.get("cacheControl", "private, max-age=0"),
            "expires": "Thu, 01 Jan 1970 00:00:00 GMT",
            "accept-ranges": "bytes",
        }
        if "md5Hash" in resource:
            made["x-goog-hash"] += f", md5={resource['md5Hash']}"
        fields = {"contentType": "content-type", "contentDisposition": "content-disposition"}
        fields |= {"contentLanguage": "content-language", "contentEncoding": "content-encoding"}
        made |= {name: resource[field] for field, name in fields.items() if field in resource}
        for name, value in resource.get("metadata", {}).items():
            assert value.isascii(), "not to be had from the XML API"
            made[f"x-goog-meta-{name}"] = value
        assert headers["accept-encoding"] == "gzip"
        status, wanted = 200, re.fullmatch(r"bytes=(\d*)-(\d*)", headers.get("range", "").strip())
        if wanted and any(wanted.groups()):
            first, last = wanted.groups()
            start = int(first) if first else max(len(content) - int(last), 0)
            stop = min(int(last) + 1, len(content)) if first and last else len(content)
            if start >= stop:
                raise Refused(416, "InvalidRange", "The requested range cannot be satisfied.")
            made["content-range"] = f"bytes {start}-{stop - 1}/{len(content)}"
            status, content = 206, content[start:stop]
        return HttpAnswer(status, made, self.body(content))

    def body(self, content):
        if len(content) <= PIECE:
            return content
        self.open_bodies += 1

        async def pieces():
            for at in range(0, len(content), PIECE):
                yield content[at : at + PIECE]

        released = []

        def release():
            assert not released, "given back twice"
            released.append(True)
            self.open_bodies -= 1

        return Stream(pieces(), len(content), release)

    def put_part(self, upload, number, headers, body):
        digest = hashlib.md5(body, usedforsecurity=False)
        crc = checksum("CRC32C", body)
        if headers.get("x-goog-hash", f"crc32c={crc}") != f"crc32c={crc}":
            raise Refused(400, "BadDigest", "The CRC32C you specified did not match what was computed.")
        if headers.get("content-md5", base64.b64encode(digest.digest()).decode()) != (
            base64.b64encode(digest.digest()).decode()
        ):
            raise Refused(400, "BadDigest", "The Content-MD5 you specified did not match what we received.")
        upload.parts[number] = body
        made = {"etag": f'"{digest.hexdigest()}"', "x-goog-hash": f"crc32c={crc}"}
        return HttpAnswer(200, made | {"date": dates.http_date(self.now * 1000)})

    def list_parts(self, upload, query):
        after, most = int(query.get("part-number-marker", "0")), int(query.get("max-parts", "1000"))
        numbers = [number for number in sorted(upload.parts) if number > after]
        inner = [element("UploadId", upload.id), element("IsTruncated", "true" if len(numbers) > most else "false")]
        if len(numbers) > most:
            inner.append(element("NextPartNumberMarker", str(numbers[most - 1])))
        for number in numbers[:most]:
            inner.append(
                f"<Part>{element('PartNumber', str(number))}{element('Size', str(len(upload.parts[number])))}"
                f"{element('ETag', chr(34) + tag(upload.parts[number]) + chr(34))}"
                f"{element('LastModified', dates.iso(self.now * 1000))}</Part>"
            )
        return xml_answer("ListPartsResult", "".join(inner))

    def list_uploads(self, bucket, query):
        prefix, delimiter, marker = query.get("prefix", ""), query.get("delimiter", ""), query.get("key-marker", "")
        rows, groups, last = [], [], ""
        assert query["encoding-type"] == "url"
        inner = []
        for upload in sorted(bucket.uploads.values(), key=lambda upload: (upload.name, upload.id)):
            if not upload.name.startswith(prefix) or upload.name <= marker:
                continue
            head, mark, _ = upload.name[len(prefix) :].partition(delimiter) if delimiter else ("", "", "")
            group = prefix + head + mark if mark else ""
            if group and group in groups:
                continue
            if len(rows) + len(groups) == int(query["max-uploads"]):
                inner = [element("IsTruncated", "true"), element("NextKeyMarker", urllib.parse.quote(last, safe=""))]
                break
            last = group or upload.name
            if group:
                groups.append(group)
            else:
                rows.append(upload)
        inner += [
            f"<Upload>{element('Key', urllib.parse.quote(upload.name, safe=''))}{element('UploadId', upload.id)}"
            f"{element('Initiated', dates.iso(self.now * 1000))}</Upload>"
            for upload in rows
        ]
        inner += [
            f"<CommonPrefixes>{element('Prefix', urllib.parse.quote(group, safe=''))}</CommonPrefixes>"
            for group in groups
        ]
        return xml_answer("ListMultipartUploadsResult", "".join(inner))

    def complete(self, bucket, upload, body):
        named = re.findall(r"<PartNumber>(\d+)</PartNumber><ETag>&quot;(\w+)&quot;</ETag>", body)
        for number, etag in named:
            if int(number) not in upload.parts or tag(upload.parts[int(number)]) != etag:
                raise Refused(400, "InvalidPart", "One or more of the specified parts could not be found.")
        resource = {"name": upload.name, "metadata": {}}
        fields = {"content-type": "contentType", "cache-control": "cacheControl", "content-language": "contentLanguage"}
        fields |= {"content-encoding": "contentEncoding", "content-disposition": "contentDisposition"}
        fields["x-goog-storage-class"] = "storageClass"
        for name, value in upload.headers.items():
            if name in fields:
                resource[fields[name]] = value
            elif name.startswith("x-goog-meta-"):
                resource["metadata"][name.removeprefix("x-goog-meta-")] = value
        content = b"".join(upload.parts[int(number)] for number, _ in named)
        self.store(bucket, resource, content, has_md5=False)
        del bucket.uploads[upload.id]
        return xml_answer("CompleteMultipartUploadResult", element("ETag", '"not-an-md5"'))


def tag(content):
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def element(name, text):
    return f"<{name}>{escape(text)}</{name}>"


def xml_answer(root, inner):
    body = f"<?xml version='1.0' encoding='UTF-8'?><{root} xmlns='http://s3.amazonaws.com/doc/2006-03-01/'>{inner}</{root}>"
    return HttpAnswer(200, {"content-type": "application/xml"}, body.encode())


def answer(resource):
    return HttpAnswer(200, {"content-type": "application/json"}, json.dumps(resource).encode())


def refused(error, is_json):
    if is_json:
        errors = [{"domain": "global", "reason": error.reason, "message": error.message}]
        body = json.dumps({"error": {"code": error.status, "message": error.message, "errors": errors}})
        return HttpAnswer(error.status, {"content-type": "application/json"}, body.encode())
    codes = {"notFound": "NoSuchBucket" if "bucket" in error.message.split(":")[0] else "NoSuchKey"}
    code = codes.get(error.reason, error.reason)
    inner = element("Code", code) + element("Message", error.message)
    body = f"<?xml version='1.0' encoding='UTF-8'?><Error>{inner}</Error>"
    return HttpAnswer(error.status, {"content-type": "application/xml"}, body.encode())


@pytest.fixture
def google():
    made = Google()
    yield made
    assert made.open_bodies == 0, f"{made.open_bodies} bodies were not given back"


ACCOUNT = "buckets belong to the account, not to our users"
NO_OWNER = "an upload's owner is not to be had from Google before its end"
NO_SUMS = "Google keeps no checksum of a part but its own, and lists none"

LACKS = {
    "TestAttributesOfParts.test_parts_are_told": NO_SUMS,
    "TestBucketListing.test_owners_see_their_own": ACCOUNT,
    "TestBucketListing.test_listing_tells_what_is_known": ACCOUNT,
    "TestBuckets.test_bucket_is_what_was_made": ACCOUNT,
    "TestBuckets.test_making_somebody_elses": ACCOUNT,
    "TestBuckets.test_one_of_many_makes_it": ACCOUNT,
    "TestBuckets.test_bucket_made_anew_is_empty_and_somebody_elses": ACCOUNT,
    "TestChecksumsOfParts.test_checksum_of_the_whole_is_compared": NO_SUMS,
    "TestCompletingAgain.test_repeating_changes_nothing": "what an upload became is known while the object is there",
    "TestObjects.test_content_may_have_no_declared_length": "content without a length is refused for every cloud",
    "TestRefusedCompleting.test_part_with_another_checksum": NO_SUMS,
    "TestUploadListing.test_entry_tells_what_was_begun": NO_OWNER,
    "TestUploads.test_upload_is_what_was_begun": NO_OWNER,
    "TestUploads.test_part_has_the_checksum_of_the_upload": NO_SUMS,
    "TestVersionListing.test_page_ends_with_a_version_or_a_common_prefix": "a generation is a version in every bucket",
    "TestVersionListing.test_every_object_is_its_only_version": "a generation is a version in every bucket",
}


@pytest.fixture
def google_lacks():
    return LACKS


NO_SUCH_NAMES = (".", "..")
"""Refused (tests/unit/backends/remote/test_gcs_objects.py): no object at Google is called so."""


@pytest.fixture(autouse=True)
def only_what_google_can_hold(request, monkeypatch):
    """The contract's other odd keys."""
    monkeypatch.setattr(objects, "ODD_KEYS", tuple(key for key in objects.ODD_KEYS if key not in NO_SUCH_NAMES))
    parameters = getattr(request.node, "callspec", None)
    if parameters is not None and parameters.params.get("key") in NO_SUCH_NAMES:
        pytest.skip("Google has no objects that are called . or ..: they are refused")

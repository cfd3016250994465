"""What can the holder of a part's URL do at Azure? Send parts, spoil its own upload, and nothing else."""

import asyncio
import urllib.error
import urllib.request

import pytest

from bucketport.backends.remote.azure.blocks import Attempt, Kind
from bucketport.backends.remote.azure.own_blob import Ids, own_name
from bucketport.backends.remote.azure.upload_id import unseal
from bucketport.errors import EntityTooSmall, InvalidPart, NoSuchUpload, PreconditionFailed, S3Error
from bucketport.message import HttpRequest
from bucketport.model import ObjectName, PartInfo
from bucketport.options import CompleteOptions, ListQuery, PutOptions, UploadOptions, Want, WriteConditions
from bucketport.testing.contracts.base import blob, info_of, is_there, put, read
from bucketport.testing.contracts.direct import begin, given, put_alone
from bucketport.testing.contracts.uploads import named
from bucketport.testing.fakes import FakeContent
from bucketport.wire.query import encode

PART = 1000
NEW = WriteConditions(if_none_match="*")
BLOCK_BLOB = {"x-ms-blob-type": "BlockBlob"}


def alone(request, method="PUT", path=None, query=None, data=None, headers=None):
    """The status of a request that the holder of a URL makes up from it; its signature goes along."""
    leave = "&".join(pair for pair in request.query.split("&") if pair.partition("=")[0] not in ("comp", "blockid"))
    text = f"{query}&{leave}" if query else leave
    url = HttpRequest(method, request.endpoint, path or request.path, text).url
    sent = urllib.request.Request(url, data, {"content-type": "a/b", **(headers or {})}, method=method)
    try:
        with urllib.request.urlopen(sent, timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def block_list(*ids, kind="Latest"):
    return "".join(["<BlockList>", *[f"<{kind}>{name}</{kind}>" for name in ids], "</BlockList>"]).encode()


class Own:
    """An upload's own blob, as this account sees it."""

    def __init__(self, backend, upload):
        dialect = backend.dialect
        name = dialect.real(ObjectName(upload.bucket, upload.key))
        self.begun = unseal(upload.upload_id, name, dialect.tools.secret)
        self.name, self._backend = own_name(name, self.begun), backend
        self.ids = Ids(self.name, self.begun.nonce, dialect.tools.secret)

    async def ask(self, method, comp="", **query):
        dialect = self._backend.dialect
        asked = {"comp": comp, **query} if comp else query

        def plan():
            return (yield dialect.request(method, dialect.path(self.name), asked))

        return await self._backend._run(plan())

    async def there(self):
        """Whether there is anything, also uncommitted."""
        return (await self.ask("GET", "blocklist", blocklisttype="all")).status != 404


async def send(backend, upload, contents):
    """Send parts as a client does; what is known of them then."""
    for number, data in contents.items():
        assert await put_alone(await given(backend, upload, number), data) == 201
    return (await backend.list_parts(upload, 0, 1000)).parts


async def interrupted(backend, plan, before, act):
    """What a plan returns when `act` happens once, right before the first request that `before` wants."""

    def one(request):
        return (yield request)

    request, acted = next(plan), False
    try:
        while True:
            if not acted and before(request):
                acted = True
                await act()
            request = plan.send(await backend._run(one(request)))
    except StopIteration as stop:
        return stop.value
    finally:
        plan.close()


def is_copy(request):
    return "x-ms-copy-source" in request.headers


def is_commit(request):
    return request.method == "PUT" and request.query == "comp=blocklist"


class Cut(Exception):
    """The process ends here."""


async def cut():
    raise Cut


# What a URL is good for


async def test_holder_of_a_url_reaches_nothing_but_its_uploads_blob(backend, bucket):
    await put(backend, bucket, "key", b"precious")
    await put(backend, bucket, "other", b"another's")
    upload = await begin(backend, bucket)
    await send(backend, upload, {1: blob(PART)})
    request = await given(backend, upload, 2)
    own, container = request.path, request.path.rpartition("/")[0]
    for key in ("key", "other", "new", "key%20.bucketport-upload-" + "0" * 23):
        path = f"{container}/{key}"
        for method, query, headers in (
            ("PUT", "", BLOCK_BLOB),
            ("PUT", "comp=block&blockid=AAAA", {}),
            ("PUT", "comp=blocklist", {}),
            ("PUT", "comp=metadata", {"x-ms-meta-a": "1"}),
            ("GET", "", {}),
            ("HEAD", "", {}),
            ("DELETE", "", {}),
            ("PUT", "", {"x-ms-copy-source": request.url}),
        ):
            body = block_list() if query == "comp=blocklist" else b"stolen" if method == "PUT" else None
            assert alone(request, method, path, query, body, headers) == 403, (method, query, key)
    for method, query in (
        ("GET", ""),
        ("HEAD", ""),
        ("DELETE", ""),
        ("GET", "comp=blocklist&blocklisttype=all"),
        ("GET", "comp=metadata"),
        ("GET", "comp=tags"),
    ):
        assert alone(request, method, own, query) == 403, (method, query)
    assert alone(request, "GET", container, "restype=container&comp=list") == 403
    assert alone(request, "DELETE", container, "restype=container") == 403
    assert alone(request, "PUT", own, "comp=tags", b"<Tags><TagSet></TagSet></Tags>") == 403
    longer = request.query.replace("&se=20", "&se=21")
    assert await put_alone(HttpRequest("PUT", request.endpoint, own, longer), b"x") == 403
    more = request.query.replace("sp=w", "sp=rwd")
    assert await put_alone(HttpRequest("PUT", request.endpoint, own, more), b"x") == 403
    assert [part.number for part in (await backend.list_parts(upload, 0, 9)).parts] == [1]
    assert await read(backend, bucket, "key") == b"precious"


async def test_blocks_with_ids_that_were_not_handed_out_are_no_parts(backend, bucket):
    upload, other = await begin(backend, bucket), await begin(backend, bucket)
    stranger = await begin(backend, bucket, "elsewhere")
    (mine,) = await send(backend, upload, {1: blob(PART)})
    request, own = await given(backend, upload, 1), Own(backend, upload)
    invented = [
        Attempt(own.begun.nonce, 2, 0).data(0),
        Attempt(own.begun.nonce, 2, 1).seals(bytes(16), bytes(32))[0],
        Own(backend, other).ids.of(Kind.DATA, 2),
        Own(backend, stranger).ids.of(Kind.SEAL, 2),
        Own(backend, stranger).ids.of(Kind.MARK, 2),
    ]
    for block in invented:
        assert alone(request, "PUT", query=f"comp=block&blockid={encode(block)}", data=b"stolen") == 201
    assert [part.number for part in (await backend.list_parts(upload, 0, 9)).parts] == [1]
    assert not (await backend.list_parts(other, 0, 9)).parts
    with pytest.raises(InvalidPart):
        await backend.complete(upload, CompleteOptions([mine, PartInfo(2, 6, mine.etag)]))
    await backend.complete(upload, named([mine]))
    assert await read(backend, bucket, "key") == blob(PART)


async def test_what_a_holder_commits_itself_is_judged_like_anything_else(backend, bucket):
    upload = await begin(backend, bucket)
    parts = await send(backend, upload, {1: blob(PART), 2: blob(PART, 2)})
    request, own = await given(backend, upload, 3), Own(backend, upload)
    foreign = Attempt(own.begun.nonce, 3, 0).data(0)
    assert alone(request, query=f"comp=block&blockid={encode(foreign)}", data=blob(9 * PART)) == 201
    blocks = [own.ids.of(Kind.DATA, 2), foreign, own.ids.of(Kind.DATA, 1)]
    forged = {"x-ms-meta-bucketport_upload": own.begun.nonce.hex(), "x-ms-blob-content-type": "evil/evil"}
    assert alone(request, query="comp=blocklist", data=block_list(*blocks), headers=forged) == 201
    assert not (await backend.list(bucket, ListQuery())).entries
    assert not (await backend.list(bucket, ListQuery(delimiter="/"))).entries
    assert not await is_there(backend, bucket, "key")
    await backend.complete(upload, named(parts))
    assert await read(backend, bucket, "key") == blob(PART) + blob(PART, 2)
    info = await info_of(backend, bucket, "key")
    assert "evil" not in str(info.headers)
    assert [entry.key for entry in (await backend.list(bucket, ListQuery())).entries] == ["key"]


async def test_who_overwrites_an_uploads_blob_ends_that_upload_alone(backend, bucket):
    upload, other = await begin(backend, bucket), await begin(backend, bucket)
    parts, theirs = await send(backend, upload, {1: blob(PART)}), await send(backend, other, {1: b"other"})
    request = await given(backend, upload, 1)
    assert alone(request, data=b"past every term", headers=BLOCK_BLOB) == 201
    # Azurite keeps uncommitted blocks, which the service discards.
    assert alone(request, query="comp=blocklist", data=block_list()) == 201
    assert alone(request, data=b"past every term", headers=BLOCK_BLOB) == 201
    with pytest.raises(NoSuchUpload):
        await backend.complete(upload, named(parts))
    assert not await is_there(backend, bucket, "key")
    assert not (await backend.list(bucket, ListQuery())).entries
    with pytest.raises(NoSuchUpload):
        await backend.abort(upload)
    assert not await Own(backend, upload).there()
    await backend.complete(other, named(theirs))
    assert await read(backend, bucket, "key") == b"other"


# Races with the holder of a URL


async def test_part_that_changes_while_it_is_completed_is_refused(backend, bucket):
    upload = await begin(backend, bucket)
    parts = await send(backend, upload, {1: blob(PART)})
    request = await given(backend, upload, 1)
    plan = backend.dialect.complete(upload, named(parts))
    with pytest.raises(InvalidPart):
        await interrupted(backend, plan, is_commit, lambda: put_alone(request, blob(9 * PART)))
    assert not await is_there(backend, bucket, "key")
    now = (await backend.list_parts(upload, 0, 9)).parts
    assert [part.size for part in now] == [9 * PART]
    await backend.complete(upload, named(now))
    assert await read(backend, bucket, "key") == blob(9 * PART)


async def test_blob_that_changes_before_it_is_copied_is_not_copied(backend, bucket):
    upload = await begin(backend, bucket)
    parts = await send(backend, upload, {1: blob(PART)})
    request = await given(backend, upload, 1)
    plan = backend.dialect.complete(upload, named(parts))

    async def overwrite():
        assert alone(request, data=b"past every term", headers=BLOCK_BLOB) == 201

    with pytest.raises(NoSuchUpload):
        await interrupted(backend, plan, is_copy, overwrite)
    assert not await is_there(backend, bucket, "key")


async def test_url_that_is_used_after_the_end_changes_nothing(backend, bucket):
    done, given_up = await begin(backend, bucket), await begin(backend, bucket, "never")
    parts = await send(backend, done, {1: blob(PART)})
    await send(backend, given_up, {1: blob(PART)})
    late = [await given(backend, upload, 1) for upload in (done, given_up)]
    stored = await backend.complete(done, named(parts))
    await backend.abort(given_up)
    for upload, request in zip((done, given_up), late, strict=True):
        assert not await Own(backend, upload).there()
        assert await put_alone(request, b"late") == 201
        assert await put_alone(request, blob(PART)) == 201
    assert await backend.complete(done, named(parts)) == stored
    for call in (
        lambda: backend.complete(given_up, named(parts)),
        lambda: backend.list_parts(given_up, 0, 9),
        lambda: backend.put_part(given_up, 2, FakeContent(b"x")),
    ):
        with pytest.raises(NoSuchUpload):
            await call()
    for upload, request in zip((done, given_up), late, strict=True):
        assert alone(request, data=b"junk", headers=BLOCK_BLOB) == 201
        with pytest.raises(NoSuchUpload):
            await backend.abort(upload)
        assert not await Own(backend, upload).there()
    assert await read(backend, bucket, "key") == blob(PART)
    assert [entry.key for entry in (await backend.list(bucket, ListQuery())).entries] == ["key"]


# The object


async def test_object_is_as_it_was_begun(backend, bucket):
    how = PutOptions(
        "bob",
        {"content-type": "image/x", "cache-control": "no-cache", "x-amz-meta-a-b": "grün", "expires": "never"},
        "STANDARD_IA",
        tags={"project": "a"},
    )
    upload = await backend.create_upload(ObjectName(bucket, "dir/key"), UploadOptions(how, direct=True))
    parts = await send(backend, upload, {2: blob(PART), 7: b"end"})
    stored = await backend.complete(upload, named(parts))
    found = (await backend.head(ObjectName(bucket, "dir/key"), Want())).info
    assert (found.etag, found.size, found.modified_ms) == (stored.etag, PART + 3, stored.modified_ms)
    assert (found.owner, found.storage_class, found.parts_count, dict(found.headers)) == (
        "bob",
        "STANDARD_IA",
        2,
        dict(how.headers),
    )
    assert await backend.tags(ObjectName(bucket, "dir/key"), None) == {"project": "a"}
    assert await read(backend, bucket, "dir/key", part_number=7) == b"end"
    attributes = await backend.attributes(ObjectName(bucket, "dir/key"), None, 0, 10)
    assert [(part.number, part.size) for part in attributes.parts] == [(2, PART), (7, 3)]
    assert not await Own(backend, upload).there()


async def test_object_may_be_empty(backend, bucket):
    upload = await begin(backend, bucket)
    part = await backend.put_part(upload, 1, FakeContent(b""))
    assert [(row.size, row.etag) for row in (await backend.list_parts(upload, 0, 9)).parts] == [(0, part.etag)]
    stored = await backend.complete(upload, named([part]))
    assert await backend.complete(upload, named([part])) == stored
    assert await read(backend, bucket, "key") == b""
    assert not await Own(backend, upload).there()


async def test_small_parts_are_refused_and_the_upload_goes_on(backend, bucket):
    upload = await begin(backend, bucket)
    parts = await send(backend, upload, {1: b"small", 2: b"end"})
    with pytest.raises(EntityTooSmall):
        await backend.complete(upload, named(parts))
    parts = await send(backend, upload, {1: blob(PART)})
    await backend.complete(upload, named(parts))
    assert await read(backend, bucket, "key") == blob(PART) + b"end"


async def test_refused_condition_leaves_the_upload(backend, bucket):
    upload = await begin(backend, bucket)
    parts = await send(backend, upload, {1: blob(PART)})
    how = CompleteOptions(named(parts).parts, NEW)
    await put(backend, bucket, "key", b"first")
    with pytest.raises(PreconditionFailed):
        await backend.complete(upload, how)
    await backend.delete(ObjectName(bucket, "key"), None, WriteConditions())
    plan = backend.dialect.complete(upload, how)
    with pytest.raises(PreconditionFailed):
        await interrupted(backend, plan, is_copy, lambda: put(backend, bucket, "key", b"first"))
    assert await read(backend, bucket, "key") == b"first"
    assert [part.etag for part in (await backend.list_parts(upload, 0, 9)).parts] == [parts[0].etag]
    old = (await info_of(backend, bucket, "key")).etag
    await backend.complete(upload, CompleteOptions(how.parts, WriteConditions(if_match=old)))
    assert await read(backend, bucket, "key") == blob(PART)


@pytest.mark.parametrize(
    "before",
    [is_commit, is_copy, lambda request: request.method == "DELETE"],
    ids=["commit", "copy", "delete"],
)
async def test_complete_that_broke_off_is_carried_on(backend, bucket, another, before):
    upload = await begin(backend, bucket)
    parts = await send(backend, upload, {1: blob(PART), 2: b"end"})
    how = CompleteOptions(named(parts).parts, NEW)
    with pytest.raises(Cut):
        await interrupted(backend, backend.dialect.complete(upload, how), before, cut)
    assert await is_there(backend, bucket, "key") is (before not in (is_commit, is_copy))
    backend.dialect = another()
    stored = await backend.complete(upload, how)
    assert await backend.complete(upload, how) == stored
    assert await read(backend, bucket, "key") == blob(PART) + b"end"
    assert not await Own(backend, upload).there()


async def test_completing_at_once_makes_one_object(backend, bucket):
    upload = await begin(backend, bucket)
    parts = await send(backend, upload, {1: blob(PART), 2: b"end"})
    how = CompleteOptions(named(parts).parts, NEW)
    results = await asyncio.gather(*(backend.complete(upload, how) for _ in range(4)), return_exceptions=True)
    assert any(not isinstance(result, Exception) for result in results)
    assert all(isinstance(result, S3Error) for result in results if isinstance(result, Exception)), results
    assert (await backend.complete(upload, how)).size == PART + 3
    assert await read(backend, bucket, "key") == blob(PART) + b"end"

"""What is particular to Azure, in front of Azurite: uploads that share a key, long content, races and faults."""

import asyncio
import base64
import hashlib
import hmac

import pytest

from bucketport.backends.remote.azure.signing import VERSION
from bucketport.backends.remote.credentials_azure import Sas, SharedKey
from bucketport.errors import (
    AccessDenied,
    BackendError,
    ConditionalRequestConflict,
    InvalidTag,
    InvalidURI,
    NoSuchUpload,
    NotImplemented,
    PreconditionFailed,
    S3Error,
    Trouble,
)
from bucketport.model import BucketInfo, ObjectName, PartInfo, Promised, Secret, UploadName
from bucketport.options import (
    NO_CONDITIONS,
    CompleteOptions,
    CopyOptions,
    ListQuery,
    PutOptions,
    UploadOptions,
    Want,
    WriteConditions,
)
from bucketport.testing.contracts.base import LARGE, blob, collect, info_of, is_there, options, put, read
from bucketport.testing.contracts.uploads import begin, md5, named, send
from bucketport.testing.fakes import FakeContent, checksum
from bucketport.wire.query import encode

CONTENDERS = 16

KEY = SharedKey(
    "devstoreaccount1",
    Secret("Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="),
)


async def test_a_commit_discards_the_other_uploads_to_its_key(backend, bucket):
    one, two = await begin(backend, bucket), await begin(backend, bucket)
    of_one, of_two = await send(backend, one, {1: b"one"}), await send(backend, two, {1: b"two"})
    elsewhere = await begin(backend, bucket, "other")
    there = await send(backend, elsewhere, {1: b"elsewhere"})
    await backend.complete(two, named(of_two))
    for call in (
        lambda: backend.complete(one, named(of_one)),
        lambda: backend.list_parts(one, 0, 10),
        lambda: backend.upload(one),
        lambda: backend.put_part(one, 2, FakeContent(b"late")),
        lambda: backend.abort(one),
    ):
        with pytest.raises(NoSuchUpload):
            await call()
    assert await read(backend, bucket, "key") == b"two"
    await backend.complete(elsewhere, named(there))


async def test_upload_is_over_once_it_was_completed_or_aborted(backend, bucket):
    done, given_up = await begin(backend, bucket, "a"), await begin(backend, bucket, "b")
    other = await begin(backend, bucket, "b")
    parts = await send(backend, done, {1: b"1"})
    await send(backend, given_up, {1: b"1"})
    await send(backend, other, {1: b"other"})
    await backend.complete(done, named(parts))
    await backend.abort(given_up)
    for upload in (done, given_up):
        for call in (
            lambda upload=upload: backend.upload(upload),
            lambda upload=upload: backend.put_part(upload, 2, FakeContent(b"2")),
            lambda upload=upload: backend.put_part(upload, 2, FakeContent(blob(LARGE))),
            lambda upload=upload: backend.list_parts(upload, 0, 10),
            lambda upload=upload: backend.abort(upload),
        ):
            with pytest.raises(NoSuchUpload):
                await call()
    assert [part.etag for part in (await backend.list_parts(other, 0, 10)).parts] == [md5(b"other")]
    assert not await is_there(backend, bucket, "b")


async def test_part_that_arrives_after_the_abort_is_refused(backend, bucket):
    upload = await begin(backend, bucket)

    class Slow(FakeContent):
        async def pull(self):
            if not self.untouched:
                await backend.abort(upload)
            return await super().pull()

    with pytest.raises(NoSuchUpload):
        await backend.put_part(upload, 1, Slow(b"content"))


async def test_which_uploads_are_under_way_is_not_implemented(backend, bucket):
    with pytest.raises(NotImplemented):
        await backend.list_uploads(bucket, ListQuery())


async def test_another_gateway_completes_what_one_began(backend, bucket, another):
    upload = await begin(backend, bucket, algorithm="SHA512", kind="COMPOSITE")
    parts = await send(backend, upload, {1: blob(5000), 2: b"end"})
    backend.dialect = another()
    listed = (await backend.list_parts(upload, 0, 10)).parts
    assert [part.checksums["SHA512"] for part in listed] == [checksum("SHA512", blob(5000)), checksum("SHA512", b"end")]
    stored = await backend.complete(upload, named(parts))
    assert stored.checksums["SHA512"].endswith("-2")
    assert await read(backend, bucket, "key") == blob(5000) + b"end"


async def test_id_of_an_upload_belongs_to_its_account(backend, bucket):
    upload = await begin(backend, bucket)
    backend.dialect.tools = type(backend.dialect.tools)(
        backend.dialect.tools.now, backend.dialect.tools.entropy, backend.dialect.tools.digests, Secret("another")
    )
    with pytest.raises(NoSuchUpload):
        await backend.list_parts(upload, 0, 10)


@pytest.mark.parametrize("size", [100_000, 100_001, 131_072, 262_144, 300_000, 1_000_001])
def test_content_above_the_limit_of_one_request_goes_in_blocks(runner, azurite, dial, size):
    with dial(azurite.url, block_limit=65_536) as backend:

        async def run():
            await backend.create_bucket(BucketInfo(f"blocks-{size}", "alice", 0))
            content = FakeContent(blob(size), piece=9_973, checksums=["CRC32"])
            stored = await backend.put(ObjectName(f"blocks-{size}", "key"), content, options())
            info = await info_of(backend, f"blocks-{size}", "key")
            assert stored.etag == info.etag == md5(blob(size))
            assert info.checksums["CRC32"] == checksum("CRC32", blob(size))
            assert await read(backend, f"blocks-{size}", "key") == blob(size)
            upload = await begin(backend, f"blocks-{size}", "parts", "CRC32", "FULL_OBJECT")
            part = await backend.put_part(upload, 1, FakeContent(blob(size), piece=9_973))
            await backend.complete(upload, named([part, *await send(backend, upload, {2: b"end"})]))
            assert await read(backend, f"blocks-{size}", "parts") == blob(size) + b"end"
            assert await read(backend, f"blocks-{size}", "parts", part_number=1) == blob(size)
            assert await read(backend, f"blocks-{size}", "parts", part_number=2) == b"end"
            info = await info_of(backend, f"blocks-{size}", "parts")
            assert info.checksums["CRC32"] == checksum("CRC32", blob(size) + b"end")

        runner.run(run())


@pytest.mark.parametrize("fails_at", ["pull", "accept", "finish"])
def test_nothing_is_left_of_blocks_that_fail(runner, azurite, dial, fails_at):
    class Broken(S3Error):
        pass

    with dial(azurite.url, block_limit=65_536) as backend:

        async def run():
            name = f"broken-{fails_at}"
            await backend.create_bucket(BucketInfo(name, "alice", 0))
            content = FakeContent(blob(300_000), piece=10_000, fails=Broken(), fails_at=fails_at)
            with pytest.raises(Broken):
                await backend.put(ObjectName(name, "key"), content, options())
            assert not await is_there(backend, name, "key")
            await put(backend, name, "key", blob(300_000))
            assert await read(backend, name, "key") == blob(300_000)

        runner.run(run())


async def test_checksum_of_a_trailer_is_kept(backend, bucket):
    content = FakeContent(blob(LARGE), piece=70_000, promised=Promised(algorithm="CRC64NVME"))
    stored = await backend.put(ObjectName(bucket, "key"), content, options(headers={"x-amz-meta-a": "1"}))
    info = await info_of(backend, bucket, "key")
    assert stored.checksums == info.checksums == {"CRC64NVME": checksum("CRC64NVME", blob(LARGE))}
    assert info.headers["x-amz-meta-a"] == "1"
    assert info.etag == stored.etag == md5(blob(LARGE))


async def test_conditions_hold_though_azures_own_etag_changed(backend, bucket):
    stored = await put(backend, bucket, "key", b"content")
    before = await backend._run(backend.dialect.find(ObjectName(bucket, "key")))
    name = ObjectName(bucket, "key")
    await backend.copy(name, Want(), name, _copying({"content-type": "a/b"}))
    after = await backend._run(backend.dialect.find(ObjectName(bucket, "key")))
    assert before.tag != after.tag
    assert after.info.etag == stored.etag
    await put(backend, bucket, "key", b"newer", conditions=WriteConditions(if_match=stored.etag))
    assert await read(backend, bucket, "key") == b"newer"


def _copying(headers):
    return CopyOptions("alice", headers=headers)


async def test_blob_that_somebody_else_wrote_is_an_object(backend, bucket, runner):
    dialect = backend.dialect
    request = dialect.request(
        "PUT",
        dialect.path(ObjectName(bucket, "key")),
        {"comp": "blocklist"},
        {"x-ms-meta-my_name": "value", "x-ms-blob-content-type": "a/b"},
        body=b'<?xml version="1.0"?><BlockList></BlockList>',
    )

    def plan():
        answer = yield request
        assert answer.status == 201
        return answer

    await backend._run(plan())
    info = await info_of(backend, bucket, "key")
    assert info.headers == {"content-type": "a/b", "x-amz-meta-my_name": "value"}
    assert info.etag.startswith("0x")
    (entry,) = (await backend.list(bucket, ListQuery())).entries
    assert entry[2] == info.etag
    await put(backend, bucket, "key", b"1", conditions=WriteConditions(if_match=info.etag))


@pytest.mark.parametrize("size", [100, LARGE])
async def test_one_of_many_wins(backend, bucket, size):
    absent = WriteConditions(if_none_match="*")
    for first, condition in ((0, absent), (100, None)):
        # Other contents than before: the same content is the same ETag, and then the condition holds once more.
        how = condition or WriteConditions(if_match=(await info_of(backend, bucket, "key")).etag)
        seeds = range(first, first + CONTENDERS)
        attempts = [put(backend, bucket, "key", blob(size, seed), conditions=how) for seed in seeds]
        results = await asyncio.gather(*attempts, return_exceptions=True)
        winners = [result for result in results if not isinstance(result, Exception)]
        losers = [result for result in results if isinstance(result, Exception)]
        assert len(winners) == 1
        assert all(isinstance(loser, PreconditionFailed | ConditionalRequestConflict) for loser in losers)
        assert (await info_of(backend, bucket, "key")).etag == winners[0].etag


async def test_writing_what_is_there_leaves_the_condition_as_it_was(backend, bucket):
    stored = await put(backend, bucket, "key", b"same")
    how = WriteConditions(if_match=stored.etag)
    for _ in range(2):
        assert (await put(backend, bucket, "key", b"same", conditions=how)).etag == stored.etag


async def test_tags_that_the_index_cannot_hold_are_refused(backend, bucket):
    for tags in ({"a@b": "1"}, {"a": "gr\u00fc\u00df"}, {str(n): "" for n in range(11)}):
        with pytest.raises(InvalidTag):
            await put(backend, bucket, "key", tags=tags)
        with pytest.raises(InvalidTag):
            await backend.put_tags(ObjectName(bucket, "key"), None, tags)
    assert not await is_there(backend, bucket, "key")


async def test_acl_and_unknown_headers_are_refused(backend, bucket):
    for how in (options(acl="public-read"), PutOptions("alice", extra={"x-amz-server-side-encryption": "aws:kms"})):
        with pytest.raises(NotImplemented):
            await backend.put(ObjectName(bucket, "key"), FakeContent(b"1"), how)
        with pytest.raises(NotImplemented):
            await backend.create_upload(ObjectName(bucket, "key"), UploadOptions(how))
    await put(backend, bucket, "key", acl="bucket-owner-full-control")


async def test_key_outside_a_prefix_is_never_asked_for(backend, bucket):
    await put(backend, bucket, "secret")
    name = ObjectName(bucket, "prefix/../secret")
    for call in (
        lambda: backend.get(name, Want()),
        lambda: backend.head(name, Want()),
        lambda: backend.put(name, FakeContent(b"1"), options()),
        lambda: backend.delete(name, None, NO_CONDITIONS),
        lambda: backend.create_upload(name, UploadOptions(options())),
        lambda: backend.copy(name, Want(), ObjectName(bucket, "x"), _copying(None)),
        lambda: backend.tags(name, None),
    ):
        with pytest.raises(InvalidURI):
            await call()


def test_wrong_credentials_are_no_fault_of_the_clients(runner, azurite, dial):
    for key in (Sas(Secret("sv=2025-11-05&sig=wrong&se=2030-01-01&sr=c&sp=r")), None):
        with dial(azurite.url, key) as backend:
            with pytest.raises((BackendError, S3Error)) as caught:
                runner.run(backend.head(ObjectName("nowhere", "key"), Want()))
            assert "sig=" not in str(caught.value)


def shared_access(permissions):
    """An account's signature for an hour. Source: https://learn.microsoft.com/rest/api/storageservices/create-account-sas"""
    fields = {"sp": permissions, "ss": "b", "srt": "sco", "st": "", "se": "2099-01-01T00:00:00Z", "sip": "", "spr": ""}
    fields["sv"] = VERSION
    text = "\n".join([KEY.account, *fields.values(), "", ""])
    signature = base64.b64encode(hmac.digest(base64.b64decode(KEY.key.reveal()), text.encode(), "sha256")).decode()
    return "&".join(f"{name}={encode(value)}" for name, value in (fields | {"sig": signature}).items() if value)


def test_shared_access_signature_serves_as_a_key_does(runner, azurite, dial):
    with dial(azurite.url, Sas(Secret("?" + shared_access("rwdlactx")))) as backend:

        async def run():
            await backend.create_bucket(BucketInfo("shared-access", "alice", 0))
            await put(backend, "shared-access", "a b/\u00e9", blob(LARGE), tags={"a": "1"})
            name, copy = ObjectName("shared-access", "a b/\u00e9"), ObjectName("shared-access", "copy")
            await backend.copy(name, Want(), copy, _copying(None))
            assert await read(backend, "shared-access", "copy") == blob(LARGE)
            assert dict(await backend.tags(copy, None)) == {"a": "1"}
            upload = await begin(backend, "shared-access", "parts")
            await backend.complete(upload, named(await send(backend, upload, {1: b"1"})))
            listed = (await backend.list("shared-access", ListQuery())).entries
            assert [entry[0] for entry in listed] == ["a b/\u00e9", "copy", "parts"]

        runner.run(run())
    with dial(azurite.url, Sas(Secret(shared_access("r")))) as backend, pytest.raises(AccessDenied):
        runner.run(put(backend, "shared-access", "new"))


def test_server_that_is_killed_while_it_takes_content(runner, mortal, dial):
    with dial(mortal.url) as backend:

        class Killing(FakeContent):
            async def pull(self):
                if self._pulled == 40:
                    mortal.kill()
                return await super().pull()

        async def run():
            await backend.create_bucket(BucketInfo("killed", "alice", 0))
            with pytest.raises(BackendError) as caught:
                await backend.put(ObjectName("killed", "key"), Killing(blob(8 << 20), piece=65_536), options())
            assert caught.value.trouble in (Trouble.BROKEN_OFF, Trouble.UNREACHABLE, Trouble.TIMEOUT)

        runner.run(run())


def test_server_that_is_killed_while_it_gives_content(runner, mortal, dial):
    with dial(mortal.url) as backend:

        async def run():
            await backend.create_bucket(BucketInfo("killed", "alice", 0))
            content = FakeContent(blob(24 << 20), piece=1 << 20)
            await backend.put(ObjectName("killed", "key"), content, options())
            found = await backend.get(ObjectName("killed", "key"), Want())
            mortal.kill()
            with pytest.raises(BackendError):
                assert hashlib.md5(await collect(found.body)).hexdigest() == "never"

        runner.run(run())


def test_server_that_comes_back_has_what_was_acknowledged_and_no_more(runner, mortal, dial):
    with dial(mortal.url) as backend:

        async def before():
            await backend.create_bucket(BucketInfo("comeback", "alice", 0))
            await put(backend, "comeback", "key", b"kept")
            mortal.kill()
            with pytest.raises(BackendError):
                await put(backend, "comeback", "other", b"lost")

        runner.run(before())


async def test_two_names_of_uploads_differ(backend, bucket):
    made = {(await begin(backend, bucket)).upload_id for _ in range(5)}
    assert len(made) == 5
    with pytest.raises(NoSuchUpload):
        await backend.complete(UploadName(bucket, "key", made.pop()[:-2]), CompleteOptions([PartInfo(1, 0, md5(b""))]))

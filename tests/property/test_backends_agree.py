"""Whatever is asked in whatever order: the embedded store answers what the memory backend answers."""

import asyncio
import dataclasses
import pathlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from bucketport.backends.memory import Memory
from bucketport.backends.store.base import Settings
from bucketport.backends.store.fsck import fsck
from bucketport.backends.store.open import open_store
from bucketport.errors import S3Error
from bucketport.model import BucketInfo, Found, Listing, ObjectName, PartInfo, UploadName
from bucketport.options import (
    CompleteOptions,
    CopyOptions,
    DeleteItem,
    ListQuery,
    PutOptions,
    ReadConditions,
    UploadOptions,
    Want,
    WriteConditions,
)
from bucketport.ports import StoreBackend
from bucketport.testing.contracts.base import blob, collect
from bucketport.testing.fakes import DIGESTS, FakeClock, FakeContent, FakeEntropy, FakeIds

PART_MINIMUM = 100
INLINE = 60
NASTY = ["/", "a", "b", "\U0001f600", "\uffff", "\U00010000", "\x01", "..", "-"]

SIZES = st.sampled_from([0, 1, INLINE, INLINE + 1, PART_MINIMUM, PART_MINIMUM + 7, 3000])
PICKS = st.integers(0, 12)
KEYS = st.lists(st.sampled_from(NASTY), min_size=1, max_size=4).map("".join)
PREFIXES = st.lists(st.sampled_from(NASTY), max_size=2).map("".join)
DELIMITERS = st.sampled_from(["", "", "/", "/", "a", "//", "-", "..", "\U0001f600", "\uffff", "\x01", "/a"])
HEADERS = st.sampled_from([{}, {"content-type": "a/b"}, {"content-type": "c/d", "x-amz-meta-\u00e9": "\U0001f600"}])
TAGS = st.sampled_from([{}, {}, {"a": "1"}, {"b": "", "\u00e9": "\U0001f600"}])
ACLS = st.sampled_from(["private", "private", "public-read"])
VERSIONS = st.sampled_from([None, None, None, None, "null", "another"])
CHECKSUMS = st.sampled_from(["", "CRC32", "SHA256", "CRC64NVME"])
KINDS = st.sampled_from([("", ""), ("", ""), ("CRC32", "FULL_OBJECT"), ("CRC32C", "COMPOSITE"), ("SHA1", "COMPOSITE")])
RANGES = st.sampled_from(
    [None, None, "bytes=0-0", "bytes=5-90", "bytes=-50", "bytes=99-", "bytes=2-1", "bytes=0-1,3-4"]
)
COPY_RANGES = st.sampled_from([None, "bytes=0-0", "bytes=1-99", "bytes=0-106"])
SOURCES = st.sampled_from(["", "", "", "match", "none", "since", "unmodified"])
WRITES = st.sampled_from(["", "", "", "absent", "match", "star", "size", "modified"])


def shown(value: Any) -> Any:
    """An answer as both must give it: rows as plain tuples, maps as plain dicts, no upload ids."""
    if isinstance(value, UploadName):
        return value.bucket, value.key
    if isinstance(value, BaseException):
        return getattr(value, "code", repr(value))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: shown(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, tuple | list):
        return [shown(each) for each in value]
    return value


class Agreement(RuleBasedStateMachine):
    """One bucket in both; every rule asks both the same and compares."""

    buckets = 0

    def __init__(self, run: Callable[[Awaitable[Any]], Any], clock: FakeClock, backends: list[StoreBackend]) -> None:
        super().__init__()
        self.run, self.clock, self.backends = run, clock, backends
        Agreement.buckets += 1
        self.bucket = f"bucket{Agreement.buckets}"
        self.keys: list[str] = []
        self.etags: list[str] = ["0" * 32]
        self.uploads: list[tuple[list[UploadName], str, dict[int, PartInfo]]] = []
        for backend in backends:
            self.run(backend.create_bucket(BucketInfo(self.bucket, "alice", 1)))

    def both(self, ask: Callable[[StoreBackend, int], Awaitable[Any]]) -> Any:
        """What both answer; an S3Error is an answer."""
        answers = [self.run(self._answer(ask, backend, side)) for side, backend in enumerate(self.backends)]
        assert shown(answers[1]) == shown(answers[0])
        return answers

    async def _answer(
        self, ask: Callable[[StoreBackend, int], Awaitable[Any]], backend: StoreBackend, side: int
    ) -> Any:
        try:
            answer = await ask(backend, side)
        except S3Error as error:
            return error
        if isinstance(answer, Found):
            return dataclasses.replace(answer, body=await collect(answer.body))
        return answer

    def key(self, pick: int, fresh: str) -> str:
        """A key that was used before, or a fresh one."""
        return self.keys[pick] if pick < len(self.keys) else fresh

    def name(self, pick: int, fresh: str) -> ObjectName:
        """The object of such a key."""
        return ObjectName(self.bucket, self.key(pick, fresh))

    def etag(self, pick: int) -> str:
        """An ETag that an object has or had."""
        return self.etags[-1 - pick % len(self.etags)]

    def conditions(self, kind: str, pick: int) -> WriteConditions:
        """A condition of a write."""
        return {
            "": WriteConditions(),
            "absent": WriteConditions(if_none_match="*"),
            "match": WriteConditions(if_match=self.etag(pick)),
            "star": WriteConditions(if_match="*"),
            "size": WriteConditions(if_match_size=pick),
            "modified": WriteConditions(if_match_modified=int(self.clock.at) - pick),
        }[kind]

    def wanted(self, kind: str, pick: int) -> ReadConditions:
        """A condition of a read."""
        return {
            "": ReadConditions(),
            "match": ReadConditions(if_match=self.etag(pick)),
            "none": ReadConditions(if_none_match=self.etag(pick)),
            "since": ReadConditions(if_modified_since=int(self.clock.at) - pick),
            "unmodified": ReadConditions(if_unmodified_since=int(self.clock.at) - pick),
        }[kind]

    def learn(self, answers: Any, key: str) -> None:
        """Remember what a write made."""
        if not isinstance(answers[0], BaseException):
            self.etags.append(answers[0].etag)
            if key not in self.keys:
                self.keys.append(key)

    # Objects

    @rule(pick=PICKS, fresh=KEYS, size=SIZES, checksum=CHECKSUMS, headers=HEADERS, tags=TAGS, acl=ACLS, kind=WRITES)
    def put(self, pick, fresh, size, checksum, headers, tags, acl, kind):
        self.clock.advance(1.5)
        name = self.name(pick, fresh)
        how = PutOptions("alice", headers, "STANDARD", acl, tags, self.conditions(kind, pick))
        data = blob(size, len(self.etags) % 5)
        content = lambda: FakeContent(data, piece=37, checksums=[checksum] if checksum else [])  # noqa: E731
        self.learn(self.both(lambda backend, _: backend.put(name, content(), how)), name.key)

    @rule(pick=PICKS, fresh=KEYS, size=SIZES)
    def fail_to_put(self, pick, fresh, size):
        name, error = self.name(pick, fresh), S3Error()
        self.both(lambda backend, _: backend.put(name, FakeContent(blob(size), fails=error), PutOptions("alice")))

    @rule(
        pick=PICKS,
        fresh=KEYS,
        version=VERSIONS,
        asked=RANGES,
        kind=SOURCES,
        part=st.sampled_from([None, None, 1, 2, 3]),
    )
    def read(self, pick, fresh, version, asked, kind, part):
        name = self.name(pick, fresh)
        want = Want(version, asked if part is None else None, part, self.wanted(kind, pick))
        self.both(lambda backend, _: backend.get(name, want))
        self.both(lambda backend, _: backend.head(name, want))

    @rule(pick=PICKS, fresh=KEYS, version=VERSIONS, kind=WRITES)
    def delete(self, pick, fresh, version, kind):
        name, conditions = self.name(pick, fresh), self.conditions(kind, pick)
        self.both(lambda backend, _: backend.delete(name, version, conditions))

    @rule(items=st.lists(st.tuples(PICKS, KEYS, VERSIONS, WRITES), max_size=4))
    def delete_many(self, items):
        named = [DeleteItem(self.key(p, fresh), version, self.conditions(kind, p)) for p, fresh, version, kind in items]
        self.both(lambda backend, _: backend.delete_many(self.bucket, named))

    @rule(
        source=PICKS, goal=PICKS, fresh=KEYS, version=VERSIONS, kind=SOURCES, headers=st.none() | HEADERS,
        tags=st.none() | TAGS, checksum=CHECKSUMS, under=WRITES,
    )  # fmt: skip
    def copy(self, source, goal, fresh, version, kind, headers, tags, checksum, under):
        self.clock.advance(1.5)
        origin, name = self.name(source, fresh), self.name(goal, fresh)
        conditions = self.conditions(under, goal)
        how = CopyOptions("bob", headers, tags, checksum_algorithm=checksum, conditions=conditions)
        want = Want(version, conditions=self.wanted(kind, source))
        self.learn(self.both(lambda backend, _: backend.copy(origin, want, name, how)), name.key)

    @rule(pick=PICKS, fresh=KEYS, version=VERSIONS, tags=TAGS)
    def tag(self, pick, fresh, version, tags):
        name = self.name(pick, fresh)
        self.both(lambda backend, _: backend.put_tags(name, version, tags))
        self.both(lambda backend, _: backend.tags(name, version))

    @rule(pick=PICKS, fresh=KEYS, version=VERSIONS, acl=ACLS)
    def set_acl(self, pick, fresh, version, acl):
        name = self.name(pick, fresh)
        self.both(lambda backend, _: backend.put_object_acl(name, version, acl))
        self.both(lambda backend, _: backend.object_acl(name, version))

    @rule(pick=PICKS, fresh=KEYS, version=VERSIONS, after=st.integers(0, 4), limit=st.integers(0, 4))
    def attributes(self, pick, fresh, version, after, limit):
        name = self.name(pick, fresh)
        self.both(lambda backend, _: backend.attributes(name, version, after, limit))

    # Listings

    @rule(prefix=PREFIXES, delimiter=DELIMITERS, after=st.just("") | KEYS, limit=st.integers(0, 6))
    def list(self, prefix, delimiter, after, limit):
        for _ in range(30):
            query = ListQuery(prefix, delimiter, after, limit)
            page: Listing = self.both(lambda backend, _, query=query: backend.list(self.bucket, query))[0]
            self.both(lambda backend, _, query=query: backend.list_versions(self.bucket, query))
            if not page.truncated:
                return
            after = page.next_after

    @rule(prefix=PREFIXES, delimiter=DELIMITERS, pick=PICKS, fresh=KEYS, limit=st.integers(0, 4), within=st.booleans())
    def list_uploads(self, prefix, delimiter, pick, fresh, limit, within):
        names = self.uploads[pick][0] if pick < len(self.uploads) else None
        after = names[0].key if names else fresh

        def ask(backend, side):
            after_id = names[side].upload_id if names and within else ""
            return backend.list_uploads(self.bucket, ListQuery(prefix, delimiter, after, limit, after_id=after_id))

        self.compare_uploads(ask)

    @rule(prefix=PREFIXES, delimiter=DELIMITERS, limit=st.integers(1, 4))
    def list_all_uploads(self, prefix, delimiter, limit):
        markers = [("", ""), ("", "")]
        for _ in range(30):

            def ask(backend, side, markers=tuple(markers)):
                after, after_id = markers[side]
                return backend.list_uploads(self.bucket, ListQuery(prefix, delimiter, after, limit, after_id=after_id))

            pages = self.compare_uploads(ask)
            if not pages[0].truncated:
                return
            markers = [(page.next_after, page.next_id) for page in pages]

    def compare_uploads(self, ask: Callable[[StoreBackend, int], Awaitable[Any]]) -> Any:
        """Upload ids differ; which upload each one is must not."""
        pages = [self.run(ask(backend, side)) for side, backend in enumerate(self.backends)]
        numbers = [{names[side].upload_id: n for n, (names, _, _) in enumerate(self.uploads)} for side in (0, 1)]
        plain = [
            (
                [(numbers[side][row[1]], row[0], *row[2:]) for row in page.entries],
                [*page.prefixes],
                page.truncated,
                page.next_after,
                numbers[side].get(page.next_id),
            )
            for side, page in enumerate(pages)
        ]
        assert plain[1] == plain[0]
        return pages

    # Uploads

    @rule(pick=PICKS, fresh=KEYS, kind=KINDS, headers=HEADERS, tags=TAGS, acl=ACLS)
    def begin(self, pick, fresh, kind, headers, tags, acl):
        self.clock.advance(1.5)
        name = self.name(pick, fresh)
        how = UploadOptions(PutOptions("carol", headers, "STANDARD_IA", acl, tags), *kind)
        names = self.both(lambda backend, _: backend.create_upload(name, how))
        self.uploads.append((names, kind[0], {}))

    @rule(pick=PICKS, number=st.integers(1, 4), size=SIZES, fails=st.sampled_from([False, False, False, True]))
    def send_part(self, pick, number, size, fails):
        if self.uploads:
            names, algorithm, parts = self.uploads[-1 - pick % len(self.uploads)]
            error = S3Error() if fails else None
            data = blob(size, number)
            self.keep_part(
                parts, algorithm, lambda b, side: b.put_part(names[side], number, FakeContent(data, fails=error))
            )

    @rule(pick=PICKS, number=st.integers(1, 4), source=PICKS, fresh=KEYS, asked=COPY_RANGES, kind=SOURCES)
    def copy_part(self, pick, number, source, fresh, asked, kind):
        if self.uploads:
            names, algorithm, parts = self.uploads[-1 - pick % len(self.uploads)]
            want = Want(None, asked, conditions=self.wanted(kind, source))
            origin = self.name(source, fresh)
            self.keep_part(parts, algorithm, lambda b, side: b.copy_part(names[side], number, origin, want))

    def keep_part(
        self, parts: dict[int, PartInfo], algorithm: str, ask: Callable[[StoreBackend, int], Awaitable[Any]]
    ) -> None:
        """A part may know more checksums than it was asked for; the one that was asked for must agree."""

        async def asked_checksum(backend: StoreBackend, side: int) -> PartInfo:
            part = await ask(backend, side)
            kept = {algorithm: part.checksums[algorithm]} if algorithm else {}
            return dataclasses.replace(part, checksums=kept)

        part = self.both(asked_checksum)[0]
        if isinstance(part, PartInfo):
            parts[part.number] = part

    @rule(pick=PICKS, after=st.integers(0, 4), limit=st.integers(0, 4))
    def list_parts(self, pick, after, limit):
        if self.uploads:
            names, *_ = self.uploads[-1 - pick % len(self.uploads)]

            async def ask(backend, side):
                page = await backend.list_parts(names[side], after, limit)
                plain = [dataclasses.replace(part, checksums={}) for part in page.parts]
                return dataclasses.replace(page, parts=plain)

            self.both(ask)

    @rule(
        pick=PICKS,
        left_out=st.sets(st.integers(1, 4), max_size=2),
        wrong=st.sampled_from([0, 0, 0, 0, 1, 2, 3]),
        kind=WRITES,
    )
    def complete(self, pick, left_out, wrong, kind):
        if self.uploads:
            self.clock.advance(1.5)
            names, _, parts = self.uploads[-1 - pick % len(self.uploads)]
            named = [PartInfo(n, 0, parts[n].etag) for n in sorted(parts) if n not in left_out]
            if wrong == 1:
                named.reverse()
            if wrong == 2:
                named.append(PartInfo(5, 0, "0" * 32))
            if not named:
                return
            how = CompleteOptions(named, self.conditions(kind, pick), size=1 if wrong == 3 else None)
            self.learn(self.both(lambda backend, side: backend.complete(names[side], how)), names[0].key)
            self.both(lambda backend, side: backend.complete(names[side], how))

    @rule(pick=PICKS)
    def abort(self, pick):
        if self.uploads:
            names, *_ = self.uploads[-1 - pick % len(self.uploads)]
            self.both(lambda backend, side: backend.abort(names[side]))

    # The bucket

    @rule(acl=ACLS)
    def set_bucket_acl(self, acl):
        self.both(lambda backend, _: backend.put_bucket_acl(self.bucket, acl))
        self.both(lambda backend, _: backend.bucket(self.bucket))

    @rule()
    def remove_and_make_bucket(self):
        self.both(lambda backend, _: backend.delete_bucket(self.bucket))
        self.both(lambda backend, _: backend.create_bucket(BucketInfo(self.bucket, "alice", 1)))

    @invariant()
    def same_keys(self):
        self.both(lambda backend, _: backend.list(self.bucket, ListQuery()))

    def teardown(self):
        for key in self.keys:
            self.both(lambda backend, _, key=key: backend.get(ObjectName(self.bucket, key), Want()))


@pytest.mark.parametrize("dedup", [False, True])
def test_store_agrees_with_memory(tmp_path: pathlib.Path, dedup: bool) -> None:
    clock = FakeClock()

    async def opened() -> StoreBackend:
        how = Settings(inline_bytes=INLINE, part_minimum=PART_MINIMUM, dedup=dedup)
        return open_store(str(tmp_path / "data"), now=clock, entropy=FakeEntropy(), digests=DIGESTS, settings=how)

    memory = Memory(now=clock, new_id=FakeIds(), digests=DIGESTS, part_minimum=PART_MINIMUM)
    with asyncio.Runner() as runner:
        store = runner.run(opened())
        try:
            run_state_machine_as_test(
                lambda: Agreement(runner.run, clock, [memory, store]),
                settings=settings(
                    max_examples=60,
                    stateful_step_count=40,
                    deadline=None,
                    suppress_health_check=[HealthCheck.too_slow],
                ),
            )
        finally:
            runner.run(store.close())
    assert fsck(str(tmp_path / "data"), digests=DIGESTS, deep=True).findings == ()

"""What is an object: its content, its row, its tags, its parts? And how is it removed?

A read is one request of the XML API, whose headers hold the whole row. Conditions are judged here, on that row, since
an ETag of ours need not be one of Google's; those that mostly end in a 304 are judged before any content is asked for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from bucketport.backends.remote.dialect import Plan
from bucketport.backends.remote.gcs import held as helds
from bucketport.backends.remote.gcs.answers import Facts, facts_in, facts_of, info_of, nonsense, number, text, texts
from bucketport.backends.remote.gcs.requests import ATTEMPTS, Requests, generation_of, gone
from bucketport.errors import (
    ConditionalRequestConflict,
    InvalidPartNumber,
    NoSuchBucket,
    NoSuchVersion,
    OperationAborted,
)
from bucketport.message import HttpAnswer, HttpRequest
from bucketport.model import Attributes, Deleted, Found, ObjectInfo, ObjectName, PartInfo, Span
from bucketport.options import NO_CONDITIONS, UNCONDITIONAL, Want, WriteConditions
from bucketport.wire import conditions, ranges

_WIDEST = 1 << 62
"""A size that every range fits into: to see whether a header is a range at all."""


class Reading(Requests):
    """The calls that read an object, change its tags, or remove it."""

    def get(self, name: ObjectName, want: Want) -> Plan[Found]:
        """GET Object of the XML API, at the generation that was judged where something was judged before."""
        name = self.real(name)
        given = want.conditions
        for _ in range(ATTEMPTS):
            version, sent = want.version, want.range
            if want.part_number is not None or given.if_none_match is not None or given.if_modified_since is not None:
                facts = facts_of((yield from self.the_resource(name, version)))
                info = _as(name.key, facts)
                conditions.check_read(given, info)
                span = span_of(facts, want)
                version = facts.generation
                if want.part_number is not None:
                    sent = f"bytes={span.start}-{span.stop - 1}" if span else None
            answer = yield self.content(name, version, sent)
            if answer.status in (200, 206):
                return _found(name.key, answer, want)
            if answer.status != 404:
                break
            if version == want.version:
                raise (yield from self._gone(answer, name, version))
        else:
            raise OperationAborted
        if answer.status == 416:
            # Conditions come before the range, and Google need not have named the size.
            facts = facts_of((yield from self.the_resource(name, want.version)))
            conditions.check_read(given, _as(name.key, facts))
            span_of(facts, want)
        raise self.refusal(answer)

    def content(self, name: ObjectName, version: str | None, asked: str | None = None) -> HttpRequest:
        """A read of the content, streamed; `asked` is a Range header. Raises: NoSuchVersion for what is no version."""
        # Without this Google sends gzip'ed content unpacked, and ignores ranges of it.
        headers = {"accept-encoding": "gzip"}
        if asked is not None and is_range(asked):
            headers["range"] = asked
        generation = generation_of(version)
        if generation == "":
            raise gone(version)
        query = {} if generation is None else {"generation": generation}
        return self.xml("GET", name, query, headers, streamed=True)

    def _gone(self, answer: HttpAnswer, name: ObjectName, version: str | None) -> Plan[Exception]:
        error = yield from self.absent(answer, name.bucket)
        return error if isinstance(error, NoSuchBucket) else gone(version)

    def head(self, name: ObjectName, want: Want) -> Plan[Found]:
        """The object's resource, in the JSON API."""
        name = self.real(name)
        facts = facts_of((yield from self.the_resource(name, want.version)))
        info = _as(name.key, facts)
        conditions.check_read(want.conditions, info)
        return Found(info, b"", span_of(facts, want))

    def attributes(self, name: ObjectName, version: str | None, after: int, limit: int) -> Plan[Attributes]:
        """The row, and the parts as far as they are held: their numbers and sizes."""
        name = self.real(name)
        facts = facts_of((yield from self.the_resource(name, version)))
        parts = [part for part in helds.parts_of(helds.read(facts.metadata)) if part.number > after]
        shown = parts[: max(limit, 0)]
        more = shown[-1].number if shown and len(parts) > len(shown) else 0
        return Attributes(_as(name.key, facts), shown, more)

    def tags(self, name: ObjectName, version: str | None) -> Plan[Mapping[str, str]]:
        """Held in the object's metadata."""
        found = yield from self.the_resource(self.real(name), version)
        return dict(helds.read(texts(found, "metadata")).tags)

    def put_tags(self, name: ObjectName, version: str | None, tags: Mapping[str, str]) -> Plan[str | None]:
        """A patch of the metadata, where nobody patched it since it was read. The time of the content is kept too.

        Raises: OperationAborted when others change it all the time.
        """
        name = self.real(name)
        for _ in range(ATTEMPTS):
            found = yield from self.the_resource(name, version)
            facts = facts_of(found)
            held = helds.read(facts.metadata)
            made = replace(held, tags=dict(tags), modified=held.modified or facts.modified_ms // 1000)
            metadata = {helds.FIRST: helds.write(made)}
            if helds.LATER in facts.metadata:
                metadata[helds.LATER] = "{}"
            if held.ours:
                helds.check_size({**facts.metadata, **metadata})
            else:
                # Google's own Cache-Control is told from the owner's by this name.
                made = replace(made, cached="cache-control" in facts.headers)
                metadata[helds.FIRST] = helds.write(made)
                helds.check_size({**facts.metadata, **metadata})
            query = {"generation": facts.generation, "ifMetagenerationMatch": text(found, "metageneration") or "1"}
            answer = yield self.about("PATCH", name, query, {"metadata": metadata}, idempotent=False)
            if answer.status == 200:
                return facts.generation
            if answer.status not in (404, 412):
                raise self.refusal(answer)
        raise OperationAborted

    def delete(self, name: ObjectName, version: str | None, conditions: WriteConditions) -> Plan[Deleted]:
        """DELETE. Conditions are judged on the object's resource, and hold because of its generation.

        In a bucket with versions Google keeps what a delete without a version removes, but has no delete markers.
        """
        name = self.real(name)
        if conditions is not NO_CONDITIONS and conditions != NO_CONDITIONS:
            return (yield from self._delete_if(name, version, conditions))
        generation = generation_of(version)
        if generation == "":
            yield from self.check_bucket(name.bucket)
            raise gone(version)
        answer = yield self.about("DELETE", name, {} if generation is None else {"generation": generation})
        if answer.status == 404:
            error = yield from self.absent(answer, name.bucket)
            if isinstance(error, NoSuchBucket):
                raise error
        elif answer.status not in (200, 204):
            raise self.refusal(answer)
        return Deleted(generation)

    def _delete_if(self, name: ObjectName, version: str | None, given: WriteConditions) -> Plan[Deleted]:
        for _ in range(ATTEMPTS):
            found = yield from self.resource(name, version)
            if found is None and version not in (None, "null"):
                raise NoSuchVersion(fields={"VersionId": str(version)[:200]})
            conditions.check_write(given, None if found is None else _as(name.key, facts_of(found)))
            if found is None:
                return Deleted()
            generation = str(number(found, "generation"))
            query = {"ifGenerationMatch": generation}
            if version not in (None, "null"):
                query["generation"] = generation
            answer = yield self.about("DELETE", name, query, idempotent=False)
            if answer.status in (200, 204):
                return Deleted(generation if "generation" in query else None)
            if answer.status not in (404, 412):
                raise self.refusal(answer)
        raise ConditionalRequestConflict


def _as(key: str, facts: Facts) -> ObjectInfo:
    if facts.key != key:
        raise nonsense("it is about another object")
    return info_of(facts)


def is_range(header: str) -> bool:
    """Whether a Range header is one that S3 heeds, so that it goes along; another is as if there were none."""
    if header.strip().lower().replace(" ", "") == "bytes=-0":
        return True
    return ranges.select(header, _WIDEST) is not None


def span_of(facts: Facts, want: Want) -> Span | None:
    """Which bytes a read selects. Raises: InvalidRange, InvalidPartNumber."""
    if want.part_number is None:
        return ranges.select(want.range, facts.size)
    parts = helds.parts_of(helds.read(facts.metadata))
    return part_span(parts, want.part_number, facts.size)


def part_span(parts: Sequence[PartInfo], number: int, size: int) -> Span | None:
    """The bytes of a part, counted from 1; an object that was not uploaded in parts is its own first one."""
    if not parts and number == 1:
        return Span(0, size, size) if size else None
    start = 0
    for part in parts:
        if part.number == number:
            return Span(start, min(start + part.size, size), size) if part.size else None
        start += part.size
    raise InvalidPartNumber(fields={"PartNumberRequested": str(number), "ActualPartCount": str(max(len(parts), 1))})


def _found(key: str, answer: HttpAnswer, want: Want) -> Found:
    """What a read found. Raises: NotModified, PreconditionFailed, InvalidRange; BackendError for another range."""
    facts = facts_in(key, answer)
    info = info_of(facts)
    if want.conditions is not UNCONDITIONAL:
        conditions.check_read(want.conditions, info)
    span = span_of(facts, want)
    shown = answer.headers.get("content-range") if answer.status == 206 else None
    if shown is None and span is not None and span.length == facts.size:
        return Found(info, answer.body, span)
    if shown != (span.content_range if span else None):
        raise nonsense(f"the range {shown!r} was not asked for")
    return Found(info, answer.body, span)

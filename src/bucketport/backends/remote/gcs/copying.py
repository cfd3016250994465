"""How is an object copied within Google? By rewriting: no bytes come here, unless a checksum is asked for anew.

The source is read first: its conditions are judged, and what is held in its metadata goes along.
"""

import base64
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bucketport.backends.remote.copying import Passed
from bucketport.backends.remote.dialect import Plan
from bucketport.backends.remote.gcs import held as helds
from bucketport.backends.remote.gcs.answers import (
    Facts,
    Resource,
    checksums_of,
    etag_of,
    facts_of,
    info_of,
    nonsense,
    resource_of,
    text,
)
from bucketport.backends.remote.gcs.held import Held
from bucketport.backends.remote.gcs.requests import ATTEMPTS, object_path
from bucketport.backends.remote.gcs.writing import Writing, kept, resource_for
from bucketport.backends.remote.upload import Upload
from bucketport.errors import BackendError, NoSuchBucket, OperationAborted, Trouble
from bucketport.message import Stream, release
from bucketport.model import ObjectName, Stored
from bucketport.options import NO_CONDITIONS, CopyOptions, Want, WriteConditions
from bucketport.wire import conditions
from bucketport.wire.checksums import FULL_OBJECT

_REWRITES = 100_000
"""How often a rewrite may say that it is not done: each call moves a MiB at least, and mostly all there is."""


class Copying(Writing):
    """CopyObject."""

    def copy(self, source: ObjectName, want: Want, name: ObjectName, options: CopyOptions) -> Plan[Stored]:
        """At the generation of the source that was judged; where that is gone, once more from the start."""
        name = self.real(name)
        self.check_options(options.acl, options.extra)
        for _ in range(ATTEMPTS):
            facts = facts_of((yield from self.the_resource(source, want.version)))
            conditions.check_copy(want.conditions, info_of(facts))
            sums, kind = checksums_for(facts, options.checksum_algorithm)
            query = yield from self.generations(name, options.conditions)
            if sums is None:
                stored = yield from self._copy_through(source, facts, name, options, query)
            else:
                resource = copied(facts, name.key, options, sums, kind)
                stored = yield from self._rewrite(source, facts, name, query, resource, given=options.conditions)
            if stored is not None:
                return replace(stored, source_version_id=facts.generation)
        raise OperationAborted

    def _rewrite(
        self,
        source: ObjectName,
        facts: Facts,
        name: ObjectName,
        query: Mapping[str, str],
        resource: Mapping[str, Any],
        *,
        given: WriteConditions,
    ) -> Plan[Stored | None]:
        """Objects: rewrite, until it is done; None when the source was overwritten under our hands."""
        path = f"{object_path(source)}/rewriteTo{object_path(name)}"
        query = {"sourceGeneration": facts.generation, **query}
        for _ in range(_REWRITES):
            answer = yield self.json("POST", path, query, resource, idempotent=given == NO_CONDITIONS)
            if answer.status == 404:
                error = yield from self.absent(answer, name.bucket)
                if isinstance(error, NoSuchBucket):
                    raise error
                return None
            if answer.status != 200:
                raise (yield from self.not_written(answer, name, given))
            state = resource_of(answer)
            if state.get("done") is True:
                return _stored(state)
            token = text(state, "rewriteToken")
            if not token:
                raise nonsense("a rewrite is not done and says not how to go on")
            query = {**query, "rewriteToken": token}
        raise BackendError(Trouble.TIMEOUT, "a rewrite does not come to its end")

    def _copy_through(
        self,
        source: ObjectName,
        facts: Facts,
        name: ObjectName,
        options: CopyOptions,
        query: Mapping[str, str],
    ) -> Plan[Stored | None]:
        """Read the content for its checksum: what is short is then rewritten all the same, the rest is written anew."""
        algorithm = options.checksum_algorithm
        answer = yield self.content(source, facts.generation)
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise self.refusal(answer)
        if isinstance(answer.body, bytes):
            hasher = self.digests.new(algorithm)
            hasher.update(answer.body)
            sums = {algorithm: base64.b64encode(hasher.digest()).decode()}
            resource = copied(facts, name.key, options, sums, FULL_OBJECT)
            return (yield from self._rewrite(source, facts, name, query, resource, given=options.conditions))
        if not isinstance(answer.body, Stream):
            raise nonsense("its body cannot be read")
        passed = Passed(answer.body, facts.size, self.digests, "CRC32C" if facts.crc32c else "", facts.crc32c)
        passed.forgo_md5()
        passed.also(algorithm)
        resource = copied(replace(facts, md5="-"), name.key, options, {}, FULL_OBJECT)
        upload = Upload(passed, facts.size, None, None)
        stored = yield from self.insert(name, query, resource, upload, options.conditions)
        release(answer.body)
        return replace(stored, checksums={algorithm: stored.checksums[algorithm]})


def _stored(state: Resource) -> Stored:
    result = state.get("resource")
    if not isinstance(result, dict):
        raise nonsense("a rewrite is done and made nothing")
    made = facts_of(result)
    held = helds.read(made.metadata)
    sums, kind = checksums_of(made, held)
    return Stored(etag_of(made, held), made.modified_ms, made.size, sums, kind, made.generation)


def checksums_for(facts: Facts, algorithm: str) -> tuple[Mapping[str, str] | None, str]:
    """A copy's checksums and their type: the source's, or the one asked for; None when it has to be computed."""
    sums, kind = checksums_of(facts, helds.read(facts.metadata))
    if not algorithm:
        return sums, kind
    native = {"CRC32C": facts.crc32c, "MD5": base64.b64encode(bytes.fromhex(facts.md5)).decode()}
    if native.get(algorithm):
        return {algorithm: native[algorithm]}, FULL_OBJECT
    if algorithm in sums and kind == FULL_OBJECT:
        return {algorithm: sums[algorithm]}, FULL_OBJECT
    return None, ""


def copied(facts: Facts, key: str, options: CopyOptions, checksums: Mapping[str, str], kind: str) -> dict[str, Any]:
    """The resource of a copy at `key`: all of it is said, since Google takes a resource whole or not at all.

    An object that has no MD5 there keeps its ETag and its parts.
    """
    info, was = info_of(facts), helds.read(facts.metadata)
    headers = info.headers if options.headers is None else options.headers
    native = kind == FULL_OBJECT and dict(checksums) == {"CRC32C": facts.crc32c}
    held = Held(
        True,
        options.owner,
        "" if facts.md5 else info.etag,
        "" if options.storage_class == "STANDARD" else options.storage_class,
        "cache-control" in headers,
        headers.get("expires", ""),
        headers.get("x-amz-website-redirect-location", ""),
        checksum_type="" if native or not checksums else kind,
        checksums={} if native else kept(checksums) if kind == FULL_OBJECT else checksums,
        tags=was.tags if options.tags is None else options.tags,
        runs=() if facts.md5 else was.runs,
    )
    return resource_for(key, headers, held, options.storage_class)

"""Which keys, and which versions of them, are on a page? As the JSON API lists them.

A page goes on behind a name (`startOffset`), never by Google's token: so a client's marker serves as well as ours,
and a page may be cut anywhere. Common prefixes that a page repeats, or shows beyond what it lists, are left out.
"""

from collections.abc import Sequence

from bucketport.backends.remote.dialect import Plan
from bucketport.backends.remote.gcs import held as helds
from bucketport.backends.remote.gcs.answers import (
    Facts,
    Resource,
    checksums_of,
    etag_of,
    facts_of,
    nonsense,
    resource_of,
    rows,
    text,
)
from bucketport.backends.remote.gcs.copying import Copying
from bucketport.backends.remote.gcs.requests import bucket_path, generation_of
from bucketport.backends.remote.gcs.uploads import is_staged
from bucketport.errors import NoSuchBucket
from bucketport.model import Entry, Listing, VersionEntry, VersionListing
from bucketport.options import ListQuery
from bucketport.record import record

MOST = 1000
"""Rows that Google gives at once. Source: https://cloud.google.com/storage/docs/json_api/v1/objects/list (2026-11)"""

_FIELDS = "name,size,generation,updated,timeCreated,timeDeleted,md5Hash,crc32c,storageClass,metadata"
FIELDS = f"nextPageToken,prefixes,items({_FIELDS})"
"""What of each row is asked for; the rest would make a page five times as long."""


def behind(prefix: str) -> str:
    """The first text behind everything that begins with `prefix`; empty when there is none."""
    while prefix:
        last = ord(prefix[-1])
        if last < 0x10FFFF:
            # No text holds a surrogate.
            return prefix[:-1] + chr(0xE000 if last == 0xD7FF else last + 1)
        prefix = prefix[:-1]
    return ""


@record
class _Page:
    """One answer: rows and common prefixes as far as it lists everything, and Google's token for more."""

    items: Sequence[Resource]
    prefixes: Sequence[str]
    token: str


def _page_of(found: Resource, asked: int) -> _Page:
    items, prefixes = rows(found, "items"), found.get("prefixes", [])
    if not isinstance(prefixes, list) or not all(isinstance(prefix, str) for prefix in prefixes):
        raise nonsense("prefixes is no list of texts")
    token = text(found, "nextPageToken")
    if token and items and len(items) + len(prefixes) > asked:
        # More than was asked for: prefixes were not counted, and may stand behind rows that are not here.
        last = max(text(item, "name") for item in items)
        prefixes = [prefix for prefix in prefixes if prefix < last]
    return _Page(items, prefixes, token)


class Lists(Copying):
    """ListObjects and ListObjectVersions."""

    def list(self, bucket: str, query: ListQuery) -> Plan[Listing]:
        """A page of keys; shorter than `limit` now and then, as S3 allows."""
        names = yield from self._names(self.real_bucket(bucket), query, versions=False)
        entries: list[Entry] = []
        prefixes: list[str] = []
        last = ""
        for name, group in names.rows:
            if len(entries) + len(prefixes) == max(query.limit, 0):
                return Listing(entries, prefixes, bool(last), last)
            if group is None:
                prefixes.append(name)
            else:
                entries.extend(entry_of(facts_of(row)) for row in group)
            last = name
        return Listing(entries, prefixes, names.more and query.limit > 0, last if names.more else "")

    def list_versions(self, bucket: str, query: ListQuery) -> Plan[VersionListing]:
        """A page of generations, newest of a key first. Google has no delete markers, so a key may have no latest."""
        names = yield from self._names(self.real_bucket(bucket), query, versions=True)
        entries: list[VersionEntry] = []
        prefixes: list[str] = []
        last = last_id = ""
        for name, group in names.rows:
            shown: Sequence[VersionEntry | None] = [None] if group is None else versions_of(group, name, query)
            for version in shown:
                if len(entries) + len(prefixes) == max(query.limit, 0):
                    return VersionListing(entries, prefixes, bool(last), last, last_id)
                if version is None:
                    prefixes.append(name)
                else:
                    entries.append(version)
                last, last_id = name, version.version_id if version else ""
        if not names.more or query.limit <= 0:
            return VersionListing(entries, prefixes)
        return VersionListing(entries, prefixes, True, last, last_id)

    def _names(self, bucket: str, query: ListQuery, *, versions: bool) -> "Plan[_Names]":
        """The names behind `query.after`, one more than the page wants if there are; rows of a name together.

        Raises: NoSuchBucket.
        """
        resumes = versions and query.after_id != ""
        asked = min(max(query.limit, 0) + 1 + (1 if query.after else 0), MOST)
        sent = {"maxResults": str(asked), "projection": "noAcl", "fields": FIELDS}
        if query.prefix:
            sent["prefix"] = query.prefix
        if query.delimiter:
            sent["delimiter"] = query.delimiter
        if versions:
            sent["versions"] = "true"
        start = _start(query)
        if start is None:
            return _Names([], False)
        if start > query.prefix:
            sent["startOffset"] = start
        is_group = _is_group(query)
        names: dict[str, list[Resource] | None] = {}
        while True:
            answer = yield self.json("GET", f"{bucket_path(bucket)}/o", sent)
            if answer.status == 404:
                raise NoSuchBucket(fields={"BucketName": bucket})
            if answer.status != 200:
                raise self.refusal(answer)
            page = _page_of(resource_of(answer), asked)
            for prefix in page.prefixes:
                if prefix > query.after or (not is_group and query.after.startswith(prefix)):
                    names[prefix] = None
            for item in page.items:
                name = text(item, "name")
                if not name:
                    raise nonsense("an object without a name")
                if (name > query.after or (resumes and name == query.after)) and not is_staged(name):
                    group = names.setdefault(name, [])
                    if group is not None:
                        group.append(item)
            # With versions the last name of a page may have more rows on the next; alone it is of no use then.
            whole = len(names) - 1 if versions and page.token else len(names)
            if not page.token or whole > 0 or query.limit <= 0:
                break
            sent["pageToken"] = page.token
        found = sorted(names.items())
        return _Names(found[:whole] if whole >= 0 else [], page.token != "")


@record
class _Names:
    """Names in order, each with its rows (None: a common prefix), and whether there are more behind them."""

    rows: Sequence[tuple[str, Sequence[Resource] | None]]
    more: bool


def _is_group(query: ListQuery) -> bool:
    """Whether the marker is itself a common prefix: then all beneath it was shown."""
    if not query.delimiter or not query.after.startswith(query.prefix):
        return False
    rest = query.after[len(query.prefix) :]
    return rest.endswith(query.delimiter) and query.delimiter not in rest[: -len(query.delimiter)]


def _start(query: ListQuery) -> str | None:
    """Where a page begins, inclusive; None when nothing can follow. Names up to the marker are left out later."""
    after = query.after
    if _is_group(query):
        return behind(after) or None
    if query.delimiter and after.startswith(query.prefix) and query.delimiter in after[len(query.prefix) :]:
        # Within a group, whose prefix is shown only if there is more of it: the marker itself must not count.
        return after + "\x01"
    return after


def entry_of(facts: Facts) -> Entry:
    """A row of a listing."""
    held = helds.read(facts.metadata)
    sums, kind = checksums_of(facts, held)
    return Entry(
        facts.key,
        facts.size,
        etag_of(facts, held),
        held.modified * 1000 or facts.modified_ms,
        helds.s3_class(facts.google_class, held),
        held.owner,
        next(iter(sums), ""),
        kind,
    )


def versions_of(group: Sequence[Resource], name: str, query: ListQuery) -> Sequence[VersionEntry]:
    """A key's generations, newest first, behind the marker where it stands within them."""
    found = sorted(((facts_of(row), "timeDeleted" not in row) for row in group), key=_age, reverse=True)
    after = generation_of(query.after_id) if name == query.after and query.after_id else None
    made = []
    for facts, is_live in found:
        if after and int(facts.generation) >= int(after):
            continue
        key, size, etag, modified_ms, storage_class, owner, algorithm, kind = entry_of(facts)
        made.append(
            VersionEntry(
                key, size, etag, modified_ms, storage_class, owner, facts.generation, is_live, False, algorithm, kind
            )
        )
    return made


def _age(found: tuple[Facts, bool]) -> int:
    return int(found[0].generation)

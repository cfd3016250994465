#!/usr/bin/env python3
"""Which reference pages follow from tables in the code? These; written anew, or checked, by one command.

python docs/generate.py            write docs/reference/*.md
python docs/generate.py --check    exit 1 and name the pages that are not current
"""

import argparse
import importlib.util
import json
import pathlib
import sys
from collections.abc import Iterable, Sequence
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from bucketport import errors, operations
from bucketport.access.actions import ACTIONS
from bucketport.config.model import Settings
from bucketport.operations.base import COPY_SOURCE
from bucketport.wire.address import Level
from bucketport.wire.checksums import ALGORITHMS, COMPOSITE, FULL_OBJECT

PLACES = {Level.SERVICE: "the service", Level.BUCKET: "a bucket", Level.OBJECT: "an object"}

FOLDER = pathlib.Path(__file__).resolve().parent / "reference"

MADE_BY = "This page is written by `make docs`. Change the table in the code, not the page."


def pages() -> dict[str, str]:
    """Every page's text by its file name."""
    made = {
        "operations.md": operations_page(),
        "errors.md": errors_page(),
        "checksums.md": checksums_page(),
        "actions.md": actions_page(),
        "settings.md": settings_page(),
        "headers.md": headers_page(),
    }
    return {name: text.rstrip("\n") + "\n" for name, text in made.items()}


def page(title: str, source: str, *blocks: str) -> str:
    """A page: its title, where its facts stand, and its blocks."""
    place = source if source.startswith("tests/") else f"src/bucketport/{source}"
    return "\n\n".join((f"# {title}", f"{MADE_BY} It is `{place}`.", *blocks))


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table in Markdown; a bar in a cell is escaped."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


def code(text: str) -> str:
    """A cell of code; empty stays empty."""
    return f"`{text}`" if text else ""


def operations_page() -> str:
    """The matrix of operations: what is there, and what is answered 501."""
    rows = list(operations.table())
    modelled = [row for row in rows if row.operation is not None]
    others = [row for row in rows if row.operation is None]
    blocks = [
        f"{len(modelled)} operations are there. {len(others)} more are known by name: a bucket whose backend is S3 "
        "itself passes them on, any other answers 501 NotImplemented. A request that is neither is 405 "
        "MethodNotAllowed.",
        "*Selected by* is the query parameter, or the header, that tells an operation from the others at its place. "
        "*Body* is what is done with the request's body: `stream` stores it as it passes, `buffer` and `parts` read "
        "an XML document, `none` refuses one. *Needs* is what the bucket's backend must offer.",
    ]
    for level, place in PLACES.items():
        cells = [
            (row.name, code(row.method), selector(row), code(row.action), row.body.value, row.needs.value)
            for row in modelled
            if row.level is level
        ]
        if cells:
            heads = ("Operation", "Method", "Selected by", "Action", "Body", "Needs")
            blocks += [f"## On {place}", table(heads, cells)]
    cells = [(row.name, code(row.method), PLACES[row.level], selector(row), code(row.action)) for row in others]
    blocks += ["## Known by name", table(("Operation", "Method", "On", "Selected by", "Action"), cells)]
    return page("Operations", "operations/", *blocks)


def selector(row: operations.Row) -> str:
    """What tells the operation from its neighbours."""
    query, _, copy = row.selector.partition("+")
    return " and ".join(code(name) for name in (query, COPY_SOURCE if copy else "") if name)


def errors_page() -> str:
    """The table of error codes."""
    rows = [(code(kind.code), kind.status, kind.text) for kind in errors.codes()]
    return page(
        "Errors",
        "errors.py",
        "Every error that a client can get, with its HTTP status and its default message. A message can say more than "
        "the default; the code never differs.",
        table(("Code", "Status", "Message"), rows),
    )


def checksums_page() -> str:
    """The table of checksum algorithms."""
    rows = [
        (
            row.name,
            code(row.header),
            row.length,
            "yes" if COMPOSITE in row.types else "",
            "yes" if FULL_OBJECT in row.types else "",
        )
        for row in ALGORITHMS.values()
    ]
    return page(
        "Checksums",
        "wire/checksums.py",
        "A checksum comes in its header, or as a trailer named by `x-amz-trailer`. It is kept and returned to a "
        "request with `x-amz-checksum-mode: ENABLED`. A mismatch is 400 and stores nothing. `Content-MD5` is checked "
        "too, and not kept.",
        table(("Algorithm", "Header", "Bytes", "Multipart, composite", "Multipart, full object"), rows),
    )


def actions_page() -> str:
    """The table of actions: what a scope may name, and what else grants each."""
    rows = [
        (
            code(row.name),
            code(row.iam),
            row.bucket_grant,
            row.object_grant,
            "yes" if row.anonymous else "",
            ", ".join(code(name) for name in row.implied_by),
        )
        for row in ACTIONS.values()
    ]
    return page(
        "Actions",
        "access/actions.py",
        "What a request asks leave for. *ACL* columns name the permission of a canned ACL that grants the action, on "
        "the bucket or on the object. *Public* says whether a public bucket grants it to everybody. *Also by* names "
        "the actions whose scope covers this one.",
        table(("Action", "In a policy", "Bucket ACL", "Object ACL", "Public", "Also by"), rows),
    )


def headers_page() -> str:
    """What becomes of each request header at each kind of backend."""
    matrix = header_matrix()
    blocks = [
        "What becomes of a header of a write, by the kind of the bucket's backend (`s3` is another bucketport, `az` is "
        "Azurite, `gcs` is fake-gcs-server): it comes back (*yes*), it asks for what is so anyway (*as it is*), or it "
        "is refused with an error. None is lost in silence: `tests/gateway/test_header_matrix.py` proves each cell by "
        "short and long PutObject, multipart upload (but `gcs`, see [conformance](../conformance.md)) and CopyObject. "
        "`aws-chunked` is a framing and taken off. Reads are HeadObject and GetObject, with one exception: on `gcs` "
        "only GetObject could be proven to tell a storage class."
    ]
    for group, rows in matrix.GROUPS.items():
        cells = [(code(shown(row.title)), *(outcome(row, kind) for kind in matrix.KINDS)) for row in rows]
        blocks += [f"## {group}", table(("Header", *matrix.KINDS), cells)]
    names = ", ".join(code(f"x-amz-checksum-{name.lower()}") for name in matrix.CHECKSUMS)
    blocks += [
        "## Checksums",
        f"As a header and as a trailer, every kind: checked, kept, and returned with `x-amz-checksum-mode: ENABLED`: "
        f"{names}.",
        "## Judged, not kept",
        table(("Header", "Every kind answers"), [(code(name), answer) for name, answer in matrix.JUDGED]),
    ]
    return page("Headers", "tests/gateway/matrix.py", *blocks)


def header_matrix() -> Any:
    """The table that the live test proves."""
    place = FOLDER.parents[1] / "tests" / "gateway" / "matrix.py"
    spec = importlib.util.spec_from_file_location("matrix", place)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def shown(title: str) -> str:
    """A row's title, where it would break the cell it stands in without its back quotes."""
    return title.replace("`", "")


def outcome(row: Any, kind: str) -> str:
    """A cell."""
    return "as it is" if kind in row.taken else row.refused.get(kind, "yes")


def settings_page() -> str:
    """Every setting of the configuration file, by section."""
    return page(
        "Settings",
        "config/model.py",
        "What a configuration file (TOML) may hold. A flag comes before the environment, the environment before the "
        "file, the file before the default; `bucketport config` shows what is in force and where it came from. Sizes "
        "are bytes, times are seconds, unless a name says otherwise. An unknown key is an error.",
        *section(Settings, ""),
    )


def section(model: type[BaseModel], path: str, repeated: bool = False) -> list[str]:
    """The blocks of one section and of those in it. `repeated`: it, or one around it, may be there several times."""
    rows, inner = [], []
    for name, field in model.model_fields.items():
        below, many = section_of(field.annotation)
        place = f"{path}.{name}" if path else name
        if below is not None:
            head = f"`[[{place}]]`" if many else f"`[{place}]`"
            inner += [f"## {head}", below.__doc__ or "", *section(below, place, repeated or many)]
            continue
        variable = "" if repeated else code("BUCKETPORT_" + place.upper().replace(".", "__"))
        rows.append((code(name), variable, default_of(field), field.description or ""))
    heads = ("Key", "Environment", "Default", "What it is")
    return ([table(heads, rows)] if rows else []) + inner


def section_of(annotation: Any) -> tuple[type[BaseModel] | None, bool]:
    """The section that a field holds, if it holds one, and whether it holds several."""
    for kind in (annotation, *get_args(annotation)):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind, get_origin(annotation) is list
    return None, False


def default_of(field: FieldInfo) -> str:
    """A default as TOML would write it."""
    if field.is_required():
        return "required"
    return "" if field.default is None else code(json.dumps(field.default))


def stale() -> list[str]:
    """The names of pages that differ from what the code says, or that nothing makes any more."""
    wanted = pages()
    found = {file.name: file.read_text(encoding="utf-8") for file in FOLDER.glob("*.md")}
    made = {name: text for name, text in found.items() if name in wanted or MADE_BY in text}
    return sorted(name for name in wanted.keys() | made.keys() if wanted.get(name) != made.get(name))


def main() -> int:
    """Write the pages, or check them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a page is not current")
    if parser.parse_args().check:
        found = stale()
        for name in found:
            print(f"docs/reference/{name} is not current: run `make docs`", file=sys.stderr)
        return 1 if found else 0
    FOLDER.mkdir(exist_ok=True)
    for name in stale():
        text = pages().get(name)
        if text is None:
            (FOLDER / name).unlink()
        else:
            (FOLDER / name).write_text(text, encoding="utf-8")
        print(f"docs/reference/{name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

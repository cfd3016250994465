"""Who may import whom? The ranks of the house, read from the imports themselves."""

import ast
import sys

LEAVES = {"record", "model", "options", "message", "errors"}
SEAMS = {"ports", "exchange", "mounts", "sessions"}
ROOMS = {"identity", "access", "operations", "backends", "registry", "crypto", "metering", "transports", "uploads"}
BEHIND_PORTS = {"backends", "registry", "crypto", "transports"}
FLOW = {"api", "app"}
UP_TO_SEAMS = LEAVES | {"wire"} | SEAMS

MAY_IMPORT = {
    **dict.fromkeys(LEAVES, LEAVES),
    "wire": LEAVES | {"wire"},
    **dict.fromkeys(SEAMS, LEAVES | SEAMS),
    **{room: UP_TO_SEAMS | {room} for room in ROOMS},
    **dict.fromkeys(FLOW, UP_TO_SEAMS | ROOMS - BEHIND_PORTS | FLOW),
    "config": UP_TO_SEAMS | ROOMS | FLOW | {"config"},
    "runtimes": UP_TO_SEAMS | {"app", "config", "runtimes"},
    "cli": UP_TO_SEAMS | {"app", "config", "cli", "runtimes"},
    "testing": UP_TO_SEAMS | ROOMS | FLOW | {"testing"},
}
"""By the first name below `bucketport`: what it may import from the package. The version may be read by all. A command
starts a runtime, which nothing below it may know, so `cli` imports `runtimes`.
"""

CORE = UP_TO_SEAMS | {"identity", "access", "operations"} | FLOW

NOT_IN_THE_CORE = {
    "asyncio",
    "threading",
    "concurrent",
    "multiprocessing",
    "selectors",
    "socket",
    "ssl",
    "sqlite3",
    "logging",
    "subprocess",
    "random",
    "secrets",
    "tempfile",
    "email",
    "signal",
    "ctypes",
}
"""What Pyodide or Workers lacks, and what reads a clock or randomness of its own."""

THIRD_PARTY = {
    "backends/store/index/": {"apsw"},
    "registry/sqlite": {"apsw"},
    "crypto/digests.py": {"anycrc", "xxhash"},
    "crypto/native.py": {"cryptography"},
    "metering/prometheus.py": {"prometheus_client"},
    "config/": {"pydantic", "pydantic_core"},
    "runtimes/server/": {"httptools", "uvloop"},
    "transports/": {"aiohttp", "httptools"},
    "testing/": {"pytest", "hypothesis"},
    "cli/": {"typer", "rich", "pydantic"},
}
"""Where a package from elsewhere may appear; the path of a file, or the start of one."""

EXCEPTIONS: dict[tuple[str, str], str] = {}
"""(file, what it imports) that breaks a rule, and why it may."""


def _imports(source):
    """(line, dotted name) of each import, wherever it stands."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, name.name) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            if base == "bucketport":
                yield from ((node.lineno, f"bucketport.{name.name}") for name in node.names)
            else:
                yield node.lineno, base


def _room(dotted):
    """The first name below `bucketport`."""
    return dotted.split(".")[1] if "." in dotted else ""


def _broken(sources, judge):
    """What `judge(source, imported)` finds wrong, as lines that say where."""
    used = set()
    found = []
    for source in sources:
        for line, imported in _imports(source):
            rule = judge(source, imported)
            if rule and (source.path, imported) in EXCEPTIONS:
                used.add((source.path, imported))
            elif rule:
                found.append(f"src/bucketport/{source.path}:{line}: imports {imported}: {rule}")
    return found, used


def _by_rank(source, imported):
    if not imported.startswith("bucketport"):
        return ""
    here, there = _room(source.module), _room(imported)
    if here == "" or there in ("", "__version__"):
        return ""
    if here not in MAY_IMPORT:
        return f"{here} has no rank; give it one in MAY_IMPORT"
    if there in MAY_IMPORT[here]:
        return ""
    return f"{here} may import only {', '.join(sorted(MAY_IMPORT[here]))}"


def _by_place(source, imported):
    top = imported.partition(".")[0]
    if imported.startswith(".") or top == "bucketport" or top in sys.stdlib_module_names:
        return ""
    if any(source.path.startswith(place) and top in packages for place, packages in THIRD_PARTY.items()):
        return ""
    return "a third-party package outside the places named in THIRD_PARTY"


def _by_core(source, imported):
    if _room(source.module) in CORE and imported.partition(".")[0] in NOT_IN_THE_CORE:
        return "the core runs where this does not exist, or must not decide by it"
    return ""


def test_imports_follow_the_ranks(sources):
    found, _ = _broken(sources, _by_rank)
    assert not found, "\n".join(found)


def test_third_party_packages_appear_only_in_their_places(sources):
    found, _ = _broken(sources, _by_place)
    assert not found, "\n".join(found)


def test_the_core_imports_nothing_that_needs_an_operating_system(sources):
    found, _ = _broken(sources, _by_core)
    assert not found, "\n".join(found)


def test_imports_are_absolute(sources):
    found, _ = _broken(sources, lambda source, imported: "say the whole name" if imported.startswith(".") else "")
    assert not found, "\n".join(found)


def test_every_exception_has_a_reason_and_is_still_needed(sources):
    used = set().union(*(_broken(sources, judge)[1] for judge in (_by_rank, _by_place, _by_core)))
    assert set(EXCEPTIONS) == used
    assert all(len(reason) > 20 for reason in EXCEPTIONS.values())

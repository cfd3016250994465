"""What can another package bring? One of each kind is in examples/extension; this runs them."""

import asyncio
import hmac
import importlib.metadata
import importlib.util
import pathlib
import re
import sys
import tomllib

import pytest

from bucketport.config.build import Foundation, Surroundings, assemble
from bucketport.config.load import Asked, load
from bucketport.config.offline import try_out
from bucketport.config.trouble import BadConfiguration
from bucketport.exchange import Exchange
from bucketport.message import BytesBody, Request

ROOT = pathlib.Path(__file__).resolve().parents[3]
EXAMPLE = ROOT / "examples" / "extension"

CONFIG = """
[server]
data = "data"
[store]
[[extensions]]
kind = "credentials"
name = "derived"
options = { master = "${MASTER}" }
[[extensions]]
kind = "methods"
name = "bearer"
[[extensions]]
kind = "buckets"
name = "tenants"
[[buckets]]
name = "ann-scratch"
backend_type = "told"
[[credentials]]
access_key_id = "K"
secret_access_key = "long-enough"
principal_name = "ann"
unrestricted = true
"""


@pytest.fixture
def example(monkeypatch):
    """The example, as if it were installed; its module."""
    spec = importlib.util.spec_from_file_location("bucketport_example", EXAMPLE / "bucketport_example.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "bucketport_example", module)
    spec.loader.exec_module(module)
    groups = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]["entry-points"]

    def entry_points(*, group):
        return [importlib.metadata.EntryPoint(name, value, group) for name, value in groups.get(group, {}).items()]

    monkeypatch.setattr("bucketport.config.extensions.entry_points", entry_points)
    return module


@pytest.fixture
def configured(tmp_path, monkeypatch):
    """Load this configuration, in a folder that is the current one."""
    monkeypatch.chdir(tmp_path)

    def read(text, **environment):
        (tmp_path / "config.toml").write_text(text)
        return load(Asked("config.toml", environment={"MASTER": "the master secret"} | environment))

    return read


def answers(loaded, *requests):
    """What the application that is configured so answers, and what it reported."""
    said = []

    async def run():
        surroundings = Surroundings(lambda: 1e9, lambda: 0.0, lambda count: b"x" * count, said.append)
        foundation = Foundation(loaded.settings, surroundings)
        try:
            app = assemble(loaded, foundation)
            return [
                (await app.handle(request, Exchange("ID", 0.0, 0.0, request.method, request.raw_path))).status
                for request in requests
            ]
        finally:
            await foundation.close()

    return asyncio.run(run()), said


def ask(method, path, token=None, body=b""):
    headers = {"host": "x", "content-length": str(len(body))}
    if token:
        headers["authorization"] = f"Bearer {token}"
    return Request(method, path, "", headers, BytesBody(body))


def derived(access_key):
    return f"{access_key}:{hmac.new(b'the master secret', access_key.encode(), 'sha256').hexdigest()[:40]}"


def test_one_of_each_kind_works_together(example, configured):
    ann, bob = derived("ann-1"), derived("bob-1")
    statuses, said = answers(
        configured(CONFIG),
        ask("PUT", "/ann-scratch/k", ann, b"abc"),
        ask("GET", "/ann-scratch/k", ann),
        ask("GET", "/ann-scratch/k", bob),
        ask("GET", "/ann-scratch/k", ann[:-1]),
        ask("GET", "/ann-scratch/k"),
        ask("PUT", "/bob-own", bob),
        ask("PUT", "/other", bob),
        ask("GET", "/ann-scratch/k", "K:long-enough"),
        ask("GET", "/ann-scratch/k", "K:wrong"),
    )
    assert statuses == [200, 200, 404, 403, 404, 200, 403, 200, 403]
    assert said == ["stored ann-scratch/k: 3 bytes of ann"]


def test_options_of_an_extension_are_no_ones_business(example, configured):
    from bucketport.config.shown import leaves

    shown = dict(leaves(configured(CONFIG).settings))
    assert shown["extensions", 0, "options", "master"] == "(secret)"


def test_an_extension_that_is_not_installed_is_named_with_its_line(configured):
    with pytest.raises(BadConfiguration) as caught:
        configured(CONFIG)
    assert [str(problem) for problem in caught.value.problems] == [
        "config.toml:7: extensions[0].name: no package that is installed brings one, not 'derived'",
        "config.toml:11: extensions[1].name: no package that is installed brings one, not 'bearer'",
        "config.toml:14: extensions[2].name: no package that is installed brings one, not 'tenants'",
        "config.toml:17: buckets[0].backend_type: one of s3, az, gcs, local, memory is expected, not 'told'",
    ]


def test_a_kind_of_backend_is_suggested_when_it_is_installed(example, configured):
    with pytest.raises(BadConfiguration, match=r"memory, told is expected, not 'Tolt'; did you mean told\?"):
        configured('[[buckets]]\nname = "x"\nbackend_type = "Tolt"')


def test_an_extension_that_refuses_its_options_is_named_with_its_line(example, configured):
    with pytest.raises(BadConfiguration, match=r"config\.toml:5: extensions\[0\]: .* derived .* need a master secret"):
        try_out(configured(CONFIG.replace("master =", "mistress =")))


def test_an_extension_that_cannot_be_imported_is_named(example, configured, monkeypatch):
    monkeypatch.setitem(sys.modules, "bucketport_example", None)
    with pytest.raises(BadConfiguration, match=r"extensions\[0\]: The extension derived .* cannot be loaded"):
        answers(configured(CONFIG))


def test_what_the_page_shows_is_what_the_example_has():
    code = (EXAMPLE / "bucketport_example.py").read_text()
    shown = re.findall(r"```python\n(.*?)```", (ROOT / "docs/extending/index.md").read_text(), re.DOTALL)
    assert len(shown) == 4
    assert [block for block in shown if block not in code] == []

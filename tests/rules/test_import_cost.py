"""What does importing the core bring along? Nothing that Workers lack, and no look at clock, chance or surroundings."""

import json
import subprocess
import sys

import pytest

CORE = ("bucketport.app", "bucketport.api.s3", "bucketport.operations")

FORBIDDEN = {"asyncio", "threading", "socket", "ssl", "sqlite3", "logging", "subprocess", "random", "tempfile", "email"}

LIST = """
import sys, json, importlib
sys.path.insert(0, sys.argv[1])
before = set(sys.modules)
for name in sys.argv[2:]:
    importlib.import_module(name)
print(json.dumps(sorted(set(sys.modules) - before)))
"""

BARRED = """
import sys, importlib, os, time, datetime, random, secrets, uuid
sys.path.insert(0, sys.argv[1])
names = sys.argv[2:]
for name in names:
    importlib.import_module(name)        # what the standard library does at import is its own affair
for name in [name for name in sys.modules if name.partition(".")[0] == "bucketport"]:
    del sys.modules[name]

class Barred(BaseException):
    pass

def barred(*_, **__):
    raise Barred("read at import")

class Environment(dict):
    __getitem__ = get = __contains__ = __iter__ = keys = items = values = barred

class Date(datetime.datetime):
    now = utcnow = today = classmethod(barred)

for clock in ("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "localtime", "gmtime"):
    setattr(time, clock, barred)
for chance in ("random", "randint", "randbytes", "choice", "getrandbits", "uniform"):
    setattr(random, chance, barred)
secrets.token_bytes = secrets.token_hex = secrets.token_urlsafe = barred
uuid.uuid1 = uuid.uuid4 = barred
os.urandom = os.getrandom = os.getenv = barred
os.environ = Environment()
datetime.datetime = Date
for name in names:
    importlib.import_module(name)
"""


def _run(script, root, *names):
    command = [sys.executable, "-I", "-S", "-c", script, str(root / "src"), *names]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.parametrize("name", CORE)
def test_import_of_the_core_brings_nothing_that_workers_lack(root, name):
    brought = {module.partition(".")[0] for module in json.loads(_run(LIST, root, name))}
    assert not brought & FORBIDDEN


@pytest.mark.parametrize("name", CORE)
def test_import_of_the_core_brings_no_third_party_package(root, name):
    brought = {module.partition(".")[0] for module in json.loads(_run(LIST, root, name))}
    assert brought - set(sys.stdlib_module_names) == {"bucketport"}


def test_import_of_the_core_reads_no_clock_no_chance_and_no_environment(root):
    _run(BARRED, root, *CORE)


def test_the_bar_itself_holds(root, tmp_path):
    package = tmp_path / "src" / "bucketport"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("import time\nSTARTED = time.time()\n")
    with pytest.raises(AssertionError, match="read at import"):
        _run(BARRED, tmp_path, "bucketport")

"""What does the embedded store cost by itself, without HTTP? Microseconds of CPU of the whole process per call.

    PYTHONPATH=src python benchmarks/store_bench.py [--keys 100000] [--folder DIR]

Wall-clock figures depend on the disk; CPU is what the server's budget per request is made of.
"""

import argparse
import asyncio
import base64
import hashlib
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable

from bucketport.backends.store.open import open_store
from bucketport.backends.store.store import Store
from bucketport.crypto.digests import WheelDigests
from bucketport.message import FileSpans, release
from bucketport.model import BucketInfo, ObjectName, Promised, Sealed
from bucketport.options import NO_CONDITIONS, WHOLE, ListQuery, PutOptions

DIGESTS = WheelDigests()
OPTIONS = PutOptions("root", {"content-type": "binary/octet-stream"})


class Memory:
    """Content of `count` pieces of the same bytes, hashed as a PUT is: MD5 and CRC64NVME."""

    def __init__(self, piece: bytes, count: int = 1) -> None:
        self._piece, self._left, self.length = piece, count, len(piece) * count
        self._size = self.length
        self._md5, self._crc = hashlib.md5(usedforsecurity=False), DIGESTS.new("CRC64NVME")
        self.promised = Promised()

    def forgo_md5(self) -> None: ...

    def also(self, algorithm: str) -> None: ...

    async def pull(self) -> bytes:
        if not self._left:
            return b""
        self._left -= 1
        return self._piece

    def accept(self, raw: bytes) -> tuple[bytes]:
        self._md5.update(raw)
        self._crc.update(raw)
        return (raw,)

    def finish(self) -> Sealed:
        return Sealed(self._size, self._md5.digest(), {"CRC64NVME": base64.b64encode(self._crc.digest()).decode()})


async def measure(name: str, calls: int, call: Callable[[int], Awaitable[object]], at_once: int = 1) -> None:
    """Print CPU microseconds and calls a second; with `at_once` tasks also the slowest of a hundred."""
    waits: list[float] = []

    async def work(first: int) -> None:
        for number in range(first, calls, at_once):
            began = time.perf_counter()
            await call(number)
            waits.append(time.perf_counter() - began)

    began, cpu = time.perf_counter(), time.process_time()
    if at_once == 1:
        await work(0)
    else:
        await asyncio.gather(*(work(first) for first in range(at_once)))
    cpu, wall = time.process_time() - cpu, time.perf_counter() - began
    slow = statistics.quantiles(waits, n=100)[98] * 1000 if len(waits) > 1 else waits[0] * 1000
    print(f"{name:34} {cpu / calls * 1e6:10.1f} us CPU {calls / wall:12,.0f}/s   p99 {slow:8.2f} ms")


async def read_all(store: Store, name: ObjectName) -> None:
    """Get an object and read its files in pieces of 256 KiB."""
    found = await store.get(name, WHOLE)
    if isinstance(found.body, FileSpans):
        for path, start, stop in found.body.spans:
            with open(path, "rb", buffering=0) as file:  # noqa: ASYNC230
                for at in range(start, stop, 256 << 10):
                    file.seek(at)
                    file.read(min(256 << 10, stop - at))
    release(found.body)


async def run(folder: str, keys: int) -> None:
    """All cases, on a store in `folder` with that many keys."""
    store = open_store(folder, now=time.time, entropy=os.urandom, digests=DIGESTS, log=print)
    await store.create_bucket(BucketInfo("bench", "root", 0))
    small, middle, large = os.urandom(1 << 10), os.urandom(64 << 10), os.urandom(1 << 20)
    put, get = store.put, store.get
    names = [ObjectName("bench", f"key-{number:08d}") for number in range(keys)]
    await measure("put 1 KiB, 32 at once", keys, lambda n: put(names[n], Memory(small), OPTIONS), 32)
    await measure("put 1 KiB over the same, 32", 10_000, lambda n: put(names[n], Memory(small), OPTIONS), 32)
    await measure("put 1 KiB, alone", 500, lambda n: put(names[n], Memory(small), OPTIONS))
    await measure("get 1 KiB", 20_000, lambda n: get(names[n * 7919 % keys], WHOLE))
    await measure("head 1 KiB", 20_000, lambda n: store.head(names[n * 7919 % keys], WHOLE))
    await measure("list 1,000", 300, lambda n: store.list("bench", ListQuery(after=f"key-{n:08d}")))
    flat = ListQuery(delimiter="/")
    await measure("list 1,000 with a delimiter, flat", 300, lambda n: store.list("bench", flat))
    await store.create_bucket(BucketInfo("folders", "root", 0))
    deep = [ObjectName("folders", f"dir-{n % 200:04d}/file-{n:06d}") for n in range(20_000)]
    await measure("(filling)", 20_000, lambda n: put(deep[n], Memory(b""), OPTIONS), 32)
    await measure("list 200 prefixes", 300, lambda n: store.list("folders", flat))
    blobs = [ObjectName("bench", f"blob-{n:06d}") for n in range(1000)]
    await measure("put 64 KiB, 32 at once", 1000, lambda n: put(blobs[n], Memory(middle), OPTIONS), 32)
    await measure("get 64 KiB", 1000, lambda n: read_all(store, blobs[n]))
    await measure("delete 1 KiB, 32 at once", 5000, lambda n: store.delete(names[n], None, NO_CONDITIONS), 32)
    giant = ObjectName("bench", "giant")
    await measure("put 1 GiB", 1, lambda n: put(giant, Memory(large, 1024), OPTIONS))
    await measure("read 1 GiB", 1, lambda n: read_all(store, giant))
    print(store.statistics())
    await store.close()


def main() -> None:
    """Parse the command line, run, clean up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=100_000)
    parser.add_argument("--folder", default=None)
    given = parser.parse_args()
    folder = given.folder or tempfile.mkdtemp(prefix="store-bench-")
    try:
        try:
            import uvloop
        except ImportError:
            asyncio.run(run(folder, given.keys))
        else:
            uvloop.run(run(folder, given.keys))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()

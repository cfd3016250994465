"""On which event loop does the server run?"""

import asyncio
import sys

import uvloop

from bucketport.runtimes.server import run


async def kind():
    return type(asyncio.get_running_loop())


def test_uvloop_is_used_where_it_is_installed():
    assert run(kind()) is uvloop.Loop


def test_own_loop_of_asyncio_serves_where_uvloop_is_not(monkeypatch):
    monkeypatch.setitem(sys.modules, "uvloop", None)
    assert issubclass(run(kind()), asyncio.BaseEventLoop)

"""How is the core served over HTTP/1.1? A small protocol of our own on httptools and uvloop.

`head` reads a request's head, `chunks` and `body` its content; `sending` writes an answer by body kind; `eager` runs a
handler without a task while it can; `connection` puts these together for one client; `server` holds the connections.
"""

from bucketport.runtimes.server.loop import run
from bucketport.runtimes.server.server import Server, TlsFiles

__all__ = ["Server", "TlsFiles", "run"]

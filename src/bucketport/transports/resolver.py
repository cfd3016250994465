"""Which addresses has a host? What the system's resolver says, asked in threads of its own: a name whose servers hang
must not keep others' work out of the event loop's threads.
"""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor

from bucketport.errors import BackendError, Trouble

_THREADS = 4


class SystemResolver:
    """`uploads.delivery.Resolver` by getaddrinfo. `seconds`: how long an answer is waited for. Close it at the end."""

    def __init__(self, seconds: float = 5.0) -> None:
        self._seconds = seconds
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="bucketport-resolver")

    async def resolve(self, host: str, port: int) -> list[str]:
        """As `Resolver.resolve`."""
        asked = asyncio.get_running_loop().run_in_executor(self._threads, _look_up, host, port)
        try:
            async with asyncio.timeout(self._seconds):
                return await asked
        except TimeoutError:
            raise BackendError(Trouble.TIMEOUT, f"{host}: no address in {self._seconds} s") from None
        except (OSError, UnicodeError) as error:
            raise BackendError(Trouble.UNREACHABLE, f"{host}: {error}") from None

    def close(self) -> None:
        """Ask nothing more."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _look_up(host: str, port: int) -> list[str]:
    rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(place[0]) for *_, place in rows))

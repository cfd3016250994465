"""Which blobs are being read? A file stays as long as somebody may still read from it."""

from collections.abc import Callable, Iterable


class Leases:
    """Counts of readers, by blob. For one thread: the event loop's."""

    def __init__(self) -> None:
        self._held: dict[int, int] = {}
        self._wanted: set[int] = set()
        self.on_free: Callable[[], None] = lambda: None

    def take(self, blobs: Iterable[int]) -> Callable[[], None]:
        """Hold these blobs; the result gives them back, once however often it is called."""
        held = list(blobs)
        counts = self._held
        for blob in held:
            counts[blob] = counts.get(blob, 0) + 1

        def give_back() -> None:
            awaited = False
            while held:
                blob = held.pop()
                left = counts[blob] - 1
                if left:
                    counts[blob] = left
                    continue
                del counts[blob]
                if blob in self._wanted:
                    self._wanted.discard(blob)
                    awaited = True
            if awaited:
                self.on_free()

        return give_back

    def free(self, blobs: Iterable[int]) -> list[int]:
        """Those that nobody reads. For the others `on_free` is called when their last reader is done."""
        free = []
        for blob in blobs:
            if blob in self._held:
                self._wanted.add(blob)
            else:
                free.append(blob)
        return free

    def __len__(self) -> int:
        return len(self._held)

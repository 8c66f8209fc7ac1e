"""Work that is answered for in time, though it may end later."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as OutOfTime
from threading import BoundedSemaphore

from aiops.errors import Unavailable


class Deadline:
    """Runs work in threads of its own, a bounded number; they start with the first work.

    Work that takes too long goes on: whoever asks again finds it done.

    Args:
        most: Pieces of work at a time.
    """

    def __init__(self, most: int) -> None:
        self._free = BoundedSemaphore(most)
        self._threads = ThreadPoolExecutor(most, "gateway")

    def run(self, seconds: float, work: Callable[[], None]) -> None:
        """Return once the work is done.

        Raises:
            Unavailable: it is not done in time, or too much else goes on.
        """
        if not self._free.acquire(blocking=False):
            raise Unavailable("others are still being waited for")
        try:
            future: Future[None] = self._threads.submit(work)
        except RuntimeError:  # on the way down
            self._free.release()
            raise Unavailable("stopping") from None
        future.add_done_callback(lambda _: self._free.release())
        try:
            future.result(timeout=seconds)
        except OutOfTime:
            raise Unavailable(f"not done within {seconds:g} s") from None

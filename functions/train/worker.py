"""The process that fits: frames in, frames out, until the pipe closes.

`python -m functions.train.worker BYTES` may use so much memory. Whoever started it ends it when a
fit takes too long; should they be gone, it ends itself.
"""

import contextlib
import logging
import os
import resource
import signal
import sys
import threading
import time
import traceback
from dataclasses import asdict
from typing import Any, BinaryIO

from aiops.history import History
from functions.train import frames
from functions.train.baseline import baseline
from functions.train.fit import DAY_MS
from functions.train.procedure import Outcome, Task, serve

GRACE_SECONDS = 15
"""How much longer than its limit a fit may run before the kernel ends it: nobody else did."""


def main() -> None:
    """Serve tasks until there are no more."""
    limit = int(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    logging.disable(logging.CRITICAL)
    tasks, answers = _pipes()
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    with tasks, answers:
        while (frame := frames.read(tasks)) is not None:
            head, body = frame
            signal.alarm(int(head.pop("seconds")) + GRACE_SECONDS)
            outcome = _served(head, body, answers)
            signal.alarm(0)
            answers.write(_packed(outcome))
            answers.flush()


def _pipes() -> tuple[BinaryIO, BinaryIO]:
    """Return the pipes of frames; what libraries print goes to the log instead."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return os.fdopen(os.dup(0), "rb"), answers


def _served(head: dict[str, Any], body: bytes, answers: BinaryIO) -> Outcome:
    def beat(doing: str) -> None:
        answers.write(frames.pack({"beat": doing}))
        answers.flush()

    task = Task(**head, history=History.of(body))
    until = task.now + DAY_MS
    try:
        return serve(task, baseline, beat)
    except MemoryError:
        return Outcome("failed", task.detector, "ran out of the memory a fit may use", until)
    except Exception as bug:  # noqa: BLE001 - a library's, with this history; the next may be fine
        traceback.print_exc(file=sys.stderr)
        told = f"{type(bug).__name__}: {str(bug)[:200]}"
        return Outcome("failed", task.detector, told, until)


def _packed(outcome: Outcome) -> bytes:
    head = asdict(outcome)
    return frames.pack({"outcome": head}, head.pop("artefact"))


def _end_with_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1.0)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(os.getpgrp(), signal.SIGKILL)


if __name__ == "__main__":
    main()

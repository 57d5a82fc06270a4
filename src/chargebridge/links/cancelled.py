"""Being ended while a library works for us."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def cancellation_kept() -> Iterator[None]:
    """Around a call of a library that waits by ``asyncio.wait_for``, which before Python 3.12 loses a cancellation that comes as its work ends: it is
    raised after the call. Without it, whoever asks in a loop would go on for ever, and nobody could end the process in order."""
    task = asyncio.current_task()
    before = task.cancelling() if task else 0
    try:
        yield
    finally:
        if task and task.cancelling() > before:
            raise asyncio.CancelledError

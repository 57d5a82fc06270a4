"""A process that is killed at a chosen step of what it does with files."""

import os
import signal
import sys
from collections.abc import Callable

STEPS = ("open", "os.rename", "os.mkdir", "os.chmod", "os.remove", "fcntl.flock")


def dies_at(step: int, do: Callable[[], object]) -> bool:
    """Do it in a process of its own that gets SIGKILL right before its `step`-th touch of the file system. False: it came to its end before."""
    child = os.fork()
    if child == 0:
        left = step

        def count(event: str, _: tuple[object, ...]) -> None:
            nonlocal left
            if event in STEPS:
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        try:
            sys.addaudithook(count)
            do()
        except BaseException:
            os._exit(2)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert status in (0, signal.SIGKILL), f"what was done in the process failed ({status})"
    return status == signal.SIGKILL

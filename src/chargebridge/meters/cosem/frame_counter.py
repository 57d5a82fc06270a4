"""Our frame counter, which must never stand still or go back, whatever happens to the process (Green Book 9.2.7.4.5).

The file holds one number: all below it may have been used. A stretch is reserved, on disk, before its first number is handed out; what of it is
not used when the process ends is lost, which costs nothing: there are four thousand million.
"""

import fcntl
from pathlib import Path
from typing import IO
from weakref import WeakValueDictionary

from chargebridge.links.durable import write_file
from chargebridge.meters.port import MeterError
from chargebridge.wire.cosem.errors import CosemError, ErrorKind

STRETCH = 1000


class FileCounter:
    """``FrameCounter`` kept in ``file``, which has to exist. where: named in errors. No other process may use the file while this one does; in
    this one, ``counter_of`` sees to it that there is one object for a file."""

    def __init__(self, file: Path, where: str) -> None:
        self._file = file
        self._next = self._end = self._read(where)
        self._lock: IO[str] | None = None

    def take(self) -> int:
        if self._next >= self._end:
            self._reserve()
        number, self._next = self._next, self._next + 1
        return number

    def _read(self, where: str) -> int:
        try:
            number = int(self._file.read_text("ascii"))
        except OSError as problem:
            raise MeterError(where, f"counter_file={self._file} cannot be read: {problem}", _CURE) from None
        except ValueError:
            number = -1
        if number < 0:
            raise MeterError(where, f"counter_file={self._file} does not hold one whole number", _CURE)
        return number

    def _reserve(self) -> None:
        try:
            if self._lock is None:
                self._lock = self._file.with_name(self._file.name + ".lock").open("w")
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._next = self._read(str(self._file))
            self._end = self._next + STRETCH
            write_file(self._file, f"{self._end}\n".encode())
        except (OSError, MeterError) as problem:
            if self._lock is not None and isinstance(problem, BlockingIOError):
                self._lock.close()
                self._lock = None
            self._end = self._next
            reason = f"the frame counter in {self._file} cannot be kept: {problem}"
            raise CosemError(
                ErrorKind.COUNTER, reason, "check that this user may write there and that only one program reads the meter"
            ) from None


def counter_of(file: Path, where: str) -> FileCounter:
    """The one that is in use already for this file (live readings and a load profile go on together), or a new one. Raises ``MeterError``."""
    path = file.resolve()
    counter = _IN_USE.get(path)
    if counter is None:
        counter = _IN_USE[path] = FileCounter(path, where)
    return counter


_IN_USE: WeakValueDictionary[Path, FileCounter] = WeakValueDictionary()
_CURE = "write a number above the meter's frame counter into it, 1 for keys never used"

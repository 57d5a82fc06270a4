"""The trace on disk, for those who help: one JSON object in a line for each frame and note, and never more than two files of a size."""

import asyncio
from pathlib import Path

import msgspec
import structlog

from chargebridge.links.eebus.trace import Traced

EVERY_S = 0.5
MAX_WAITING = 10_000
MODE = 0o600

log = structlog.get_logger(__name__)


class TraceFile:
    """path: appended to; at `max_bytes` it becomes `<path>.1`, in place of the one before. What cannot be written is logged and left out."""

    def __init__(self, path: Path, max_bytes: int) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._waiting: list[Traced] = []
        self._left_out = 0

    def add(self, entry: Traced) -> None:
        if len(self._waiting) < MAX_WAITING:
            self._waiting.append(entry)
        else:
            self._left_out += 1

    async def run(self) -> None:
        """Until cancelled; what came before that is written too. Disks may be slow, so they are written to beside the event loop."""
        try:
            while True:
                await asyncio.sleep(EVERY_S)
                entries, left_out = self._taken()
                if entries:
                    await asyncio.to_thread(self._write, entries, left_out)
        finally:
            self._write(*self._taken())

    def _taken(self) -> tuple[list[Traced], int]:
        taken = self._waiting, self._left_out
        self._waiting, self._left_out = [], 0
        return taken

    def _write(self, entries: list[Traced], left_out: int) -> None:
        if left_out:
            log.warning("eebus trace file is too slow", left_out=left_out)
        try:
            if self._path.exists() and self._path.stat().st_size >= self._max_bytes:
                self._path.replace(self._path.with_name(self._path.name + ".1"))
            self._path.touch(MODE)
            with self._path.open("ab") as file:
                for entry in entries:
                    file.write(_line(entry))
        except OSError as error:
            log.warning("eebus trace file cannot be written", path=str(self._path), reason=str(error))


def _line(entry: Traced) -> bytes:
    """type: the first byte of a frame."""
    line: dict[str, object] = {"number": entry.number, "at": entry.at, "peer": entry.peer, "direction": entry.direction}
    if entry.direction:
        line |= {"type": entry.raw[0] if entry.raw else None, "text": entry.raw[1:].decode(errors="replace")}
    else:
        line["note"] = entry.raw.decode(errors="replace")
    return msgspec.json.encode(line) + b"\n"

"""The station's own log, from which diagnostics and security logs are made."""

from collections import deque
from collections.abc import Iterator
from datetime import datetime
from typing import Literal

from msgspec import Struct

MAX_LINES = 5000
LogKind = Literal["DiagnosticsLog", "SecurityLog"]


class Line(Struct, frozen=True):
    at: datetime
    kind: LogKind
    text: str


class Journal:
    """The last MAX_LINES lines, oldest first."""

    def __init__(self) -> None:
        self._lines: deque[Line] = deque(maxlen=MAX_LINES)

    def write(self, at: datetime, text: str, kind: LogKind = "DiagnosticsLog") -> None:
        self._lines.append(Line(at, kind, text))

    def __iter__(self) -> Iterator[Line]:
        return iter(self._lines)

    def text(self, kind: str, since: datetime | None = None, until: datetime | None = None) -> bytes:
        """The file that is uploaded: one line each, UTF-8."""
        wanted = (
            line
            for line in self._lines
            if line.kind == kind and (since is None or line.at >= since) and (until is None or line.at <= until)
        )
        return "".join(f"{line.at.isoformat()} {line.text}\n" for line in wanted).encode()

"""``chargebridge eebus trace``: what was said between peers and us, as a person reads it; of a running site, or out of a file."""

import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from msgspec import Struct
from rich.text import Text

from chargebridge.app.commands.output import AsJson, json_line, out, told_errors
from chargebridge.app.commands.site_client import DEFAULT_URL, SiteClient, Token, Url
from chargebridge.links.eebus.trace import Direction
from chargebridge.model.errors import ChargebridgeError
from chargebridge.site.eebus_view import TracedMessage
from chargebridge.wire.eebus.readable import Readable, Reader

LOOK_S = 0.5
AT_ONCE = 5000
ARROW = {"in": "<", "out": ">", "": " "}
MAX_LINE = 2**20


class TraceFileError(ChargebridgeError):
    """A file that is no trace."""


class FileLine(Struct, frozen=True):
    """As `trace_file` in [eebus] has them. type: the first byte of a frame, text: the rest; note: of ours instead."""

    number: int
    at: datetime
    peer: str
    direction: Direction
    type: int | None = None
    text: str = ""
    note: str = ""


def trace(
    peer: Annotated[str | None, typer.Argument(help="Only of this peer: its name or SKI.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes, until Ctrl-C.")] = False,
    raw: Annotated[bool, typer.Option("--raw", help="Each message as it was on the wire, too.")] = False,
    last: Annotated[int, typer.Option(min=1, max=AT_ONCE, help="So many of the last messages.")] = 50,
    file: Annotated[
        Path | None, typer.Option(help="Out of a `trace_file`, or of what the page gave as JSON lines; no site is asked then.")
    ] = None,
    url: Url = DEFAULT_URL,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """The last messages, the oldest first: time, direction, kind, function, from -> to, the value in short, the result."""
    from chargebridge.app.commands.eebus import ski_of  # which adds this command

    with told_errors(as_json=as_json):
        if file is not None:
            wanted = "" if peer is None else "".join(peer.lower().split())
            found = [one for one in of_file(file) if one.peer.startswith(wanted) or one.peer_name == peer]
            for one in found[-last:]:
                if as_json:
                    json_line(one)
                else:
                    _print(one, named=peer is None, raw=raw)
            return
        client = SiteClient(url, token)
        ski = None if peer is None else ski_of(client, peer)
        after, limit = 0, last
        try:
            while True:
                for row in client.get("/eebus/trace", peer=ski, after=after, limit=limit):
                    message = msgspec.convert(row, TracedMessage)
                    after, limit = message.number, AT_ONCE
                    if as_json:
                        json_line(row)
                    else:
                        _print(message, named=ski is None, raw=raw)
                if not follow:
                    return
                time.sleep(LOOK_S)
        except KeyboardInterrupt:
            return


def of_file(path: Path) -> Iterator[TracedMessage]:
    """Raises TraceFileError, with the line."""
    readers: dict[str, Reader] = {}
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                yield _read(line[:MAX_LINE], f"{path}, line {number}", readers)
    except OSError as error:
        raise TraceFileError(str(path), f"cannot be read ({error.strerror})", "name a file that `trace_file` in [eebus] wrote") from None


def _read(line: bytes, where: str, readers: dict[str, Reader]) -> TracedMessage:
    try:
        if b'"classifier"' in line[:400]:
            return msgspec.json.decode(line, type=TracedMessage)
        found = msgspec.json.decode(line, type=FileLine)
    except msgspec.MsgspecError as error:
        raise TraceFileError(where, f"is no line of a trace ({error})", "name a file that `trace_file` in [eebus] wrote") from None
    read = Readable(classifier="note", function="", value=found.note)
    if found.direction:
        frame = b"" if found.type is None else bytes((found.type % 256,)) + found.text.encode()
        read = readers.setdefault(found.peer, Reader()).read(frame, incoming=found.direction == "in")
    else:
        readers.pop(found.peer, None)  # counters begin anew with a connection
    return TracedMessage(
        number=found.number,
        at=found.at,
        peer=found.peer,
        peer_name=found.peer[:8],
        direction=found.direction,
        classifier=read.classifier,
        function=read.function,
        source=read.source,
        destination=read.destination,
        value=read.value,
        result=read.result,
        raw=found.text,
    )


def _print(message: TracedMessage, *, named: bool, raw: bool) -> None:
    bad = message.classifier == "unreadable" or message.result.startswith("error")
    line = Text.assemble(
        (f"{message.at.astimezone():%H:%M:%S.%f}"[:-3], "dim"),
        f" {ARROW[message.direction]} ",
        f"{message.peer_name}  " if named else "",
        (message.classifier, "bold"),
        f" {message.function}" if message.function else "",
        (f"  {message.source} -> {message.destination}" if message.source or message.destination else "", "dim"),
        f"  {message.value}" if message.value else "",
        (f"  {message.result}" if message.result else "", "red" if bad else "green"),
    )
    out.print(line, soft_wrap=True)
    if raw and message.raw:
        out.print(f"    {message.raw}", markup=False, soft_wrap=True)

"""``chargebridge eebus trace``: what was said between peers and us, as a person reads it."""

import time
from typing import Annotated

import msgspec
import typer
from rich.text import Text

from chargebridge.app.commands.output import AsJson, json_line, out, told_errors
from chargebridge.app.commands.site_client import DEFAULT_URL, SiteClient, Token, Url
from chargebridge.site.eebus_view import TracedMessage

LOOK_S = 0.5
AT_ONCE = 5000
ARROW = {"in": "<", "out": ">", "": " "}


def trace(
    peer: Annotated[str | None, typer.Argument(help="Only of this peer: its name or SKI.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes, until Ctrl-C.")] = False,
    raw: Annotated[bool, typer.Option("--raw", help="Each message as it was on the wire, too.")] = False,
    last: Annotated[int, typer.Option(min=1, max=AT_ONCE, help="So many of the last messages.")] = 50,
    url: Url = DEFAULT_URL,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """The last messages, the oldest first: time, direction, kind, function, from -> to, the value in short, the result."""
    from chargebridge.app.commands.eebus import ski_of  # which adds this command

    with told_errors(as_json=as_json):
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

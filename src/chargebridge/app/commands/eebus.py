"""``chargebridge eebus``: our identity, our peers and how to pair them, what the grid asks for, and the trace of it all."""

from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote

import msgspec
import typer
from rich.table import Table

from chargebridge.app.commands import eebus_find, eebus_identity, eebus_rules, eebus_trace, eebus_wallbox
from chargebridge.app.commands.output import AsJson, counted, json_line, out, told_errors
from chargebridge.app.commands.site_client import DEFAULT_URL, SiteClient, Token, Url
from chargebridge.links.eebus.peer import Phase
from chargebridge.site.eebus_peers import written
from chargebridge.site.eebus_view import EebusView, GridLimit, LimitWrite, PeerView
from chargebridge.site.eebus_words import power, span

app = typer.Typer(add_completion=False, help="EEBUS: pairing, the grid's limits, and what was said.", no_args_is_help=True)
app.add_typer(eebus_identity.app, name="identity")
app.command("trace")(eebus_trace.trace)
app.command("rules")(eebus_rules.rules)
app.command("find")(eebus_find.find)
app.command("wallbox")(eebus_wallbox.wallbox)

Ski = Annotated[str, typer.Argument(help="The peer's SKI, 40 digits; or how the site calls it, once it is known.")]
COLOUR = {
    Phase.ASKING: "yellow",
    Phase.CONNECTED: "green",
    Phase.DENIED: "red",
    Phase.TRUSTED: "red",
    Phase.WAITING: "yellow",
    Phase.CONNECTING: "yellow",
}


@app.command()
def peers(url: Url = DEFAULT_URL, token: Token = "", as_json: AsJson = False) -> None:
    """All peers: where we stand with each, what is wrong, what to do next."""
    with told_errors(as_json=as_json):
        view = msgspec.convert(SiteClient(url, token).get("/eebus"), EebusView)
    if as_json:
        for row in (*view.peers, *view.refusals):
            json_line(row)
        return
    if not view.peers:
        out.print("No EEBUS device is known yet.")
    for peer in view.peers:
        _print_peer(peer)
    for one in view.refusals:
        said = f"{one.host} got no further than the door, {counted(one.times, 'time')}, last {clock(one.at)}: {one.reason}"
        out.print(f"{said}\n  -> {one.cure}" if one.cure else said, markup=False, soft_wrap=True)


@app.command()
def pair(
    ski: Annotated[str, typer.Argument(help="The peer's SKI, as its own page or label shows it.")],
    host: Annotated[str | None, typer.Option(help="Where it is, with --port; without, it is found by mDNS or comes to us.")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535)] = None,
    name: Annotated[str, typer.Option(help="What you call it.")] = "",
    url: Url = DEFAULT_URL,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Trust a peer, also one that asks; the other device has to trust us too."""
    with told_errors(as_json=as_json):
        client = SiteClient(url, token)
        client.post("/eebus/peers", {"ski": ski, "host": host, "port": port, "name": name})
        ours = client.get("/eebus")["node"]["ski"]
    if as_json:
        json_line({"paired": ski})
    else:
        out.print(f"we trust it now. On the other device, confirm our SKI\n  {written(ours)}", markup=False)


@app.command()
def unpair(peer: Ski, url: Url = DEFAULT_URL, token: Token = "", as_json: AsJson = False) -> None:
    """Trust a peer no longer, and tell it."""
    with told_errors(as_json=as_json):
        client = SiteClient(url, token)
        client.delete(f"/eebus/peers/{ski_of(client, peer)}")
    if as_json:
        json_line({"unpaired": peer})


@app.command()
def refuse(peer: Ski, url: Url = DEFAULT_URL, token: Token = "", as_json: AsJson = False) -> None:
    """Turn away a peer that asks."""
    with told_errors(as_json=as_json):
        client = SiteClient(url, token)
        client.post(f"/eebus/peers/{ski_of(client, peer)}/refuse", {})
    if as_json:
        json_line({"refused": peer})


@app.command()
def window(
    minutes: Annotated[float, typer.Option(min=0.1, max=5, help="It closes by itself after that.")] = 3.0,
    close: Annotated[bool, typer.Option("--close", help="Close it now.")] = False,
    url: Url = DEFAULT_URL,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Open the pairing window: devices that nobody knows may ask then. Nobody is trusted by it; pair or refuse who asks."""
    with told_errors(as_json=as_json):
        client = SiteClient(url, token)
        if close:
            client.delete("/eebus/window")
        else:
            client.put("/eebus/window", {"duration_s": minutes * 60})
        until = client.get("/eebus")["window_until"]
    if as_json:
        json_line({"window_until": until})
    elif until is None:
        out.print("the pairing window is closed")
    else:
        out.print(f"the pairing window is open for {span(minutes * 60)}; `chargebridge eebus peers` shows who asks")


@app.command()
def limits(
    count: Annotated[int, typer.Option("--writes", min=0, max=1000, help="So many of the last writes.")] = 10,
    url: Url = DEFAULT_URL,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """What the grid asks for, and how each of the last writes was answered."""
    with told_errors(as_json=as_json):
        client = SiteClient(url, token)
        view = msgspec.convert(client.get("/eebus"), EebusView)
        rows = client.get("/eebus/writes", limit=count) if count else []
    if as_json:
        for limit in view.limits:
            json_line(limit)
        for row in rows:
            json_line(row)
        return
    if not view.limits:
        out.print("This site has no grid side: its configuration has no [eebus.grid].", markup=False)
    for limit in view.limits:
        _print_limit(limit, view.at)
    _print_writes(msgspec.convert(rows, list[LimitWrite]))


def ski_of(client: SiteClient, peer: str) -> str:
    """By its name where one of this name is known; else it is a SKI, and the site judges it."""
    found = [one["ski"] for one in client.get("/eebus/peers") if peer.lower() == one["name"].lower()]
    return found[0] if len(found) == 1 else quote(peer, safe="")


def clock(at: datetime) -> str:
    """By this machine's own time zone."""
    return f"{at.astimezone():%Y-%m-%d %H:%M:%S}"


def _print_peer(peer: PeerView) -> None:
    colour = COLOUR.get(peer.phase, "dim")
    out.print(f"[bold]{_plain(peer.name)}[/bold]  {peer.kind}  [{colour}]{peer.said}[/{colour}]")
    out.print(f"  SKI {written(peer.ski)}", markup=False)
    facts = {
        "SHIP ID": peer.ship_id,
        "address": peer.address + (" (it has dialled us)" if peer.incoming else ""),
        "paired": f"{clock(peer.since)}, {peer.origin}" if peer.since and peer.origin else "",
        "connected since": clock(peer.connected_at) if peer.connected_at else "",
        "last heard": clock(peer.last_heard) if peer.last_heard else "",
        "serves as": peer.serves,
        "use cases": ", ".join(peer.uses),
    }
    for name, value in facts.items():
        if value:
            out.print(f"  {name} {value}", markup=False, soft_wrap=True)
    if peer.trouble is not None:
        out.print(f"  [red]{_plain(peer.trouble.reason)}[/red] ({clock(peer.trouble.at)})", soft_wrap=True)
    if next_step := peer.advice or (peer.trouble.cure if peer.trouble else ""):
        out.print(f"  -> {next_step}", markup=False, soft_wrap=True)


def _print_limit(limit: GridLimit, now: datetime) -> None:
    heartbeat = "none yet" if limit.heartbeat_at is None else f"{span((now - limit.heartbeat_at).total_seconds())} ago"
    out.print(f"[bold]{limit.use_case}[/bold]  {limit.said}")
    out.print(f"  state {limit.state} since {clock(limit.since)}; control box {limit.guard_name or 'none yet'}", markup=False)
    out.print(f"  last heartbeat {heartbeat}, failsafe after {span(limit.silent_after_s)} of silence")
    out.print(f"  failsafe {power(limit.failsafe_w)} for at least {span(limit.failsafe_s)}; by contract {power(limit.nominal_w)}")
    out.print(f"  {counted(limit.accepted, 'write')} accepted and {limit.refused} refused since the start")


def _print_writes(writes: list[LimitWrite]) -> None:
    table = Table("at", "from", "", "wrote", "outcome", "answered", "stations told", box=None)
    for one in writes:
        outcome = "accepted" if one.accepted else f"refused: {one.why}"
        table.add_row(clock(one.at), _plain(one.peer_name), one.use_case, one.said, _plain(outcome), _ms(one.answered_ms), _ms(one.told_ms))
    if writes:
        out.print(table)


def _ms(value: float | None) -> str:
    return "" if value is None else f"{value:.0f} ms"


def _plain(text: Any) -> str:
    """What a peer says of itself is no markup."""
    from rich.markup import escape

    return escape(str(text))

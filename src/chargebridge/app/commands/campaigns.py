"""``chargebridge stations campaign``: new firmware for many stations, over the REST interface of a running site."""

from typing import Annotated, Any

import typer

from chargebridge.app.commands.output import AsJson, json_line, out, told_errors
from chargebridge.app.commands.site_client import DEFAULT_URL, SiteClient, SiteError, Token, Url

app = typer.Typer(help="Firmware for many stations, a few at a time.", no_args_is_help=True)

Number = Annotated[int, typer.Argument(help="The campaign's number.")]


@app.command("list")
def list_(url: Url = DEFAULT_URL, token: Token = "", as_json: AsJson = False) -> None:
    """All campaigns, the newest first."""
    with told_errors(as_json=as_json):
        rows = SiteClient(url, token).get("/campaigns")
    for row in rows:
        _tell(row, as_json=as_json, whole=False)


@app.command()
def show(number: Number, url: Url = DEFAULT_URL, token: Token = "", as_json: AsJson = False) -> None:
    """One campaign, station by station."""
    with told_errors(as_json=as_json):
        row = SiteClient(url, token).get(f"/campaigns/{number}")
    _tell(row, as_json=as_json, whole=True)


@app.command()
def begin(
    name: Annotated[str, typer.Argument(help="What people call it.")],
    location: Annotated[str, typer.Argument(help="Where stations fetch the file.")],
    stations: Annotated[list[str], typer.Argument(help="Identities, in the order in which they are asked; `all` for all.")],
    firmware: Annotated[str | None, typer.Option("--version", help="What a station says of itself once it has it.")] = None,
    sha256: Annotated[str | None, typer.Option(help="Of the file; compared before any station is asked.")] = None,
    certificate: Annotated[typer.FileText | None, typer.Option(help="PEM of the certificate that the file is signed with.")] = None,
    signature: Annotated[str | None, typer.Option(help="Base64.")] = None,
    not_before: Annotated[str | None, typer.Option(help="ISO 8601 with a zone.")] = None,
    not_after: Annotated[str | None, typer.Option(help="ISO 8601 with a zone.")] = None,
    at_once: Annotated[int, typer.Option(min=1, help="So many stations at a time.")] = 1,
    tries: Annotated[int, typer.Option(min=1, max=10, help="A station.")] = 2,
    patience: Annotated[float, typer.Option(help="Seconds without news after which a try has failed.")] = 3600.0,
    while_charging: Annotated[bool, typer.Option("--while-charging", help="Also stations with a running transaction.")] = False,
    url: Url = DEFAULT_URL,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Begin a campaign."""
    with told_errors(as_json=as_json):
        client = SiteClient(url, token)
        named = [row["identity"] for row in client.get("/stations")] if stations == ["all"] else stations
        if (certificate is None) != (signature is None):
            raise SiteError("signature", "certificate and signature belong together", "give both, or neither")
        row = client.post(
            "/campaigns",
            {
                "name": name,
                "stations": named,
                "url": location,
                "version": firmware,
                "sha256": sha256,
                "signing_certificate": None if certificate is None else certificate.read(),
                "signature": signature,
                "not_before": not_before,
                "not_after": not_after,
                "at_once": at_once,
                "tries": tries,
                "patience_s": patience,
                "while_charging": while_charging,
            },
        )
    _tell(row, as_json=as_json, whole=True)


@app.command()
def pause(number: Number, url: Url = DEFAULT_URL, token: Token = "", as_json: AsJson = False) -> None:
    """Ask no further station; those at work go on."""
    _steer(number, "pause", url, token, as_json=as_json)


@app.command()
def resume(number: Number, url: Url = DEFAULT_URL, token: Token = "", as_json: AsJson = False) -> None:
    """Go on with a paused campaign."""
    _steer(number, "resume", url, token, as_json=as_json)


@app.command()
def abort(number: Number, url: Url = DEFAULT_URL, token: Token = "", as_json: AsJson = False) -> None:
    """End a campaign; stations at work cannot be held back."""
    _steer(number, "abort", url, token, as_json=as_json)


@app.command()
def retry(number: Number, url: Url = DEFAULT_URL, token: Token = "", as_json: AsJson = False) -> None:
    """Begin again with the stations that failed or were left out."""
    _steer(number, "retry", url, token, as_json=as_json)


def _steer(number: int, to: str, url: str, token: str, *, as_json: bool) -> None:
    with told_errors(as_json=as_json):
        row = SiteClient(url, token).post(f"/campaigns/{number}", {"to": to})
    _tell(row, as_json=as_json, whole=False)


def _tell(row: dict[str, Any], *, as_json: bool, whole: bool) -> None:
    if as_json:
        json_line(row)
        return
    counts = ", ".join(f"{count} {state}" for state, count in row["counts"].items())
    out.print(f"{row['number']}  {row['plan']['name']}: {row['state']} {row['note']}  ({counts})", soft_wrap=True, markup=False)
    for station in row["stations"] if whole else ():
        known = [version for version in dict.fromkeys((station["before"], station["now"])) if version]
        firmware = f"firmware {' -> '.join(known)}" if known else "firmware not told"
        out.print(f"   {station['station']}  {station['state']}  {firmware}  {station['detail']}", soft_wrap=True, markup=False)

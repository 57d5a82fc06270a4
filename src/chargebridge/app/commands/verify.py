"""``chargebridge verify``: do the signed meter values of a file hold, offline and without an account?"""

import hashlib
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer

from chargebridge.app.commands.output import AsJson, err, json_line, out
from chargebridge.calibration.transparency import CheckedSession, check_file
from chargebridge.calibration.verdict import Outcome
from chargebridge.wire.signed.container import with_signatures
from chargebridge.wire.signed.errors import SignedFormatError
from chargebridge.wire.signed.keys import PublicKey, read_key
from chargebridge.wire.signed.record import Reading

_WORDS = {
    Outcome.VALID: "[green]holds[/green]",
    Outcome.INVALID: "[red]does not hold[/red]",
    Outcome.MALFORMED: "[red]cannot be read[/red]",
    Outcome.UNDECIDABLE: "[yellow]cannot be decided[/yellow]",
}


def verify(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="Files with signed values (S.A.F.E. XML, OCMF, Mennekes, Alfen, PCDF, chargeIT, ChargePoint's two), or a folder of them.",
            exists=True,
        ),
    ],
    key: Annotated[
        str | None, typer.Option(help="The meter's public key, as on its display or in the register; a file with it will do.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check signed meter values as a customer may: every signature, every session, and why. Exit code 1 unless all of them hold."""
    given = _given(key)
    good = True
    for name, data, signature in with_signatures([(str(file), file.read_bytes()) for file in _all(files)]):
        file = Path(name)
        try:
            sessions = check_file(data, given, signature=signature)
        except SignedFormatError as error:
            good = False
            _tell_error(file, error, as_json=as_json)
            continue
        for session in sessions:
            good = good and session.verdict.outcome is Outcome.VALID
            if as_json:
                json_line(facts(file.name, session))
            else:
                _tell(file, session)
    if not good:
        raise typer.Exit(1)


def _all(paths: list[Path]) -> list[Path]:
    """Of a folder the files in it."""
    return [file for path in paths for file in (sorted(one for one in path.iterdir() if one.is_file()) if path.is_dir() else [path])]


def facts(name: str, session: CheckedSession) -> dict[str, Any]:
    """A session in names and units of the model."""
    verdict = session.verdict
    return {
        "file": name,
        "transaction": session.transaction,
        "formats": sorted({record.format for record in session.records}),
        "outcome": verdict.outcome,
        "layers": verdict.layers,
        "energy_wh": _plain(verdict.energy_wh),
        "begin": verdict.begin,
        "end": verdict.end,
        "energy_billable": verdict.energy_billable,
        "time_billable": verdict.time_billable,
        "meter": session.records[0].meter if session.records else "",
        "key_sha256": session.key.fingerprint() if session.key else None,
        "key_origin": session.origin.text,
        "findings": verdict.findings,
        "leniences": verdict.leniences,
        "values": [_value(reading) for record in session.records for reading in record.readings],
        "record_sha256": [hashlib.sha256(record.raw).hexdigest() for record in session.records],
    }


def _value(reading: Reading) -> dict[str, Any]:
    return {
        "kind": reading.kind,
        "energy_wh": _plain(reading.energy_wh),
        "obis": reading.obis,
        "at": reading.at,
        "time_quality": reading.time_quality,
        "relevant": reading.relevant,
        "status": reading.status,
    }


def _plain(energy_wh: Decimal | None) -> str | None:
    """Exact, as text: a JSON number may be rounded by whoever reads it."""
    return None if energy_wh is None else f"{energy_wh:f}"


def _given(text: str | None) -> PublicKey | None:
    if text is None:
        return None
    path = Path(text) if len(text) < 256 and "\n" not in text else None
    try:
        return read_key(path.read_text(encoding="utf-8") if path and path.is_file() else text)
    except SignedFormatError as error:
        raise typer.BadParameter(f"{error.reason}; {error.cure}", param_hint="--key") from None


def _tell_error(file: Path, error: SignedFormatError, *, as_json: bool) -> None:
    if as_json:
        json_line({"file": file.name, "outcome": Outcome.MALFORMED, "where": error.position, "reason": error.reason, "cure": error.cure})
    else:
        err.print(f"[bold]{file}[/bold]\n  [red]{error.position}: {error.reason}[/red]\n  {error.cure}", soft_wrap=True)


def _tell(file: Path, session: CheckedSession) -> None:
    verdict = session.verdict
    energy = "" if verdict.energy_wh is None else f"  {verdict.energy_wh / 1000:f} kWh"
    out.print(f"[bold]{file.name}[/bold]  {session.transaction or 'session'}  {_WORDS[verdict.outcome]}{energy}", soft_wrap=True)
    if verdict.begin and verdict.end:
        clock = "" if verdict.time_billable else "  (the meter's clock is for information only)"
        out.print(f"  from {verdict.begin:%Y-%m-%d %H:%M:%S %z} to {verdict.end:%Y-%m-%d %H:%M:%S %z}{clock}", soft_wrap=True)
    for record in session.records[:1]:
        meter = f"meter {record.meter}" if record.meter else f"gateway {record.gateway}"
        out.print(f"  {record.format}, {meter}" + (f", user {record.customer[:40]}" if record.customer else ""), soft_wrap=True)
    if session.key:
        out.print(f"  public key {session.key.curve} {session.key.fingerprint()[:16]}…, {session.origin.text}", soft_wrap=True)
    for finding in verdict.findings:
        colour = "red" if finding.fatal else "dim"
        out.print(f"  [{colour}]{finding.text}[/{colour}]", soft_wrap=True)

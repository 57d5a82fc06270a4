"""A checked session as a customer is shown it: from his file, or from what is kept behind the link on his invoice."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Context, Decimal

from msgspec import Struct

from chargebridge.calibration.transparency import FROM_REGISTER, NOWHERE, CheckedSession, KeyOrigin
from chargebridge.calibration.verdict import Code, Finding, Layer, Layers, Outcome
from chargebridge.site.proof.view import ProofView

VALUES_SHOWN = 50
_WIDE = Context(prec=600)
"""Whatever a file claims for a value has room."""
LAYERS = {
    Layer.PARSE: "The values can be read",
    Layer.SIGNATURE: "The signature is that of the meter's key",
    Layer.SESSION: "The values make one charging session",
    Layer.CDR: "What was billed is what was signed",
}
WORDS = {
    Outcome.VALID: "Holds",
    Outcome.INVALID: "Does not hold",
    Outcome.MALFORMED: "Cannot be read",
    Outcome.UNDECIDABLE: "Cannot be decided",
}
_ASK = "Ask whoever sent the invoice for the signed values as the meter made them."
_DISPUTE = "Do not accept the bill as it stands: tell whoever sent it, and give them this page's words. Keep the file as it is."
_DO = {
    Code.UNREADABLE: "Make sure that the file is whole and unchanged; do not open and save it in an editor. " + _ASK,
    Code.LENIENT: "Nothing: the value was read for what its meter meant.",
    Code.NO_KEY: "Look the public key up in the register, or read it off the meter or its label, and paste it below.",
    Code.KEY_REFUSED: "Look the public key up in the register, or read it off the meter or its label, and paste it below.",
    Code.CURVE_DIFFERS: "The key is probably that of another meter: compare it with the one on the meter or in the register.",
    Code.SIGNATURE_WRONG: "Compare the key with the one on the meter. If it is the right one, the values were changed. " + _DISPUTE,
    Code.NO_BEGIN: "The file may be only a part. " + _ASK,
    Code.NO_END: "The file may be only a part. " + _ASK,
    Code.PAGES_MISSING: "The file may be only a part. " + _ASK,
    Code.NO_RELEVANT_VALUE: _ASK,
    Code.NO_ENERGY: "Ask the operator of the charging station for the unit: without one, the figures are no energy.",
    Code.EXCEPTION: "Compare: only the energy up to the exception may be on the invoice.",
    Code.NOT_REGISTERED: "Ask the operator of the charging station to register the key; until then nobody can check his values.",
    Code.NOT_SIGNED: "A charging point under calibration law has to sign: without signed values it must not be billed.",
}


class Value(Struct, frozen=True):
    """A reading in words."""

    kind: str
    energy: str
    at: str
    register: str


class Sheet(Struct, frozen=True, kw_only=True):
    """findings: each with what to do about it. key: hexadecimal. values: the first of them; more: how many are left out."""

    title: str
    outcome: Outcome
    layers: Layers
    findings: tuple[tuple[Finding, str], ...]
    energy: str
    begin: datetime | None
    end: datetime | None
    time_billable: bool
    format: str
    meter: str
    point: str
    customer: str = ""
    key: str = ""
    curve: str = ""
    fingerprint: str = ""
    origin: KeyOrigin = NOWHERE
    values: tuple[Value, ...] = ()
    more: int = 0
    running: bool = False


def of_checked(session: CheckedSession) -> Sheet:
    verdict, records = session.verdict, session.records
    readings = [reading for record in records for reading in record.readings]
    return Sheet(
        title=f"Session {session.transaction}" if session.transaction else "Charging session",
        outcome=verdict.outcome,
        layers=verdict.layers,
        findings=_advised(verdict.findings),
        energy="" if verdict.energy_wh is None else kwh(verdict.energy_wh, verdict.step_wh or Decimal(1)),
        begin=verdict.begin,
        end=verdict.end,
        time_billable=verdict.time_billable,
        format=", ".join(dict.fromkeys(record.format.value for record in records)),
        meter=_first(record.meter or record.gateway for record in records),
        point=_first(record.point for record in records),
        customer=_first(record.customer for record in records),
        key=session.key.spki().hex() if session.key else "",
        curve=session.key.curve if session.key else "",
        fingerprint=session.key.fingerprint() if session.key else "",
        origin=session.origin,
        values=tuple(
            Value(
                one.kind.value if one.relevant else f"{one.kind.value}, for information only",
                "" if one.energy_wh is None else kwh(one.energy_wh, one.step_wh),
                "" if one.at is None else stamp(one.at),
                one.obis,
            )
            for one in readings[:VALUES_SHOWN]
        ),
        more=max(0, len(readings) - VALUES_SHOWN),
    )


def of_proof(view: ProofView) -> Sheet:
    ends = (("begin", view.begin_wh, view.begin), ("end", view.end_wh, view.end))
    outcome = Outcome.VALID if view.holds else view.layers.worst
    running = view.state == "running"
    return Sheet(
        title=f"Session {view.session}",
        outcome=Outcome.INVALID if outcome is Outcome.VALID and not view.holds else outcome,
        layers=Layers() if running else view.layers,
        findings=() if running else _advised(view.findings) or _unbillable(view),
        energy="" if view.energy_wh is None else kwh(view.energy_wh),
        begin=view.begin,
        end=view.end,
        time_billable=view.time_billable,
        format=view.format,
        meter=view.meter,
        point=view.evse,
        key=view.key,
        fingerprint=view.fingerprint,
        origin=KeyOrigin(view.key_from, FROM_REGISTER.proven) if view.key else NOWHERE,
        values=tuple(
            Value(kind, kwh(energy_wh), "" if at is None else stamp(at), "") for kind, energy_wh, at in ends if energy_wh is not None
        ),
        running=running,
    )


def _unbillable(view: ProofView) -> tuple[tuple[Finding, str], ...]:
    """Where nothing speaks against the values now, and the session does not count all the same."""
    found = Finding(Layer.CDR, Code.NOT_ACTIVE, "the values hold, and the site has not written that down yet")
    return () if view.holds else ((found, "Look again in a minute. Nothing is billed meanwhile."),)


def kwh(energy_wh: Decimal, step_wh: Decimal = Decimal(1)) -> str:
    """Exact: all digits that the meter has. step_wh: of the last one."""
    exact = _WIDE.scaleb(_WIDE.normalize(energy_wh), -3)
    whole = _WIDE.remainder(energy_wh, step_wh) == 0
    return f"{_WIDE.quantize(exact, _WIDE.scaleb(step_wh, -3)) if whole else exact:f} kWh"


def stamp(at: datetime) -> str:
    """As the meter tells it, in its own offset."""
    return f"{at:%d %b %Y, %H:%M:%S} (UTC{at:%z})"


def _advised(findings: Iterable[Finding]) -> tuple[tuple[Finding, str], ...]:
    return tuple((one, _DO.get(one.code, _DISPUTE if one.fatal else "")) for one in findings)


def _first(texts: Iterable[str]) -> str:
    return next((text for text in texts if text), "")

"""The fourth layer: whether a charge detail record says what the signed values say (S.A.F.E. process; OCPI 2.2.1 clause 10.3, 2.3.0 clause 10.3).

What OCPI leaves open (what goes where for OCMF) is read in all the ways that are in use: the whole record in ``signed_data`` as base64, as text or as
hex, or its payload in ``plain_data`` and its signature section in ``signed_data``.
"""

import base64
import binascii
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache

import msgspec

from chargebridge.calibration.registry.entry import KeyEntry
from chargebridge.calibration.session import conclude, signature_findings
from chargebridge.calibration.verdict import Code, Finding, Layer, Layers, Outcome, Verdict
from chargebridge.wire.signed import formats
from chargebridge.wire.signed.errors import SignedFormatError
from chargebridge.wire.signed.keys import PublicKey, read_key
from chargebridge.wire.signed.record import SignedRecord, TimeQuality

METHODS = {"OCMF", "ALFEN EICHRECHT", "EDL40 E-MOBILITY EXTENSION", "EDL40 MENNEKES", "EDL40 SIGNATURE", "ISA-EDL40-P", "PCDF"}
VALUES_MAX = 100
PERIOD_STEP_KWH = Decimal("0.001")
"""Each period's energy may be rounded to Wh."""
_ZERO = Decimal(0)
TIME_SLACK = timedelta(seconds=60)
"""A CDR's times are the back end's, the values' the meter's."""


class SignedValue(msgspec.Struct, frozen=True, gc=False):
    signed_data: str
    nature: str = ""
    plain_data: str = ""


class SignedData(msgspec.Struct, frozen=True, gc=False):
    encoding_method: str
    signed_values: tuple[SignedValue, ...] = ()
    public_key: str | None = None


class CdrDimension(msgspec.Struct, frozen=True, gc=False):
    type: str
    volume: Decimal


class ChargingPeriod(msgspec.Struct, frozen=True, gc=False):
    dimensions: tuple[CdrDimension, ...] = ()


class CdrLocation(msgspec.Struct, frozen=True, gc=False):
    evse_id: str = ""


class Cdr(msgspec.Struct, frozen=True, gc=False):
    """Of OCPI's CDR what the signed values have a say in. total_energy: kWh."""

    id: str
    start_date_time: datetime
    end_date_time: datetime
    total_energy: Decimal
    cdr_location: CdrLocation = CdrLocation()
    charging_periods: tuple[ChargingPeriod, ...] = ()
    signed_data: SignedData | None = None


# Looked up once: in Python 3.11 an enum finds each of its members by a function in Python.
_VALID = Outcome.VALID
_SYNCHRONISED = TimeQuality.SYNCHRONISED
_read_key = lru_cache(maxsize=65536)(read_key)
"""A charging point's key comes with each of its CDRs."""
_decoder = msgspec.json.Decoder(Cdr, strict=False)


def read_cdr(data: bytes | str) -> Cdr:
    """An OCPI CDR as JSON. Raises SignedFormatError."""
    try:
        return _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SignedFormatError("CDR", str(error), "send it as OCPI 2.2.1 or 2.3.0 describes it") from None


class Prepared(msgspec.Struct, frozen=True, gc=False):
    """A CDR that was read and whose key was looked up. findings: what was odd so far."""

    cdr: Cdr
    records: tuple[SignedRecord, ...]
    entry: KeyEntry | None
    findings: tuple[Finding, ...]

    @property
    def key(self) -> PublicKey | None:
        return self.entry.key if self.entry else None


def judge_cdr(cdr: Cdr, entries: Sequence[KeyEntry], *, under_calibration_law: bool) -> Verdict:
    """entries: what the registry has for the EVSE-ID, of all times. under_calibration_law: the charging point is flagged: values must be signed."""
    made = prepare(cdr, entries, under_calibration_law=under_calibration_law)
    return made if isinstance(made, Verdict) else conclude_cdr(made, signature_findings(made.records, made.key))


def prepare(cdr: Cdr, entries: Sequence[KeyEntry], *, under_calibration_law: bool) -> Prepared | Verdict:
    """What comes before signatures are verified; a verdict, where it does not come so far."""
    if cdr.signed_data is None or not cdr.signed_data.signed_values:
        return _unsigned(under_calibration_law)
    start = _utc(cdr.start_date_time)
    entry = next((one for one in entries if one.holds_at(start)), None)
    found: list[Finding] = []
    try:
        records = records_of(cdr.signed_data)
    except SignedFormatError as error:
        return Verdict(layers=Layers(parse=Outcome.MALFORMED), findings=(Finding(Layer.PARSE, Code.UNREADABLE, str(error)),))
    method = cdr.signed_data.encoding_method
    if method.upper() not in METHODS:
        text = f"{method!r} is no known method; the content was read as {records[0].format}"
        found.append(Finding(Layer.CDR, Code.METHOD_UNKNOWN, text, fatal=False))
    if entry is None:
        found.append(_no_entry(cdr.cdr_location.evse_id or "this charging point", start, entries))
    else:
        _compare_keys(cdr.signed_data.public_key, entry.key, found)
    return Prepared(cdr, records, entry, tuple(found))


def conclude_cdr(made: Prepared, signatures: Sequence[Finding]) -> Verdict:
    """signatures: what spoke against them."""
    verdict = conclude(made.records, made.key, signatures)
    found = (*made.findings, *_agreement(made.cdr, verdict, made.records, made.entry))
    agrees = Outcome.INVALID if any(one.fatal for one in found) else _VALID
    held = verdict.energy_billable and agrees is _VALID
    return msgspec.structs.replace(
        verdict,
        layers=msgspec.structs.replace(verdict.layers, cdr=agrees),
        findings=(*verdict.findings, *found),
        energy_billable=held,
        time_billable=held and verdict.time_billable,
    )


def records_of(signed: SignedData) -> tuple[SignedRecord, ...]:
    """In the order in which they stand. Raises SignedFormatError."""
    if len(signed.signed_values) > VALUES_MAX:
        raise SignedFormatError("signed_values", f"{len(signed.signed_values)}, more than {VALUES_MAX}")
    records: list[SignedRecord] = []
    for value in signed.signed_values:
        try:
            records += formats.read(value.signed_data)
        except SignedFormatError:
            if not value.plain_data.lstrip().startswith("{"):
                raise
            # The payload alone in plain_data, the signature section alone in signed_data.
            records += formats.read(f"OCMF|{value.plain_data}|{_text(value.signed_data)}")
    return tuple(records)


def _text(data: str) -> str:
    if data.lstrip().startswith("{"):
        return data
    try:
        return base64.b64decode(data, validate=True).decode()
    except (binascii.Error, ValueError):
        raise SignedFormatError("signed_data", f"{data[:24]!r} is no signature section") from None


def _no_entry(evse: str, start: datetime, entries: Sequence[KeyEntry]) -> Finding:
    if entries:
        return Finding(Layer.CDR, Code.NOT_ACTIVE, f"no key of {evse} was active at {start.isoformat()}")
    return Finding(Layer.CDR, Code.NOT_REGISTERED, f"no key of {evse} is registered")


def _compare_keys(text: str | None, registered: PublicKey, found: list[Finding]) -> None:
    """The CDR need not bring a key along; where it does, it is to be the registry's."""
    if not text:
        return
    try:
        claimed = _read_key(text, (registered.curve,))
    except SignedFormatError as error:
        found.append(Finding(Layer.CDR, Code.KEY_REFUSED, f"the public key in the CDR cannot be read: {error.reason}"))
        return
    if not claimed.same(registered):
        text = "the public key in the CDR is not the one that the registry has for this charging point"
        found.append(Finding(Layer.CDR, Code.KEY_DIFFERS, text))


def _agreement(cdr: Cdr, verdict: Verdict, records: Sequence[SignedRecord], entry: KeyEntry | None) -> list[Finding]:
    found: list[Finding] = []
    total_wh = cdr.total_energy * 1000
    if verdict.energy_wh is not None and verdict.step_wh is not None and abs(total_wh - verdict.energy_wh) > verdict.step_wh:
        text = f"the CDR bills {total_wh.normalize():f} Wh, the signed values say {verdict.energy_wh.normalize():f} Wh"
        found.append(Finding(Layer.CDR, Code.TOTAL_DIFFERS, text))
    volumes = [one.volume for period in cdr.charging_periods for one in period.dimensions if one.type == "ENERGY"]
    if volumes and abs(sum(volumes, _ZERO) - cdr.total_energy) > PERIOD_STEP_KWH * len(volumes):
        text = f"the periods come to {sum(volumes, _ZERO)} kWh, the total is {cdr.total_energy} kWh"
        found.append(Finding(Layer.CDR, Code.PERIODS_DIFFER, text))
    if entry and entry.meter and records[0].meter and entry.meter.casefold() != records[0].meter.casefold():
        found.append(Finding(Layer.CDR, Code.METER_DIFFERS, f"signed by meter {records[0].meter}, the registry has {entry.meter} here"))
    if verdict.time_billable and verdict.begin and verdict.end and _is_synchronised(records):
        start, end = _utc(cdr.start_date_time), _utc(cdr.end_date_time)
        if abs(start - verdict.begin) > TIME_SLACK or abs(end - verdict.end) > TIME_SLACK:
            signed = f"{verdict.begin.isoformat()} to {verdict.end.isoformat()}"
            text = f"the CDR runs from {start.isoformat()} to {end.isoformat()}, the signed values from {signed}"
            found.append(Finding(Layer.CDR, Code.TIMES_DIFFER, text))
    return found


def _is_synchronised(records: Sequence[SignedRecord]) -> bool:
    """A clock that nobody sets cannot speak against the back end's."""
    return all(reading.time_quality is _SYNCHRONISED for record in records for reading in record.readings if reading.relevant)


def _unsigned(due: bool) -> Verdict:
    if due:
        text = "there are no signed values, and this charging point is under calibration law"
        return Verdict(layers=Layers(cdr=Outcome.INVALID), findings=(Finding(Layer.CDR, Code.NOT_SIGNED, text),))
    finding = Finding(Layer.CDR, Code.NOT_SIGNED, "there are no signed values; none are due here", fatal=False)
    return Verdict(layers=Layers(cdr=_VALID), findings=(finding,), energy_billable=True, time_billable=True)


def _utc(at: datetime) -> datetime:
    """OCPI's times are UTC, whether or not they say so."""
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at

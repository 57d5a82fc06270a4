"""A session's signed values against the register's keys and what the ledger says. Pure: the same values, the same verdict, whenever it is made.

looked at               layer
can each be read        parse
the key at the start    signature
begin, end, pages       session     (calibration.session)
energy, times, meter    cdr         the same agreement as with a CDR: what would be billed is what was signed
"""

import hashlib
import re
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from functools import lru_cache

from msgspec import Struct
from msgspec.structs import replace

from chargebridge.calibration.cdr import TIME_SLACK
from chargebridge.calibration.registry.entry import KeyEntry, KeyState
from chargebridge.calibration.registry.rules import fold
from chargebridge.calibration.session import judge
from chargebridge.calibration.verdict import Code, Finding, Layer, Layers, Outcome, Verdict
from chargebridge.stations.port import SignedValue
from chargebridge.wire.signed import formats
from chargebridge.wire.signed.envelope import key_from, unwrap
from chargebridge.wire.signed.errors import SignedFormatError
from chargebridge.wire.signed.keys import PublicKey
from chargebridge.wire.signed.record import Kind, SignedRecord, TimeQuality

REGISTER_STEP_WH = Decimal(1)
"""OCPP's registers come in whole Wh; a meter may sign finer."""
VALUES_MAX = 5000
"""Of a session; where there are more, those between begin and end are left out, and OCMF then misses their pages."""
KEPT = 256


_EVSE_ID = re.compile(r"[a-z]{2}[a-z0-9]{3}e[a-z0-9]{1,30}\Z")
ENDS = ("Transaction.Begin", "Transaction.End")


class Stored(Struct, frozen=True):
    """A signed value as it is kept: its row's number and what the station sent."""

    number: int
    value: SignedValue


class Charged(Struct, frozen=True, kw_only=True):
    """What the ledger says of a session. presumed: its end was never told."""

    evse: str
    started_at: datetime
    ended_at: datetime
    energy_wh: int
    presumed: bool = False


class Judged(Struct, frozen=True, kw_only=True):
    """records: that make the session, in order, and the rows that they stand in. digest: of what they sign. entry: of the register."""

    verdict: Verdict
    records: tuple[SignedRecord, ...] = ()
    counted: tuple[int, ...] = ()
    digest: str | None = None
    entry: KeyEntry | None = None

    @property
    def pages(self) -> tuple[int, int] | None:
        """The first and the last page of the meter's that the session takes."""
        found = [page for record in self.records for page in (record.pages or (record.page,)) if page is not None]
        return (min(found), max(found)) if found else None

    def against(self, finding: Finding) -> "Judged":
        """The same with something more that speaks against it."""
        layers = replace(self.verdict.layers, **{finding.layer.value: Outcome.INVALID})
        verdict = replace(
            self.verdict, layers=layers, findings=(*self.verdict.findings, finding), energy_billable=False, time_billable=False
        )
        return replace(self, verdict=verdict)


class _Read(Struct, frozen=True):
    number: int
    record: SignedRecord


@lru_cache(maxsize=KEPT)
def judge_session(values: tuple[Stored, ...], entries: tuple[KeyEntry, ...], charged: Charged) -> Judged:
    """values: all that are kept of the session. entries: all that the register ever had for its EVSE-ID.

    What was judged of late is remembered by all of this, byte for byte.
    """
    if not values:
        text = "the station has sent no signed values, and this charging point is under calibration law"
        return _refused(Layer.SESSION, Code.NOT_SIGNED, text, Layers(session=Outcome.INVALID))
    read, findings = _read(values if len(values) <= VALUES_MAX else [one for one in values if one.value.context in ENDS][:VALUES_MAX])
    entry, of_key = key_entry(entries, charged)
    if not read:
        return Judged(verdict=Verdict(layers=Layers(parse=Outcome.MALFORMED), findings=tuple(findings)), entry=entry)
    key = entry.key if entry is not None else None
    tried = [_conclude(chosen, key, entry, charged) for chosen in _choices(read)]
    best = next((one for one in tried if one.verdict.energy_billable), tried[0])
    extra = (*of_key, *_told_keys(values, key), *(replace(one, fatal=False) for one in findings))
    fatal_first = (*(one for one in extra if one.fatal), *best.verdict.findings, *(one for one in extra if not one.fatal))
    return replace(best, verdict=replace(best.verdict, findings=fatal_first))


def key_entry(entries: Sequence[KeyEntry], charged: Charged) -> tuple[KeyEntry | None, list[Finding]]:
    """The key that the session is judged by: that which counted when it began."""
    entry = next((one for one in entries if one.holds_at(charged.started_at)), None)
    if entry is not None:
        return entry, []
    if not entries:
        return None, [Finding(Layer.SIGNATURE, Code.NOT_REGISTERED, f"no public key of {charged.evse} is registered")]
    if all(one.state is KeyState.PENDING for one in entries):
        return None, [Finding(Layer.SIGNATURE, Code.NOT_ACTIVE, f"the key of {charged.evse} is handed in, but not public yet")]
    text = f"no key of {charged.evse} counted on {charged.started_at.isoformat(timespec='seconds')}, when the session began"
    return None, [Finding(Layer.SIGNATURE, Code.NOT_ACTIVE, text)]


def _read(values: Sequence[Stored]) -> tuple[list[_Read], list[Finding]]:
    """Each record once, however often it was sent, and what cannot be read."""
    found: dict[bytes, _Read] = {}
    wrong: list[Finding] = []
    for stored in values:
        try:
            for record in formats.read(unwrap(stored.value.data).data):
                found.setdefault(_signed(record), _Read(stored.number, record))
        except SignedFormatError as error:
            wrong.append(Finding(Layer.PARSE, Code.UNREADABLE, f"the signed value of {stored.value.context}: {error}"))
    return list(found.values()), wrong


def _choices(read: list[_Read]) -> list[list[_Read]]:
    """What may be the session: a record that has begin and end, the last one first; else all together in their order."""
    whole = [[one] for one in reversed(read) if _is_whole(one.record)]
    if whole:
        return whole
    pages = [one.record.page for one in read]
    if all(page is not None for page in pages):
        return [sorted(read, key=lambda one: one.record.page or 0)]
    return [read]


def _is_whole(record: SignedRecord) -> bool:
    kinds = {reading.kind for reading in record.readings if reading.relevant}
    return Kind.ENERGY in kinds or {Kind.BEGIN, Kind.END} <= kinds or len(record.signatures) > 1


def _conclude(chosen: list[_Read], key: PublicKey | None, entry: KeyEntry | None, charged: Charged) -> Judged:
    records = tuple(one.record for one in chosen)
    verdict = judge(records, key)
    found = _agreement(records, verdict, entry, charged)
    agrees = Outcome.INVALID if any(one.fatal for one in found) else Outcome.VALID
    held = verdict.energy_billable and agrees is Outcome.VALID
    timed = held and verdict.time_billable and not any(one.code is Code.TIMES_DIFFER for one in found)
    return Judged(
        verdict=replace(
            verdict,
            layers=replace(verdict.layers, cdr=agrees),
            findings=(*verdict.findings, *found),
            energy_billable=held,
            time_billable=timed,
        ),
        records=records,
        counted=tuple(dict.fromkeys(one.number for one in chosen)),
        digest=hashlib.sha256(b"\n".join(_signed(record) for record in records)).hexdigest(),
        entry=entry,
    )


def _agreement(records: Sequence[SignedRecord], verdict: Verdict, entry: KeyEntry | None, charged: Charged) -> list[Finding]:
    found: list[Finding] = []
    if verdict.energy_wh is not None:
        slack = max(verdict.step_wh or REGISTER_STEP_WH, REGISTER_STEP_WH)
        if abs(charged.energy_wh - verdict.energy_wh) > slack:
            text = f"the station counted {charged.energy_wh} Wh, the signed values say {verdict.energy_wh.normalize():f} Wh"
            found.append(Finding(Layer.CDR, Code.TOTAL_DIFFERS, text))
    for record in records:
        if entry and entry.meter and record.meter and entry.meter.casefold() != record.meter.casefold():
            text = f"signed by meter {record.meter}, the register has {entry.meter} at {charged.evse}"
            found.append(Finding(Layer.CDR, Code.METER_DIFFERS, text))
            break
    points = {record.point for record in records if _is_evse_id(record.point)}
    other = next((point for point in points if fold(point) != fold(charged.evse)), None)
    if other is not None:
        found.append(Finding(Layer.CDR, Code.POINT_DIFFERS, f"signed at {other}, charged at {charged.evse}"))
    if verdict.begin and verdict.end and not charged.presumed and _is_synchronised(records):
        before, after = verdict.begin - charged.started_at, charged.ended_at - verdict.end
        if max(abs(before), abs(after)) > TIME_SLACK:
            text = (
                f"charged from {_second(charged.started_at)} to {_second(charged.ended_at)}, "
                f"signed from {_second(verdict.begin)} to {_second(verdict.end)}"
            )
            # A transaction may begin with the plug and end with it, the measuring only when somebody charges; then the energy is that of the session.
            found.append(Finding(Layer.CDR, Code.TIMES_DIFFER, text, fatal=min(before, after) < -TIME_SLACK))
    return found


def _told_keys(values: Sequence[Stored], key: PublicKey | None) -> list[Finding]:
    """A key that the station tells proves nothing; that it is another one explains why a signature does not hold."""
    for stored in values:
        if key is None:
            break
        try:
            text = stored.value.public_key or unwrap(stored.value.data).public_key
            if text and not key_from(text, (key.curve,)).same(key):
                told = key_from(text, (key.curve,)).fingerprint()[:16]
                text = f"the station signs with the key {told}..., the register has {key.fingerprint()[:16]}... here"
                return [Finding(Layer.SIGNATURE, Code.KEY_DIFFERS, text, fatal=False)]
        except SignedFormatError:
            continue
    return []


def _refused(layer: Layer, code: Code, text: str, layers: Layers) -> Judged:
    return Judged(verdict=Verdict(layers=layers, findings=(Finding(layer, code, text),)))


def _signed(record: SignedRecord) -> bytes:
    """What identifies a record: not its signature, of which there are two forms for one payload."""
    return b"\n".join(signature.signed for signature in record.signatures)


def _is_evse_id(point: str) -> bool:
    """OCMF's CI may also be a charge box's name."""
    return _EVSE_ID.match(fold(point)) is not None


def _is_synchronised(records: Sequence[SignedRecord]) -> bool:
    return all(reading.time_quality is TimeQuality.SYNCHRONISED for record in records for reading in record.readings if reading.relevant)


def _second(at: datetime) -> str:
    return at.isoformat(timespec="seconds")

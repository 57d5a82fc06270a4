"""The second and third layer: signatures with the one key of the registry, and whether the values make one session.

    rule                                                       from
    one begin, one end, the end not before nor below           OCMF 1.4.1, all formats
    meter well at both, no error flag E, user identified       OCMF 1.4.1
    one meter, one user, one point, one session                OCMF 1.4.1 (records of one source), EDL40, Alfen
    pages rise; of OCMF by one from record to record           OCMF 1.4.1, EDL40, Alfen
    clock that runs free (R) at the begin runs free at the end S.A.F.E. transparency software

What a record tells outside its signature (Alfen's type, a key) decides nothing; where formats have no word for begin and end, the order does.
"""

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise

from chargebridge.calibration.signature import holds
from chargebridge.calibration.verdict import Code, Finding, Layer, Layers, Outcome, Verdict
from chargebridge.wire.signed.keys import PublicKey
from chargebridge.wire.signed.record import Kind, Lenience, Reading, SignedFormat, SignedRecord, TimeQuality

_ONE_SOURCE = (
    ("format", Code.FORMAT_DIFFERS),
    ("meter", Code.METER_DIFFERS),
    ("gateway", Code.GATEWAY_DIFFERS),
    ("customer", Code.CUSTOMER_DIFFERS),
    ("customer_kind", Code.CUSTOMER_DIFFERS),
    ("point", Code.POINT_DIFFERS),
    ("session", Code.SESSION_DIFFERS),
)
_ONE_OF_EACH = ((Code.NO_BEGIN, Code.SEVERAL_BEGINS, "begin"), (Code.NO_END, Code.SEVERAL_ENDS, "end"))
_ZERO = Decimal(0)
# Looked up once: in Python 3.11 an enum finds each of its members by a function in Python.
_BEGIN, _END, _ENERGY, _EXCEPTION, _OTHER = Kind.BEGIN, Kind.END, Kind.ENERGY, Kind.EXCEPTION, Kind.OTHER
_VALID = Outcome.VALID
_RELATIVE, _SYNCHRONISED, _INFORMATIVE = TimeQuality.RELATIVE, TimeQuality.SYNCHRONISED, TimeQuality.INFORMATIVE
_OCMF, _MENNEKES = SignedFormat.OCMF, SignedFormat.MENNEKES
_BY_ORDER = (SignedFormat.EDL40, SignedFormat.EDL40_SIG, SignedFormat.ALFEN)
"""Formats whose values have no signed word for begin and end: the first is the one, the last the other."""


def judge(records: Sequence[SignedRecord], key: PublicKey | None) -> Verdict:
    """Whether these records, in the order of time, are one session signed with ``key``; ``None``: the registry has none."""
    return conclude(records, key, signature_findings(records, key))


def conclude(records: Sequence[SignedRecord], key: PublicKey | None, findings: Sequence[Finding]) -> Verdict:
    """The rest, where the signatures have been looked at. findings: what spoke against them."""
    session: list[Finding] = []
    begin, end, readings = _ends(records, session)
    if begin and end:
        _values(begin, end, session)
    _source(records, session)
    _pages(records, session)
    energy_wh = _energy(begin, end)
    if energy_wh is None and not any(one.fatal for one in session):
        session.append(_found(Code.NO_ENERGY, "the values are not in Wh or kWh"))
    layers = Layers(signature=_outcome(findings), session=_outcome(session))
    held = layers.worst is _VALID
    return Verdict(
        layers=layers,
        findings=(*findings, *session),
        leniences=leniences(records, key),
        energy_wh=energy_wh,
        step_wh=max((one.step_wh for one in (begin, end) if one), default=None),
        begin=begin.at if begin else None,
        end=end.at if end else None,
        energy_billable=held,
        time_billable=held and begin is not None and end is not None and _times_count(begin, end, readings),
    )


def signature_findings(records: Sequence[SignedRecord], key: PublicKey | None) -> list[Finding]:
    """What speaks against the signatures. Nothing: all hold."""
    found: list[Finding] = []
    for place, record in enumerate(records, 1):
        name = f"value {place}" if len(records) > 1 else "the record"
        if key is None:
            return [Finding(Layer.SIGNATURE, Code.NO_KEY, "no public key is known: ask for it in the register, or read it off the meter")]
        for signature in record.signatures:
            if key.curve not in signature.curves or signature.curve not in (None, key.curve):
                claimed = signature.curve or ", ".join(signature.curves)
                found.append(Finding(Layer.SIGNATURE, Code.CURVE_DIFFERS, f"{name} says {claimed}, the key is on {key.curve}"))
            elif not holds(signature, key):
                found.append(
                    Finding(Layer.SIGNATURE, Code.SIGNATURE_WRONG, f"the signature of {name} is not that of these values and this key")
                )
        found += [Finding(Layer.PARSE, Code.LENIENT, f"{name}: {one}", fatal=False) for one in record.leniences]
    return found


def leniences(records: Sequence[SignedRecord], key: PublicKey | None) -> tuple[Lenience, ...]:
    """In what all of it departs from its format."""
    bare = (Lenience.RAW_KEY,) if key and key.bare and any(record.format is _OCMF for record in records) else ()
    return tuple(dict.fromkeys([*(one for record in records for one in record.leniences), *bare]))


def _ends(records: Sequence[SignedRecord], found: list[Finding]) -> tuple[Reading | None, Reading | None, tuple[Reading, ...]]:
    """The first and the last value of the session, and all that may be billed by."""
    readings = tuple([reading for record in records for reading in record.readings if reading.relevant])
    if not readings:
        found.append(_found(Code.NO_RELEVANT_VALUE, "none of the values is of a register that may be billed by"))
        return None, None, ()
    if len(readings) == 1 and readings[0].kind is _ENERGY:
        return readings[0], readings[0], readings
    kinds = [reading.kind for reading in readings]
    stop = kinds.index(_EXCEPTION) if _EXCEPTION in kinds else None
    if stop is not None:
        found.append(_found(Code.EXCEPTION, "from an exception on the meter's values do not count", fatal=False))
    if records[0].format in _BY_ORDER or set(kinds) == {_OTHER}:
        return _by_order(readings, found)
    begins = [place for place, kind in enumerate(kinds) if kind is _BEGIN]
    ends = [place for place, kind in enumerate(kinds) if kind is _END]
    if stop is not None:
        ends = [place for place in range(stop) if kinds[place] is not _BEGIN][-1:] or begins[:1]
    for many, (none, several, name) in zip((begins, ends), _ONE_OF_EACH, strict=True):
        if len(many) != 1:
            found.append(_found(several if many else none, f"{len(many) or 'no'} value{'s' * (len(many) > 1)} of a session's {name}"))
    if len(begins) == len(ends) == 1 and begins[0] > ends[0]:
        found.append(_found(Code.NO_BEGIN, "the end stands before the begin"))
    return readings[begins[0]] if begins else None, readings[ends[0]] if ends else None, readings


def _by_order(readings: tuple[Reading, ...], found: list[Finding]) -> tuple[Reading | None, Reading | None, tuple[Reading, ...]]:
    if len(readings) < 2:
        found.append(_found(Code.NO_END, "a session needs a value of its begin and one of its end"))
        return readings[0], None, readings
    if readings[0].kind is _END or readings[-1].kind is _BEGIN:
        found.append(_found(Code.NO_BEGIN, "the value that stands first calls itself the end, or the last one the begin"))
    return readings[0], readings[-1], readings


def _values(begin: Reading, end: Reading, found: list[Finding]) -> None:
    for reading, name in ((begin, "begin"), (end, "end")):
        if not reading.good:
            found.append(
                _found(Code.METER_STATUS, f"at the {name} the meter is not well: {reading.status or 'it does not say that it is'}")
            )
        if not reading.energy_usable:
            found.append(_found(Code.ENERGY_UNUSABLE, f"the meter says that its energy at the {name} must not be used"))
        if begin is end:
            return
    if begin.obis != end.obis and begin.obis and end.obis and not _isa(begin, end):
        found.append(_found(Code.REGISTER_DIFFERS, f"begin is of register {begin.obis}, end of {end.obis}"))
    if begin.energy_wh is not None and end.energy_wh is not None and end.energy_wh < begin.energy_wh:
        found.append(_found(Code.ENERGY_FALLS, f"the meter stood at {begin.energy_wh} Wh and ends at {end.energy_wh} Wh"))
    if begin.at and end.at and end.at < begin.at:
        found.append(_found(Code.TIME_FALLS, f"the end, {end.at.isoformat()}, is before the begin, {begin.at.isoformat()}"))
    if begin.time_quality is _RELATIVE and end.time_quality is not _RELATIVE:
        found.append(_found(Code.TIME_STATE, "a clock that ran free at the begin was set in the meantime"))


def _isa(begin: Reading, end: Reading) -> bool:
    """ISA-EDL40-P keeps the counter at the start under a code of its own."""
    return (begin.obis, end.obis) == ("010001080080", "0100010800ff")


def _source(records: Sequence[SignedRecord], found: list[Finding]) -> None:
    first = records[0]
    for other in records[1:]:
        for name, code in _ONE_SOURCE:
            one, two = getattr(first, name), getattr(other, name)
            if one != two and one and two:
                found.append(_found(code, f"{name.replace('_', ' ')}: {one} at the begin, {two} at the end"))
    if not all(record.identified for record in records):
        found.append(_found(Code.NOT_IDENTIFIED, "the station was not sure who charged"))
    torn = [record.session for record in records if record.format is _MENNEKES and "/" in record.session]
    found += [_found(Code.SESSION_DIFFERS, f"begin and end have the event counters {session}") for session in torn]


def _pages(records: Sequence[SignedRecord], found: list[Finding]) -> None:
    """OCMF's contexts: T for transactions, F for the fiscal reading of a meter, which is no session."""
    contexts = {record.context for record in records if record.context}
    if contexts - {"T"}:
        found.append(_found(Code.PAGE_CONTEXT, f"records of context {', '.join(sorted(contexts))}, not of a transaction (T)"))
    pages = [page for record in records for page in (record.pages or (record.page,)) if page is not None]
    for one, two in pairwise(pages):
        if two <= one:
            found.append(_found(Code.PAGE_FALLS, f"the record of page {two} follows that of page {one}"))
        elif two > one + 1 and records[0].format is _OCMF:
            found.append(_found(Code.PAGES_MISSING, f"the pages between {one} and {two} are missing"))


def _energy(begin: Reading | None, end: Reading | None) -> Decimal | None:
    if begin is None or end is None or begin.energy_wh is None or end.energy_wh is None:
        return None
    return begin.energy_wh if begin is end else end.energy_wh - begin.energy_wh


def _times_count(begin: Reading, end: Reading, readings: Sequence[Reading]) -> bool:
    """Whether the duration may be billed: by a set clock at both, or by one that ran on from begin to end."""
    if not (begin.time_usable and end.time_usable and all(reading.time_usable for reading in readings)):
        return False
    relative = end.time_quality is _RELATIVE and begin.time_quality in (_RELATIVE, _INFORMATIVE)
    return relative or begin.time_quality is end.time_quality is _SYNCHRONISED


def _found(code: Code, text: str, *, fatal: bool = True) -> Finding:
    return Finding(Layer.SESSION, code, text, fatal)


def _outcome(findings: Sequence[Finding]) -> Outcome:
    if not findings:
        return _VALID
    fatal = [finding.code for finding in findings if finding.fatal]
    if not fatal:
        return _VALID
    return Outcome.UNDECIDABLE if fatal[0] is Code.NO_KEY else Outcome.INVALID

"""What a customer asks: do the values of this file hold, and which sessions do they make?"""

from collections.abc import Callable, Sequence

import msgspec
from msgspec import Struct

from chargebridge.calibration.session import judge
from chargebridge.calibration.signature import offered
from chargebridge.calibration.verdict import Code, Finding, Layer, Layers, Outcome, Verdict
from chargebridge.wire.signed import formats
from chargebridge.wire.signed.container import ContainedValue, read_container
from chargebridge.wire.signed.errors import SignedFormatError
from chargebridge.wire.signed.keys import PublicKey, read_key
from chargebridge.wire.signed.record import Kind, SignedRecord

Registered = Callable[[SignedRecord], PublicKey | None]
"""Looks a record's key up in a register; None: it has none."""


class KeyOrigin(Struct, frozen=True):
    """text: where the key comes from, for people. proven: not from the file itself, where whoever writes the values can write the key too."""

    text: str
    proven: bool


FROM_REGISTER = KeyOrigin("from the register", True)
FROM_USER = KeyOrigin("as you gave it", True)
FROM_FILE = KeyOrigin("from the file: compare it with the one on the meter or in the register", False)
NOWHERE = KeyOrigin("nowhere", False)
_BY_INTEGERS = 50
"""A signature on a curve that no library offers takes as much work as so many others."""


class CheckedSession(Struct, frozen=True, kw_only=True):
    """transaction: as the file names it. values: as they stood there."""

    transaction: str
    values: tuple[ContainedValue, ...]
    records: tuple[SignedRecord, ...]
    key: PublicKey | None
    origin: KeyOrigin
    verdict: Verdict


def check_file(
    data: bytes,
    key: PublicKey | None = None,
    registered: Registered | None = None,
    most: int | None = None,
    signature: bytes | None = None,
) -> tuple[CheckedSession, ...]:
    """All sessions of a file. key: that the user gave. most: the work that it may make, in signatures; None: any, up to the container's own bounds.
    signature: of the whole file, where it stands in another.

    Raises SignedFormatError where the file as a whole cannot be read, or makes more work.
    """
    groups: dict[tuple[object, ...], list[tuple[ContainedValue, SignedRecord]]] = {}
    refused: list[CheckedSession] = []
    contained = read_container(data, signature)
    if most is not None and len(contained) > most:
        raise _too_much(len(contained), most)
    for place, value in enumerate(contained):
        try:
            records = formats.read(value.data, value.signature)
        except SignedFormatError as error:
            refused.append(_refused(value, error))
            continue
        for record in records:
            groups.setdefault(_session_of(value, record, place), []).append((value, record))
    sessions = [_session(group, key, registered) for group in groups.values()]
    work = sum(
        len(record.signatures) * (1 if session.key is None or offered(session.key.curve) else _BY_INTEGERS)
        for session in sessions
        for record in session.records
    )
    if most is not None and work > most:
        raise _too_much(work, most)
    return (*(_judged(session) for session in sessions), *refused)


def _too_much(work: int, most: int) -> SignedFormatError:
    reason = f"it takes the work of {work} signatures, more than the {most} that are checked at once here"
    return SignedFormatError("file", reason, "split it by transactions, or check it with `chargebridge verify`")


def _session_of(value: ContainedValue, record: SignedRecord, place: int) -> tuple[object, ...]:
    """A record that has begin and end is a session by itself; others belong together by the file's word or by their own."""
    kinds = {reading.kind for reading in record.readings if reading.relevant}
    if Kind.ENERGY in kinds or {Kind.BEGIN, Kind.END} <= kinds:
        return (record.meter, record.session, record.page, place)
    return ("transaction", value.transaction) if value.transaction else (record.meter, record.gateway, record.session)


def _session(
    group: Sequence[tuple[ContainedValue, SignedRecord]], given: PublicKey | None, registered: Registered | None
) -> CheckedSession:
    """With its key and what speaks against that, not judged yet."""
    values = tuple(dict.fromkeys(value for value, _ in group))
    records = tuple(record for _, record in group)
    key, origin, refusal = _key(values, records, given, registered)
    refused = (Finding(Layer.SIGNATURE, Code.KEY_REFUSED, f"the public key in the file cannot be one: {refusal}"),) if refusal else ()
    return CheckedSession(
        transaction=values[0].transaction or records[0].session,
        values=values,
        records=records,
        key=key,
        origin=origin,
        verdict=Verdict(layers=Layers(), findings=refused),
    )


def _judged(session: CheckedSession) -> CheckedSession:
    verdict = judge(session.records, session.key)
    findings = (*session.verdict.findings, *verdict.findings)
    return msgspec.structs.replace(session, verdict=msgspec.structs.replace(verdict, findings=findings))


def _key(
    values: Sequence[ContainedValue], records: Sequence[SignedRecord], given: PublicKey | None, registered: Registered | None
) -> tuple[PublicKey | None, KeyOrigin, str]:
    """The key, where it comes from, and why that in the file is none."""
    if given is not None:
        return given, FROM_USER, ""
    found = registered(records[0]) if registered else None
    if found is not None:
        return found, FROM_REGISTER, ""
    signature = records[0].signatures[0]
    text = next((value.key for value in values if value.key), None)
    if text:
        try:
            return read_key(text, (signature.curve,) if signature.curve else signature.curves), FROM_FILE, ""
        except SignedFormatError as error:
            return None, NOWHERE, error.reason
    return records[0].key, FROM_FILE if records[0].key else NOWHERE, records[0].key_refused


def _refused(value: ContainedValue, error: SignedFormatError) -> CheckedSession:
    verdict = Verdict(layers=Layers(parse=Outcome.MALFORMED), findings=(Finding(Layer.PARSE, Code.UNREADABLE, str(error)),))
    return CheckedSession(transaction=value.transaction, values=(value,), records=(), key=None, origin=NOWHERE, verdict=verdict)

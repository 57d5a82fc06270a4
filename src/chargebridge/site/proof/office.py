"""Proofs at work: a verdict is written down with what it is made of, and made again each time that it is shown.

It is kept in the same write as the event that ends the session, or brings a late record; so that no crash comes between. It may improve (a late
record, a key that is registered); what is billable stays so, and is looked at anew from its records whenever somebody sees it.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

import structlog
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection

from chargebridge.calibration.registry.entry import KeyEntry
from chargebridge.calibration.verdict import Code, Finding, Layer, Layers, Outcome, Verdict
from chargebridge.model.clock import Clock
from chargebridge.model.session import Session
from chargebridge.site.config import PointTable
from chargebridge.site.proof import records
from chargebridge.site.proof.judging import Charged, Judged, Stored, judge_session
from chargebridge.site.proof.keys import KeyBook
from chargebridge.site.proof.records import ProofRow, SessionFacts
from chargebridge.site.proof.view import ProofMark, ProofState, ProofView
from chargebridge.stations.port import TransactionEvent
from chargebridge.store import Database
from chargebridge.wire.signed.container import ContainedValue, write_safe_xml
from chargebridge.wire.signed.keys import PublicKey
from chargebridge.wire.signed.record import SignedRecord

log = structlog.get_logger(__name__)
LOOK_EVERY_S = 2.0
AT_ONCE = 50
Settle = Callable[[Connection, SessionFacts, bool], Callable[[], None]]
"""What money does in the write in which a session becomes billable, its duration too or not; what it returns is done once that is durable."""


class Noted(Struct, frozen=True, kw_only=True):
    """A session's proof before a write and after it. timed: it was judged by this, and its duration may be billed too."""

    before: ProofRow | None
    row: ProofRow
    point: str
    timed: bool = False

    @property
    def billable(self) -> bool:
        return self.row.state == "billable"

    @property
    def proven(self) -> bool:
        """It has become billable by this."""
        return self.billable and (self.before is None or self.before.state != "billable")


class ProofOffice:
    """points: those under calibration law. settle: see above. Implements ``ProofService``."""

    def __init__(
        self,
        points: Sequence[PointTable],
        keys: KeyBook,
        database: Database,
        clock: Clock,
        *,
        settle: Settle,
        tell: Callable[[str, str, str], None],
    ) -> None:
        self._points = {point.id: point for point in points if point.calibrated}
        self._keys, self._database, self._clock = keys, database, clock
        self._settle, self._tell = settle, tell
        self._trouble = ""

    async def open(self) -> None:
        """Read the register, hand in the keys of the configuration, and judge what a restart has left."""
        await self._keys.refresh()
        for refused in await self._keys.hand_in(list(self._points.values())):
            self._tell("alert", refused, "")
        await self._keys.refresh()
        self._look_at_register()
        await self._judge_all(unbillable=True)

    async def run(self) -> None:
        """Judge what ends by presumption, and everything that was wanting when the register has changed."""
        while True:
            await self._clock.sleep(LOOK_EVERY_S)
            try:
                changed = await self._keys.refresh()
                self._look_at_register()
                await self._judge_all(unbillable=changed)
            except Exception:
                log.exception("signed values cannot be judged now")

    # What stations tell

    def note(self, c: Connection, event: TransactionEvent, session: Session | None, now: datetime, *, ended: bool) -> Noted | None:
        """In the write that files the event. None: the session needs no proof."""
        point = None if session is None else self._points.get(session.point)
        if session is None or point is None or point.evse_id is None:
            return None
        row = before = records.find(c, int(session.id))
        if row is None:
            row = records.new(int(session.id), point.evse_id)
            records.keep(c, row)
        if session.ended_at is None:
            if row.state == "unbillable":  # it goes on after all
                row = replace(row, state="running", code="", reason="")
                records.keep(c, row)
        elif ended or event.signed or row.state == "running":
            return self._judged(c, row, now, before=before, point=point.id)
        return Noted(before=before, row=row, point=point.id)

    def took(self, noted: Noted | None) -> None:
        """The write is durable."""
        if noted is None:
            return
        row, where = noted.row, self._name(noted.point)
        if row.state == "unbillable" and (noted.before is None or row.reason != noted.before.reason):
            self._tell("alert", f"session {row.session} at {where} is not billable: {row.reason}", noted.point)
        elif noted.proven and noted.before is not None and noted.before.state == "unbillable":
            self._tell("session", f"session {row.session} at {where} is proven after all: it is billable", noted.point)

    def _judged(self, c: Connection, row: ProofRow, now: datetime, *, before: ProofRow | None, point: str) -> Noted:
        facts = records.facts(c, row.session, row.evse)
        if facts is None or not facts.ended:
            return Noted(before=before, row=row, point=point)
        judged = self._judge(c, row, facts)
        if row.state == "billable":
            return Noted(before=before, row=row, point=point, timed=judged.verdict.time_billable)
        wrong = next((found for found in judged.verdict.findings if found.fatal), None)
        pages = judged.pages or (None, None)
        row = replace(
            row,
            state="billable" if judged.verdict.energy_billable else "unbillable",
            code="" if wrong is None else wrong.code.value,
            reason="" if wrong is None else wrong.text,
            judged_at=now,
            counted=judged.counted,
            digest=judged.digest,
            entry=None if judged.entry is None else judged.entry.id,
            key=None if judged.entry is None else judged.entry.key.fingerprint(),
            first_page=pages[0],
            last_page=pages[1],
        )
        records.keep(c, row)
        return Noted(before=before, row=row, point=point, timed=judged.verdict.time_billable)

    def _judge(self, c: Connection, row: ProofRow, facts: SessionFacts, values: Sequence[Stored] | None = None) -> Judged:
        kept = records.stored(c, row.session) if values is None else values
        try:
            judged = judge_session(tuple(kept), tuple(self._keys.entries(row.evse)), facts.charged)
        except Exception as error:  # a station's message is kept and answered, whatever stands in its signed values
            log.exception("signed values cannot be judged", session=row.session)
            text = f"the signed values cannot be judged ({type(error).__name__}: {error})"
            return Judged(verdict=Verdict(layers=Layers(parse=Outcome.MALFORMED), findings=(Finding(Layer.PARSE, Code.UNREADABLE, text),)))
        other = records.used_by(c, row.session, judged) if judged.verdict.energy_billable else None
        if other is None:
            return judged
        text = f"the meter's records, or their pages, are those of session {other} already"
        return judged.against(Finding(Layer.SESSION, Code.PAGE_FALLS, text))

    async def _judge_all(self, *, unbillable: bool) -> None:
        due = await self._database.read(lambda c: records.open_ones(c, unbillable=unbillable))
        for at in range(0, len(due), AT_ONCE):
            some = due[at : at + AT_ONCE]
            for noted, settled in await self._database.write(partial(self._again, some)):
                settled()
                self.took(noted)

    def _again(self, numbers: Sequence[int], c: Connection) -> list[tuple[Noted, Callable[[], None]]]:
        made: list[tuple[Noted, Callable[[], None]]] = []
        for number in numbers:
            before = records.find(c, number)
            facts = None if before is None else records.facts(c, number, before.evse)
            if before is not None and facts is not None:
                noted = self._judged(c, before, self._clock.now(), before=before, point=facts.point)
                made.append((noted, self._settle(c, facts, noted.timed) if noted.proven else _nothing))
        return made

    def _look_at_register(self) -> None:
        if self._keys.trouble and self._keys.trouble != self._trouble:
            self._tell("alert", f"the register of public keys cannot be read: {self._keys.trouble}", "")
        self._trouble = self._keys.trouble

    def _name(self, point: str) -> str:
        found = self._points.get(point)
        return point if found is None else found.name

    # What is shown

    async def by_id(self, proof: str) -> ProofView | None:
        return await self._database.read(lambda c: self._shown(c, records.by_id(c, proof)))

    async def of_session(self, session: str) -> ProofView | None:
        number = int(session) if session.isdecimal() and len(session) < 19 else -1
        return await self._database.read(lambda c: self._shown(c, records.find(c, number)))

    async def newest_at(self, point: str) -> ProofView | None:
        return await self._database.read(lambda c: self._shown(c, records.newest_at(c, point)))

    async def marks(self, sessions: Sequence[str]) -> dict[str, ProofMark]:
        """By session: of those that need a proof."""

        def work(c: Connection) -> dict[str, ProofMark]:
            found = records.of_sessions(c, [int(one) for one in sessions])
            shown = {number: self._shown(c, row) for number, row in found.items()}
            return {str(number): ProofMark(id=view.id, state=view.state, reason=view.reason) for number, view in shown.items() if view}

        return await self._database.read(work)

    def registered(self, record: SignedRecord) -> PublicKey | None:
        return self._keys.key_of(record)

    async def safe_xml(self, proof: str) -> bytes | None:
        def work(c: Connection) -> bytes | None:
            row = records.by_id(c, proof)
            facts = None if row is None else records.facts(c, row.session, row.evse)
            if row is None or facts is None:
                return None
            judged = self._judge(c, row, facts)
            key = None if judged.entry is None else judged.entry.key.spki().hex()
            contexts = ("Transaction.Begin", "Transaction.End") if len(judged.records) == 2 else ("",) * len(judged.records)
            values = [
                ContainedValue(record.raw, key, str(row.session), context) for record, context in zip(judged.records, contexts, strict=True)
            ]
            return write_safe_xml(values) if values else None

        return await self._database.read(work)

    def _shown(self, c: Connection, row: ProofRow | None) -> ProofView | None:
        facts = None if row is None else records.facts(c, row.session, row.evse)
        if row is None or facts is None:
            return None
        judged = self._judge_again(c, row, facts)
        verdict = judged.verdict
        wrong = next((found for found in verdict.findings if found.fatal), None)
        state: ProofState = (
            "running" if not facts.ended else "billable" if verdict.energy_billable and row.state == "billable" else "unbillable"
        )
        ends = [reading.energy_wh for record in judged.records for reading in record.readings if reading.relevant]
        entry = judged.entry
        return ProofView(
            id=row.id,
            session=str(row.session),
            point=facts.point,
            evse=row.evse,
            state=state,
            stored=row.state,
            code="" if wrong is None or state == "running" else wrong.code.value,
            reason="" if wrong is None or state == "running" else wrong.text,
            layers=verdict.layers,
            findings=verdict.findings,
            energy_billable=verdict.energy_billable,
            time_billable=verdict.time_billable,
            energy_wh=verdict.energy_wh,
            begin_wh=ends[0] if ends else None,
            end_wh=ends[-1] if len(ends) > 1 else None,
            begin=verdict.begin,
            end=verdict.end,
            meter=judged.records[0].meter or judged.records[0].gateway if judged.records else "",
            format=judged.records[0].format.value if judged.records else "",
            key="" if entry is None else entry.key.spki().hex(),
            fingerprint="" if entry is None else entry.key.fingerprint(),
            key_from="" if entry is None else _origin(entry, facts.charged),
            judged_at=row.judged_at,
        )

    def _judge_again(self, c: Connection, row: ProofRow, facts: SessionFacts) -> Judged:
        """From the records on which the stored verdict stands; where they are not as they were, that is what is found."""
        kept = records.stored(c, row.session)
        if row.state != "billable":
            return self._judge(c, row, facts, kept)
        judged = self._judge(c, row, facts, [one for one in kept if one.number in row.counted])
        if not {one.number for one in kept}.issuperset(row.counted):
            return judged.against(Finding(Layer.SESSION, Code.NOT_SIGNED, "a signed value that was counted is gone from the store"))
        if judged.digest != row.digest:
            return judged.against(Finding(Layer.SIGNATURE, Code.SIGNATURE_WRONG, "the signed values are not those that were counted"))
        return judged


def _origin(entry: KeyEntry, charged: Charged) -> str:
    since = "" if entry.valid_from is None else f", counts since {entry.valid_from.isoformat(timespec='seconds')}"
    return f"public-key register, entry {entry.id} of {entry.cpo} for {entry.evse}{since}"


def _nothing() -> None: ...

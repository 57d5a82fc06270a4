"""Where stations report: the site's end of the stations' port. A station is answered only after what it said is durable."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection

from chargebridge.model.clock import Clock
from chargebridge.model.session import PointStatus, Session
from chargebridge.site import ledger
from chargebridge.site.hearing import Hearing, Verdict
from chargebridge.site.live import Live, LivePoint
from chargebridge.site.money.desk import BILLED, DIRECT, Billing
from chargebridge.site.money.office import MoneyOffice
from chargebridge.site.money.records import TermsRow
from chargebridge.site.money.tariffs import said
from chargebridge.site.proof.office import Noted, ProofOffice
from chargebridge.site.tokens import Tokens
from chargebridge.stations.events import Settled, StationEvent
from chargebridge.stations.port import Authorisation, EvseMeasurement, StartAnswer, StationInfo, Token, TransactionEvent
from chargebridge.stations.terms import Receipt, Terms, VatCheck
from chargebridge.store import Database

T = TypeVar("T")


class StationDesk:
    """Implements ``StationSink``. ``wake`` is called whenever something changed that a decision depends on."""

    def __init__(
        self,
        live: Live,
        database: Database,
        clock: Clock,
        tokens: Tokens,
        *,
        wake: Callable[[], None],
        tell: Callable[[str, str, str], None],
        arrived: Callable[[str], None],
        ask_limits: Callable[[str], None],
        money: MoneyOffice | None = None,
        proof: ProofOffice | None = None,
        terminals: bool = False,
    ) -> None:
        """money: None where nothing is charged for. proof: None where no point is under calibration law.

        terminals: who has paid at a station's own terminal may charge.
        """
        self._money, self._proof, self._terminals = money, proof, terminals
        self._live = live
        self._database = database
        self._clock = clock
        self._tokens = tokens
        self._wake = wake
        self._tell = tell
        self._arrived = arrived
        self._errors: dict[str, str | None] = {}
        self.hearing = Hearing(live, database, clock, wake=wake, tell=tell, ask_limits=ask_limits)

    async def station_booted(self, info: StationInfo) -> bool:
        now = self._clock.now()
        await self._database.write(lambda c: ledger.booted(c, info, now))
        for point in self._live.of(info.station):
            point.protocol = info.protocol
        self._tell("station", f"{info.station} ({info.vendor} {info.model}) has started", info.station)
        return True

    async def station_connected(self, station: str, protocol: str) -> None:
        for point in self._live.of(station):
            point.online = True
            point.protocol = protocol
            point.heard_at = point.connected_at = self._clock.now()
        self._tell("station", f"{station} is connected", station)
        self._arrived(station)
        self._wake()

    async def station_lost(self, station: str) -> None:
        for point in self._live.of(station):
            point.online = False
            point.connected_at = None
        self._tell("station", f"{station} is out of reach", station)
        self._wake()

    def heard_from(self, station: str) -> None:
        for point in self._live.of(station):
            point.heard_at = self._clock.now()

    async def status_changed(self, station: str, evse: int, status: PointStatus, at: datetime, error: str | None) -> None:
        if evse == 0:  # the station as a whole (1.6 4.9, connector 0)
            self._whole(station, status, error)
            return
        point = self._live.at(station, evse)
        if point is None:
            return
        if error and error != point.error:
            self._tell("station", f"{point.point.name} reports {error}", point.point.id)
        point.error = error
        self._set_status(point, status)
        self._wake()

    def _whole(self, station: str, status: PointStatus, error: str | None) -> None:
        self._live.take_out(station, status)
        if error and error != self._errors.get(station):
            self._tell("station", f"{station} reports {error}", station)
        self._errors[station] = error
        self._wake()

    async def measured(self, station: str, evse: int, measurements: tuple[EvseMeasurement, ...]) -> None:
        self._measure(self._live.at(station, evse), measurements)

    async def authorise(self, station: str, token: str) -> Authorisation:
        return self._tokens.judge(token, station)

    async def authorise_payment(self, station: str, reference: str) -> Authorisation:
        if self._money is None:
            return Authorisation.INVALID
        accepted = self._money.accepts(await self._money.known(reference), terminals=self._terminals)
        return Authorisation.ACCEPTED if accepted else Authorisation.INVALID

    def tokens(self, station: str) -> tuple[Token, ...]:
        return self._tokens.listed(station)

    def about(self, station: str, token: str) -> Token | None:
        known = self._tokens.known(token, station)
        tariff = None if known is None or self._money is None else self._money.desk.own_tariff(token)
        return known if known is None or tariff is None else replace(known, tariff=said(tariff), message=tariff.text or None)

    def terms(self, event: TransactionEvent, takes: frozenset[str]) -> Terms | None:
        return None if self._money is None else self._money.desk.answer(event, takes)

    async def check_vat(self, station: str, number: str) -> VatCheck:
        return (
            VatCheck(valid=False, reason="VAT numbers are not checked here") if self._money is None else await self._money.check_vat(number)
        )

    async def receipt(self, station: str, settled: Settled) -> Receipt | None:
        return None if self._money is None else await self._money.receipt(station, settled)

    async def transaction_started(self, event: TransactionEvent) -> StartAnswer:
        point = self._where(event)
        answer = await self._judge(event)
        name, now = _name(point, event), self._clock.now()
        started, session, kept = await self._database.write(
            lambda c: self._filed(c, ledger.started(c, event, name, answer, now), event, now)
        )
        self._took(kept)
        running = self._refresh(point, event, session, begins=True)
        if point is not None and running and not event.offline:
            if event.status is not None:
                self._set_status(point, event.status)
            self._measure(point, event.measurements)
        if point is not None:
            self._tell("session", _begun(point.point.name, event.token, started), name)
        self._wake()
        return started

    async def transaction_updated(self, event: TransactionEvent) -> None:
        point = self._where(event)
        answer = await self._judge(event)
        name, now = _name(point, event), self._clock.now()
        fresh, session, kept = await self._database.write(lambda c: self._filed(c, ledger.updated(c, event, name, answer, now), event, now))
        self._took(kept)
        running = self._refresh(point, event, session)
        if point is not None and fresh and running and not event.offline:
            if event.status is not None:
                self._set_status(point, event.status)
            self._measure(point, event.measurements)
        self._wake()

    async def transaction_ended(self, event: TransactionEvent) -> Authorisation | None:
        point = self._where(event)
        answer = await self._judge(event)
        name, now = _name(point, event), self._clock.now()
        fresh, session, kept = await self._database.write(
            lambda c: self._filed(c, ledger.ended(c, event, name, answer, now), event, now, ended=True)
        )
        self._took(kept)
        if point is not None and point.session is not None and session is not None and point.session.id == session.id:
            point.session = point.needs = None
            point.terminal_a, point.power_w = (0.0, 0.0, 0.0), 0.0
            if event.status is not None and not event.offline:
                self._set_status(point, event.status)
        if fresh and session is not None:
            at = self._live.points.get(session.point)
            where = at.point.name if at else session.point
            self._tell("session", f"charging ends at {where}: {session.energy_wh / 1000:.2f} kWh", session.point)
        self._wake()
        return answer if event.token else None

    async def told(self, station: str, event: StationEvent) -> Verdict:
        verdict = await self.hearing.hear(station, event)
        if self._money is not None:
            await self._money.desk.heard(station, event)
        return verdict

    async def _judge(self, event: TransactionEvent) -> Authorisation:
        """A card that another back end has accepted is good here: that one bills."""
        if event.token is not None and event.token_kind == DIRECT:
            return await self.authorise_payment(event.station, event.token)
        return Authorisation.ACCEPTED if event.billed_by else self._tokens.judge(event.token, event.station, event.evse)

    def _filed(
        self, c: Connection, result: T, event: TransactionEvent, now: datetime, *, ended: bool = False
    ) -> tuple[T, Session | None, "_Kept"]:
        """What the ledger said, the session as it then is, what was found of its signed values, and what holds for it."""
        transaction = result.transaction if isinstance(result, StartAnswer) else event.transaction
        session = ledger.one(c, event.station, transaction)
        proof = None if self._proof is None else self._proof.note(c, event, session, now, ended=ended)
        billing = BILLED if proof is None else Billing(None if proof.billable else proof.row.reason, timed=proof.timed)
        terms = None if self._money is None else self._money.desk.note(c, event, session, now, ended=ended, billing=billing)
        return result, session, _Kept(terms, proof)

    def _took(self, kept: "_Kept") -> None:
        if self._money is not None:
            self._money.desk.took(kept.terms)
        if self._proof is not None:
            self._proof.took(kept.proof)

    def _where(self, event: TransactionEvent) -> LivePoint | None:
        """The point of an event. An update need not name its EVSE (2.0.1 part 2 E02): then it is where its transaction runs."""
        if event.evse:
            return self._live.at(event.station, event.evse)
        points = self._live.of(event.station)
        running = [p for p in points if p.session is not None and p.session.transaction == event.transaction]
        return (running or points)[0] if running or len(points) == 1 else None

    def _refresh(self, point: LivePoint | None, event: TransactionEvent, session: Session | None, *, begins: bool = False) -> bool:
        """Take the session over as the store now has it. True: it is the one that runs at the point.

        A transaction that has ended does not come back to life, and what is told late of an earlier one does not displace what began after it.
        """
        if point is None or session is None or session.ended_at is not None or session.point != point.point.id:
            return False
        before = point.session
        if before is None or before.id != session.id:
            if before is not None and session.started_at < before.started_at and not (begins and not event.offline):
                return False
            self._presume_ended(before)
            point.new_car()
            point.session = session
            self.hearing.begun(point, None if before is None else before.id)
        point.session = session if point.needs is None else replace(session, needs=point.needs)
        return True

    def _presume_ended(self, session: Session | None) -> None:
        """Its car is gone. The station may still tell of the end, out of its queue."""
        if session is not None:
            now, number = self._clock.now(), session.id
            self._database.write_soon(lambda c: ledger.presume_ended(c, number, now))

    def _measure(self, point: LivePoint | None, samples: Sequence[EvseMeasurement]) -> None:
        if point is None:
            return
        now = self._clock.now()
        for sample in sorted(samples, key=lambda s: s.measured_at):
            point.measure(sample, now)
        if samples:
            self._wake()

    def _set_status(self, point: LivePoint, status: PointStatus) -> None:
        before, point.connector = point.connector, status
        if status is PointStatus.AVAILABLE and before is not PointStatus.AVAILABLE:
            self._presume_ended(point.session)
            point.forget_car()


class _Kept(Struct, frozen=True):
    """What was written together with an event."""

    terms: TermsRow | None
    proof: Noted | None


def _name(point: LivePoint | None, event: TransactionEvent) -> str:
    return point.point.id if point else f"{event.station}/{event.evse}"


def _begun(name: str, token: str | None, answer: StartAnswer) -> str:
    if _ok(answer):
        return f"charging begins at {name}"
    return f"{name}: card refused" if token else f"{name}: a car is plugged in, and nobody has said yet who charges"


def _ok(answer: StartAnswer) -> bool:
    return answer.authorisation is Authorisation.ACCEPTED

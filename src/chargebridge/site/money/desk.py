"""The part of the stations' desk that knows money: what a transaction costs so far, how far it may go, and which payment it is of.

Everything is written down together with the event that it comes from, before the station is answered; what is in memory here is what was written.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import datetime
from decimal import Decimal

import structlog
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection

from chargebridge.model.clock import Clock
from chargebridge.model.errors import ModelError, UnknownNameError
from chargebridge.model.session import PointStatus, Session
from chargebridge.model.tariff import Tariff, Usage, cost
from chargebridge.site.money import payments, records
from chargebridge.site.money.records import Key, TermsRow
from chargebridge.site.money.tariffs import Tariffs
from chargebridge.site.money.view import TermsView
from chargebridge.stations.events import CostTold, Settled, StationEvent
from chargebridge.stations.port import Answer, TransactionEvent
from chargebridge.stations.terms import NO_LIMITS, UNLIMITED, WORDS, Limits, Terms
from chargebridge.store import Database

log = structlog.get_logger(__name__)

KEPT = 5000  # ended ones in memory, for stations that send their end again
LOOK_EVERY_S = 2.0
STOP_AGAIN_S = 30.0
ENDS = frozenset({"StopAuthorized", "EVConnectTimeout"})
DIRECT = "DirectPayment"


class Driver:
    """Whose token it is, as far as money goes."""

    def __init__(self, key: str, tariff: str | None, *, prepaid: bool) -> None:
        self.key, self.tariff, self.prepaid = key, tariff, prepaid


class Billing(Struct, frozen=True):
    """What signed values let a session be billed for. withheld: why it may not be; None: it may. timed: its duration too."""

    withheld: str | None = None
    timed: bool = True


BILLED = Billing()
"""All of it, as where no signed values are due."""


class MoneyDesk:
    """driver: by token, None for a stranger. progress: of a running transaction, its energy in Wh and the car's
    state of charge in %. stop: ends a transaction whose station does not hold its limit itself."""

    def __init__(
        self,
        tariffs: Tariffs,
        database: Database,
        clock: Clock,
        *,
        currency: str,
        driver: Callable[[str], Driver | None],
        progress: Callable[[str, str], tuple[int | None, float | None]],
        stop: Callable[[str, str], Awaitable[Answer]],
        tell: Callable[[str, str, str], None],
    ) -> None:
        self.tariffs, self.currency = tariffs, currency
        self._database, self._clock = database, clock
        self._driver, self._progress, self._stop, self._tell = driver, progress, stop, tell
        self._rows: OrderedDict[Key, TermsRow] = OrderedDict()
        self._balances: dict[str, Decimal] = {}
        self._expected: set[tuple[str, str]] = set()
        self._stopping: set[Key] = set()
        self._used = bool(tariffs)  # else nothing is looked for in the store, until there is something
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Take up what is kept."""
        self._rows = OrderedDict((row.key, row) for row in await self._database.read(records.running))
        self._balances = await self._database.read(records.balances)
        self._expected = await self._database.read(records.is_expected)
        self._used = self._used or await self._database.read(records.any_there)

    # Who may charge

    def has_credit(self, token: str) -> bool:
        """True also for who does not pay beforehand."""
        driver = self._driver(token)
        return driver is None or not driver.prepaid or self.balance(driver.key) > 0

    def balance(self, key: str) -> Decimal:
        return self._balances.get(key, Decimal(0))

    def is_prepaid(self, token: str) -> bool:
        driver = self._driver(token)
        return driver is not None and driver.prepaid

    def own_tariff(self, token: str) -> Tariff | None:
        """A driver's own; None: the one of the site holds."""
        driver = self._driver(token)
        return None if driver is None else self.tariffs.named(driver.tariff)

    # What a station tells

    def note(
        self, c: Connection, event: TransactionEvent, session: Session | None, now: datetime, *, ended: bool, billing: Billing = BILLED
    ) -> TermsRow | None:
        """File what an event means for its transaction's terms; in the write that files the event. None: nothing is asked and nothing limited."""
        if session is None or session.billed_by is not None:
            return None
        key = (event.station, session.transaction)
        row = self._rows.get(key)
        if row is None and self._used:
            row = records.find(c, *key)
        if row is None:
            row = self._begin(c, event, session)
        if row is None:
            return None
        row = self._advance(c, row, event, session)
        if ended and row.ended_at is None:
            row = self._end(c, row, event, session, now, billing)
        elif row.ended_at is not None and not row.billable and billing.withheld is None:
            row = self._bill(c, _reckoned(row, session.energy_wh, timed=billing.timed), now)
        records.keep(c, row)
        return row

    def _begin(self, c: Connection, event: TransactionEvent, session: Session) -> TermsRow | None:
        token = event.token or session.token
        driver = self._driver(token)
        waits = any(station == event.station for station, _ in self._expected)
        direct = event.token_kind == DIRECT
        tariff = (None if driver is None else self.tariffs.named(driver.tariff)) or self.tariffs.default
        if tariff is None and not waits and not direct and event.limits is None and not (driver is not None and driver.prepaid):
            return None
        at = min(session.started_at, event.occurred_at)
        return TermsRow(station=event.station, transaction=session.transaction, at=at, tariff=tariff, currency=self.currency, kind="")

    def _advance(self, c: Connection, row: TermsRow, event: TransactionEvent, session: Session) -> TermsRow:
        """Time passes, energy flows, a card is shown, the station tells its limits."""
        token = event.token or session.token
        if token and not row.token:
            row = self._owned(c, row, event, token)
        passed = (event.occurred_at - row.at).total_seconds()
        if passed > 0 and row.ended_at is None:
            name = "charging_s" if row.charging else "idle_s"
            row = replace(row, at=event.occurred_at, **{name: getattr(row, name) + passed})
        if event.status is not None and passed >= 0:
            row = replace(row, charging=event.status is PointStatus.CHARGING)
        if event.limits is not None:
            row = replace(row, told=event.limits.over(row.told))
        if row.tariff is not None and row.ended_at is None:
            usage = Usage(energy_wh=session.energy_wh, charging_s=row.charging_s, idle_s=row.idle_s)
            row = replace(row, cost=cost(row.tariff, usage).total_with_tax)
        return row

    def _owned(self, c: Connection, row: TermsRow, event: TransactionEvent, token: str) -> TermsRow:
        """The driver is known: his tariff, his credit, and the limits that were to hold."""
        driver, kind = self._driver(token), event.token_kind or ""
        own = None if driver is None else self.tariffs.named(driver.tariff)
        wanted = row.wanted
        expected = records.expected(c, row.station, token, event.remote_start, row.transaction)
        if expected is not None:
            wanted = expected.over(wanted)
        if driver is not None and driver.prepaid:
            wanted = wanted.lowest(Limits(cost=self.balance(driver.key)))
        row = replace(row, token=token, kind=kind, wanted=wanted, tariff=own or row.tariff)
        if kind == DIRECT:
            payments.begun(c, row, event, self._clock.now())
        return row

    def prove(self, c: Connection, station: str, transaction: str, energy_wh: int, now: datetime, *, timed: bool) -> TermsRow | None:
        """A session that had ended without proof has one now: what it costs is asked for after all. ``took`` it when that is durable."""
        row = self._rows.get((station, transaction)) or records.find(c, station, transaction)
        if row is None or row.ended_at is None or row.billable:
            return None
        row = self._bill(c, _reckoned(row, energy_wh, timed=timed), now)
        records.keep(c, row)
        return row

    def _end(self, c: Connection, row: TermsRow, event: TransactionEvent, session: Session, now: datetime, billing: Billing) -> TermsRow:
        """Reckon, and ask for it, if it may be billed."""
        row = _reckoned(row, session.energy_wh, timed=billing.timed or billing.withheld is not None)
        if row.kind == DIRECT and session.energy_wh == 0 and event.trigger in ENDS:
            row = replace(row, cost=Decimal("0.00"))  # cancelled before anything was charged (C20.FR.03)
        row = replace(row, ended_at=max(event.occurred_at, row.at), billable=billing.withheld is None)
        if billing.withheld is None:
            return self._bill(c, row, now)
        if row.kind == DIRECT:
            payments.withheld(c, row, billing.withheld, now)
        return row

    def _bill(self, c: Connection, row: TermsRow, now: datetime) -> TermsRow:
        """Take it off the account once, have the payment settled."""
        driver = self._driver(row.token)
        if driver is not None and driver.prepaid and row.cost is not None:
            records.book(c, driver.key, -row.cost, f"{row.station}/{row.transaction}", f"transaction {row.transaction}", now)
        if row.kind == DIRECT:
            payments.ended(c, row, now)
        return row

    def took(self, row: TermsRow | None) -> None:
        """The write is durable."""
        if row is None:
            return
        before = self._rows.get(row.key)
        self._rows[row.key], self._used = row, True
        if row.token and (before is None or not before.token):
            self._expected.discard((row.station, row.token))
        if row.ended_at is not None and row.billable and (before is None or before.ended_at is None or not before.billable):
            driver = self._driver(row.token)
            if driver is not None and driver.prepaid and row.cost is not None:
                self._balances[driver.key] = self.balance(driver.key) - row.cost
        if row.ended_at is not None:
            self._stopping.discard(row.key)
        if len(self._rows) > KEPT:
            gone = next((key for key, old in self._rows.items() if old.ended_at is not None), None)
            if gone is not None:
                del self._rows[gone]

    def answer(self, event: TransactionEvent, takes: frozenset[str]) -> Terms | None:
        """What the station hears. A limit is sent once, not where the station's own is lower, and only if the station can hold it (E16)."""
        row = self._rows.get((event.station, event.transaction))
        if row is None:
            return None
        send = _to_send(row, takes)
        if send or row.message is not None:
            unheld = {name: None for name in WORDS if getattr(send, name) is not None}  # until the station says so
            changed = replace(row, sent=send.over(row.sent), told=replace(row.told, **unheld), message=None)
            self._rows[row.key] = changed
            self._database.write_soon(lambda c: records.keep(c, changed))
        total = row.cost if row.ended_at is None or row.billable else None
        return Terms(total=total, limits=send or None, message=row.message)

    async def heard(self, station: str, event: StationEvent) -> None:
        """What stations tell of costs and payments; its own words are in the journal already."""
        match event:
            case CostTold():
                await self._their_cost(station, event)
            case Settled():
                now = self._clock.now()
                text = await self._database.write(lambda c: payments.settled(c, station, event, self.currency, now))
                self._tell("session", text, station)

    async def _their_cost(self, station: str, event: CostTold) -> None:
        row = self._rows.get((station, event.transaction))
        total = event.details.get("totalCost", {}).get("total", {})
        told = total.get("inclTax", total.get("exclTax"))
        if told is None:
            return
        now = self._clock.now()
        row = row or TermsRow(station=station, transaction=event.transaction, at=now, currency=self.currency)
        changed = replace(row, their_cost=Decimal(str(told)))
        await self._database.write(lambda c: records.keep(c, changed))
        self._rows[changed.key] = changed

    # What the operator asks

    async def limit(self, station: str, transaction: str, limits: Limits) -> TermsView:
        """Limit a running transaction; a limit of None stays as it is. Raises UnknownNameError, ModelError."""
        row = self._running(station, transaction)
        changed = replace(row, wanted=limits.over(row.wanted))
        await self._keep(changed)
        return view(changed)

    async def unlimit(self, station: str, transaction: str) -> TermsView:
        """Take all limits of ours away; the station hears of such high ones that they do not matter (E16.FR.17). Raises UnknownNameError."""
        row = self._running(station, transaction)
        lifted = {name: getattr(UNLIMITED, name) for name in WORDS if getattr(row.wanted, name) is not None}
        changed = replace(row, wanted=Limits(**lifted))
        await self._keep(changed)
        return view(changed)

    async def retariff(self, station: str, transaction: str, name: str) -> Tariff:
        """Another tariff from the transaction's begin on; its driver is told with the next answer (I06). Raises UnknownNameError."""
        row = self._running(station, transaction)
        tariff = self.tariffs.named(name)
        if tariff is None:
            raise UnknownNameError(
                f"tariff {name[:40]}", "is not there", f"name one of {', '.join(self.tariffs.names) or '(none configured)'}"
            )
        await self._keep(replace(row, tariff=tariff, message=tariff.text or tariff.name))
        return tariff

    async def expect(self, station: str, token: str, limits: Limits) -> int:
        """See `records.expect`."""
        now = self._clock.now()
        number = await self._database.write(lambda c: records.expect(c, station, token, limits, now))
        self._expected.add((station, token))
        return number

    async def top_up(self, key: str, amount: Decimal, note: str) -> Decimal:
        """Pay into an account, or out of it; the new balance."""
        if not amount.is_finite() or abs(amount) > 1_000_000:
            raise ModelError(f"account {key}", f"{amount} cannot be paid in", "give an amount in the site's currency")
        now = self._clock.now()
        unique = f"paid {now.isoformat()}"
        if await self._database.write(lambda c: records.book(c, key, amount, unique, note, now)):
            self._balances[key] = self.balance(key) + amount
        return self.balance(key)

    async def views(self, station: str, limit: int = 50) -> tuple[TermsView, ...]:
        rows = await self._database.read(lambda c: records.of_station(c, station, limit))
        return tuple(view(self._rows.get(row.key, row)) for row in rows)  # memory is a moment ahead of what is written soon

    def _running(self, station: str, transaction: str) -> TermsRow:
        row = self._rows.get((station, transaction))
        if row is not None and row.ended_at is None:
            return row
        raise UnknownNameError(f"transaction {transaction[:40]}", f"does not run at {station}", "GET /api/v1/stations names those that run")

    async def open_terms(self, station: str, transaction: str, started_at: datetime, token: str) -> None:
        """Begin to keep terms of a transaction that had none."""
        if (station, transaction) not in self._rows:
            await self._keep(TermsRow(station=station, transaction=transaction, at=started_at, currency=self.currency, token=token))

    async def _keep(self, row: TermsRow) -> None:
        await self._database.write(lambda c: records.keep(c, row))
        self._rows[row.key], self._used = row, True

    # What stations do not do themselves

    async def run(self) -> None:
        """End transactions beyond a limit that their station does not hold by itself."""
        while True:
            await self._clock.sleep(LOOK_EVERY_S)
            for row in list(self._rows.values()):
                try:
                    reached = self._reached(row)
                except Exception:  # one transaction's figures end neither the others nor the site
                    log.exception("limits of a transaction cannot be held against it", station=row.station, transaction=row.transaction)
                    continue
                if reached is not None and row.key not in self._stopping:
                    self._stopping.add(row.key)
                    task = asyncio.create_task(self._end_at_station(row, reached))
                    self._tasks.add(task)
                    task.add_done_callback(self._tasks.discard)

    def _reached(self, row: TermsRow) -> str | None:
        """Which limit of ours is reached that was not sent to the station."""
        if row.ended_at is not None or not row.wanted:
            return None
        lasted_s = row.lasted_s(self._clock.now())
        energy_wh, soc = self._progress(*row.key)
        reached = {"cost": row.cost, "energy_wh": energy_wh, "time_s": lasted_s, "soc": soc}
        for name, value in reached.items():
            bound = getattr(row.wanted, name)
            if bound is not None and value is not None and getattr(row.sent, name) is None and value >= bound:
                return WORDS[name]
        return None

    async def _end_at_station(self, row: TermsRow, reached: str) -> None:
        try:
            answer = await self._stop(row.station, row.transaction)
            said = f"{reached} of transaction {row.transaction} is reached, stop asked: {answer.outcome}"
            self._tell("session", f"{row.station}: {said}", row.station)
        except Exception:
            log.exception("a transaction at its limit could not be stopped", station=row.station, transaction=row.transaction)
        await self._clock.sleep(STOP_AGAIN_S)
        self._stopping.discard(row.key)  # a station that did not stop is asked again


def _reckoned(row: TermsRow, energy_wh: int, *, timed: bool) -> TermsRow:
    """What a transaction has cost in the end. timed: minutes count."""
    if row.tariff is None:
        return replace(row, billable=True)
    usage = Usage(energy_wh=energy_wh, charging_s=row.charging_s if timed else 0.0, idle_s=row.idle_s if timed else 0.0)
    return replace(row, cost=cost(row.tariff, usage, ended=True).total_with_tax, billable=True)


def _to_send(row: TermsRow, takes: frozenset[str]) -> Limits:
    chosen: dict[str, object] = {}
    for name, word in WORDS.items():
        wanted, sent, told = (getattr(part, name) for part in (row.wanted, row.sent, row.told))
        if wanted is None or word not in takes or wanted == sent:
            continue
        own = told is not None and told != sent  # the station's, or its driver's, not an echo of ours
        if own and told <= wanted:
            continue  # E16.FR.08
        chosen[name] = wanted
    return Limits(**chosen) if chosen else NO_LIMITS  # type: ignore[arg-type]


def view(row: TermsRow) -> TermsView:
    return TermsView(
        station=row.station,
        transaction=row.transaction,
        token=row.token,
        tariff=None if row.tariff is None else row.tariff.id,
        currency=row.currency,
        cost=row.cost,
        their_cost=row.their_cost,
        wanted=row.wanted,
        held=row.told,
        charging_s=row.charging_s,
        idle_s=row.idle_s,
        ended=row.ended_at is not None,
        billable=row.billable,
    )

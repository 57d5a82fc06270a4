"""The Controllable System of the site (LPC 1.0.0, LPP 1.0.0): from what Energy Guards write to entries of the limit book.

    state         entry
    INIT          unknown, with the failsafe value: nobody has said anything since the start
    LIMITED       the limit; 0 W is a limit
    CONTROLLED    unlimited: the guard is there and limits nothing
    FAILSAFE      unknown, with the failsafe value: the guard has fallen silent
    AUTONOMOUS    unlimited; only where the configuration allows to go there

When a limit ends is the machine's to say, by the steady clock: its entry has no end of its own, since the wall's clock may be set.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec
from msgspec import Struct

from chargebridge.grid.eebus.measuring import Meters
from chargebridge.grid.port import ENTRY, GridSink, Heard, Instruction
from chargebridge.links.eebus.hub import Hub
from chargebridge.model.clock import Clock
from chargebridge.model.limit import Bound, Direction, Limit, LimitedPower, LimitSource, Scope, Unknown, Unlimited
from chargebridge.wire.eebus.spine.events import Event, Written
from chargebridge.wire.eebus.spine.local import EntityId, Now
from chargebridge.wire.eebus.usecases import limitation
from chargebridge.wire.eebus.usecases.controllable_system import ControllableSystem, LimitChanged, Limited
from chargebridge.wire.eebus.usecases.kind import Kind
from chargebridge.wire.eebus.usecases.limit_record import Asked, GuardReturned, Moved
from chargebridge.wire.eebus.usecases.limitation import Memory, Settings, State
from chargebridge.wire.eebus.usecases.lpc import LPC
from chargebridge.wire.eebus.usecases.lpp import LPP

CEM, CONNECTION, METER = "CEM", "GridConnectionPointOfPremises", "SubMeterElectricity"
"""Types of entities. MPC is not served at the CEM: no known reader looks for it there."""
SHORT = {LPC.name: "LPC", LPP.name: "LPP"}
DIRECTIONS = {LPC.name: Direction.CONSUMPTION, LPP.name: Direction.PRODUCTION}
_SILENT = "the control box is silent"
_NEW = "the control box has not spoken since the start"


class Side(Struct, frozen=True):
    """One direction: its scope, the most by contract, and what holds without a guard until it writes another value. W, 0 or more."""

    scope: Scope
    nominal_w: float
    failsafe_w: float


class GridSettings(Struct, frozen=True, kw_only=True):
    """consumption: LPC; production: LPP. failsafe_s: how long failsafe lasts at least, until the guard writes another. autonomous: see
    ``limitation.Settings``. metered: the grid connection has a meter, of which MGCP tells. measured: MPC of what the limited devices draw."""

    consumption: Side
    production: Side | None = None
    failsafe_s: float = limitation.MIN_FAILSAFE_S
    autonomous: bool = False
    legal_basis: str
    metered: bool = True
    measured: bool = False


class _Part:
    """One direction on its way into the book. limit: its entry, and what that was made of."""

    def __init__(self, side: Side, limited: Limited) -> None:
        self.side, self.limited = side, limited
        self.made_of: tuple[object, ...] | None = None
        self.limit: Limit | None = None


class EebusGrid:
    """Implements ``GridSource``. Made before its hub runs. cem, connection, devices: the addresses of its entities."""

    name = "eebus"

    def __init__(
        self,
        hub: Hub,
        settings: GridSettings,
        sink: GridSink,
        remembered: Mapping[str, str],
        clock: Clock,
        *,
        cem: EntityId,
        connection: EntityId,
        devices: EntityId,
    ) -> None:
        self._hub, self._settings, self._sink = hub, settings, sink
        now = hub.now()
        entity = hub.node.device.add(cem, CEM)
        self._parts = {LPC.name: self._part(LPC, settings.consumption, remembered, now)}
        if settings.production is not None:
            self._parts[LPP.name] = self._part(LPP, settings.production, remembered, now)
        self.system = ControllableSystem(hub.node, entity, tuple(part.limited for part in self._parts.values()), now)
        self._cem = cem
        self._told: dict[str, bool] = {}
        self._remembered = dict(remembered)
        meter = hub.node.device.add(devices, METER) if settings.measured else None
        point = hub.node.device.add(connection, CONNECTION) if settings.metered else None
        self.meters = Meters(hub, sink, clock, meter, point)
        hub.listen(self._hear)

    def limits(self) -> tuple[Limit, ...]:
        now = self._hub.now()
        return tuple(self._entry(part, now) for part in self._parts.values())

    async def run(self) -> None:
        await self.meters.run()

    # What the hub says

    async def _hear(self, event: Event, now: Now) -> None:
        if isinstance(event, Asked) and event.entity == self._cem:
            await self._asked(event, now)
        elif isinstance(event, Written) and event.feature[0] == self._cem:
            await self._written(event, now)
        elif isinstance(event, LimitChanged) and event.entity == self._cem:
            await self._say(())
        elif isinstance(event, Moved) and event.entity == self._cem:
            self._moved(event)
        elif isinstance(event, GuardReturned) and event.entity == self._cem:
            self._sink.tell(f"{SHORT[event.use_case]}: the heartbeat of control box {_short(event.peer)} is there")

    async def _asked(self, event: Asked, now: Now) -> None:
        self._told[event.peer] = True
        instruction = Instruction(
            received_at=now.utc,
            direction=DIRECTIONS[event.use_case],
            sender=event.peer,
            what=event.what,
            active=event.active,
            value_w=None if event.value_w is None else float(event.value_w),
            duration_s=event.duration_s,
            accepted=not event.refusal,
            why=event.refusal,
            state=event.state.value,
        )
        await self._say((instruction,))

    async def _written(self, event: Written, now: Now) -> None:
        """What was refused before the machine saw it (no binding, no such function) is on record too."""
        if self._told.pop(event.peer, False) or not event.number:
            return
        refused = Instruction(
            received_at=now.utc,
            direction=Direction.CONSUMPTION,
            sender=event.peer,
            what=event.function,
            accepted=False,
            why=event.reason,
            state=self._parts[LPC.name].limited.machine.state.value,
        )
        await self._say((refused,))

    def _moved(self, event: Moved) -> None:
        self._sink.tell(f"{SHORT[event.use_case]}: {event.state.value} ({event.on.value}; {SHORT[event.use_case]}-{event.rule})")

    async def _say(self, instructions: tuple[Instruction, ...]) -> None:
        memory = {SHORT[name]: msgspec.json.encode(part.limited.machine.memory).decode() for name, part in self._parts.items()}
        fresh = {name: value for name, value in memory.items() if self._remembered.get(name) != value}
        self._remembered |= fresh
        heard = Heard(limits=self.limits(), instructions=instructions, remember=fresh)
        await self._sink.heard(self.name, heard)

    # From the machine to the book

    def _part(self, kind: Kind, side: Side, remembered: Mapping[str, str], now: Now) -> _Part:
        production = kind is LPP
        settings = Settings(
            nominal_w=_decimal(side.nominal_w),
            failsafe_w=_decimal(side.failsafe_w),
            failsafe_s=self._settings.failsafe_s,
            autonomous=self._settings.autonomous,
            production=production,
        )

        def unable(limit_w: Decimal) -> str:
            limit = self._limit(kind.name, side, LimitedPower(abs(float(limit_w))), self._hub.now(), None, 0.0)
            return self._sink.unable(limit)

        return _Part(side, Limited(kind, settings, _memory(remembered.get(SHORT[kind.name])), now, unable))

    def _entry(self, part: _Part, now: Now) -> Limit:
        limited = part.limited
        machine = limited.step(limitation.Tick(), now).machine
        applied_w = limitation.applied_w(machine, limited.settings)
        ends_s = machine.ends_s if machine.state is State.LIMITED else None
        made_of = (machine.state, applied_w, ends_s, machine.memory)
        if part.limit is None or made_of != part.made_of:
            bound: Bound = Unlimited()
            if machine.state in (State.INIT, State.FAILSAFE):
                bound = Unknown(_NEW if machine.state is State.INIT else _SILENT, float(machine.memory.failsafe_w))
            elif applied_w is not None:
                bound = LimitedPower(abs(float(applied_w)))
            until = None if ends_s is None else now.utc + timedelta(seconds=ends_s - now.s)
            part.limit = self._limit(limited.kind.name, part.side, bound, now, until, float(machine.memory.failsafe_w))
            part.made_of = made_of
        return part.limit

    def _limit(self, use_case: str, side: Side, bound: Bound, now: Now, until: datetime | None, failsafe_w: float) -> Limit:
        return Limit(
            id=f"{ENTRY}{self.name} {SHORT[use_case]}",
            source=LimitSource.GRID_OPERATOR,
            scope=side.scope,
            bound=bound,
            starts_at=now.utc,
            received_at=now.utc,
            legal_basis=self._settings.legal_basis,
            direction=DIRECTIONS[use_case],
            failsafe_w=failsafe_w,
            until=until,
            note=f"by EEBUS ({SHORT[use_case]})",
        )


def _decimal(value: float) -> Decimal:
    return Decimal(str(value))


def _short(ski: str) -> str:
    """Enough of a SKI to know it by."""
    return f"{ski[:4]}…{ski[-4:]}"


def _memory(kept: str | None) -> Memory | None:
    """What was written in an earlier life. What cannot be read is as if nothing had been."""
    if kept is None:
        return None
    try:
        found = msgspec.json.decode(kept, type=Memory)
    except (msgspec.DecodeError, msgspec.ValidationError):
        return None
    sound = found.failsafe_w >= 0 and limitation.MIN_FAILSAFE_S <= found.failsafe_s <= limitation.MAX_FAILSAFE_S
    return found if sound else None

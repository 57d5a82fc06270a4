"""One wallbox that speaks EEBUS, as the site sees it: there before its connection, between connections and after them.

One task looks at what there is to see whenever something was told, and every few seconds besides; `evse` makes sessions of it. What it may give is
`bay`'s.
"""

import asyncio
import contextlib
from datetime import datetime, timedelta

import structlog

from chargebridge.model.clock import Clock
from chargebridge.stations.eebus import look
from chargebridge.stations.eebus.ahead import Plans
from chargebridge.stations.eebus.bay import Bay, Roles
from chargebridge.stations.eebus.evse import DRAWS_W, Evse
from chargebridge.stations.eebus.memory import Memory, Stay
from chargebridge.stations.eebus.settings import PointSettings, WallboxSettings
from chargebridge.stations.port import Answer, Outcome, StationInfo, StationSink
from chargebridge.wire.eebus.spine.errors import ErrorNumber
from chargebridge.wire.eebus.spine.events import Answered, DataChanged, Discovered, Event, Malformed, UseCasesKnown, Written
from chargebridge.wire.eebus.spine.functions.device import DeviceClassificationManufacturerData
from chargebridge.wire.eebus.spine.local import CLIENT, SERVER, EntityId, FeatureId, Now
from chargebridge.wire.eebus.spine.remote import RemoteDevice
from chargebridge.wire.eebus.usecases import evsecc
from chargebridge.wire.eebus.usecases.monitoring import VALUES

PROTOCOL = "eebus"
LOOK_EVERY_S = 2.0
ASK_EVERY = timedelta(seconds=15)
"""What does not change is not told again; so it is asked for, or nobody could tell a quiet wallbox from a dead one."""
MAKER_S = 5.0
"""So long who made it is waited for, before the site is told of the wallbox without."""
SETTLED_S = 30.0
"""A wallbox that has just started may need so long until it knows the car that stands there all along."""
IDLE = timedelta(minutes=30)
"""Where no car is told, a session ends after the car has taken nothing for so long."""
NOT_IN_EEBUS = "EEBUS has no word for it"
SPOKEN = (DataChanged, Discovered, UseCasesKnown, Malformed, Written)
"""Events that come of a datagram of the peer's, not of our own timers."""

log = structlog.get_logger(__name__)


class Wallbox:
    """Implements `port.Station`. ``hear`` takes the hub's events of its peer; ``run`` must be running. bays: by EVSE, those that it has shown."""

    def __init__(self, settings: WallboxSettings, roles: Roles, sink: StationSink, memory: Memory, clock: Clock) -> None:
        self.settings = settings
        self.info: StationInfo | None = None
        self.connected_at: datetime | None = None
        self.heard_at: datetime | None = None
        self.plans: Plans | None = None
        self.bays: dict[int, Bay] = {}
        self._roles, self._hub = roles, roles.hub
        self._sink, self._memory, self._clock = sink, memory, clock
        self._stays: dict[int, Stay] = {}
        self._bell = asyncio.Event()
        self._lock = asyncio.Lock()
        self._since_s = 0.0

    @property
    def identity(self) -> str:
        return self.settings.identity

    @property
    def online(self) -> bool:
        """Connected, and its EVSEs are known."""
        return self.connected_at is not None and self.info is not None

    # What the hub tells

    def hear(self, event: Event) -> None:
        """An event of this peer; quick."""
        if isinstance(event, SPOKEN) or (isinstance(event, Answered) and event.number is not ErrorNumber.TIMEOUT):
            self.heard_at = self._clock.now()
            self._sink.heard_from(self.identity)
        for bay in self.bays.values():
            bay.hear(event)
            if isinstance(event, DataChanged) and event.function == VALUES and _below(event.feature[0], bay.unit[1]):
                bay.measured_at = self._clock.now()
        self.ring()

    def ring(self) -> None:
        """Something may have changed."""
        self._bell.set()

    # What there is to see

    async def run(self) -> None:
        """Look, and tell the site, until cancelled. What goes wrong is looked at again."""
        self._stays = await self._memory.load()
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._bell.wait()
            self._bell.clear()
            try:
                async with self._lock:
                    served = await self._look()
            except Exception:
                log.exception("a wallbox could not be served", station=self.identity)
                served = False
            if not served:
                await self._clock.sleep(LOOK_EVERY_S)

    async def _look(self) -> bool:
        """False where something went wrong."""
        ski, now = self.settings.ski, self._clock.now()
        link = self._hub.node.links.get(ski)
        units = [] if link is None else look.units(link.remote, self._roles.manager, ski)
        if link is None or not units:
            await self._lost()
            return True
        await self._found(units, now)
        settled = self._hub.now().s - self._since_s >= SETTLED_S
        served = True
        for number, bay in self.bays.items():
            try:
                await self._look_at(bay, link.remote, settled, now)
            except Exception:
                log.exception("an EVSE could not be served", station=self.identity, evse=number)
                served = False
        return served

    async def _look_at(self, bay: Bay, remote: RemoteDevice, settled: bool, now: datetime) -> None:
        said = bay.coordination
        at_home = bay.car_since_s is not None and self._hub.now().s - bay.car_since_s >= SETTLED_S
        heard = look.Heard(plug=bay.plug, measured_at=bay.measured_at, settled=settled, at_home=at_home)
        bay.looked(look.seen(remote, self._roles.manager, bay.unit, heard, said))
        self._idle(bay, now)
        await bay.apply()  # before the site hears of a car, it is limited
        await bay.evse.look(bay.seen, now)
        await bay.apply()
        await bay.plan(() if said is None or self.plans is None else tuple(self.plans(self.identity, bay.evse.number)), now)
        schedule = None if said is None else bay.planned(said)
        if schedule is not None:
            await self._sink.told(self.identity, schedule)
        await self._ask(bay, now)

    async def _found(self, units: list[EntityId], now: datetime) -> None:
        """It is there: the site hears of it once it has said who made it."""
        if self.connected_at is None:
            self._since_s, self.info = self._hub.now().s, None
            await self._sink.station_connected(self.identity, PROTOCOL)
            self.connected_at = now
        for number, unit in enumerate(units, 1):
            bay = self.bays.get(number)
            if bay is None:
                settings = self.settings.points.get(number, PointSettings())
                stay, unknown = self._stays.get(number), self.settings.unknown_cars
                evse = Evse(self.identity, number, settings, unknown, self._sink, self._memory, stay)
                self.bays[number] = Bay(self.settings.ski, unit, evse, self._roles)
            else:
                bay.moved(unit)
        if self.info is None:
            await self._introduce(units[0])

    async def _introduce(self, unit: EntityId) -> None:
        remote = self._hub.node.links[self.settings.ski].remote
        maker = evsecc.told_by(remote, unit).maker
        tells = remote.find(unit, "DeviceClassification", SERVER) is not None
        if tells and maker == DeviceClassificationManufacturerData() and self._hub.now().s - self._since_s < MAKER_S:
            return
        info = StationInfo(
            station=self.identity,
            protocol=PROTOCOL,
            vendor=maker.brand_name or maker.vendor_name or "",
            model=maker.device_name or maker.device_code or "",
            serial=maker.serial_number,
            firmware=maker.software_revision,
        )
        await self._sink.station_booted(info)
        self.info = info

    async def _lost(self) -> None:
        if self.connected_at is None:
            return
        self.connected_at = None
        for bay in self.bays.values():
            bay.lost()
        await self._sink.station_lost(self.identity)

    def _idle(self, bay: Bay, now: datetime) -> None:
        """Where only power tells of a car, one that has taken nothing for long is held for gone."""
        if bay.unit in self._roles.manager.evses or bay.seen.car is None:
            return
        if (bay.seen.car.power_w or 0.0) > DRAWS_W:
            bay.drew_at = now
        elif bay.drew_at is not None and now - bay.drew_at >= IDLE:
            bay.plug, bay.drew_at = bay.plug + 1, None

    async def _ask(self, bay: Bay, now: datetime) -> None:
        """Ask for what was not told for a while."""
        newest = max((at for at in (bay.measured_at, bay.asked_at) if at is not None), default=None)
        if newest is not None and timedelta(0) <= now - newest < ASK_EVERY:
            return
        bay.asked_at = now
        await self._hub.act(lambda at: self._read(bay, at))

    def _read(self, bay: Bay, now: Now) -> None:
        ski, evse = bay.unit
        link = self._hub.node.links.get(ski)
        if link is None:
            return
        asked = [(entity, "Measurement", VALUES) for entity in link.remote.entities if _below(entity, evse)]
        about = [(evse, "DeviceClassification", evsecc.MAKER)] if self.info is None else []
        for entity, type_, function in (*asked, *about, (evse, "DeviceDiagnosis", evsecc.STATE)):
            server, client = link.remote.find(entity, type_, SERVER), self._client(type_)
            if server is not None and client is not None and function in server.operations:
                self._hub.node.read(ski, client, server.ident, function, now)

    def _client(self, type_: str) -> FeatureId | None:
        entities = self._hub.node.device.entities.values()
        features = (one for entity in entities for one in entity.features.values())
        return next((one.ident for one in features if (one.type, one.role) == (type_, CLIENT)), None)

    # port.Station

    async def offer(self, evse: int, current_a: float, phases: int, valid_s: float, transaction: str | None) -> Answer:
        bay = self._bay(evse)
        return bay if isinstance(bay, Answer) else await bay.offer(current_a, phases, valid_s, transaction, lambda: self.online)

    async def write_fallback(self, evse: int, current_a: float) -> Answer:
        bay = self._bay(evse)
        if isinstance(bay, Answer):
            return bay
        answer = await bay.write_fallback(current_a, self.settings.safe_current_a)
        self.ring()
        return answer

    def _bay(self, evse: int) -> Bay | Answer:
        if not self.online:
            return Answer(outcome=Outcome.OFFLINE, detail="not connected")
        bay = self.bays.get(evse)
        return bay or Answer(outcome=Outcome.UNSUPPORTED, detail=f"it has no EVSE {evse}, but {len(self.bays)}")

    async def remote_start(self, evse: int, token: str) -> Answer:
        """Let the car that is there charge, whoever it is."""
        bay = self._bay(evse)
        if isinstance(bay, Answer):
            return bay
        async with self._lock:
            begun = await bay.evse.start(token, self._clock.now())
        self.ring()
        return Answer(outcome=Outcome.ACCEPTED) if begun else Answer(outcome=Outcome.REJECTED, detail="no car is plugged in")

    async def remote_stop(self, evse: int, transaction: str) -> Answer:
        """The car may stay, but it does not charge until somebody starts it."""
        bay = next((one for one in self.bays.values() if one.evse.transaction == transaction), None)
        if bay is None:
            return Answer(outcome=Outcome.REJECTED, detail="no such session runs there")
        async with self._lock:
            await bay.evse.stop(self._clock.now())
        await bay.apply()
        self.ring()
        return Answer(outcome=Outcome.ACCEPTED)

    async def discharge(self, evse: int, power_w: float, valid_s: float, transaction: str) -> Answer:
        return Answer(outcome=Outcome.UNSUPPORTED, detail="cars give nothing back over EEBUS")

    async def report_limits(self, request: int) -> Answer:
        return Answer(outcome=Outcome.UNSUPPORTED, detail=NOT_IN_EEBUS)

    async def reset(self, *, hard: bool) -> Answer:
        return Answer(outcome=Outcome.UNSUPPORTED, detail=f"{NOT_IN_EEBUS}; switch it off and on")


def _below(entity: EntityId, evse: EntityId) -> bool:
    """Whether an entity is the EVSE, or stands below it, as its car does."""
    return entity[: len(evse)] == evse

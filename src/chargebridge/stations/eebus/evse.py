"""One EVSE of a wallbox: from what is to be seen of it to what the site is told.

A session is the stay of a car, from the plug in to the plug out. What was seen is compared with what was told before: so a gap in the connection,
a restart of the wallbox and one of ours all come to the same, and nothing is counted twice. Whatever a stay is about is in the store before the
site hears of it; what the site could not keep is told again.

After a gap the car that stands there is taken for the same one, unless it says that it is another, or its charged energy has begun anew.
"""

from datetime import datetime, timedelta
from secrets import token_hex

from msgspec.structs import replace

from chargebridge.model.session import PointStatus
from chargebridge.stations.eebus.asking import differ, needs_of
from chargebridge.stations.eebus.memory import Memory, Stay
from chargebridge.stations.eebus.register import JITTER_WH, Register, Source
from chargebridge.stations.eebus.seen import Car, Identification, Seen
from chargebridge.stations.eebus.settings import PointSettings
from chargebridge.stations.eebus.telling import Telling
from chargebridge.stations.eebus.tokens import charges_as
from chargebridge.stations.events import ChargingNeeds
from chargebridge.stations.port import EvseMeasurement, StationSink

DRAWS_A, DRAWS_W = 1.0, 200.0
"""Above this the car charges; below, it is what electronics take."""
UPDATE_EVERY = timedelta(seconds=5)
"""Between two records of a session's energy; a kill in between costs nothing, for the wallbox tells its figure again."""
IDENTIFY = timedelta(seconds=20)
"""So long a car that can name itself is waited for before it charges as an unknown one."""
READING = timedelta(seconds=10)
"""So long a car that stands there after a gap is looked at before it is judged, if it does not tell all at once."""
NOMINAL_V = 230.0
LEFT, STOPPED = "EVDisconnected", "Remote"
"""Why a session ends, in OCPP's words."""


class Evse(Telling):
    """Not told from two sides at once: who calls ``look``, ``start`` and ``stop`` holds one lock for all."""

    def __init__(
        self,
        station: str,
        number: int,
        settings: PointSettings,
        unknown_cars: str | None,
        sink: StationSink,
        memory: Memory,
        stay: Stay | None,
    ) -> None:
        """stay: as the store remembers it."""
        super().__init__(station, number, sink, memory, stay)
        self.settings = settings
        self._unknown_cars = unknown_cars
        self._plug: int | None = None  # of the car whose stay it is; None: the stay is older than the connection
        self._found_at: datetime | None = None  # when the car was first seen
        self._told_wh = 0  # as the site knows it
        self._updated_at: datetime | None = None
        self._measured_at: datetime | None = None
        self._status: tuple[PointStatus, str] | None = None
        self._needs: ChargingNeeds | None = None
        self.offered_a: float | None = None

    @property
    def stopped(self) -> bool:
        """The car stands there, but its session was ended."""
        return self._stay is not None and self._stay.ended is not None and not self._stay.gone

    @property
    def transaction(self) -> str | None:
        return self._stay.transaction if self._stay is not None and self._stay.ended is None else None

    def lost(self) -> None:
        """The connection is gone: what stands there later must be compared with what stood there."""
        self._plug = self._found_at = self._measured_at = self._status = None

    async def look(self, seen: Seen, now: datetime) -> None:
        """Tell the site what has changed. Raises what the sink and the store raise; then the next look tells it."""
        if self._stay is not None and self._stay.ended is not None and not self._stay.told:
            await self._tell_end(self._stay)
        car = seen.car
        if car is None:
            if seen.certain or self._stay is None or self._stay.gone:
                await self._gone(now)
                await self._tell_status(PointStatus.FAULTED if seen.out else PointStatus.AVAILABLE, now, seen.fault)
            return
        if self._plug == car.plug and self._stay is not None and self._is_another(self._stay, car):
            self._plug = None  # after a gap it was taken for the same one, until it said who it is
        if self._plug != car.plug and not await self._arrived(car, now):
            return
        assert self._stay is not None
        await self._identify(car, now)
        await self._tell_start(self._stay_now, car)
        await self._tell_token(self._stay_now, car, now)
        await self._measure(car, now)
        await self._ask(car, now)
        await self._tell_status(self._status_of(car), now, seen.fault)

    async def start(self, token: str, now: datetime) -> bool:
        """Somebody lets the car charge. False: none is there."""
        stay = self._stay
        if stay is None or self._plug is None:
            return False
        if stay.ended is not None:
            stay = replace(self._new_stay(now, identity=stay.identity, register=stay.register.anew()), token=token)
            await self._keep(stay)
            await self._tell_start(stay, None)
        else:
            await self._tell_update(replace(stay, token=stay.token or token), now, token=token)
            await self._keep(replace(self._stay_now, shown=self._stay_now.token))
        return True

    async def stop(self, now: datetime) -> None:
        """End the session of the car that is there; it may stay, but it does not charge."""
        if self._stay is not None and self._stay.ended is None:
            await self._end(self._stay, STOPPED, now)

    # The car

    async def _arrived(self, car: Car, now: datetime) -> bool:
        """A car is seen for the first time on this plug, or since the connection is there. False: it is not clear yet whose stay it is."""
        self._found_at = self._found_at or now
        stay = self._stay if self._stay is not None and not self._stay.gone else None
        if stay is not None and self._plug is None:
            if not car.ready and now - self._found_at < READING:
                return False
            if self._is_same(stay, car):
                self._plug = car.plug
                return True
        if stay is not None and stay.ended is None:
            await self._end(stay, LEFT, stay.heard_at, gone=True)
        await self._keep(self._new_stay(now, identity=None, register=Register()))
        self._plug, self._found_at, self._needs = car.plug, now, None
        return True

    def _new_stay(self, now: datetime, *, identity: str | None, register: Register) -> Stay:
        self._told_wh, self._updated_at, self._status = 0, None, None
        return Stay(
            transaction=f"{self.number}-{now:%Y%m%d-%H%M%S}-{token_hex(4)}",
            began_at=now,
            heard_at=now,
            identity=identity,
            register=register,
        )

    def _is_another(self, stay: Stay, car: Car) -> bool:
        """By what it says that it is."""
        said = _name_of(car.identification)
        return stay.identity is not None and said is not None and stay.identity != said

    def _is_same(self, stay: Stay, car: Car) -> bool:
        if self._is_another(stay, car):
            return False
        if stay.identity is not None and car.identification is not None:
            return True
        began_anew = (
            stay.register.source is Source.SESSION and car.session_wh is not None and car.session_wh < stay.register.told_wh - JITTER_WH
        )
        return not began_anew

    async def _gone(self, now: datetime) -> None:
        """No car is there. Where it left while nobody saw it, it was there until the wallbox's last word."""
        stay = self._stay
        if stay is not None and stay.ended is None:
            await self._end(stay, LEFT, now if self._plug is not None else stay.heard_at, gone=True)
        elif stay is not None and not stay.gone:
            await self._keep(replace(stay, gone=True))
        self._plug = self._found_at = self._needs = None

    async def _identify(self, car: Car, now: datetime) -> None:
        stay = self._stay_now
        said = _name_of(car.identification)
        if stay.ended is not None:
            return
        if said is not None and stay.identity is None:
            await self._keep(stay := replace(stay, identity=said))
        if stay.token is not None:
            return
        assert self._found_at is not None
        if said is None and car.names_itself and now - self._found_at < IDENTIFY:
            return
        token = await charges_as(self._sink, self._station, car.identification, self._unknown_cars)
        if token is not None:
            await self._keep(replace(self._stay_now, token=token))

    # Energy, power, status

    async def _measure(self, car: Car, now: datetime) -> None:
        stay = self._stay_now
        register = self._read(stay.register, car, now)
        fresh = car.measured_at is not None and car.measured_at != self._measured_at
        sample = EvseMeasurement(
            measured_at=car.measured_at or now,
            current_a=car.current_a,
            voltage_v=car.voltage_v,
            power_w=car.power_w,
            offered_a=self.offered_a,
            soc=car.soc,
        )
        if fresh:
            self._measured_at = car.measured_at
            await self._sink.measured(self._station, self.number, (sample,))
        self._stay = stay = replace(stay, register=register, heard_at=car.measured_at or stay.heard_at)
        due = self._updated_at is None or not timedelta(0) <= now - self._updated_at < UPDATE_EVERY
        if int(register.total_wh) > self._told_wh and due:
            if stay.ended is None:
                await self._tell_update(stay, now, sample=sample if fresh else None)
            else:
                await self._keep(stay)
            self._told_wh, self._updated_at = int(register.total_wh), now

    def _read(self, register: Register, car: Car, now: datetime) -> Register:
        at, most_w = car.measured_at, self.settings.maximum_a * self.settings.phases * NOMINAL_V
        if at is not None and car.meter_wh is not None:
            register = register.read(Source.METER, car.meter_wh, at, most_w)
        if at is not None and car.session_wh is not None:
            register = register.read(Source.SESSION, car.session_wh, at, most_w)
        power_w = car.power_w if car.power_w is not None else sum(car.current_a) * NOMINAL_V if car.current_a is not None else None
        return register if power_w is None else register.reckon(min(power_w, most_w), now)

    def _status_of(self, car: Car) -> PointStatus:
        if self.stopped:
            return PointStatus.FINISHING
        if (car.current_a is not None and max(car.current_a) > DRAWS_A) or (car.power_w is not None and car.power_w > DRAWS_W):
            return PointStatus.CHARGING
        if car.asleep:
            return PointStatus.SUSPENDED_EV
        if self.offered_a is None or self.offered_a < self.settings.minimum_a:
            return PointStatus.SUSPENDED_EVSE
        return PointStatus.SUSPENDED_EV

    async def _tell_status(self, status: PointStatus, now: datetime, fault: str) -> None:
        if (status, fault) != self._status:
            await self._sink.status_changed(self._station, self.number, status, now, fault or None)
            self._status = status, fault

    async def _ask(self, car: Car, now: datetime) -> None:
        """What the car asks for, where it asks for something; told again only when that changes."""
        needs = needs_of(car, self.number, self.settings.phases)
        if needs is not None and (self._needs is None or differ(needs, self._needs)):
            await self._sink.told(self._station, needs)
            self._needs = needs


def _name_of(said: Identification | None) -> str | None:
    return None if said is None or not said.value.strip() else f"{said.kind} {said.value.strip()}"

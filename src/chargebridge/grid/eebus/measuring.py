"""What the site tells of its electricity: at the grid connection (MGCP 1.0.0), and of the devices that the grid limits (MPC 1.0.0).

The meter of the grid connection is asked once a second; what has changed is told at most once a second. While it says nothing, its values are
told as an error: a number that is too old is no number. What the meter has never told is described, but has no value.
"""

from collections.abc import Mapping
from decimal import Decimal

from chargebridge.grid.port import GridSink
from chargebridge.links.eebus.hub import Hub
from chargebridge.model.clock import Clock
from chargebridge.model.reading import MaybePerPhase, Reading
from chargebridge.wire.eebus.spine.local import LocalEntity, Now
from chargebridge.wire.eebus.usecases.monitoring import MonitoredUnit
from chargebridge.wire.eebus.usecases.quantities import CURRENTS, FED_IN, FREQUENCY, IMPORTED, MGCP, MPC, POWER, VOLTAGES, Quantity

LOOK_S = 1.0
_CONNECTION = (POWER, FED_IN, IMPORTED, *CURRENTS, *VOLTAGES, FREQUENCY)
Values = dict[Quantity, Decimal | None]


class Meters:
    """devices: the entity that tells of the limited devices; connection: that of the grid connection. None: not told."""

    def __init__(self, hub: Hub, sink: GridSink, clock: Clock, devices: LocalEntity | None, connection: LocalEntity | None) -> None:
        self._hub, self._sink, self._clock = hub, sink, clock
        self._devices = MonitoredUnit(hub.node, devices, MPC, (POWER,)) if devices is not None else None
        self._connection = MonitoredUnit(hub.node, connection, MGCP, _CONNECTION) if connection is not None else None
        self._known: Values = {}
        self._drawn: Values = {}

    async def run(self) -> None:
        while True:
            await self.look()
            await self._clock.sleep(LOOK_S)

    async def look(self) -> None:
        """Tells what is new."""
        known, drawn = self._read(), self._draw()
        if (known, drawn) != (self._known, self._drawn):
            self._known, self._drawn = known, drawn
            await self._hub.act(self._update)

    def _update(self, now: Now) -> None:
        if self._connection is not None and self._known:
            self._connection.update(self._known, now)
        if self._devices is not None:
            self._devices.update(self._drawn, now)

    def _read(self) -> Values:
        if self._connection is None:
            return {}
        told = values_of(reading) if (reading := self._sink.connection()) is not None else {}
        return {quantity: told.get(quantity) for quantity in _CONNECTION if quantity in told or quantity in self._known}

    def _draw(self) -> Values:
        drawn_w = self._sink.drawn_w() if self._devices is not None else None
        return {POWER: None if drawn_w is None else _figure(drawn_w, 0)}


def values_of(reading: Reading) -> Mapping[Quantity, Decimal]:
    """What a meter tells, import positive, as EEBUS has it."""
    found: dict[Quantity, Decimal] = {}
    if reading.power_w is not None:
        found[POWER] = _figure(reading.power_w, 0)
    if reading.energy_export_wh is not None:
        found[FED_IN] = reading.energy_export_wh
    if reading.energy_import_wh is not None:
        found[IMPORTED] = reading.energy_import_wh
    found |= _phases(CURRENTS, reading.current_a, 2) | _phases(VOLTAGES, reading.voltage_v, 1)
    if reading.frequency_hz is not None:
        found[FREQUENCY] = _figure(reading.frequency_hz, 2)
    return found


def _phases(quantities: tuple[Quantity, ...], values: MaybePerPhase, digits: int) -> dict[Quantity, Decimal]:
    return {quantity: _figure(value, digits) for quantity, value in zip(quantities, values, strict=True) if value is not None}


def _figure(value: float, digits: int) -> Decimal:
    return round(Decimal(str(value)), digits)

"""A battery that speaks SunSpec: power from model 701, charge from 713, set points by 704.

A set point is written values first and enabling last, as SunSpec's procedure for multiple writes asks, together with its reversion timer: when
we fall silent, the battery goes back to its own programme by itself. SunSpec counts power that the battery delivers as positive (701 W, 704
WSet); here charging is positive, so the sign turns at this place and nowhere else.
"""

import asyncio
import math
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

from msgspec import Struct

from chargebridge.links.backoff import Backoff
from chargebridge.links.modbus import LinkError, ModbusLink, RefusedError
from chargebridge.model.circuit import Battery
from chargebridge.model.clock import Clock
from chargebridge.model.state import BatteryState
from chargebridge.plants.address import ModbusAddress, parse
from chargebridge.plants.port import PlantAnswer, PlantFault, PlantOutcome
from chargebridge.wire.sunspec import AC_CONTROLS, AC_MEASUREMENT, STORAGE, Block, Chain, SunSpecError, Value, step_of

POLL_S = 1.0
LATE_S = 2.0
"""Devices are known that count their reversion timer down and then do nothing: so long after its end we release them ourselves."""
_WATTS, _OFF, _ON = 1, 0, 1
"""Of 704 WSetMod, WSetEna and WSetEnaRvrt."""
_NEEDED = ("WSetEna", "WSet", "WSet_SF", "WSetRvrtTms")
_CONTROLS = (*_NEEDED, "WSetMod", "WSetRvrt", "WSetEnaRvrt", "WSetRvrtRem")


class _Device(Struct, frozen=True):
    """A connected device and the blocks found on it. controls: 704 as it was when found, whose points we may write, or why we may not."""

    link: ModbusLink
    measurement: Block
    storage: Block | None
    controls: Block | None
    points: dict[str, Value]
    lack: str


class SunSpecBattery:
    """Implements ``BatteryPlant``. One lock keeps polls and set points apart."""

    def __init__(self, battery: Battery, address: ModbusAddress, clock: Clock) -> None:
        self._battery = battery
        self._address = address
        self._clock = clock
        self._lock = asyncio.Lock()
        self._device: _Device | None = None
        self._until: datetime | None = None

    @property
    def id(self) -> str:
        return self._battery.id

    async def states(self) -> AsyncIterator[BatteryState | PlantFault]:
        """See ``BatteryPlant``. After a fault it is tried again after 1, 2, 4 ... 30 s."""
        backoff = Backoff(self._clock)
        try:
            while True:
                try:
                    async with self._lock:
                        heard = await self._poll()
                except (LinkError, SunSpecError) as problem:
                    self._hang_up()
                    yield self._fault(problem)
                    await backoff.wait()
                else:
                    backoff.reset()
                    yield heard
                    await self._clock.sleep(POLL_S)
        finally:
            self._hang_up()

    async def set_power(self, power_w: float | None, valid_s: float) -> PlantAnswer:
        """See ``BatteryPlant``. The set point is kept within the battery's ratings and rounded to the device's step."""
        if not 0 < valid_s < math.inf or (power_w is not None and not math.isfinite(power_w)):
            raise ValueError(f"{power_w} W for {valid_s} s is no set point")
        async with self._lock:
            device = self._device
            if device is None:
                return PlantAnswer(outcome=PlantOutcome.OFFLINE, detail=f"no connection to {self._address}")
            if device.controls is None or device.lack:
                return PlantAnswer(outcome=PlantOutcome.UNSUPPORTED, detail=device.lack)
            try:
                if power_w is None:
                    await self._release(device, device.controls)
                    return PlantAnswer(outcome=PlantOutcome.ACCEPTED)
                return await self._command(device, device.controls, power_w, valid_s)
            except RefusedError as problem:
                return PlantAnswer(outcome=PlantOutcome.REJECTED, detail=str(problem))
            except (LinkError, SunSpecError) as problem:
                self._hang_up()
                return PlantAnswer(outcome=PlantOutcome.TIMED_OUT, detail=str(problem))

    async def _poll(self) -> BatteryState:
        device = self._device = self._device or await self._connect()
        if self._until is not None and self._clock.now() > self._until + timedelta(seconds=LATE_S) and device.controls is not None:
            await self._release(device, device.controls)
        measured = await _values(device.link, device.measurement, "W")
        stored = await _values(device.link, device.storage, "WHRtg", "WHAvail", "SoC") if device.storage is not None else {}
        power_w = _number(measured, "W")
        if power_w is None:
            raise SunSpecError(device.measurement.address, "model 701 point W", "is not told", "this device cannot serve as a battery")
        return BatteryState(battery=self.id, heard_at=self._clock.now(), power_w=0.0 - power_w, stored_wh=self._stored_wh(stored))

    def _stored_wh(self, values: dict[str, Value]) -> float | None:
        available_wh, soc = _number(values, "WHAvail"), _number(values, "SoC")
        if available_wh is not None or soc is None:
            return available_wh
        rated_wh = _number(values, "WHRtg")
        return (self._battery.capacity_wh if rated_wh is None else rated_wh) * soc / 100

    async def _connect(self) -> _Device:
        link = ModbusLink.tcp(str(self._address), self._address.host, self._address.port, self._address.unit)
        try:
            await link.connect()
            chain = Chain()
            while chain.want is not None:
                try:
                    chain.take(await link.read(chain.want))
                except RefusedError:
                    chain.refuse()
            measurement = chain.block(AC_MEASUREMENT)
            if measurement is None:
                ids = ", ".join(str(f.id) for f in chain.found)
                cure = "choose the SunSpec 700 series in the device's Modbus settings"
                raise SunSpecError(0, "model chain", f"has no model 701, only {ids}", cure)
            controls = chain.block(AC_CONTROLS)
            points, lack = await self._controls(link, controls)
        except BaseException:
            link.close()
            raise
        return _Device(link, measurement, chain.block(STORAGE), controls, points, lack)

    async def _controls(self, link: ModbusLink, controls: Block | None) -> tuple[dict[str, Value], str]:
        """704 as it is, and why it cannot be used, "" if it can. A device without it still measures."""
        try:
            points = {} if controls is None else await _values(link, controls, *_CONTROLS)
        except SunSpecError as problem:
            return {}, str(problem)
        missing = [name for name in _NEEDED if points.get(name) is None]
        return points, f"model 704 has no {', '.join(missing)}: it cannot be given a power that ends by itself" if missing else ""

    async def _command(self, device: _Device, controls: Block, power_w: float, valid_s: float) -> PlantAnswer:
        wanted_w = max(-self._battery.discharge_max_w, min(self._battery.charge_max_w, power_w))
        settings: dict[str, Value] = {
            "WSetMod": _WATTS,
            "WSet": -wanted_w,
            "WSetRvrt": 0.0,
            "WSetEnaRvrt": _OFF,
            "WSetRvrtTms": math.ceil(valid_s),
        }
        there = {name: value for name, value in settings.items() if device.points.get(name) is not None}
        self._until = self._clock.now() + timedelta(seconds=valid_s)
        for write in [*controls.writes(there, device.points), *controls.writes({"WSetEna": _ON}, device.points)]:
            await device.link.write(write)
        now = await _values(device.link, controls, *_CONTROLS)
        held_w = _number(now, "WSet")
        if now["WSetEna"] != _ON or held_w is None:
            return PlantAnswer(outcome=PlantOutcome.REJECTED, detail="it took the set point but did not enable it")
        if now["WSetRvrtRem"] == 0 and valid_s > LATE_S:
            await self._release(device, controls)
            return PlantAnswer(outcome=PlantOutcome.UNSUPPORTED, detail="its reversion timer does not run, so it was released again")
        took = abs(held_w + wanted_w) < step_of(AC_CONTROLS.point("WSet"), now)
        detail = "" if took else f"it holds {-held_w:g} W instead of {wanted_w:g} W"
        return PlantAnswer(outcome=PlantOutcome.ACCEPTED, power_w=0.0 - held_w, detail=detail)

    async def _release(self, device: _Device, controls: Block) -> None:
        for write in controls.writes({"WSetEna": _OFF}, device.points):
            await device.link.write(write)
        self._until = None

    def _hang_up(self) -> None:
        if self._device is not None:
            self._device.link.close()
            self._device = None

    def _fault(self, problem: LinkError | SunSpecError) -> PlantFault:
        where = problem.where if isinstance(problem, LinkError) else f"{self._address}, {problem.where} (register {problem.position})"
        return PlantFault(plant=self.id, at=self._clock.now(), where=where, reason=problem.reason, cure=problem.cure)


def open_battery(battery: Battery, url: str, clock: Clock) -> SunSpecBattery:
    """``modbus+tcp://host:port?unit=1``. Raises ``PlantError``."""
    return SunSpecBattery(battery, parse(url), clock)


async def _values(link: ModbusLink, block: Block, *names: str) -> dict[str, Value]:
    span = block.span(*names)
    return dict.fromkeys(names) | block.values(span, await link.read(span), names)


def _number(values: dict[str, Value], name: str) -> float | None:
    value = values.get(name)
    return float(value) if isinstance(value, int | float) else None

"""A meter counterpart: what a meter sees of a flow, as real telegrams in its time, with faults on demand. Bytes only; ``line`` has the sockets."""

from collections import deque
from collections.abc import Callable, Iterator
from datetime import datetime
from random import Random

from msgspec import Struct

from chargebridge.sim.telegrams.values import MeterValues
from chargebridge.sim.world.event import FaultKind
from chargebridge.sim.world.flow import Flow


class Rhythm(Struct, frozen=True, kw_only=True):
    """period_s: between telegrams. encode: the bytes of the telegram with this running number (0, 1, ...)."""

    period_s: float
    encode: Callable[[MeterValues, int], bytes]


class Meter:
    """One meter on one flow. ``tick`` is called after each step of the world. sent: telegrams that were due so far."""

    def __init__(self, name: str, flow: Flow, rhythm: Rhythm, seed: object) -> None:
        self.id = name
        self.flow = flow
        self._rhythm = rhythm
        self._random = Random(f"{seed}:meter:{name}")
        self.number = str(self._random.randrange(10_000_000, 99_999_999))
        self._began_import_wh = self._random.randrange(1_000_000, 60_000_000)
        self._began_export_wh = self._random.randrange(0, 20_000_000)
        self._next_s = self._random.uniform(0.0, min(1.0, rhythm.period_s))
        self.sent = 0
        self._last = b""
        self._late: deque[tuple[float, bytes]] = deque()
        self._late_s = 0.0
        self._fault = FaultKind.NONE

    @property
    def fault(self) -> FaultKind:
        return self._fault

    def fail(self, fault: FaultKind, late_s: float = 0.0) -> None:
        """Have this fault from now on; ``FaultKind.NONE`` repairs. What was under way late is lost with the repair."""
        self._fault = fault
        self._late_s = late_s
        self._late.clear()

    def values(self, at: datetime) -> MeterValues:
        """The truth as this meter sees it; registers in whole Wh, cut off."""
        flow = self.flow
        l1, l2, l3 = flow.current_a
        return MeterValues(
            at=at,
            meter_id=self.number,
            power_import_w=max(0.0, flow.power_w),
            power_export_w=max(0.0, -flow.power_w),
            power_w_phases=flow.power_phases_w,
            current_a=(abs(l1), abs(l2), abs(l3)),
            voltage_v=flow.voltage_v,
            energy_import_wh=self._began_import_wh + int(flow.import_wh),
            energy_export_wh=self._began_export_wh + int(flow.export_wh),
            reactive_import_var=max(0.0, flow.reactive_var),
            reactive_export_var=max(0.0, -flow.reactive_var),
        )

    def tick(self, t_s: float, at: datetime) -> Iterator[bytes]:
        """The telegrams that go out now."""
        while self._late and self._late[0][0] <= t_s:
            yield self._late.popleft()[1]
        if t_s < self._next_s:
            return
        self._next_s += self._rhythm.period_s
        number, self.sent = self.sent, self.sent + 1
        if self._fault in (FaultKind.DEAD, FaultKind.SILENT):
            return
        if self._fault is FaultKind.FROZEN and self._last:
            yield self._last
            return
        telegram = self._rhythm.encode(self.values(at), number)
        self._last = telegram
        if self._fault is FaultKind.LATE:
            self._late.append((t_s + self._late_s, telegram))
        else:
            yield self._spoil(telegram)

    def _spoil(self, telegram: bytes) -> bytes:
        if self._fault is FaultKind.CUT:
            return telegram[: self._random.randrange(1, len(telegram))]
        if self._fault is FaultKind.FLIPPED:
            spoiled = bytearray(telegram)
            spoiled[self._random.randrange(len(spoiled))] ^= 1 << self._random.randrange(8)
            return bytes(spoiled)
        return telegram

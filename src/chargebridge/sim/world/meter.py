"""A meter counterpart: what a meter sees of a flow, as real telegrams in its time, with faults on demand. Bytes only; ``line`` has the sockets."""

from collections import deque
from collections.abc import Callable, Iterator
from datetime import datetime
from random import Random

from msgspec import Struct

from chargebridge.model.phases import PerPhase
from chargebridge.sim.world.event import FaultKind
from chargebridge.sim.world.flow import Flow


class MeterValues(Struct, frozen=True, kw_only=True):
    """What the meter measures at ``at``. Powers and currents are signed, import positive; registers are whole Wh (rounded down, as meters do)."""

    number: str
    at: datetime
    power_w: float
    power_phases_w: PerPhase
    current_a: PerPhase
    voltage_v: PerPhase
    import_wh: int
    export_wh: int


class Rhythm(Struct, frozen=True, kw_only=True):
    """period_s: between telegrams. encode: the bytes of the telegram with this running number (0, 1, ...)."""

    period_s: float
    encode: Callable[[MeterValues, int], bytes]


class Meter:
    """One meter on one flow. ``tick`` is called after each step of the world; ``fault`` may be set at any time."""

    def __init__(self, name: str, flow: Flow, rhythm: Rhythm, seed: object) -> None:
        self.id = name
        self.flow = flow
        self._rhythm = rhythm
        self._random = Random(f"{seed}:meter:{name}")
        self.number = str(self._random.randrange(10_000_000, 99_999_999))
        self._began_import_wh = self._random.randrange(1_000_000, 60_000_000)
        self._began_export_wh = self._random.randrange(0, 20_000_000)
        self._next_s = self._random.uniform(0.0, min(1.0, rhythm.period_s))
        self._sent = 0
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
        """The truth as this meter sees it."""
        flow = self.flow
        return MeterValues(
            number=self.number,
            at=at,
            power_w=flow.power_w,
            power_phases_w=flow.power_phases_w,
            current_a=flow.current_a,
            voltage_v=flow.voltage_v,
            import_wh=self._began_import_wh + int(flow.import_wh),
            export_wh=self._began_export_wh + int(flow.export_wh),
        )

    def tick(self, t_s: float, at: datetime) -> Iterator[bytes]:
        """The telegrams that go out now."""
        while self._late and self._late[0][0] <= t_s:
            yield self._late.popleft()[1]
        if t_s < self._next_s:
            return
        self._next_s += self._rhythm.period_s
        number, self._sent = self._sent, self._sent + 1
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

"""A model is a table of points; a block is that model at an address on a device.

block = Block(STORAGE, address=40310, length=7)
span = block.span("SoC", "WHRtg")          # what to read so that both can be told, scale factors included
values = block.values(span, registers)     # {"WHRtg": 10000.0, "SoC": 55.0, ...}
writes = block.writes({"WSet": 1500.0}, factors)   # what to write, contiguous points in one piece
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

from msgspec import Struct

from chargebridge.wire.sunspec.errors import SunSpecError
from chargebridge.wire.sunspec.point import SCALE_MAX, SCALE_MIN, Kind, Point, Value, bounds, pack, unpack

READ_MAX, WRITE_MAX = 125, 123
"""Registers in one request (Modbus Application Protocol V1.1b3, 6.3 and 6.12)."""
HEADER = 2
"""ID and L stand before a model's own points and are not counted in L."""


class Span(Struct, frozen=True):
    """``count`` registers from ``address`` on, counted from 0."""

    address: int
    count: int

    @property
    def end(self) -> int:
        return self.address + self.count


class Write(Struct, frozen=True):
    """Registers to be written from ``address`` on, in one request."""

    address: int
    registers: tuple[int, ...]


class Model(Struct, frozen=True):
    """points: in the order of their offsets, without ID and L, without gaps."""

    id: int
    points: tuple[Point, ...]

    @property
    def length(self) -> int:
        """What its L register says."""
        return self.points[-1].end - HEADER

    def point(self, name: str) -> Point:
        return next(p for p in self.points if p.name == name)

    def encode(self, values: Mapping[str, Value]) -> list[int]:
        """The whole block, ID and L included; what is not among ``values`` is not implemented. Scale factors are values as others are."""
        registers = [self.id, self.length]
        for point in self.points:
            registers += pack(point, values.get(point.name), _factor(point, values), point.offset, self.id)
        return registers


class Block(Struct, frozen=True):
    """``model`` as found on a device: its ID register at ``address``, and the length that the device told, which may be another one than ours."""

    model: Model
    address: int
    length: int

    def span(self, *names: str) -> Span:
        """The least span with the points ``names`` and their scale factors; what lies beyond the device's length is left out."""
        points = [self.model.point(name) for name in names]
        points += [self.model.point(p.scale) for p in points if p.scale is not None]
        there = [p for p in points if self._has(p)]
        first = min((p.offset for p in there), default=0)
        count = max((p.end for p in there), default=HEADER) - first
        if count > READ_MAX:
            raise SunSpecError(self.address + first, f"model {self.model.id}", f"{count} registers at once", f"ask for at most {READ_MAX}")
        return Span(self.address + first, count)

    def values(
        self, span: Span, registers: Sequence[int], names: Collection[str] | None = None, factors: Mapping[str, Value] | None = None
    ) -> dict[str, Value]:
        """The points ``names`` (None: all) that lie wholly in ``span``, and their scale factors; the others are not even looked at.

        factors: scale factors known already. A point whose factor is neither there nor in ``span`` is left out.
        """
        if len(registers) != span.count:
            reason = f"{len(registers)} registers instead of {span.count}"
            raise SunSpecError(span.address, f"model {self.model.id}", reason, "the answer was cut: read again")
        known, values = dict(factors or {}), dict[str, Value]()
        for point in sorted(self._wanted(names), key=lambda p: p.kind is not Kind.SCALE):
            at = self.address + point.offset
            inside = span.address <= at and at + point.size <= span.end and self._has(point)
            if inside and (point.scale is None or point.scale in known):
                own = registers[at - span.address : at - span.address + point.size]
                known[point.name] = values[point.name] = unpack(point, own, _factor(point, known), at, self.model.id)
        return values

    def _wanted(self, names: Collection[str] | None) -> Iterable[Point]:
        if names is None:
            return self.model.points
        scales = {p.scale for p in self.model.points if p.name in names}
        return (p for p in self.model.points if p.name in names or p.name in scales)

    def writes(self, values: Mapping[str, Value], factors: Mapping[str, Value]) -> list[Write]:
        """What to write so that the points of ``values`` are set. factors: the device's scale factors, as ``values`` told them."""
        points = sorted((self.model.point(name) for name in values), key=lambda p: p.offset)
        writes: list[Write] = []
        for point in points:
            at = self.address + point.offset
            where = f"model {self.model.id} point {point.name}"
            if not point.writable or not self._has(point):
                raise SunSpecError(at, where, "cannot be written", "the device has it for reading only, or not at all")
            registers = pack(point, values[point.name], _factor(point, factors), at, self.model.id)
            last = writes[-1] if writes else None
            if last is not None and last.address + len(last.registers) == at and len(last.registers) + point.size <= WRITE_MAX:
                writes[-1] = Write(last.address, last.registers + tuple(registers))
            else:
                writes.append(Write(at, tuple(registers)))
        return writes

    def _has(self, point: Point) -> bool:
        return point.end <= HEADER + self.length


def step_of(point: Point, values: Mapping[str, Value]) -> float:
    """The least difference between two values of ``point``, in its unit."""
    return 10.0 ** (_factor(point, values) or 0)


def factor_for(largest: float, kind: Kind) -> int:
    """The finest scale factor with which a number of up to ``largest`` still fits into ``kind``."""
    high = bounds(kind)[1]
    return next((f for f in range(SCALE_MIN, SCALE_MAX + 1) if round(abs(largest) / 10.0**f) <= high), SCALE_MAX)


def points_in(model: Model, first: int, end: int) -> Iterable[Point]:
    """The points that have a register between the offsets ``first`` and ``end``, ID and L never among them."""
    return (p for p in model.points if p.offset < end and first < p.end)


def _factor(point: Point, values: Mapping[str, Value]) -> int | None:
    factor = values.get(point.scale) if point.scale is not None else None
    return factor if isinstance(factor, int) else None

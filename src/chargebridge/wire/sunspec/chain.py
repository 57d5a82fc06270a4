"""Finding the models of a device (SunSpec Device Information Model Specification, "Device Modbus Map").

At one of three base addresses stand the two registers ``SunS``. Behind them follow models, each with its ID and its length L, and at the end
the ID 0xFFFF. ``Chain`` says what to read and is told what came; it never asks for more than ``MOST_BLOCKS`` headers.

    chain = Chain()
    while chain.want is not None:
        try: chain.take(await read(chain.want))
        except Refused: chain.refuse()
    storage = chain.block(STORAGE)
"""

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from chargebridge.wire.sunspec.block import HEADER, Block, Model, Span
from chargebridge.wire.sunspec.errors import SunSpecError
from chargebridge.wire.sunspec.point import Value

MARKER = (0x5375, 0x6E53)
"""``SunS`` in ASCII."""
BASES = (40000, 0, 50000)
END_ID = 0xFFFF
MOST_BLOCKS = 64
_ADDRESSES = 0x10000


class Found(Struct, frozen=True):
    """A model of whatever kind: its ID, the address of its ID register, and its L."""

    id: int
    address: int
    length: int


class Chain:
    """want: what is to be read next, None when all is found. found: the models so far, in their order."""

    def __init__(self) -> None:
        self._bases = list(BASES)
        self._at_marker = True
        self.found: list[Found] = []
        self.want: Span | None = Span(self._bases.pop(0), len(MARKER))

    def take(self, registers: Sequence[int]) -> None:
        """The registers of ``want``. Raises ``SunSpecError`` when this is no SunSpec device or its chain is broken."""
        want = self._wanted()
        if len(registers) != want.count:
            reason = f"{len(registers)} registers instead of {want.count}"
            raise SunSpecError(want.address, "model chain", reason, "the answer was cut: read again")
        if self._at_marker:
            if tuple(registers) != MARKER:
                self.refuse()
                return
            self._at_marker = False
            self.want = Span(want.end, HEADER)
        elif registers[0] == END_ID:
            self.want = None
        else:
            self._add(Found(registers[0], want.address, registers[1]))

    def refuse(self) -> None:
        """The device answered that it has no such registers."""
        want = self._wanted()
        if not self._at_marker:
            raise SunSpecError(want.address, "model chain", "breaks off before its end", "mend the device: the chain ends with ID 0xFFFF")
        if not self._bases:
            bases = ", ".join(map(str, BASES))
            raise SunSpecError(
                want.address, "SunSpec marker", f"is at none of {bases}", "switch SunSpec on in the device, check the unit id"
            )
        self.want = Span(self._bases.pop(0), len(MARKER))

    def block(self, model: Model) -> Block | None:
        """The first block of ``model``."""
        return next((Block(model, f.address, f.length) for f in self.found if f.id == model.id), None)

    def _add(self, found: Found) -> None:
        at = found.address + HEADER + found.length
        if len(self.found) == MOST_BLOCKS:
            raise SunSpecError(found.address, "model chain", f"has more than {MOST_BLOCKS} models", "mend the device: its chain has no end")
        if at + HEADER > _ADDRESSES:
            reason = f"model {found.id} of {found.length} registers reaches beyond the last address"
            raise SunSpecError(found.address, "model chain", reason, "mend the device: a length is wrong")
        self.found.append(found)
        self.want = Span(at, HEADER)

    def _wanted(self) -> Span:
        if self.want is None:
            raise SunSpecError(0, "model chain", "is at its end already", "ask no further")
        return self.want


def image(models: Iterable[tuple[Model, Mapping[str, Value]]]) -> list[int]:
    """All registers of a device from its base address on: marker, models with their values, end."""
    registers = list(MARKER)
    for model, values in models:
        registers += model.encode(values)
    return [*registers, END_ID, 0]

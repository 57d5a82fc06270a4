"""Asks a SunSpec meter: models 201 to 204 (integers with scale factors) or 211 to 214 (floats), wherever they stand in its chain."""

from decimal import Decimal

from chargebridge.links.modbus import LinkError, ModbusLink, RefusedError
from chargebridge.meters.modbus.source import Answer
from chargebridge.wire.meter import Register, Scale
from chargebridge.wire.meter.obis import CUMULATIVE
from chargebridge.wire.sunspec import COMMON, Block, Chain, SunSpecError, Value
from chargebridge.wire.sunspec.meters import METERS, QUANTITIES

_EXPORT_POSITIVE = "SolarEdge"
"""Its meters count fed-in power as positive, against the model, while the registers go by their names (evcc, template solaredge-hybrid)."""


class SunSpecAsker:
    """Implements ``Asker``. The chain is walked once a connection."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._block: Block | None = None
        self._device: str | None = None
        self._number: str | None = None
        self._told: set[str] = set()

    async def ask(self, link: ModbusLink) -> Answer:
        """See ``Asker``."""
        try:
            block = self._block = self._block or await self._find(link)
            span = block.span(*QUANTITIES)
            registers = await link.read(span)
        except SunSpecError as problem:
            raise LinkError(f"{self._where}, {problem.where} (register {problem.position})", problem.reason, problem.cure) from None
        except RefusedError as no:
            raise LinkError(self._where, no.reason, no.cure) from None
        found: dict[str, Register] = {}
        problems: list[tuple[str, str]] = []
        for name, (code, unit) in QUANTITIES.items():
            try:
                value = block.values(span, registers, (name,)).get(name)
            except SunSpecError as problem:  # of this point alone: the others still count
                if name not in self._told:
                    problems.append((f"{problem.where} (register {problem.position}): {problem.reason}", problem.cure))
                self._told.add(name)
                continue
            if isinstance(value, int | float):
                found[code] = _register(self._signed(value, unit), unit)
        if not found:
            problems.append(("the meter tells no value", "check that it is connected to the inverter that answers for it"))
        return Answer(found, self._device, self._number, tuple(problems))

    def _signed(self, value: int | float, unit: str) -> int | float:
        if self._device is None or not self._device.startswith(_EXPORT_POSITIVE):
            return value
        return 0 - value if unit == "W" else abs(value) if unit == "A" else value

    async def _find(self, link: ModbusLink) -> Block:
        chain = Chain()
        while chain.want is not None:
            try:
                chain.take(await link.read(chain.want))
            except RefusedError as no:
                if not no.not_there:
                    raise
                chain.refuse()
        common = chain.block(COMMON)
        if common is not None:
            told = await _values(link, common, "Mn", "Md", "SN")
            self._device = " ".join(str(told[name]) for name in ("Mn", "Md") if told[name] is not None) or None
            self._number = None if told["SN"] is None else str(told["SN"])
        for model in METERS:
            block = chain.block(model)
            if block is not None:
                return block
        ids = ", ".join(str(found.id) for found in chain.found)
        cure = "ask the unit id under which the inverter shows its meter (Fronius 240, KOSTAL 71), and check that the meter is connected"
        raise SunSpecError(0, "model chain", f"has no meter (201 to 204, 211 to 214), only {ids}", cure)


def _register(value: int | float, unit: str) -> Register:
    """The scale comes from the device: its scale factor, or the float itself."""
    return Register(Decimal(repr(value)) if unit in CUMULATIVE else float(value), unit, value, Scale.TELEGRAM)


async def _values(link: ModbusLink, block: Block, *names: str) -> dict[str, Value]:
    span = block.span(*names)
    return dict.fromkeys(names) | block.values(span, await link.read(span), names)

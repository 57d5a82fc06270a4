"""A meter that counts the other way round: current transformers mounted backwards, or a maker for whom export is positive."""

from decimal import Decimal

from msgspec.structs import replace

from chargebridge.wire.meter.telegram import Register

_OPPOSITE = {
    c + phase: other + phase for phase in (0, 20, 40, 60) for one, two in ((1, 2), (3, 4)) for c, other in ((one, two), (two, one))
}
"""OBIS group C of import and export, active and reactive, in total and of each phase."""
_SIGNED = frozenset(c + phase for phase in (0, 20, 40, 60) for c in (13, 16))
_CURRENTS = frozenset((11, 31, 51, 71))


def reversed_direction(registers: dict[str, Register]) -> dict[str, Register]:
    """``registers`` with import and export exchanged. Currents become magnitudes: their sign is told by the power of their phase."""
    turned: dict[str, Register] = {}
    for code, register in registers.items():
        head, _, tail = code.partition(":")
        group, _, rest = tail.partition(".")
        c = int(group) if head.startswith("1-") else -1
        value = register.value
        if c in _SIGNED and isinstance(value, int | float | Decimal):
            turned[code] = replace(register, value=0 - value)
        elif c in _CURRENTS and isinstance(value, int | float):
            turned[code] = replace(register, value=abs(value))
        else:
            turned[f"{head}:{_OPPOSITE.get(c, group)}.{rest}" if c >= 0 else code] = register
    return turned

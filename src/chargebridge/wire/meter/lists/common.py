"""What the layouts of all makers share."""

from collections.abc import Callable

from msgspec import Struct

from chargebridge.wire.meter import cosem_time, obis
from chargebridge.wire.meter.axdr import Data
from chargebridge.wire.meter.cosem_time import MeterTime
from chargebridge.wire.meter.options import DecoderOptions
from chargebridge.wire.meter.telegram import ContentError, Register, Scale

LIST_ID, METER_ID, METER_TYPE, CLOCK = "1-1:0.2.129", "0-0:96.1.0", "0-0:96.1.7", "0-0:1.0.0"


class MeterList(Struct, frozen=True, gc=False):
    """A list as its maker's layout reads it; ``clock`` is the time that stands inside the list, if one does."""

    profile: str
    registers: dict[str, Register]
    device: str | None = None
    meter_id: str | None = None
    clock: MeterTime | None = None


Layout = Callable[[Data, DecoderOptions], MeterList | None]
"""Reads a body, or returns None if it is not this maker's. Raises ``ContentError`` if it is but cannot be."""


def text_of(data: str | bytes) -> str:
    """An identifier: readable characters as they are without padding, anything else in hexadecimal."""
    if isinstance(data, bytes):
        text = data.rstrip(b"\0").decode("latin-1")
        return text if text.isascii() and text.isprintable() else data.hex()
    return data.rstrip("\0")


def identifier(data: str | bytes) -> Register:
    return Register(text_of(data), "", data)


def time_register(time: MeterTime) -> Register:
    return Register(time.utc, "", time.text)


def code_of(data: Data) -> str:
    """The OBIS code that must stand here."""
    if not isinstance(data, bytes) or len(data) != 6:
        raise ContentError(0, f"{data!r:.60} stands where an OBIS code should")
    return obis.name(data)


def unscaled(value: Data, options: DecoderOptions) -> tuple[Register, MeterTime | None]:
    """A value without scaler: a time, an identifier or a plain number."""
    if cosem_time.looks_like(value) and isinstance(value, bytes):
        time = cosem_time.parse(value, options.standard_offset)
        return time_register(time), time
    if isinstance(value, str | bytes):
        return identifier(value), None
    if value is None or isinstance(value, int | float):
        return Register(value, "", value, Scale.UNKNOWN if isinstance(value, int | float) else Scale.TELEGRAM), None
    raise ContentError(0, f"{value!r:.60} stands where a single value should")


def text_at(registers: dict[str, Register], *codes: str) -> str | None:
    """The first identifier that is there under one of ``codes``."""
    for code in codes:
        register = registers.get(code)
        if register is not None and isinstance(register.value, str) and register.value:
            return register.value
    return None

"""The load profile of a meter that is asked by DLMS, as interval values.

A column is either an energy of each period (group D of its code is 29) or a register (D is 8), whose differences are the energies. The time of
a row is the end of its period (Blue Book, "Profile generic": values are captured when the period ends). Status words differ from maker to
maker; they stand in the rows and do not change the quality of a value.
"""

from datetime import datetime, timedelta
from decimal import Decimal

from msgspec import Struct

from chargebridge.meters.address import Address
from chargebridge.meters.cosem import settings as cosem_settings
from chargebridge.meters.cosem.settings import code_bytes
from chargebridge.meters.cosem.source import SCALER_UNIT
from chargebridge.meters.cosem.talk import Talk, visit
from chargebridge.meters.port import MeterError
from chargebridge.model.series import Direction, Interval, Quality, Series
from chargebridge.wire.cosem import profile as wire
from chargebridge.wire.cosem import selective
from chargebridge.wire.cosem.errors import CosemError
from chargebridge.wire.cosem.profile import Column, Row
from chargebridge.wire.cosem.services import AccessResult, Attribute
from chargebridge.wire.meter import obis
from chargebridge.wire.meter.number import scaled

DEFAULT_PROFILE = "1-0:99.1.0"
_REGISTERS = (3, 4)
_VALUE = 2
_PERIOD_ENERGY, _CUMULATIVE = "29", "8"
MAX_INTERVALS = 400 * 96


class LoadProfile(Struct, frozen=True):
    """A stretch of a load profile. scales: power of ten and unit of each column, None where it has none. rows: as the meter keeps them."""

    columns: tuple[Column, ...]
    scales: tuple[tuple[int, str] | None, ...]
    rows: tuple[Row, ...]
    period: timedelta


async def read_profile(address: Address, start: datetime, end: datetime, *, code: str = DEFAULT_PROFILE) -> LoadProfile:
    """The rows with ``start`` <= time <= ``end`` (aware), by a visit of its own. Raises ``MeterError``."""
    settings = cosem_settings.read(address)
    try:
        async with visit(settings) as talk:
            return await _read(talk, code, selective.by_range(start, end), settings.standard_offset)
    except CosemError as problem:
        raise MeterError(settings.where, problem.reason, problem.cure) from None


async def read_latest(address: Address, count: int, *, code: str = DEFAULT_PROFILE) -> LoadProfile:
    """The last ``count`` rows, by their number. Raises ``MeterError``."""
    settings = cosem_settings.read(address)
    try:
        async with visit(settings) as talk:
            (used,) = await talk.get(Attribute(wire.INTERFACE, code_bytes(code), 7))
            if not isinstance(used, int) or isinstance(used, AccessResult):
                raise MeterError(settings.where, f"profile {code} does not tell how many rows it has", "read it by time")
            return await _read(talk, code, selective.by_entry(max(1, used - count + 1)), settings.standard_offset)
    except CosemError as problem:
        raise MeterError(settings.where, problem.reason, problem.cure) from None


async def _read(talk: Talk, code: str, selection: bytes, standard_offset: timedelta) -> LoadProfile:
    of = code_bytes(code)
    layout, period = await talk.get(Attribute(wire.INTERFACE, of, wire.COLUMNS), Attribute(wire.INTERFACE, of, wire.PERIOD))
    if isinstance(layout, AccessResult) or not isinstance(period, int) or isinstance(period, AccessResult):
        reason = layout.text if isinstance(layout, AccessResult) else f"period {period!r:.40}"
        raise MeterError(code, f"the meter does not tell this profile: {reason}", "check the code, and that this client may read it")
    columns = wire.columns(layout)
    scales: list[tuple[int, str] | None] = [None] * len(columns)
    asked = [number for number, column in enumerate(columns) if column.interface in _REGISTERS and column.attribute == _VALUE]
    if asked:
        units = await talk.get(*(Attribute(columns[number].interface, columns[number].code, SCALER_UNIT) for number in asked))
        for number, unit in zip(asked, units, strict=True):
            match unit:
                case (int() as scaler, int() as named) if -128 <= scaler < 128:
                    scales[number] = scaler, obis.UNITS.get(named, f"unit {named}")
    (buffer,) = await talk.get(Attribute(wire.INTERFACE, of, wire.BUFFER, selection))
    if isinstance(buffer, AccessResult):
        raise MeterError(code, f"the meter does not tell these rows: {buffer.text}", "ask for a shorter or a later stretch")
    span = timedelta(seconds=period)
    return LoadProfile(columns, tuple(scales), wire.rows(buffer, columns, span, standard_offset), span)


def series_of(profile: LoadProfile, *, meter: str, direction: Direction = Direction.IMPORT) -> Series:
    """The energies of one direction, holes as missing. Raises ``MeterError`` where the profile has no such column, or no rows with a time."""
    number, cumulative = _column(profile, meter, direction)
    scale = profile.scales[number]
    assert scale is not None
    found: dict[datetime, Decimal] = {}
    for row in profile.rows:
        value = row.values[number]
        if row.at is not None and isinstance(value, int) and not isinstance(value, bool):
            found[row.at] = Decimal(scaled(value, *scale))
    if not found:
        raise MeterError(meter, "the profile has no row with a time and a value", "ask for another stretch")
    if cumulative:
        found = {at: value - before for at, value in found.items() if (before := found.get(at - profile.period)) is not None}
    if not found or not profile.period:
        raise MeterError(meter, "the profile's rows are not one period apart", "ask for a longer stretch")
    first, last = min(found), max(found)
    count = int((last - first) / profile.period) + 1
    if count > MAX_INTERVALS:
        raise MeterError(meter, f"the rows reach over {count} periods", "ask for a shorter stretch")
    ends = (first + number * profile.period for number in range(count))
    values = tuple(Interval(found[at], Quality.MEASURED) if at in found else Interval() for at in ends)
    return Series(
        meter=meter, start=first - profile.period, resolution_s=int(profile.period.total_seconds()), values=values, direction=direction
    )


def _column(profile: LoadProfile, meter: str, direction: Direction) -> tuple[int, bool]:
    """Which column holds the energy, and whether it is a register."""
    c = "1" if direction is Direction.IMPORT else "2"
    for kind in (_PERIOD_ENERGY, _CUMULATIVE):
        for number, (column, scale) in enumerate(zip(profile.columns, profile.scales, strict=True)):
            if column.name.partition(":")[2] == f"{c}.{kind}.0" and scale is not None and scale[1] == "Wh":
                return number, kind == _CUMULATIVE
    names = ", ".join(column.name for column in profile.columns)
    raise MeterError(meter, f"the profile has no energy of this direction, only {names}", "read another profile")

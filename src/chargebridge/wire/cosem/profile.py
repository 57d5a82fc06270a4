"""A load profile (IEC 62056-62 clause 4.3.6, interface class 7): its columns, and its buffer as rows.

A value that did not change, and a time that is one period after that of the row before, may stand as null in the buffer (compressed rows).
"""

from datetime import datetime, timedelta

from msgspec import Struct

from chargebridge.wire.cosem.errors import CosemError, ErrorKind
from chargebridge.wire.cosem.selective import CLOCK_CODE, CLOCK_INTERFACE, CLOCK_TIME
from chargebridge.wire.meter import cosem_time, obis
from chargebridge.wire.meter.axdr import Data
from chargebridge.wire.meter.telegram import ContentError

INTERFACE, BUFFER, COLUMNS, PERIOD = 7, 2, 3, 4
MAX_COLUMNS = 64


class Column(Struct, frozen=True, gc=False):
    """What a column holds: one attribute of an object."""

    interface: int
    code: bytes
    attribute: int

    @property
    def name(self) -> str:
        return obis.name(self.code)

    @property
    def is_clock(self) -> bool:
        return (self.interface, self.code, self.attribute) == (CLOCK_INTERFACE, CLOCK_CODE, CLOCK_TIME)


class Row(Struct, frozen=True, gc=False):
    """at: what the clock's column says, aware UTC; None where the profile has no clock. values: one a column, as they came, nulls filled in."""

    at: datetime | None
    values: tuple[Data, ...]


def columns(data: Data) -> tuple[Column, ...]:
    """The attribute ``capture_objects``. Raises ``CosemError``."""
    if not isinstance(data, list) or not 0 < len(data) <= MAX_COLUMNS:
        raise CosemError(ErrorKind.ANSWER, f"{data!r:.60} are no columns of a profile")
    found = []
    for item in data:
        match item:
            case (int() as interface, bytes() as code, int() as attribute, int()) if len(code) == 6:
                found.append(Column(interface, code, attribute))
            case _:
                raise CosemError(ErrorKind.ANSWER, f"{item!r:.60} is no column of a profile")
    return tuple(found)


def rows(data: Data, layout: tuple[Column, ...], period: timedelta, standard_offset: timedelta) -> tuple[Row, ...]:
    """The attribute ``buffer``, oldest first as the meter gives it. Raises ``CosemError``."""
    if not isinstance(data, list):
        raise CosemError(ErrorKind.ANSWER, f"{data!r:.60} is no buffer of a profile")
    clock = next((number for number, column in enumerate(layout) if column.is_clock), None)
    found: list[Row] = []
    for item in data:
        if not isinstance(item, tuple) or len(item) != len(layout):
            raise CosemError(ErrorKind.ANSWER, f"{item!r:.60} is no row of {len(layout)} columns")
        before = found[-1] if found else None
        values = item if before is None else tuple(old if new is None else new for new, old in zip(item, before.values, strict=True))
        at = None if clock is None else _time(item[clock], before, period, standard_offset)
        found.append(Row(at, values))
    return tuple(found)


def _time(value: Data, before: Row | None, period: timedelta, standard_offset: timedelta) -> datetime:
    if value is None and before is not None and before.at is not None:
        return before.at + period
    try:
        if not isinstance(value, bytes) or len(value) != cosem_time.SIZE:
            raise ContentError(0, f"{value!r:.40} is no date-time")
        return cosem_time.parse(value, standard_offset).utc
    except (ContentError, OverflowError) as problem:
        raise CosemError(ErrorKind.ANSWER, f"a row of the profile has no time: {problem}") from None

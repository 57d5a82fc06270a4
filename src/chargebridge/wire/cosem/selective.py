"""The part of a profile that is wanted (IEC 62056-62 clause 4.3.6, Blue Book "Profile generic", attribute buffer): encoded access selectors."""

from datetime import UTC, datetime

from chargebridge.wire.meter import axdr_encode as axdr
from chargebridge.wire.meter import cosem_time

BY_RANGE, BY_ENTRY = 1, 2
CLOCK_CODE = bytes((0, 0, 1, 0, 0, 255))
CLOCK_INTERFACE, CLOCK_TIME = 8, 2


def by_range(start: datetime, end: datetime) -> bytes:
    """The rows whose clock stands in [start, end], all columns. The times are aware; they are written in UTC with that deviation."""
    clock = axdr.structure(axdr.uint16(CLOCK_INTERFACE), axdr.octets(CLOCK_CODE), axdr.int8(CLOCK_TIME), axdr.uint16(0))
    times = (axdr.octets(cosem_time.build(at.astimezone(UTC), deviation_min=0)) for at in (start, end))
    return bytes((BY_RANGE,)) + axdr.structure(clock, *times, axdr.array(()))


def by_entry(first: int, last: int = 0) -> bytes:
    """The rows from number ``first`` to ``last`` (from 1; 0: the newest), all columns."""
    return bytes((BY_ENTRY,)) + axdr.structure(axdr.uint32(first), axdr.uint32(last), axdr.uint16(1), axdr.uint16(0))

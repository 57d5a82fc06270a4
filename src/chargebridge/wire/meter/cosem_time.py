"""The twelve bytes of a COSEM date-time (IEC 62056-62 clause 4.1.6.1).

``YYYY MM DD dow hh mm ss 1/100 deviation status``: the deviation is in minutes, UTC = local + deviation, 8000 hex = not specified; status
bit 7 = daylight saving in force. FF stands for "not specified" in every field.
"""

from datetime import UTC, datetime, timedelta, timezone

from msgspec import Struct

from chargebridge.wire.meter.telegram import ClockOrigin, ContentError

SIZE = 12
_UNSPECIFIED = 0x8000


class MeterTime(Struct, frozen=True, gc=False):
    """utc: aware UTC. text: the local time as the meter wrote it, ISO 8601, with its offset where it stated one."""

    utc: datetime
    origin: ClockOrigin
    text: str


def looks_like(data: object) -> bool:
    """An octet string that can be a date-time: meter numbers also have twelve bytes, hence the look at the year and the month."""
    return isinstance(data, bytes) and len(data) == SIZE and data[0] == 7 and data[1] >= 0xB2 and 1 <= data[2] <= 12


def parse(data: bytes, standard_offset: timedelta) -> MeterTime:
    """Read a date-time. ``standard_offset`` (local normal time minus UTC) counts where the meter leaves the deviation out."""
    deviation = int.from_bytes(data[9:11], "big")
    try:
        local = datetime(  # noqa: DTZ001  (made aware below, by what the telegram says)
            int.from_bytes(data[0:2], "big"),
            data[2],
            data[3],
            data[5],
            0 if data[6] == 0xFF else data[6],
            0 if data[7] == 0xFF else data[7],
        )
        if deviation == _UNSPECIFIED:
            summer = timedelta(hours=1) if data[11] != 0xFF and data[11] & 0x80 else timedelta()
            utc = local.replace(tzinfo=timezone(standard_offset + summer)).astimezone(UTC)
            return MeterTime(utc, ClockOrigin.ASSUMED, local.isoformat())
        offset = -timedelta(minutes=deviation - 0x10000 if deviation >= 0x8000 else deviation)
        stated = local.replace(tzinfo=timezone(offset))
        return MeterTime(stated.astimezone(UTC), ClockOrigin.TELEGRAM, stated.isoformat())
    except (ValueError, OverflowError) as problem:
        raise ContentError(0, f"{data.hex()} is no date-time: {problem}") from None


def build(local: datetime, *, deviation_min: int | None = None, summer: bool = False) -> bytes:
    """The twelve bytes for a local time; ``deviation_min`` None leaves the deviation unspecified."""
    deviation = _UNSPECIFIED if deviation_min is None else deviation_min & 0xFFFF
    return (
        local.year.to_bytes(2, "big")
        + bytes([local.month, local.day, local.isoweekday(), local.hour, local.minute, local.second, 0xFF])
        + deviation.to_bytes(2, "big")
        + bytes([0x80 if summer else 0])
    )

"""What happens to keys, as the log keeps it. Its bytes are canonical: JSON with sorted keys and no blanks, UTF-8, times in UTC."""

from datetime import UTC, datetime
from enum import StrEnum

import msgspec
from msgspec import Struct


class Cause(StrEnum):
    """Why an entry began or ended: the processes of the best practices, and one for what was entered wrongly."""

    COMMISSIONING = "commissioning"
    DECOMMISSIONING = "decommissioning"
    HARDWARE_EXCHANGE = "hardware_exchange"
    METER_REPLACEMENT = "meter_replacement"
    FIRMWARE_UPDATE = "firmware_update"
    TAKE_OVER = "take_over"
    CORRECTION = "correction"


class Event(Struct, frozen=True, kw_only=True, tag_field="event", omit_defaults=True):
    """at: aware UTC. by: who handed it in, country and party of OCPI (``DE*ABC``)."""

    at: datetime
    by: str


class KeyRegistered(Event, frozen=True, kw_only=True, tag="key_registered"):
    """A new entry. key: SubjectPublicKeyInfo, base64. station: model of the hardware. meter: serial; gateway: of the signing unit, if it is another.

    valid_from: not before; it never counts before it is public. predecessor: the entry that it takes the place of.
    """

    entry: str
    evse: str
    cpo: str
    meter: str
    format: str
    curve: str
    key: str
    cause: Cause
    valid_from: datetime
    station: str = ""
    gateway: str = ""
    predecessor: str | None = None


class KeyEnded(Event, frozen=True, kw_only=True, tag="key_ended"):
    """An entry ends. ended_at: sessions that begin then or later are not judged by it."""

    entry: str
    cause: Cause
    ended_at: datetime


class HardwareExchanged(Event, frozen=True, kw_only=True, tag="hardware_exchanged"):
    """The station around the meter is another one of the same model; the key stays."""

    entry: str
    station: str
    serial: str = ""


class TakeOverOffered(Event, frozen=True, kw_only=True, tag="take_over_offered"):
    """The operator lets another one have the charging point. until: how long it may be claimed."""

    entry: str
    to: str
    until: datetime


AnyEvent = KeyRegistered | KeyEnded | HardwareExchanged | TakeOverOffered
_encoder = msgspec.json.Encoder(order="sorted")
_decoder = msgspec.json.Decoder(AnyEvent)


def encode(event: AnyEvent) -> bytes:
    """The bytes that the log keeps and hashes."""
    return _encoder.encode(_in_utc(event))


def decode(data: bytes) -> AnyEvent:
    """Raises msgspec.DecodeError."""
    event: AnyEvent = _decoder.decode(data)
    return event


def _in_utc(event: AnyEvent) -> AnyEvent:
    times = {name: getattr(event, name) for name in event.__struct_fields__}
    return msgspec.structs.replace(event, **{name: value.astimezone(UTC) for name, value in times.items() if isinstance(value, datetime)})

"""Smart meters: telegrams from serial ports, networks and files to readings."""

from chargebridge.meters.files import decode_file
from chargebridge.meters.port import LinkFault, Meter, MeterError, SourceEvent, TelegramSource
from chargebridge.meters.quantities import reading_of
from chargebridge.meters.registry import check_url, open_meter, open_source
from chargebridge.meters.telegram_meter import TelegramMeter

__all__ = [
    "LinkFault",
    "Meter",
    "MeterError",
    "SourceEvent",
    "TelegramMeter",
    "TelegramSource",
    "check_url",
    "decode_file",
    "open_meter",
    "open_source",
    "reading_of",
]

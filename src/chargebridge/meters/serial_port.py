"""Meters at a serial port: ``serial:///dev/ttyUSB0?baud=115200&format=8N1``.

The usual settings by protocol: P1 since DSMR 4 115200 8N1, before that 9600 7E1; SML at the optical head 9600 8N1; the Norwegian HAN port 2400,
8E1 for Kaifa, 8N1 for Kamstrup, either for Aidon.
"""

import re

import serial_asyncio_fast

from chargebridge.meters.address import Address
from chargebridge.meters.port import MeterError, TelegramSource
from chargebridge.meters.stream import SILENCE_S, Streams, StreamSource
from chargebridge.model.clock import Clock

_DEFAULT_BAUD = {"p1": 115200, "sml": 9600, "dlms": 2400, None: 115200}
_FORMAT = re.compile(r"([5-8])([NEO])([12])")


def open_source(address: Address, clock: Clock) -> TelegramSource:
    """``?baud=``, ``?format=`` (data bits, parity, stop bits) and ``?silence=`` (seconds) as in the module's text."""
    device = address.path
    if not device:
        raise MeterError(address.text, "the device is missing", "write it like serial:///dev/ttyUSB0?baud=115200")
    frame = _FORMAT.fullmatch(address.word("format", "8N1").upper())
    if frame is None:
        raise MeterError(address.text, "the format cannot be read", "write it like format=8N1 or format=7E1")
    baud = int(address.number("baud", _DEFAULT_BAUD.get(address.protocol, 115200)))

    async def connect() -> Streams:
        streams: Streams = await serial_asyncio_fast.open_serial_connection(
            url=device, baudrate=baud, bytesize=int(frame[1]), parity=frame[2], stopbits=int(frame[3])
        )
        return streams

    return StreamSource(
        f"serial://{device}",
        connect,
        address.decoder,
        clock,
        cure="check that the adapter is plugged in and that this user may open it (group dialout)",
        silence_s=address.number("silence", SILENCE_S),
    )

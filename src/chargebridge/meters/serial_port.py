"""Meters at a serial port: ``serial:///dev/ttyUSB0?baud=115200&format=8N1``.

``chargebridge meter detect`` finds the settings out; ``USUAL`` has those that hold for most meters of a protocol.
"""

import re

import serial_asyncio_fast

from chargebridge.meters.address import Address
from chargebridge.meters.port import MeterError, TelegramSource
from chargebridge.meters.stream import SILENCE_S, Streams, StreamSource
from chargebridge.model.clock import Clock
from chargebridge.wire.meter import Protocol

USUAL: dict[Protocol | None, tuple[int, str]] = {
    Protocol.SML: (9600, "8N1"),
    Protocol.DLMS: (2400, "8N1"),
    Protocol.DLMS_MBUS: (2400, "8E1"),
    Protocol.D0: (9600, "7E1"),
    Protocol.TIC: (9600, "7E1"),
}
"""Speed and character frame where the URL names the protocol only; 115200 8N1 for all others."""
_P1 = (115200, "8N1")
SETTINGS = frozenset({"baud", "format", "silence"})
_FORMAT = re.compile(r"([5-8])([NEO])([12])")


def frame_of(address: Address) -> tuple[int, str, int]:
    """Data bits, parity and stop bits by ``?format=``."""
    text = address.word("format", USUAL.get(address.protocol, _P1)[1])
    frame = _FORMAT.fullmatch(text.upper())
    if frame is None:
        raise MeterError(address.text, "the format cannot be read", "write it like format=8N1 or format=7E1")
    return int(frame[1]), frame[2], int(frame[3])


def speed_of(address: Address) -> int:
    """Baud by ``?baud=``."""
    return int(address.number("baud", USUAL.get(address.protocol, _P1)[0], least=1))


def open_source(address: Address, clock: Clock) -> TelegramSource:
    """``?baud=``, ``?format=`` (data bits, parity, stop bits) and ``?silence=`` (seconds) as in the module's text."""
    device = address.path
    if not device:
        raise MeterError(address.text, "the device is missing", "write it like serial:///dev/ttyUSB0?baud=115200")
    data_bits, parity, stop_bits = frame_of(address)
    baud = speed_of(address)

    async def connect() -> Streams:
        streams: Streams = await serial_asyncio_fast.open_serial_connection(
            url=device, baudrate=baud, bytesize=data_bits, parity=parity, stopbits=stop_bits
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

"""Meters behind a serial-to-network bridge: ``tcp://host:port``."""

import asyncio

from chargebridge.meters.address import Address
from chargebridge.meters.port import MeterError, TelegramSource
from chargebridge.meters.stream import SILENCE_S, Streams, StreamSource
from chargebridge.model.clock import Clock

SETTINGS = frozenset({"silence"})


def open_source(address: Address, clock: Clock) -> TelegramSource:
    """``?silence=60``: seconds without a byte after which the connection is opened anew."""
    host, port = address.host, address.port
    if not host or port is None:
        raise MeterError(address.text, "host and port are missing", "write it like tcp://192.168.1.20:2001")

    async def connect() -> Streams:
        return await asyncio.open_connection(host, port)

    return StreamSource(
        f"tcp://{host}:{port}",
        connect,
        address.decoder,
        clock,
        cure="check the bridge's address, that it is on, and that no other program holds its port",
        silence_s=address.number("silence", SILENCE_S),
    )

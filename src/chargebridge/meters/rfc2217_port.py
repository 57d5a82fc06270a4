"""Serial ports that a network server lends with their settings: ``rfc2217://host:port?baud=2400&format=8E1`` (ser2net and the like)."""

import asyncio
import threading
from typing import Any

import serial

from chargebridge.meters.address import Address
from chargebridge.meters.port import MeterError
from chargebridge.meters.serial_port import frame_of, speed_of
from chargebridge.meters.stream import SILENCE_S, Streams, StreamSource
from chargebridge.model.clock import Clock

SETTINGS = frozenset({"baud", "format", "silence"})


class _Pump:
    """Carries bytes from pyserial's blocking client to an asyncio reader, in a thread of its own."""

    def __init__(self, line: Any, reader: asyncio.StreamReader) -> None:
        self._line, self._reader = line, reader
        self._loop = asyncio.get_running_loop()
        self._closing = False
        threading.Thread(target=self._run, name=f"rfc2217 {line.portstr}", daemon=True).start()

    def close(self) -> None:
        """End the thread; it lets the port go by itself."""
        self._closing = True

    def _run(self) -> None:
        problem: Exception | None = None
        try:
            while not self._closing:
                data = self._line.read(self._line.in_waiting or 1)
                if data:
                    self._tell(self._reader.feed_data, data)
        except (OSError, RuntimeError) as error:  # RuntimeError: the loop has ended
            problem = error
        finally:
            self._line.close()
        if not self._closing:
            self._tell(self._reader.set_exception, problem) if problem is not None else self._tell(self._reader.feed_eof)

    def _tell(self, what: Any, *args: object) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(what, *args)


def open_source(address: Address, clock: Clock) -> StreamSource:
    """``?baud=``, ``?format=`` and ``?silence=`` as for ``serial://``."""
    if not address.host or address.port is None:
        raise MeterError(address.text, "host and port are missing", "write it like rfc2217://192.168.1.20:2217?baud=2400&format=8E1")
    (data_bits, parity, stop_bits), baud = frame_of(address), speed_of(address)
    where = f"rfc2217://{address.host}:{address.port}"

    def opened() -> Any:
        line = serial.serial_for_url(where, timeout=0.1, do_not_open=True)
        line.baudrate, line.bytesize, line.parity, line.stopbits = baud, data_bits, parity, stop_bits
        line.open()
        return line

    async def connect() -> Streams:
        reader = asyncio.StreamReader()
        return reader, _Pump(await asyncio.to_thread(opened), reader)

    return StreamSource(
        where,
        connect,
        address.decoder,
        clock,
        cure="check that the server runs and lends this port with telnet COM port control (RFC 2217)",
        silence_s=address.number("silence", SILENCE_S),
    )

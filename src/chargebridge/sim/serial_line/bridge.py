"""A serial-to-network bridge that speaks RFC 2217 (telnet COM port control), with a meter behind it.

The client sets speed and character frame over the network; the bytes that it gets are those that a receiver with these settings would hear.
"""

import asyncio
from collections.abc import Callable
from itertools import count
from typing import cast

from serial import rfc2217

from chargebridge.sim.serial_line.uart import LineFormat, received, sent

Telegrams = Callable[[int], bytes]
"""The n-th push of the meter."""


class _Port:
    """What RFC 2217's server side sets: the attributes of a serial port without any port."""

    def __init__(self) -> None:
        self.baudrate, self.bytesize, self.parity, self.stopbits = 9600, 8, "N", 1
        self.xonxoff = self.rtscts = self.dsrdtr = False
        self.rts = self.dtr = self.break_condition = True
        self.cts = self.dsr = self.cd = True
        self.ri = False

    @property
    def line(self) -> LineFormat:
        return LineFormat(self.baudrate, self.bytesize, self.parity, int(self.stopbits))

    def reset_input_buffer(self) -> None: ...

    def reset_output_buffer(self) -> None: ...


class _Sink:
    """The connection as pyserial's server side wants it."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self.write = writer.write


class SerialBridge:
    """Serves a meter that pushes ``telegrams(n)`` every ``interval_s`` seconds with the settings ``line``."""

    def __init__(self, telegrams: Telegrams, line: LineFormat, interval_s: float) -> None:
        self._telegrams, self._line, self._interval_s = telegrams, line, interval_s
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        """``rfc2217://127.0.0.1:port``; only while it is served."""
        if self._server is None:
            raise RuntimeError("the bridge is not served")
        return f"rfc2217://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def __aenter__(self) -> "SerialBridge":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        port = _Port()
        lent, sink = cast(rfc2217.Serial, port), cast(rfc2217.Serial, _Sink(writer))  # all that the server side uses of a port
        manager = rfc2217.PortManager(lent, sink)
        pushing = asyncio.create_task(self._push(port, manager, writer))
        try:
            while data := await reader.read(1024):
                b"".join(manager.filter(data))  # what the client says to the meter: nobody listens
        except ConnectionError:
            pass
        finally:
            pushing.cancel()
            writer.close()

    async def _push(self, port: _Port, manager: rfc2217.PortManager, writer: asyncio.StreamWriter) -> None:
        for n in count():
            await asyncio.sleep(self._interval_s)
            heard = received(sent(self._telegrams(n), self._line), self._line.baud, port.line)
            writer.write(b"".join(manager.escape(heard)))
            await writer.drain()

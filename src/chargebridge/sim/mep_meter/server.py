"""A virtual NES meter on a TCP port, as behind a serial bridge, or at a pseudo-terminal, as behind a serial adapter."""

import asyncio
import contextlib
import os
import tty
from types import TracebackType

from chargebridge.model.clock import Clock
from chargebridge.sim.mep_meter.device import ALERT, MepDevice
from chargebridge.sim.stream_server import StreamServer

ALERT_EVERY_S = 1.0
_CHUNK = 1024


class MepServer(StreamServer):
    """``alerting``: an alert opens each connection, and another comes every second."""

    def __init__(self, device: MepDevice, clock: Clock, *, port: int = 0, alerting: bool = False) -> None:
        super().__init__(port)
        self.device = device
        self._clock = clock
        self._alerting = alerting

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        alerts = asyncio.create_task(self._alert(writer)) if self._alerting else None
        try:
            while data := await reader.read(_CHUNK):
                writer.write(self.device.receive(data))
                await writer.drain()
        finally:
            if alerts is not None:
                alerts.cancel()

    async def _alert(self, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(ALERT)
            await self._clock.sleep(ALERT_EVERY_S)


class MepLine:
    """``async with`` opens a pseudo-terminal whose other end, ``path``, is used like a serial port. It carries any bit rate at once."""

    def __init__(self, device: MepDevice) -> None:
        self.device = device
        self.path = ""
        self._ends: tuple[int, int] = (-1, -1)

    async def __aenter__(self) -> "MepLine":
        meter, port = self._ends = os.openpty()
        tty.setraw(port)
        os.set_blocking(meter, False)
        self.path = os.ttyname(port)
        asyncio.get_running_loop().add_reader(meter, self._answer)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        asyncio.get_running_loop().remove_reader(self._ends[0])
        for end in self._ends:
            os.close(end)

    def _answer(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.write(self._ends[0], self.device.receive(os.read(self._ends[0], _CHUNK)))

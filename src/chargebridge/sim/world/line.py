"""The wire of a meter's customer interface: a TCP server that anyone may listen to, as serial-to-network adapters are, and a pseudo-terminal."""

import os
import termios
import tty
from array import array
from contextlib import suppress
from fcntl import ioctl

from chargebridge.sim.world.server import TcpServer

BACKLOG_BYTES = 65_536
"""A listener that is so far behind is cut off: a meter does not wait."""


class TcpLine(TcpServer):
    """Sends to whoever listens, and never waits."""

    def send(self, data: bytes) -> None:
        for listener in tuple(self.open_ones):
            if listener.get_write_buffer_size() > BACKLOG_BYTES:
                listener.abort()
            else:
                listener.write(data)


class SerialLine:
    """A pseudo-terminal: ``path`` opens like a serial port. Nobody reading loses what is sent, as on a real wire."""

    def __init__(self) -> None:
        self._ours, self._theirs = os.openpty()
        tty.setraw(self._theirs)
        os.set_blocking(self._ours, False)
        self.path = os.ttyname(self._theirs)

    def send(self, data: bytes) -> None:
        pending = array("i", [0])
        ioctl(self._theirs, termios.FIONREAD, pending)
        if pending[0] > len(data):
            termios.tcflush(self._theirs, termios.TCIFLUSH)
        with suppress(OSError):
            os.write(self._ours, data)

    def close(self) -> None:
        os.close(self._ours)
        os.close(self._theirs)

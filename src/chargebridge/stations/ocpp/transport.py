"""The websocket under the Central System and the connections to other back ends, behind small methods so that another library fits.

The `websockets` package does the handshake, permessage-deflate (which OCPP 2.x asks of a CSMS, part 4, 3.4), fragments, control frames, limits and
the close. The one case that makes up nearly all traffic, a whole uncompressed text message in one frame, goes past its queues: `FrameSocket`
reads and writes such frames itself, which takes a third of the CPU time (benchmarks/ocpp_messages.py). No task waits for a frame: it is
handed over as it arrives.
"""

import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.connection import Connection
from websockets.asyncio.server import ServerConnection
from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import Side, State

try:
    from websockets.speedups import apply_mask
except ImportError:
    from websockets.utils import apply_mask

WHOLE_TEXT = 0x81  # the first byte of a text message of one frame, without extensions (RFC 6455 5.2)
MASKED = 0x80


class TransportClosedError(Exception):
    """The other side is gone. code: the websocket close code, 1006 when it just vanished."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"closed with {code} {reason}".rstrip())
        self.code = code
        self.reason = reason


class Receiver(Protocol):
    """Whom a transport hands over to. Neither method waits."""

    def received(self, frame: str | bytes) -> None: ...

    def lost(self, closed: TransportClosedError) -> None:
        """Once, at the end."""
        ...


class Transport(Protocol):
    """An open websocket. Frames in, frames out."""

    @property
    def remote(self) -> str:
        """The peer's address, for the log."""
        ...

    def start(self, receiver: Receiver) -> None:
        """Hand over frames from now on, those first that came before."""
        ...

    def hold(self) -> None:
        """Take no more from the peer until `resume`; TCP then slows it down. Not one further frame is handed over."""
        ...

    def resume(self) -> None: ...

    def send(self, text: str) -> bool:
        """Send without waiting. False: the peer does not keep up; `drain` before more. What is sent to a closed socket is dropped."""
        ...

    async def drain(self) -> None:
        """Wait until the peer has taken in most of what was sent, or is gone."""
        ...

    async def close(self, code: int, reason: str) -> None: ...

    def ping_every(self, seconds: float) -> None:
        """Another interval between pings than the server's; 0 for none."""
        ...


class FrameSocket(Connection):
    """A connection of `websockets` that hands each message over where it arrives. `ServerFrames` and `ClientFrames` are the two ends.

    Incoming bytes are cut into frames. A whole text message is unmasked here; all other frames go to `websockets`, one at a time, and what
    messages it makes of them are handed over in the same order.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._receiver: Receiver | None = None
        self._rest = bytearray()  # what has come and is not taken in yet
        self._needed = 0  # of `rest`, to make the next frame whole
        self._early: list[str | bytes] = []  # whole messages that nobody may have yet
        self._parts: list[bytes] = []  # of a fragmented message
        self._is_text = True
        self._held = True  # until somebody receives
        self._deaf = False  # closing: messages that still come are dropped
        self._plain: bool | None = None  # whether frames go out without extensions and masks
        self._is_server = self.protocol.side is Side.SERVER  # whose frames come masked and go unmasked (RFC 6455 5.3)
        self._mask_size = 4 if self._is_server else 0
        self._uncut = False  # `websockets` has to cut what comes

    # Frames in

    def data_received(self, data: bytes) -> None:
        if self.protocol.state is State.CONNECTING:
            super().data_received(data)
            self._uncut = not data.endswith(b"\r\n\r\n")  # frames came with the handshake, and `websockets` may have half of one
        elif self._uncut:
            self._pass_on(data)
        elif self._rest or self._held:
            self._rest += data
            if not self._held and len(self._rest) >= self._needed:
                self._pump()
        else:
            done = self._take(data)
            if done < len(data):
                self._rest += memoryview(data)[done:]

    def _pump(self) -> None:
        data = bytes(self._rest)
        self._rest.clear()
        done = self._take(data)
        if done < len(data):
            self._rest += memoryview(data)[done:]

    def _take(self, data: bytes) -> int:
        """Take in the whole frames at the beginning of `data`. Returns how many bytes that were; `needed` is then what the next one wants."""
        done, size = 0, len(data)
        while not self._held:
            self._needed = 2
            if size < done + 2:
                return done
            start, length = done + 2, data[done + 1] & 127
            if length == 126:
                start, self._needed = done + 4, 4
                if size < start:
                    return done
                length = data[done + 2] << 8 | data[done + 3]
            elif length == 127:
                start, self._needed = done + 10, 10
                if size < start:
                    return done
                length = int.from_bytes(data[done + 2 : start], "big")
            limit = self.protocol.max_message_size
            if (
                (data[done + 1] >= MASKED) is not self._is_server
                or (limit is not None and length > limit)
                or self.protocol.state is not State.OPEN
            ):
                self._uncut = True  # refused before it has come
                self._pass_on(data[done:])
                return size
            end = start + self._mask_size + length
            if size < end:
                self._needed = end - done
                return done
            if data[done] == WHOLE_TEXT and self.protocol.current_size is None:
                body = apply_mask(data[start + 4 : end], data[start : start + 4]) if self._is_server else data[start:end]
                self._hand_over(body, is_text=True)
            else:
                self._pass_on(data[done:end])
            done = end
        return done

    def _pass_on(self, data: bytes) -> None:
        """To `websockets`."""
        super().data_received(data)
        if self.protocol.state is not State.OPEN:
            self._leave()

    def _leave(self) -> None:
        """The end has begun. The peer has so long to agree to it, and also one that reads nothing does not get more."""
        if not self._deaf:
            self._deaf = True
            self.loop.call_later(self.close_timeout or 0.0, self.transport.abort)

    def process_event(self, event: Any) -> None:
        """What `websockets` made of the frames that were left to it: the request, part of a message, the answer to a ping."""
        if not isinstance(event, Frame) or event.opcode not in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            super().process_event(event)
            return
        if event.opcode is not Opcode.CONT:
            self._is_text = event.opcode is Opcode.TEXT
        self._parts.append(bytes(event.data))
        if event.fin:
            message = b"".join(self._parts)
            self._parts.clear()
            self._hand_over(message, is_text=self._is_text)

    def _hand_over(self, message: bytes, *, is_text: bool) -> None:
        try:
            frame = message.decode() if is_text else message
        except UnicodeDecodeError:
            self._uncut = True
            self.protocol.fail(CloseCode.INVALID_DATA, "text that is no UTF-8")
            self._pass_on(b"")
            return
        if self._deaf:
            return
        if self._held or self._receiver is None:
            self._early.append(frame)
        else:
            self._receiver.received(frame)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._deaf = True
        self._rest.clear()
        self._early.clear()
        if self._receiver is not None:
            self._receiver.lost(self._ended())

    def _ended(self) -> TransportClosedError:
        frame = self.protocol.close_rcvd or self.protocol.close_sent
        return TransportClosedError(frame.code, frame.reason) if frame else TransportClosedError(1006, "connection lost")

    # Control

    def begin(self, receiver: Receiver) -> None:
        """Hand over to `receiver` from now on."""
        self._receiver = receiver
        if self.protocol.state is State.CLOSED:
            receiver.lost(self._ended())
        else:
            self.resume()

    def hold(self) -> None:
        """Hand over nothing until `resume`."""
        if not self._held and not self._deaf:
            self._held = True
            self.transport.pause_reading()

    def resume(self) -> None:
        if not self._held:
            return
        self._held = False
        while self._early and not self._held and self._receiver is not None:
            self._receiver.received(self._early.pop(0))
        if self._rest and not self._held:
            self._pump()
        if not self._held:
            self.transport.resume_reading()

    async def close(self, code: CloseCode | int = CloseCode.NORMAL_CLOSURE, reason: str = "") -> None:
        """As `websockets` does it; messages that still come are dropped."""
        self._leave()
        self._early.clear()
        self.resume()  # else the peer's agreement would not be read
        await super().close(code, reason)

    # Frames out

    def send_now(self, text: str) -> bool:
        """Write without waiting. False: the peer does not keep up. To a closed socket nothing is written."""
        if self.protocol.state is not State.OPEN:
            return True
        data = text.encode()
        if self._plain is None:
            self._plain = self._is_server and not self.protocol.extensions
        if self._plain:
            self.transport.write(_head(len(data)) + data)
        else:
            self.protocol.send_text(data)
            self.send_data()
        return not self.paused


def _head(size: int) -> bytes:
    """The head of a server's text frame of so many bytes (RFC 6455 5.2)."""
    if size < 126:
        return bytes((WHOLE_TEXT, size))
    return struct.pack("!BBH", WHOLE_TEXT, 126, size) if size < 65536 else struct.pack("!BBQ", WHOLE_TEXT, 127, size)


class ServerFrames(FrameSocket, ServerConnection):
    """For `websockets.serve(create_connection=...)`."""


class ClientFrames(FrameSocket, ClientConnection):
    """For `websockets.connect(create_connection=...)`."""


class WebsocketsTransport:
    """The transport by a `FrameSocket`."""

    def __init__(self, socket: FrameSocket) -> None:
        self._socket = socket
        self.start: Callable[[Receiver], None] = socket.begin
        self.hold = socket.hold
        self.resume = socket.resume
        self.send = socket.send_now

    @property
    def remote(self) -> str:
        address = self._socket.remote_address
        return f"{address[0]}:{address[1]}" if isinstance(address, tuple) else str(address)

    async def drain(self) -> None:
        with suppress(OSError):
            await self._socket.drain()

    async def close(self, code: int, reason: str) -> None:
        await self._socket.close(code, reason[:120])

    def ping_every(self, seconds: float) -> None:
        if self._socket.keepalive_task is not None:
            self._socket.keepalive_task.cancel()
        self._socket.ping_interval = seconds or None
        self._socket.start_keepalive()

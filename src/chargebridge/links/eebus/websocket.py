"""One WebSocket of SHIP over TLS over a stream: opened from either side, binary messages, pings, bounds (SHIP 1.0.1 chapter 10; RFC 6455).

socket = await accepted(reader, writer, context, bounds, admit)      or dialled(...)
message = await socket.receive()            raises Ended
socket.send(message)                        never waits: a peer that does not read is cut off at `queue_bytes`
socket.close(4001, "close")                 then receive until Ended, then
await socket.finish()
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable

from OpenSSL import SSL
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol
from websockets.uri import WebSocketURI

from chargebridge.links.eebus.peer import Address
from chargebridge.links.eebus.settings import PATH, SUBPROTOCOL, Bounds
from chargebridge.links.eebus.tls import Tls
from chargebridge.wire.eebus.ship import Role
from chargebridge.wire.eebus.ship.errors import ShipError
from chargebridge.wire.eebus.ship.identity import PeerCertificate, read_certificate

CHUNK = 32 * 1024
NORMAL, UNSUPPORTED, ABNORMAL = 1000, 1003, 1006
UNREAD_S = 0.5
MAX_REASON = 120  # bytes of the text of a close frame, at most 123 (RFC 6455 5.5)

Admit = Callable[[PeerCertificate], None]
"""Raises EebusError for a peer that is to go no further than TLS."""

_log = logging.getLogger(__name__)
_log.addHandler(logging.NullHandler())
_log.setLevel(logging.CRITICAL)  # what websockets says of a broken handshake is told by the one who opens


class Ended(Exception):  # noqa: N818  (an end is no error)
    """The WebSocket is over. code: of the peer's close frame, 1006 if there was none. text: what it said, or what went wrong."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code} {text}")
        self.code = code
        self.text = text


class Socket:
    """role: which side we are. certificate, der: the peer's. host: its address; remote: with its port."""

    def __init__(
        self, role: Role, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, context: SSL.Context, bounds: Bounds
    ) -> None:
        self.role = role
        self.host, self.remote = remote_of(writer)
        self.certificate: PeerCertificate
        self.der = b""
        self._reader = reader
        self._writer = writer
        self._bounds = bounds
        self._tls = Tls(context, role)
        self._protocol: ServerProtocol | ClientProtocol
        self._messages: deque[bytes] = deque()
        self._parts = bytearray()
        self._end: Ended | None = None
        self._loop = asyncio.get_running_loop()
        self._heard = self._loop.time()
        self._ping_at = self._heard + bounds.ping_s
        self._pinged = False
        self._reading = False

    async def shake(self, admit: Admit) -> None:
        """The TLS handshake. Raises EebusError, OSError, TimeoutError."""
        try:
            done = self._tls.shake()
            while not done:
                await self._out(self._tls.outgoing())
                data = await self._reader.read(CHUNK)
                if not data:
                    raise ShipError("TLS handshake", "the peer hung up", "look at its log: it may not like our certificate")
                done = self._tls.shake(data)
        finally:
            self._writer.write(self._tls.outgoing())  # the last of the handshake, or the alert that says why not
        self.der = self._tls.peer_der()
        self.certificate = read_certificate(self.der)
        admit(self.certificate)

    async def upgrade(self, protocol: ServerProtocol | ClientProtocol) -> None:
        """The WebSocket's opening. Raises EebusError, OSError, TimeoutError."""
        self._protocol = protocol
        if isinstance(protocol, ClientProtocol):
            protocol.send_request(protocol.connect())
        data = self._tls.received(b"")
        while protocol.state is State.CONNECTING:
            self._hear(data)
            if protocol.handshake_exc is not None or (self._end is not None and protocol.state is State.CONNECTING):
                raise ShipError(
                    "WebSocket", str(protocol.handshake_exc or "the peer hung up")[:200], f"ask for the subprotocol {SUBPROTOCOL!r}"
                )
            if protocol.state is State.CONNECTING:
                await self._writer.drain()
                data = self._plain(await self._reader.read(CHUNK))
        if protocol.subprotocol != SUBPROTOCOL:
            self.close(NORMAL, "subprotocol ship required")
            raise ShipError("WebSocket", "the peer has not chosen the subprotocol", f"have it choose {SUBPROTOCOL!r}")

    async def receive(self) -> bytes:
        """The next message. Raises Ended, and the same again after it."""
        while not self._messages:
            if self._end is not None:
                raise self._end
            try:
                self._hear(self._plain(await self._read()))
            except (OSError, ShipError) as error:
                self._over(ABNORMAL, str(error))
        return self._messages.popleft()

    def silent_s(self) -> float:
        """For how long nothing has come."""
        return self._loop.time() - self._heard

    def send(self, message: bytes) -> None:
        """Nothing happens once it is closing."""
        if self._end is None and self._protocol.state is State.OPEN:
            self._protocol.send_binary(message)
            self._flush()

    def ping(self) -> None:
        """Find out whether the peer is alive; if not, it is over within `pong_s`."""
        if self._protocol.state is State.OPEN and self._end is None:
            self._protocol.send_ping(b"")
            self._flush()
            now = self._loop.time()
            self._ping_at = now + self._bounds.ping_s
            if not self._pinged:
                self._pinged = True
                self._expect(now, self._bounds.pong_s)

    def close(self, code: int, text: str) -> None:
        """Say goodbye, unless the peer is gone; it has `closing_s` to answer."""
        if self._end is None and self._protocol.state is State.OPEN:
            self._protocol.send_close(code, text.encode()[:MAX_REASON].decode(errors="ignore"))
            self._flush()
            self._loop.call_later(self._bounds.closing_s, self.abort)

    async def finish(self) -> None:
        """Close the stream; waits for it, but not long."""
        try:
            self._writer.write(self._tls.end())
            self._writer.close()
            async with asyncio.timeout(self._bounds.closing_s):
                await self._writer.wait_closed()
        except (OSError, TimeoutError):
            pass
        finally:
            self.abort()

    def abort(self) -> None:
        self._writer.transport.abort()

    async def _read(self) -> bytes:
        """From the stream; pings when it is time to."""
        while True:
            if self._loop.time() >= self._ping_at:
                self.ping()
            self._reading = True
            try:
                async with asyncio.timeout_at(self._ping_at):
                    data = await self._reader.read(CHUNK)
            except TimeoutError:
                continue
            finally:
                self._reading = False
            self._heard = self._loop.time()
            return data

    def _expect(self, since: float, wait_s: float) -> None:
        self._loop.call_later(wait_s, self._check, since)

    def _check(self, since: float) -> None:
        """Whatever the peer has said since it was pinged, it lives. What has come and is not read yet, because we are busy, may be that."""
        if self._heard > since or self._end is not None:
            self._pinged = False
        elif not self._reading:
            self._expect(since, UNREAD_S)
        else:
            self._over(ABNORMAL, f"no pong within {self._bounds.pong_s:g} s")
            self.abort()

    def _plain(self, data: bytes) -> bytes | None:
        return self._tls.received(data) if data else None

    def _hear(self, data: bytes | None) -> None:
        """Plain bytes of the peer; None: it will send no more."""
        if data is None:
            self._protocol.receive_eof()
        elif data:
            self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if isinstance(event, Request) and isinstance(self._protocol, ServerProtocol):
                self._protocol.send_response(self._protocol.accept(event))
            elif isinstance(event, Frame):
                self._take(event)
        self._flush()
        if self._end is None and (data is None or self._protocol.parser_exc is not None):
            received = self._protocol.close_rcvd
            self._over(received.code if received else ABNORMAL, str(self._protocol.parser_exc or "the peer hung up"))

    def _take(self, frame: Frame) -> None:
        match frame.opcode:
            case Opcode.TEXT:
                self._protocol.fail(UNSUPPORTED, "binary messages only")
                self._over(ABNORMAL, "the peer sent text, and SHIP is binary")
            case Opcode.BINARY | Opcode.CONT:
                self._parts += frame.data
                if frame.fin:
                    self._messages.append(bytes(self._parts))
                    self._parts.clear()
            case Opcode.CLOSE:
                received = self._protocol.close_rcvd
                self._over(received.code if received else ABNORMAL, received.reason if received else "")

    def _over(self, code: int, text: str) -> None:
        if self._end is None:
            self._end = Ended(code, text)

    def _flush(self) -> None:
        """What the protocol wants to send, encrypted and handed to the transport."""
        if data := b"".join(self._protocol.data_to_send()):
            transport = self._writer.transport
            if transport.is_closing():
                return  # the connection is broken; reading finds out why
            try:
                self._writer.write(self._tls.sent(data))
            except ShipError as error:
                self._over(ABNORMAL, str(error))
            if transport.get_write_buffer_size() > self._bounds.queue_bytes:
                self._over(ABNORMAL, f"the peer does not read: {self._bounds.queue_bytes} bytes wait for it")
                transport.abort()

    async def _out(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()


async def accepted(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, context: SSL.Context, bounds: Bounds, admit: Admit
) -> Socket:
    """A connection of a peer that has dialled us. Raises EebusError, OSError, TimeoutError; the stream is then for the caller to close."""
    protocol = ServerProtocol(subprotocols=[Subprotocol(SUBPROTOCOL)], max_size=bounds.message_bytes + 1, logger=_log)
    return await _opened(Socket(Role.SERVER, reader, writer, context, bounds), protocol, bounds, admit)


async def dialled(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, context: SSL.Context, bounds: Bounds, admit: Admit, address: Address
) -> Socket:
    """A connection that we have dialled; as `accepted`."""
    uri = WebSocketURI(True, address.host.partition("%")[0], address.port, address.path or PATH, "")
    protocol = ClientProtocol(uri, subprotocols=[Subprotocol(SUBPROTOCOL)], max_size=bounds.message_bytes + 1, logger=_log)
    return await _opened(Socket(Role.CLIENT, reader, writer, context, bounds), protocol, bounds, admit)


async def _opened(socket: Socket, protocol: ServerProtocol | ClientProtocol, bounds: Bounds, admit: Admit) -> Socket:
    async with asyncio.timeout(bounds.opening_s):
        await socket.shake(admit)
        await socket.upgrade(protocol)
    return socket


def remote_of(writer: asyncio.StreamWriter) -> tuple[str, str]:
    """The peer's address, without and with its port."""
    name = writer.get_extra_info("peername") or ("", 0)
    host = str(name[0])
    return host, f"[{host}]:{name[1]}" if ":" in host else f"{host}:{name[1]}"


def hang_up(writer: asyncio.StreamWriter, soon_s: float) -> None:
    """Close a stream that did not become a connection: what is still to be said is sent, but not waited for long."""
    writer.close()
    asyncio.get_running_loop().call_later(soon_s, writer.transport.abort)

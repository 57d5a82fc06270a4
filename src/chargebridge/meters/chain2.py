"""Italian meters behind a Chain 2 gateway: ``chain2://c2g-XXXXXXXXX.local:81`` over its WebSocket, ``?over=http`` by asking for its last frame."""

from collections.abc import AsyncGenerator, AsyncIterator

import httpx
from msgspec.structs import replace
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidHandshake, InvalidURI, WebSocketException

from chargebridge.meters.address import Address
from chargebridge.meters.connection import CONNECT_TIMEOUT_S
from chargebridge.meters.json_values.http import TIMEOUT_S, fetch
from chargebridge.meters.port import MeterError, SourceEvent, TelegramSource
from chargebridge.meters.retry import retried
from chargebridge.model.clock import Clock
from chargebridge.wire.chain2 import Chain2Decoder
from chargebridge.wire.chain2.fields import AVAILABLE, CONTRACT, GAP
from chargebridge.wire.chain2.frames import MAX_SIZE
from chargebridge.wire.meter import Event, Register, Telegram

SETTINGS = frozenset({"meter", "over", "every"})
WEBSOCKET_PORT, HTTP_PORT = 81, 80
_HELLO = "!"
"""Asks the gateway to tell of itself; it sends frames from then on."""
_POWERS = ("1-0:1.7.0", "1-0:2.7.0")
_LASTING = (AVAILABLE, CONTRACT, GAP)


class Frames:
    """Frames to telegrams of which each tells a power.

    A frame without one (daily, weekly, monthly, contract) must not look as if the power had become unknown: its registers wait and come with
    the next that has one. Contract and available power stay with all that follow.
    """

    def __init__(self, meter: str) -> None:
        self._meter = meter
        self._waiting: dict[str, Register] = {}
        self._lasting: dict[str, Register] = {}

    def take(self, message: bytes) -> list[Event]:
        """The events of one message."""
        decoder = Chain2Decoder()
        passed: list[Event] = []
        for event in [*decoder.feed(message), *decoder.close()]:
            if not isinstance(event, Telegram):
                passed.append(event)
            elif (event.device or "").endswith(f" {self._meter}"):
                passed += self._joined(event)
        return passed

    def _joined(self, frame: Telegram) -> list[Event]:
        self._lasting |= {code: frame.registers[code] for code in _LASTING if code in frame.registers}
        if not any(code in frame.registers for code in _POWERS):
            self._waiting |= frame.registers
            return []
        waiting, self._waiting = self._waiting, {}
        return [replace(frame, registers=self._lasting | waiting | frame.registers)]


class Chain2Source:
    """``TelegramSource`` over a gateway's WebSocket, or over HTTP every ``every_s`` s where that is not None."""

    def __init__(self, host: str, port: int, clock: Clock, *, meter: str, every_s: float | None) -> None:
        self.where = f"chain2://{host}:{port}"
        self._host, self._port = f"[{host}]" if ":" in host else host, port
        self._clock = clock
        self._every_s = every_s
        self._frames = Frames(meter)

    def events(self) -> AsyncIterator[SourceEvent]:
        """Telegrams and errors as they come; runs until it is closed."""
        return retried(self.where, self._listen if self._every_s is None else self._ask, self._clock)

    async def _listen(self) -> AsyncGenerator[SourceEvent, None]:
        """A gateway may be silent for a quarter of an hour; the WebSocket's own pings tell whether it is there."""
        try:
            async with connect(f"ws://{self._host}:{self._port}", open_timeout=CONNECT_TIMEOUT_S, max_size=MAX_SIZE, proxy=None) as gateway:
                await gateway.send(_HELLO)
                async for message in gateway:
                    for event in self._frames.take(message if isinstance(message, bytes) else message.encode()):
                        yield event
            raise MeterError(self.where, "closed by the gateway, opened anew", "some gateways serve one program only: end the other one")
        except (InvalidHandshake, InvalidURI) as problem:
            raise MeterError(self.where, f"is no Chain 2 gateway: {problem}", "check address and port (81)") from None
        except (OSError, WebSocketException) as problem:
            reason = f"broke off: {str(problem) or type(problem).__name__}"
            raise MeterError(self.where, reason, "check that the gateway is on, its address and port (81)") from None

    async def _ask(self) -> AsyncGenerator[SourceEvent, None]:
        last = b""
        assert self._every_s is not None
        async with httpx.AsyncClient(timeout=TIMEOUT_S, follow_redirects=False, trust_env=False) as client:
            while True:
                message = await fetch(client, f"http://{self._host}:{self._port}/lastcf.json")
                if message != last:
                    for event in self._frames.take(message):
                        yield event
                last = message
                await self._clock.sleep(self._every_s)


def open_source(address: Address, clock: Clock) -> TelegramSource:
    """``?meter=M1`` (connection point) or M2 (production); ``?over=websocket`` or http, with ``?every=10`` s."""
    if not address.host or address.path.strip("/"):
        raise MeterError(address.text, "needs a host and nothing behind it", "write it like chain2://c2g-XXXXXXXXX.local:81")
    meter, over = address.word("meter", "M1"), address.word("over", "websocket")
    if meter not in ("M1", "M2"):
        raise MeterError(address.text, f"meter={meter} is unknown", "write meter=M1 (connection point) or meter=M2 (production)")
    if over not in ("websocket", "http"):
        raise MeterError(address.text, f"over={over} is unknown", "write over=websocket or over=http")
    every_s = address.number("every", 10.0, least=0.05) if over == "http" else None
    port = address.port or (WEBSOCKET_PORT if every_s is None else HTTP_PORT)
    return Chain2Source(address.host, port, clock, meter=meter, every_s=every_s)

"""Meters that tell nothing until they are asked: ``d0:///dev/ttyUSB0?every=60`` (IEC 62056-21 with a reading head at the optical port).

A readout begins at 300 baud and takes 2 to 30 s. Meters that push are read by ``serial://...?protocol=d0``.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

import serial_asyncio_fast
from msgspec.structs import replace

from chargebridge.meters.address import Address
from chargebridge.meters.connection import opened
from chargebridge.meters.port import MeterError, SourceEvent, TelegramSource
from chargebridge.meters.retry import rest_of, retried
from chargebridge.meters.serial_port import frame_of
from chargebridge.model.clock import Clock
from chargebridge.wire.meter import DecoderOptions, Protocol, Telegram
from chargebridge.wire.meter.d0_request import FIRST_BAUD, MODE_C, SILENCE_S, ReadoutRequest, Send

Duplex = tuple[asyncio.StreamReader, asyncio.StreamWriter]
SETTINGS = frozenset({"every", "address", "max_baud", "format"})
_CURE = "check that the reading head is plugged in and that this user may open it (group dialout)"
_BITS_A_CHARACTER = 10
_CHUNK = 256
_EVERY_S = 60.0


class D0Source:
    """``TelegramSource`` that asks every ``every_s``. The port is open only while it asks, so that others can use the head in between.

    frame: data bits, parity, stop bits.
    """

    def __init__(
        self,
        device: str,
        clock: Clock,
        options: DecoderOptions,
        *,
        every_s: float = _EVERY_S,
        address: str = "",
        fastest: int = MODE_C["6"],
        frame: tuple[int, str, int] = (7, "E", 1),
    ) -> None:
        self.where = f"d0://{device}"
        self._device = device
        self._clock = clock
        self._options = options
        self._every_s = every_s
        self._address = address
        self._fastest = fastest
        self._frame = frame

    def events(self) -> AsyncIterator[SourceEvent]:
        """Telegrams and errors as they come; runs until it is closed."""
        return retried(self.where, self._session, self._clock)

    async def _session(self) -> AsyncGenerator[SourceEvent, None]:
        """Readouts, until one has no telegram."""
        heard = True
        while heard:
            began, heard = self._clock.now(), False
            async with opened(self.where, self._connect, _CURE) as (reader, writer), aclosing(self._asked(reader, writer)) as asked:
                async for event in asked:
                    heard = heard or isinstance(event, Telegram)
                    yield event
            if heard:
                await rest_of(self._every_s, began, self._clock)

    async def _connect(self) -> Duplex:
        data_bits, parity, stop_bits = self._frame
        streams: Duplex = await serial_asyncio_fast.open_serial_connection(
            url=self._device, baudrate=FIRST_BAUD, bytesize=data_bits, parity=parity, stopbits=stop_bits
        )
        return streams

    async def _asked(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> AsyncGenerator[SourceEvent, None]:
        request = ReadoutRequest(self._options, address=self._address, fastest=self._fastest)
        await self._send(request.begin(), writer)
        while not request.done:
            try:
                async with asyncio.timeout(SILENCE_S):
                    data = await reader.read(_CHUNK)
            except TimeoutError:
                for event in request.silent():
                    yield event
                return
            if not data:
                raise MeterError(self.where, "closed by the other side", _CURE)
            for step in request.receive(data):
                if isinstance(step, Send):
                    await self._send(step, writer)
                else:
                    yield step

    async def _send(self, step: Send, writer: asyncio.StreamWriter) -> None:
        """Send, and change the speed when the last bit is out: neither the kernel nor an adapter's own memory may still hold some of it."""
        line: Any = writer.transport.get_extra_info("serial")
        await self._clock.sleep(step.pause_s)
        if step.data:
            writer.write(step.data)
            await writer.drain()
            await self._clock.sleep(len(step.data) * _BITS_A_CHARACTER / step.baud)
            await asyncio.to_thread(line.flush)
        if step.then_baud != line.baudrate:
            try:
                line.baudrate = step.then_baud
            except ValueError as problem:
                raise OSError(str(problem)) from None


def open_source(address: Address, clock: Clock) -> TelegramSource:
    """``?every=`` (s), ``?address=`` (of the meter on a shared line), ``?max_baud=`` and ``?format=`` (7E1)."""
    if not address.path:
        raise MeterError(address.text, "the device is missing", "write it like d0:///dev/ttyUSB0?every=60")
    if address.protocol not in (None, Protocol.D0):
        raise MeterError(address.text, f"protocol {address.protocol} cannot be asked for", "leave protocol out")
    fastest = int(address.number("max_baud", MODE_C["6"], least=FIRST_BAUD))
    named = address.word("address", "")
    try:
        ReadoutRequest(address=named)
    except ValueError as problem:
        raise MeterError(address.text, str(problem), "write the address on the meter's plate: digits and letters") from None
    return D0Source(
        address.path,
        clock,
        address.options,
        every_s=address.number("every", _EVERY_S, least=1),
        address=named,
        fastest=fastest,
        frame=frame_of(replace(address, settings={**address.settings, "protocol": Protocol.D0})),
    )

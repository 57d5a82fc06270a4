"""NES meters at their MEP port: ``mep:///dev/ttyUSB0?key_file=mbk.txt``, or ``mep://host:port?key_file=mbk.txt`` behind a serial bridge."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

import serial_asyncio_fast
from msgspec import Struct

from chargebridge.meters.address import Address
from chargebridge.meters.connection import opened
from chargebridge.meters.port import MeterError, SourceEvent, TelegramSource
from chargebridge.meters.retry import retried
from chargebridge.model.clock import Clock
from chargebridge.wire.meter import DecodeError, ErrorKind, Register
from chargebridge.wire.meter.telegram import CURES, ContentError, Protocol, error
from chargebridge.wire.osgp import Answer, MepClient, Repeat, tables
from chargebridge.wire.osgp.client import PAUSE_S

Duplex = tuple[asyncio.StreamReader, asyncio.StreamWriter]
SETTINGS = frozenset({"baud", "every"})
BAUD = 9600
EVERY_S = 1.0
FULL_EVERY_S = 10.0
"""Registers and clock; between them only present values."""
ANSWER_S = 2.0
"""The meter begins within 0.5 s, the longest answer lasts 0.2 s on the line; the rest is the bridge's."""
_FAILURES = 3
"""Turns without an answer after which the connection is opened anew."""
_CHUNK = 1024


class _Meter(Struct, frozen=True):
    """What was read once."""

    who: tables.Identity | None
    number: str | None
    dimensions: tables.Dimensions
    sources: tuple[tables.Rule, ...]


class _RefusedError(Exception):
    """A question that was not answered."""

    def __init__(self, fault: DecodeError) -> None:
        super().__init__(fault.reason)
        self.fault = fault


class MepSource:
    """``TelegramSource`` that asks over ``connect``."""

    def __init__(
        self, where: str, connect: Callable[[], Awaitable[Duplex]], key: bytes, clock: Clock, *, cure: str, every_s: float = EVERY_S
    ) -> None:
        self.where = where
        self._connect = connect
        self._key = key
        self._clock = clock
        self._cure = cure
        self._every_s = every_s

    def events(self) -> AsyncIterator[SourceEvent]:
        """A telegram every ``every_s``, faults between them; runs until it is closed."""
        return retried(self.where, self._session, self._clock)

    async def _session(self) -> AsyncGenerator[SourceEvent, None]:
        """What one connection delivers. Ends when the line fails, the meter stays silent or refuses the key."""
        async with opened(self.where, self._connect, self._cure) as (reader, writer):
            try:
                async for event in self._turns(_Talk(reader, writer, self._key, self._clock)):
                    yield event
            except _RefusedError as problem:
                yield problem.fault

    async def _turns(self, talk: "_Talk") -> AsyncIterator[SourceEvent]:
        meter = await _meet(talk)
        failures, full_s = 0, 0.0
        while True:
            began_s = self._clock.now().timestamp()
            try:
                full = began_s >= full_s
                yield await _turn(talk, meter, full=full)
                failures = 0
                full_s = began_s + FULL_EVERY_S if full else full_s
            except _RefusedError as problem:
                failures += 1
                if failures >= _FAILURES:
                    raise
                yield problem.fault
            await self._clock.sleep(max(PAUSE_S, began_s + self._every_s - self._clock.now().timestamp()))


class _Talk:
    """Questions and answers over one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, key: bytes, clock: Clock) -> None:
        self._reader = reader
        self._writer = writer
        self._clock = clock
        self._client = MepClient(key)

    async def ask(self, table: int, offset: int, count: int) -> bytes:
        """Bytes of a table. Raises ``_RefusedError``; ``OSError`` or ``EOFError`` when the line fails."""
        await self._clock.sleep(PAUSE_S)
        await self._drop_late()
        packet = self._client.read(table, offset, count)
        while True:
            self._writer.write(packet)
            await self._writer.drain()
            try:
                async with asyncio.timeout(ANSWER_S):
                    found = await self._answer()
            except TimeoutError:
                raise _RefusedError(self._client.timed_out()) from None
            if isinstance(found, Answer):
                return found.data
            await self._clock.sleep(PAUSE_S)
            packet = found.packet

    async def _drop_late(self) -> None:
        """An answer that came after its time must not be taken for one to the next question."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0):
                while data := await self._reader.read(_CHUNK):
                    self._client.receive(data)

    async def _answer(self) -> Answer | Repeat:
        """What ends the wait; alerts, which concern the grid operator's own devices, do not."""
        while True:
            data = await self._reader.read(_CHUNK)
            if not data:
                raise EOFError("closed by the other side")
            for event in self._client.receive(data):
                if isinstance(event, Answer | Repeat):
                    return event
                if isinstance(event, DecodeError) and not self._client.waiting:
                    raise _RefusedError(event)


async def _meet(talk: _Talk) -> _Meter:
    """Who the meter is and how its tables are laid out; what it keeps to itself is done without, but not BT21."""
    dimensions = tables.dimensions(await talk.ask(tables.BT21, 0, tables.BT21_SIZE))
    who = await _optional(talk, tables.BT01, tables.BT01_SIZE)
    serial = await _optional(talk, tables.ET03, tables.ET03_SERIAL)
    selected = await _optional(talk, tables.BT22, dimensions.summations) if dimensions.summations else None
    return _Meter(
        who=None if who is None else tables.identity(who),
        number=None if serial is None else tables.serial(serial),
        dimensions=dimensions,
        sources=tables.ENERGIES if selected is None else tables.sources(selected),
    )


async def _optional(talk: _Talk, table: int, count: int) -> bytes | None:
    try:
        return await talk.ask(table, 0, count)
    except _RefusedError as problem:
        if problem.fault.kind is not ErrorKind.UNSUPPORTED:
            raise
        return None


async def _turn(talk: _Talk, meter: _Meter, *, full: bool) -> SourceEvent:
    """One telegram: present values, and if ``full`` energies and the clock as well."""
    offset, size = meter.dimensions.present
    if not size:
        raise _RefusedError(error(Protocol.MEP, ErrorKind.UNSUPPORTED, 0, "the meter has no present values", CURES[ErrorKind.UNSUPPORTED]))
    found: dict[str, Register] = tables.registers(await talk.ask(tables.BT28, offset, size), tables.PRESENT)
    at = None
    if full:
        offset, count = meter.dimensions.energies
        energies = await talk.ask(tables.BT23, offset, count) if count else b""
        found |= tables.registers(energies, meter.sources)
        try:
            at = tables.clock(await talk.ask(tables.BT52, 0, tables.BT52_SIZE))
        except ContentError:
            at = None  # a clock that was never set
        size += count + tables.BT52_SIZE
    return tables.telegram(found, who=meter.who, meter_id=meter.number, at=at, size=size)


def open_source(address: Address, clock: Clock) -> TelegramSource:
    """``?key_file=`` or ``?key_env=`` (the MBK), ``?every=`` seconds (1), ``?baud=`` (9600, serial ports only)."""
    key = address.options.key
    if key is None:
        raise MeterError(address.text, "the key is missing", "ask the grid operator for the meter's MBK and write key_file=path")
    host, port, device = address.host, address.port, address.path
    every_s = address.number("every", EVERY_S)
    if host and port is not None and not device.strip("/"):

        async def connect() -> Duplex:
            return await asyncio.open_connection(host, port)

        cure = "check the bridge's address, that it is on, and that no other program holds its port"
        return MepSource(f"mep://{host}:{port}", connect, key, clock, cure=cure, every_s=every_s)
    if host or not device:
        raise MeterError(address.text, "neither a device nor host and port", "write it like mep:///dev/ttyUSB0 or mep://192.168.1.20:2001")
    baud = int(address.number("baud", BAUD, least=1))

    async def open_port() -> Duplex:
        streams: Duplex = await serial_asyncio_fast.open_serial_connection(url=device, baudrate=baud)
        return streams

    cure = "check that the adapter is plugged in and that this user may open it (group dialout)"
    return MepSource(f"mep://{device}", open_port, key, clock, cure=cure, every_s=every_s)

"""Meters that answer DLMS questions: ``cosem://host:4059`` and ``cosem-serial:///dev/ttyUSB0`` (settings: see ``settings``)."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from decimal import Decimal
from math import isfinite

from chargebridge.meters.address import Address
from chargebridge.meters.cosem import settings as cosem_settings
from chargebridge.meters.cosem.settings import Settings, code_bytes
from chargebridge.meters.cosem.talk import Talk, visit
from chargebridge.meters.port import LinkFault, MeterError, SourceEvent, TelegramSource
from chargebridge.meters.retry import rest_of, retried
from chargebridge.model.clock import Clock
from chargebridge.wire.cosem.errors import CosemError, ErrorKind
from chargebridge.wire.cosem.selective import CLOCK_CODE, CLOCK_INTERFACE, CLOCK_TIME
from chargebridge.wire.cosem.services import AccessResult, Attribute, Result
from chargebridge.wire.meter import ClockOrigin, Protocol, Register, Telegram, cosem_time, obis
from chargebridge.wire.meter.cosem_time import MeterTime
from chargebridge.wire.meter.number import register
from chargebridge.wire.meter.telegram import ContentError

DATA, REGISTER = 1, 3
VALUE, SCALER_UNIT = 2, 3
_NUMBER = Attribute(DATA, bytes((0, 0, 96, 1, 0, 255)), VALUE)
_NAME = Attribute(DATA, bytes((0, 0, 42, 0, 0, 255)), VALUE)
_CLOCK = Attribute(CLOCK_INTERFACE, CLOCK_CODE, CLOCK_TIME)
KEEP_S = 30.0
"""Meters end an association that is not used for half a minute or more; above this interval each reading opens its own."""
LOCKED_S = 900.0
"""Many meters lock themselves after some wrong passwords: the next try waits."""


def open_source(address: Address, clock: Clock) -> TelegramSource:
    """See ``settings.read``."""
    return CosemSource(cosem_settings.read(address), clock)


class CosemSource:
    """``TelegramSource`` that asks. Scalers and units are read once from each meter; objects that it does not have are told once."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.where = settings.where
        self._settings = settings
        self._clock = clock
        self._identity: tuple[str | None, str | None] | None = None
        self._scales: dict[str, tuple[int, str]] = {}

    def events(self) -> AsyncIterator[SourceEvent]:
        """A telegram every ``every`` seconds, faults between them; runs until it is closed."""
        return retried(self.where, self._session, self._clock)

    async def _session(self) -> AsyncGenerator[SourceEvent, None]:
        """One association after the other, as long as they go well."""
        while True:
            try:
                async with aclosing(self._visited()) as visited:
                    async for event in visited:
                        yield event
            except CosemError as problem:
                if problem.kind is not ErrorKind.PASSWORD:
                    raise MeterError(self.where, problem.reason, problem.cure) from None
                yield LinkFault(self.where, problem.reason, problem.cure)
                await self._clock.sleep(LOCKED_S)

    async def _visited(self) -> AsyncGenerator[SourceEvent, None]:
        """What one association delivers. Ends where it is not worth keeping."""
        keep = self._settings.every_s <= KEEP_S
        began = self._clock.now()
        async with visit(self._settings) as talk:
            fault = await self._meet(talk)
            if fault is not None:
                yield fault
            while True:
                began = self._clock.now()
                yield await self._telegram(talk)
                if not keep:
                    break
                await rest_of(self._settings.every_s, began, self._clock)
        await rest_of(self._settings.every_s, began, self._clock)

    async def _meet(self, talk: Talk) -> LinkFault | None:
        """Who the meter is, and, when it is another than before, what it has and in which scale."""
        number, name = await talk.get(_NUMBER, _NAME)
        identity = _text(number), _text(name)
        if identity == self._identity:
            return None
        codes = self._settings.objects
        found = await talk.get(*(Attribute(REGISTER, code_bytes(code), SCALER_UNIT) for code in codes))
        missing: dict[str, str] = {}
        scales: dict[str, tuple[int, str]] = {}
        for code, result in zip(codes, found, strict=True):
            match result:
                case (int() as scaler, int() as unit) if -128 <= scaler < 128:
                    scales[code] = scaler, obis.UNITS.get(unit, f"unit {unit}")
                case AccessResult():
                    missing[code] = result.text
                case _:
                    missing[code] = "no scaler and unit"
        if not scales:
            reasons = ", ".join(sorted(set(missing.values())))
            raise CosemError(ErrorKind.REFUSED, f"the meter tells none of the {len(codes)} objects ({reasons})")
        self._identity, self._scales = identity, scales
        if not missing:
            return None
        listed = ", ".join(f"{code} ({reason})" for code, reason in missing.items())
        return LinkFault(
            self.where, f"not told by this meter: {listed}", "nothing, if the meter has no such values; else ask for another client"
        )

    async def _telegram(self, talk: Talk) -> Telegram:
        codes = tuple(self._scales)
        clock, *results = await talk.get(_CLOCK, *(Attribute(REGISTER, code_bytes(code), VALUE) for code in codes))
        registers: dict[str, Register] = {}
        unparsed: list[str] = []
        for code, result in zip(codes, results, strict=True):
            scaler, unit = self._scales[code]
            value = _register(result, scaler, unit)
            if value is None:
                unparsed.append(f"{code}: {result.text if isinstance(result, AccessResult) else repr(result)[:60]}")
            else:
                registers[code] = value
        if not registers:
            raise CosemError(ErrorKind.REFUSED, f"the meter tells no value: {', '.join(unparsed)[:200]}")
        number, name = self._identity or (None, None)
        time = self._time(clock)
        return Telegram(
            protocol=Protocol.COSEM,
            profile="cosem",
            device=name,
            meter_id=number or name,
            registers=registers,
            clock=None if time is None else time.utc,
            clock_origin=ClockOrigin.NONE if time is None else time.origin,
            clock_text=None if time is None else time.text,
            authenticated=True if self._settings.ciphered else None,
            unparsed=tuple(unparsed),
        )

    def _time(self, result: Result) -> MeterTime | None:
        if not isinstance(result, bytes) or len(result) != cosem_time.SIZE:
            return None
        try:
            return cosem_time.parse(result, self._settings.standard_offset)
        except ContentError:
            return None  # a clock that was never set: all its fields are "not specified"


def _text(result: Result) -> str | None:
    """An identifier, readable or in hexadecimal."""
    if isinstance(result, bytes):
        text = result.rstrip(b"\0").decode("latin-1")
        return (text if text.isascii() and text.isprintable() else result.hex()) or None
    if isinstance(result, AccessResult) or not isinstance(result, str | int):
        return None
    return str(result)


def _register(value: Result, scaler: int, unit: str) -> Register | None:
    """A measured value, None where it is none."""
    if isinstance(value, AccessResult | bool):
        return None
    if isinstance(value, int):
        return register(value, scaler, unit)
    if isinstance(value, float) and isfinite(value):
        exact = Decimal(str(value)).scaleb(scaler)
        return Register(exact if unit in obis.CUMULATIVE else float(exact), unit, value, scaler=scaler)
    return None

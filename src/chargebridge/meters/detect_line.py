"""What is at the end of this serial line? Listen with one setting after another until a telegram is understood.

A line that carries 7E1 is heard as 8N1 with even parity in the top bit of every byte, so that seven-bit meters need no turn of their own.
8N1 comes before 8E1: many receivers set to 8E1 read 8N1 as well, but not the other way round.
A silent line is silent at any speed: it is told at once and not searched.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import serial
from msgspec import Struct

from chargebridge.meters.port import MeterError
from chargebridge.model.clock import Clock
from chargebridge.wire.meter import AutoDecoder, DecodeError, DecoderOptions, ErrorKind, Protocol, Telegram
from chargebridge.wire.meter.options import DEFAULTS

PATIENCE_S = 12.0
"""A little more than the 10 s between two pushes of most meters."""
_PAUSE_S = 1.5
_ENOUGH = 1500
"""More bytes than any meter sends at once: what has not been understood by then will not be."""
_SEVEN_BITS = bytes(range(128)) * 2
_ODD = bytes(byte for byte in range(256) if byte.bit_count() & 1)


class LineSettings(Struct, frozen=True):
    """Speed and character frame. who: the meters that speak so."""

    baud: int
    format: str
    who: str


CANDIDATES = (
    LineSettings(115200, "8N1", "P1 since DSMR 4, Nordic H1, Iskra"),
    LineSettings(9600, "8N1", "SML, D0, P1 before DSMR 4, Linky standard, DLMS by infrared"),
    LineSettings(2400, "8N1", "HAN: Kamstrup, Aidon"),
    LineSettings(2400, "8E1", "HAN and M-Bus: Kaifa, Aidon, Austria, Switzerland"),
    LineSettings(1200, "8N1", "Linky historic"),
    LineSettings(9600, "8E1", "infrared of Netz Oberösterreich"),
    LineSettings(38400, "8N1", "Iskra"),
)


class Trial(Struct, frozen=True):
    """One setting that was listened with. heard: bytes. found: None if they made no sense."""

    settings: LineSettings
    heard: int
    found: "Found | None" = None


class Found(Struct, frozen=True, kw_only=True):
    """A meter that is understood. url: how to read it. note: what is still missing, such as a key."""

    url: str
    protocol: Protocol
    baud: int
    format: str
    profile: str | None = None
    device: str | None = None
    meter_id: str | None = None
    note: str | None = None


async def detect_line(
    port: str,
    clock: Clock,
    *,
    patience_s: float = PATIENCE_S,
    options: DecoderOptions = DEFAULTS,
    candidates: tuple[LineSettings, ...] = CANDIDATES,
) -> AsyncIterator[Trial]:
    """Listen at ``port`` (a device, or rfc2217://host:port) and yield each trial; the last one has ``found`` if anything was.

    Raises ``MeterError`` if the port cannot be opened, or if nothing at all is heard with the first setting.
    """
    line = await asyncio.to_thread(_open, port)
    try:
        for settings in candidates:
            await asyncio.to_thread(_set, line, settings)
            trial = await _listen(line, port, settings, clock, patience_s, options)
            yield trial
            if trial.found is not None:
                return
            if not trial.heard:
                raise MeterError(
                    port,
                    f"not one byte within {patience_s:g} s",
                    "check the plug, whether the port must be switched on by the grid operator, and the side of the adapter (M-Bus, infrared)",
                )
    finally:
        await asyncio.to_thread(line.close)


def _open(port: str) -> Any:
    try:
        return serial.serial_for_url(port, timeout=0.05)
    except (OSError, ValueError) as problem:  # pyserial's own errors are OSErrors
        cure = "check that the adapter is plugged in and that this user may open it (group dialout)"
        raise MeterError(port, f"cannot be opened: {problem}", cure) from None


def _set(line: Any, settings: LineSettings) -> None:
    line.apply_settings({
        "baudrate": settings.baud,
        "bytesize": int(settings.format[0]),
        "parity": settings.format[1],
        "stopbits": int(settings.format[2]),
    })  # fmt: skip
    line.reset_input_buffer()


async def _listen(line: Any, port: str, settings: LineSettings, clock: Clock, patience_s: float, options: DecoderOptions) -> Trial:
    """Listen until something is understood, a burst has passed that was not, or patience ends."""
    begin = last = clock.now()
    plain, stripped = AutoDecoder(options), AutoDecoder(options)
    seven_bits, with_parity = settings.format == "8N1", False
    heard = 0
    while True:
        try:
            data: bytes = await asyncio.to_thread(lambda: line.read(line.in_waiting or 1))
        except OSError as problem:
            raise MeterError(port, f"broke off: {problem}", "check the plug of the adapter") from None
        now = clock.now()
        if data:
            last = now
            heard += len(data)
            seven_bits = seven_bits and len(data.translate(None, _ODD)) == len(data)
            found = _understood(plain, data, port, settings, settings.format)
            with_parity = with_parity or not data.isascii()
            if seven_bits and with_parity:
                found = _understood(stripped, data.translate(_SEVEN_BITS), port, settings, "7E1") or found
            if found is not None:
                return Trial(settings, heard, found)
        silent_s, spent_s = (now - last).total_seconds(), (now - begin).total_seconds()
        if spent_s > patience_s or heard > _ENOUGH or (heard > _ENOUGH // 10 and silent_s > _PAUSE_S):
            return Trial(settings, heard)


def _understood(decoder: AutoDecoder, data: bytes, port: str, settings: LineSettings, frame: str) -> Found | None:
    for event in decoder.feed(data):
        match event:
            case Telegram(protocol=protocol):
                return Found(
                    url=_url(port, settings.baud, frame, protocol),
                    protocol=protocol,
                    baud=settings.baud,
                    format=frame,
                    profile=event.profile,
                    device=event.device,
                    meter_id=event.meter_id,
                )
            case DecodeError(protocol=Protocol() as protocol, kind=ErrorKind.KEY):
                note = f"{event.reason}; {event.cure}"
                url = _url(port, settings.baud, frame, protocol)
                return Found(url=url, protocol=protocol, baud=settings.baud, format=frame, note=note)
    return None


def _url(port: str, baud: int, frame: str, protocol: Protocol) -> str:
    scheme, device = ("serial", port) if "://" not in port else port.split("://", 1)
    return f"{scheme}://{device}?baud={baud}&format={frame}&protocol={protocol}"

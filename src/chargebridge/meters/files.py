"""Captures: files of raw bytes, or of hexadecimal digits as people paste them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from chargebridge.meters.port import MeterError
from chargebridge.wire.meter import DecoderOptions, Event, Protocol, decoder_for
from chargebridge.wire.meter.detect import LANGUAGES
from chargebridge.wire.meter.options import DEFAULTS

_CHUNK = 65536
_HEX = re.compile(rb"[0-9A-Fa-f\s]*")
_LEAST_DIGITS = 12


def decode_file(path: str | Path, protocol: Protocol | str | None = None, options: DecoderOptions = DEFAULTS) -> Iterator[Event]:
    """The telegrams and errors in a capture, in order. ``protocol`` None finds it out.

    Raises ``MeterError`` if the file cannot be read or ``protocol`` is none; what is wrong inside comes as events. Offsets in a file of
    hexadecimal digits count the bytes that they stand for.
    """
    where = str(path)
    if protocol is not None and protocol not in LANGUAGES:
        raise MeterError(where, f"{protocol!r} is no protocol of captures", f"name one of {', '.join(LANGUAGES)}, or none to find it out")
    spoken = None if protocol is None else Protocol(protocol)
    try:
        file = Path(path).open("rb")  # noqa: SIM115  (closed by the generator)
    except OSError as problem:
        raise MeterError(where, f"cannot be read: {problem.strerror}", "check the name and the rights of the file") from None
    return _events(file, where, spoken, options)


def _events(file: BinaryIO, where: str, protocol: Protocol | None, options: DecoderOptions) -> Iterator[Event]:
    decoder = decoder_for(protocol, options)
    with file:
        for chunk in _chunks(file, where):
            yield from decoder.feed(chunk)
    yield from decoder.close()


def _chunks(file: BinaryIO, where: str) -> Iterator[bytes]:
    """The bytes of a capture, whichever way they are written."""
    try:
        first = file.read(_CHUNK)
        if _HEX.fullmatch(first) and len(b"".join(first.split())) >= _LEAST_DIGITS:
            yield from _unhexed(file, first, where)
            return
        while first:
            yield first
            first = file.read(_CHUNK)
    except OSError as problem:
        raise MeterError(where, f"cannot be read: {problem.strerror}", "check the medium") from None


def _unhexed(file: BinaryIO, chunk: bytes, where: str) -> Iterator[bytes]:
    rest = b""
    while chunk:
        digits = rest + b"".join(chunk.split())
        even = len(digits) & ~1
        try:
            yield bytes.fromhex(digits[:even].decode("ascii"))
        except ValueError:
            raise MeterError(where, "hexadecimal digits are followed by something else", "remove what is no digit") from None
        rest = digits[even:]
        chunk = file.read(_CHUNK)

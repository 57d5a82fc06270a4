"""Asynchronous serial transmission bit by bit: what a receiver makes of bytes that were sent with other settings than its own.

A character is a start bit (low), the data bits from the lowest, an optional parity bit and stop bits (high); the line idles high. The receiver
starts at a low level and samples the middle of each of its own bits. It keeps characters with wrong parity or stop bit, as terminals do
unless they are told otherwise (POSIX termios without INPCK).
"""

import re

from msgspec import Struct

_FORMAT = re.compile(r"([78])([NEO])([12])")


class LineFormat(Struct, frozen=True):
    """Baud and character frame, for example 9600 and 7, "E", 1."""

    baud: int
    data_bits: int
    parity: str
    stop_bits: int

    @classmethod
    def parse(cls, baud: int, text: str) -> "LineFormat":
        """``text`` like 8N1. Raises ``ValueError`` for anything else."""
        match = _FORMAT.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is no character frame")
        return cls(baud, int(match[1]), match[2], int(match[3]))


def sent(data: bytes, line: LineFormat) -> list[int]:
    """The levels on the line, one for each bit time, with one idle bit before and after."""
    levels = [1]
    for byte in data:
        bits = [byte >> i & 1 for i in range(line.data_bits)]
        if line.parity != "N":
            bits.append(sum(bits) & 1 if line.parity == "E" else ~sum(bits) & 1)
        levels += [0, *bits, *[1] * line.stop_bits]
    return [*levels, 1]


def received(levels: list[int], sender_baud: int, line: LineFormat) -> bytes:
    """The bytes that a receiver set to ``line`` reads from levels at ``sender_baud``."""
    step = sender_baud / line.baud
    width = 1 + line.data_bits + (line.parity != "N") + 1
    found = bytearray()
    at, end = 0.0, len(levels)
    while at < end:
        try:
            start = levels.index(0, int(at))
        except ValueError:
            break
        begin = max(float(start), at)
        samples = [levels[int(t)] if (t := begin + step * (i + 0.5)) < end else 1 for i in range(width)]
        if samples[0] == 0:
            found.append(sum(bit << i for i, bit in enumerate(samples[1 : 1 + line.data_bits])))
            # A 16550 takes a low level in the place of the stop bit for the next start bit.
            at = begin + step * (width - 0.5 if samples[-1] else width - 1)
        else:
            at = begin + step  # a spike shorter than half a bit is no start
    return bytes(found)

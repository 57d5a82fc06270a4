"""Linky TIC, historic and standard mode: framing (Enedis-NOI-CPT_54E clause 5.3); the groups are read by ``tic_objects``.

``STX`` groups ``ETX``; a group is ``LF`` ... ``CR``. ``EOT`` in place of ``ETX``: the meter broke the frame off. The line is 7E1 (1200 or 9600 baud).

A frame with one bad group is refused whole. A checksum of six bits over a group leaves its label as doubtful as its data: nobody knows which
quantity is missing, and a three-phase meter that lacks one current looks like another kind of meter. The next frame comes within 2 s.
"""

import re

from chargebridge.wire.meter.framer import Framer
from chargebridge.wire.meter.options import DEFAULTS, DecoderOptions
from chargebridge.wire.meter.telegram import ClockOrigin, ErrorKind, Event, Protocol, Register, Telegram, error
from chargebridge.wire.meter.tic_objects import CLOCK, MEMO_LIMIT, METER, STATUS, GroupError, Groups, status_registers

MAX_SIZE = 4096
"""Frames of three-phase producers are the longest, below 1.5 kB."""
_STX, _ETX, _EOT = b"\x02", b"\x03", b"\x04"
_LF, _CR = b"\n\r"
_BROKEN = re.compile(rb"[\x02\x04]")
_LEAST = 8
_L2, _L3 = "1-0:51.7.0", "1-0:71.7.0"
"""Currents that are told both or neither."""
_MARK = re.compile(rb"\x02\n[A-Z][A-Z0-9+-]{2,9}[ \t]|\x82\nAD(?:\xc3\xcf|S\xc3)")
"""The begin of a frame; or of one with ADCO or ADSC that was received as 8N1, with the parity in the eighth bit."""
_JUDGED = 32
"""Bytes of noise that are waited for, so that its cause may be told."""
_ODD = bytes(n.bit_count() & 1 for n in range(256))


def find_frame(data: bytes) -> int:
    """Index of the first begin of a frame, -1 if there is none."""
    found = _MARK.search(data)
    return -1 if found is None else found.start()


class TicDecoder(Framer[Telegram]):
    """Stream to telegrams. Holds at most ``MAX_SIZE`` bytes between calls.

    With ``accept_bad_checksum`` a frame's bad groups are left out and told in ``unparsed``, ``crc_ok`` is False: for people who look at anonymised
    captures, never for control.
    """

    protocol = Protocol.TIC
    longest = MAX_SIZE
    filling = b"\r\n\0 "
    noise_cure = "check baud and format: 1200 7E1 in historic mode, 9600 7E1 in standard mode"

    def __init__(self, options: DecoderOptions = DEFAULTS) -> None:
        super().__init__()
        self._accept_bad_checksum = options.accept_bad_checksum
        self._groups = Groups(options.standard_offset)

    def _scan(self, buffer: bytes, events: list[Event], *, final: bool) -> int:
        at = skipped = 0
        while at < len(buffer):
            start = buffer.find(_STX, at)
            if start < 0:
                at = len(buffer)
                break
            end = buffer.find(_ETX, start + 1, start + MAX_SIZE)
            within = buffer[start + 1 : end if end >= 0 else start + MAX_SIZE]
            if end < 0 or _STX in within or _EOT in within:
                limit = _BROKEN.search(within)
                end = -1 if limit is None else start + 1 + limit.start()
            if end < 0:
                self._skip(buffer, skipped, start, events)
                at = skipped = start
                if len(buffer) - start >= MAX_SIZE:
                    self._lose(ErrorKind.OVERSIZE, start, f"no end within {MAX_SIZE} bytes", events)
                    at = skipped = start + MAX_SIZE
                    continue
                if final:
                    events.append(self._broken(start, len(buffer)))
                    at = skipped = len(buffer)
                break
            mark = buffer[end]
            at = end if mark == _STX[0] else end + 1
            if end - start < _LEAST:
                continue
            if start > skipped:
                self._skip(buffer, skipped, start, events)
            skipped = at
            self._noise = None
            if mark == _ETX[0]:
                events.append(self._frame(within, self._base + start))
            else:
                events.append(self._broken(start, end, "; the meter said so" if mark == _EOT[0] else ""))
        if final or self._noise is not None or at - skipped >= _JUDGED:
            self._skip(buffer, skipped, at, events)
            skipped = at
        return skipped

    def _broken(self, start: int, end: int, why: str = "") -> Event:
        return self._error(ErrorKind.TRUNCATED, start, f"frame breaks off after {end - start} bytes{why}")

    def _frame(self, body: bytes, offset: int) -> Event:
        """The telegram between ``STX`` and ``ETX``."""
        if body[0] != _LF or body[-1] != _CR:
            return error(Protocol.TIC, ErrorKind.CONTENT, offset, "frame does not consist of groups between LF and CR")
        groups = body[1:-1].split(b"\r\n")
        if len(self._groups) > MEMO_LIMIT:
            self._groups.forget()
        bad: list[str] = []
        try:
            registers = dict(map(self._groups.__getitem__, groups))
        except GroupError as problem:
            if not self._accept_bad_checksum:
                return error(Protocol.TIC, problem.kind, offset, problem.reason)
            registers, bad = self._good(groups)
        if len(registers) + len(bad) != len(groups):
            return error(Protocol.TIC, ErrorKind.CONTENT, offset, "frame tells one quantity twice")
        if (_L2 in registers) != (_L3 in registers):
            return error(Protocol.TIC, ErrorKind.TRUNCATED, offset, "frame lacks the current of one phase")
        return self._telegram(registers, bad, offset, len(body) + 2)

    def _good(self, groups: list[bytes]) -> tuple[dict[str, Register], list[str]]:
        """The registers of the good groups, and the bad ones as text."""
        registers: dict[str, Register] = {}
        bad: list[str] = []
        for group in groups:
            try:
                code, register = self._groups[group]
            except GroupError:
                bad.append(group.decode("latin-1"))
            else:
                registers[code] = register
        return registers, bad

    def _telegram(self, registers: dict[str, Register], bad: list[str], offset: int, size: int) -> Telegram:
        unparsed = bad
        if self._groups.unknown and not self._groups.unknown.isdisjoint(registers):
            others = [label for label in registers if label in self._groups.unknown]
            unparsed = [*bad, *("\t".join((label, *_texts(registers.pop(label)))) for label in others)]
        status = registers.get(STATUS)
        if status is not None and isinstance(status.value, int):
            registers |= status_registers(status.value)
        meter, clock = registers.get(METER), registers.get(CLOCK)
        told = "" if clock is None else _texts(clock)[0]
        return Telegram(
            protocol=Protocol.TIC,
            profile="tic-standard" if "0-0:0.2.8" in registers or clock is not None else "tic-historic",
            device=None,
            meter_id=None if meter is None else str(meter.value),
            registers=registers,
            clock=None if clock is None else clock.at,
            clock_origin=ClockOrigin.ASSUMED if told[:1] in ("H", "E") and clock is not None and clock.at else ClockOrigin.NONE,
            clock_text=told or None,
            crc_ok=not bad,
            unparsed=tuple(unparsed),
            offset=offset,
            size=size,
        )

    def _why(self, noise: bytes) -> tuple[str, str | None]:
        if not noise.isascii() and not any(noise.translate(_ODD)):
            return "bytes carry their parity in the eighth bit: the port is open as 8N1", "set format=7E1"
        return super()._why(noise)


def _texts(register: Register) -> tuple[str, ...]:
    return register.raw if isinstance(register.raw, tuple) else ("",)

"""The two 16-bit checksums of meter telegrams, without a loop over bytes.

Both process bits least significant first ("reflected"). A reflected CRC equals the plain one of the bit-reversed message, itself
bit-reversed; ``bytes.translate`` reverses all bytes in one call.

* CRC-16/X-25 (HDLC, IEC 62056-46 clause 6.4; SML) and CRC-16/KERMIT have the polynomial 0x1021, which ``binascii.crc_hqx`` knows.
* CRC-16/ARC (DSMR P1 5.0.2 clause 6.2) has x^16+x^15+x^2+1 = (x+1)(x^15+x+1). Modulo the second factor, squaring k times gives
  x^(15*2^k) = x^(2^k) + 1, so that the upper half of a message folds onto its lower half by two shifts of one big integer; modulo
  the first factor a message is its parity. The Chinese remainder theorem joins the two.
"""

from binascii import crc_hqx

_REVERSED = bytes(int(f"{i:08b}"[::-1], 2) for i in range(256))
_TRINOMIAL = 0x8003
_FOLDS = tuple((1 << k, 15 << k, (1 << (15 << k)) - 1) for k in range(14))
MAX_ARC_BYTES = 2 * (15 << 13) // 8 - 2
"""The longest message that the folds of ``arc`` reach, far above any telegram."""


def _reversed16(value: int) -> int:
    return _REVERSED[value & 0xFF] << 8 | _REVERSED[value >> 8]


def x25(data: bytes | bytearray | memoryview) -> int:
    """CRC-16/X-25: polynomial 0x1021 reflected, initial and final xor 0xFFFF; sent low byte first."""
    return _reversed16(crc_hqx(bytes(data).translate(_REVERSED), 0xFFFF)) ^ 0xFFFF


def kermit(data: bytes | bytearray | memoryview) -> int:
    """CRC-16/KERMIT: polynomial 0x1021 reflected, initial and final xor 0 (some Holley meters use it in SML)."""
    return _reversed16(crc_hqx(bytes(data).translate(_REVERSED), 0))


def arc(data: bytes | bytearray | memoryview) -> int:
    """CRC-16/ARC: polynomial 0x8005 reflected, initial and final xor 0."""
    if len(data) > MAX_ARC_BYTES:
        raise ValueError(f"{len(data)} bytes are too many for one CRC-16/ARC")
    message = int.from_bytes(bytes(data).translate(_REVERSED), "big") << 16
    parity = message.bit_count() & 1
    for shift, at, mask in _FOLDS[max(0, (message.bit_length() // 15).bit_length() - 1) :: -1]:
        while upper := message >> at:
            message = (message & mask) ^ upper ^ (upper << shift)
    if message.bit_count() & 1 != parity:
        message ^= _TRINOMIAL
    return _reversed16(message)

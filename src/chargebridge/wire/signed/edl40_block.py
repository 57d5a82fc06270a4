"""The 320 bytes that EDL40 meters sign, rebuilt from what a record says of one value (integers with the low byte first, unless said).

0 server id (10)   10 value time (4, seconds of local time)   14 status   15 second index (4)   19 page (4)   23 OBIS (6)   29 unit
30 scaler   31 value (8)   39 log index (2, high byte first)   41 contract (128, zero padded)   169 contract time (4)
173 historic value (8)   181 compensated value (8)   189 resistance (2)   191 stopwatch (4)   195 price (2, high byte first)   then zeros
"""

from decimal import Decimal

from msgspec import Struct

from chargebridge.wire.signed.errors import SignedFormatError
from chargebridge.wire.signed.record import Signature

SIZE = 320
WATT_HOURS = 30


class Block(Struct, frozen=True, kw_only=True):
    """Times in seconds. log: the two bytes after the signature."""

    server: bytes
    value_time: int
    status: int
    second_index: int
    page: int
    obis: bytes
    unit: int
    scaler: int
    value: int
    log: bytes
    contract: bytes
    contract_time: int
    historic: int = 0
    compensated: int = 0
    resistance: int = 0
    stopwatch: int = 0
    price: int = 0

    def energy_wh(self) -> Decimal | None:
        return Decimal(self.value).scaleb(self.scaler) if self.unit == WATT_HOURS else None

    def step_wh(self) -> Decimal:
        return Decimal(1).scaleb(self.scaler)

    def encode(self) -> bytes:
        """Raises SignedFormatError for what does not fit."""
        try:
            fields = (
                (self.server.ljust(10, b"\0"), 10),
                (_low(self.value_time, 4), 4),
                (bytes([self.status & 0xFF]), 1),
                (_low(self.second_index, 4), 4),
                (_low(self.page, 4), 4),
                (self.obis, 6),
                (bytes([self.unit]), 1),
                (self.scaler.to_bytes(1, "big", signed=True), 1),
                (self.value.to_bytes(8, "little", signed=True), 8),
                (self.log, 2),
                (self.contract.ljust(128, b"\0"), 128),
                (_low(self.contract_time, 4), 4),
                (_low(self.historic, 8), 8),
                (_low(self.compensated, 8), 8),
                (_low(self.resistance, 2), 2),
                (_low(self.stopwatch, 4), 4),
                (self.price.to_bytes(2, "big"), 2),
            )
        except (OverflowError, ValueError) as error:
            raise SignedFormatError("signed block", f"a field does not fit: {error}") from None
        for content, size in fields:
            if len(content) != size:
                raise SignedFormatError("signed block", f"a field of {len(content)} bytes where {size} are due")
        return b"".join(content for content, _ in fields).ljust(SIZE, b"\0")


def split_signature(data: bytes) -> tuple[bytes, bytes]:
    """r and s, and the two bytes of the log index after them."""
    if len(data) not in (50, 66):
        raise SignedFormatError("signature", f"{len(data)} bytes instead of 50 or 66")
    return data[:-2], data[-2:]


def signature_of(signed: bytes, data: bytes) -> Signature:
    """data: r and s of 24 or 32 bytes each."""
    half = len(data) // 2
    if len(data) not in (48, 64):
        raise SignedFormatError("signature", f"{len(data)} bytes instead of 48 or 64")
    curve = "secp192r1" if half == 24 else "secp256r1"
    return Signature(
        signed=signed, r=int.from_bytes(data[:half], "big"), s=int.from_bytes(data[half:], "big"), curve=curve, curves=(curve,)
    )


def contract_text(contract: bytes) -> str:
    """The customer. EMH's eMOC counts begin and end in a byte before it, which is not part of his name."""
    return contract.strip(bytes(range(32))).decode("latin-1")


def _low(value: int, size: int) -> bytes:
    return (value & ((1 << 8 * size) - 1)).to_bytes(size, "little")

"""EMHCrypt01: one value of an EMH meter in JSON, as chargeIT's container has it.

Signed are the 320 bytes of ``edl40_block`` with the historic value and all that follows left empty; the contract is its text, times are local. The
``timestamp`` of the value and of the contract, the offsets from UTC, the transaction and all of ``meterInfo`` but the meter's id are not covered.
"""

from datetime import UTC, datetime, timedelta, timezone

import msgspec
from msgspec import Struct

from chargebridge.wire.signed.edl40_block import Block, signature_of
from chargebridge.wire.signed.errors import SignedFormatError
from chargebridge.wire.signed.keys import PublicKey, read_key
from chargebridge.wire.signed.record import Kind, Reading, SignedFormat, SignedRecord, TimeQuality

MAX_BYTES = 64 * 1024
MARK = b'"logBook"'
_MOST_MINUTES = 24 * 60 - 1


class LocalTime(Struct, rename="camel"):
    """timestamp: seconds since 1970, UTC. The offsets: minutes."""

    timestamp: int
    local_offset: int = 0
    season_offset: int = 0

    @property
    def minutes(self) -> int:
        return self.local_offset + self.season_offset

    @property
    def local(self) -> int:
        return self.timestamp + 60 * self.minutes


class Measured(Struct, rename="camel"):
    timestamp_local: LocalTime
    value: int | str
    scale: int
    unit_encoded: int


class Contract(Struct, rename="camel"):
    id: str
    timestamp_local: LocalTime


class Meter(Struct, rename="camel"):
    meter_id: str
    public_key: str = ""


class Measurand(Struct):
    id: str


class Indexes(Struct, rename="camel"):
    timer: int
    log_book: str


class Additional(Struct):
    indexes: Indexes
    status: str


class Value(Struct, rename="camel"):
    signature: str
    measured_value: Measured
    contract: Contract
    meter_info: Meter
    measurand: Measurand
    measurement_id: str
    additional_info: Additional


_decoder = msgspec.json.Decoder(Value)


def read_emh_crypt(data: bytes) -> SignedRecord:
    """Raises SignedFormatError."""
    if len(data) > MAX_BYTES:
        raise SignedFormatError("EMHCrypt01", f"{len(data)} bytes, more than {MAX_BYTES}")
    try:
        told = _decoder.decode(data)
        measured = told.measured_value
        block = Block(
            server=bytes.fromhex(told.meter_info.meter_id),
            value_time=measured.timestamp_local.local,
            status=bytes.fromhex(told.additional_info.status)[0],
            second_index=told.additional_info.indexes.timer,
            page=int.from_bytes(bytes.fromhex(told.measurement_id), "big"),
            obis=bytes.fromhex(told.measurand.id),
            unit=measured.unit_encoded,
            scaler=measured.scale,
            value=int(measured.value),
            log=bytes.fromhex(told.additional_info.indexes.log_book),
            contract=told.contract.id.encode(),
            contract_time=told.contract.timestamp_local.local,
        )
        _fits(block, told.measurement_id)
        signature = signature_of(block.encode(), bytes.fromhex(told.signature))
        minutes = max(-_MOST_MINUTES, min(_MOST_MINUTES, measured.timestamp_local.minutes))
        at = datetime.fromtimestamp(measured.timestamp_local.timestamp, UTC).astimezone(timezone(timedelta(minutes=minutes)))
    except (msgspec.DecodeError, UnicodeError, ValueError, IndexError, OverflowError, OSError) as error:
        raise SignedFormatError("EMHCrypt01", str(error)) from None
    key, refused = _key(told.meter_info.public_key)
    return SignedRecord(
        format=SignedFormat.EMH_CRYPT,
        raw=data,
        signatures=(signature,),
        readings=(
            Reading(
                kind=Kind.OTHER,
                energy_wh=block.energy_wh(),
                step_wh=block.step_wh(),
                obis=block.obis.hex(),
                at=at,
                time_quality=TimeQuality.INFORMATIVE,
                status=f"{block.status:02x}",
            ),
        ),
        key=key,
        key_refused=refused,
        meter=block.server.hex(),
        session=block.log.hex(),
        page=block.page,
        customer=told.contract.id.rstrip("\0"),
        unsigned=("timestamp", "transactionId", "contract.type", "meterInfo.publicKey", "localOffset", "seasonOffset"),
    )


def _fits(block: Block, page: str) -> None:
    """What is larger than its place would be cut there, and another value than the one that was signed be shown. Raises ValueError."""
    if len(page) != 8 or len(block.server) != 10:
        raise ValueError("measurementId or meterId has not the length that it must have")
    if not all(0 <= number < 1 << 32 for number in (block.value_time, block.contract_time, block.second_index)):
        raise ValueError("a time or the timer is larger than its place")


def _key(text: str) -> tuple[PublicKey | None, str]:
    try:
        return (read_key(text, ("secp192r1",)), "") if text else (None, "")
    except SignedFormatError as error:
        return None, error.reason

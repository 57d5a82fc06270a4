"""EDL40 E-Mobility Extension (EMH eHZ and eMOC, sold by Ebee and others): one SML file for each value.

The signature is over 320 bytes that are rebuilt from the entries (``edl40_block``); it stands in the list's signature, its last two bytes are the
log index of the session. Meters of the P-256 kind sign a status byte that gathers six bits of the status word.
"""

from datetime import UTC, datetime

from chargebridge.wire.signed.edl40_block import Block, contract_text, signature_of, split_signature
from chargebridge.wire.signed.errors import SignedFormatError
from chargebridge.wire.signed.record import Kind, Reading, SignedFormat, SignedRecord, TimeQuality
from chargebridge.wire.signed.sml_record import SmlEntry, SmlList, read_list

MAX_BYTES = 16 * 1024
VALUES = ("0100011100ff", "0100010800ff")
CONTRACT, PAGE, SECOND_INDEX = "8182815401ff", "8180817101ff", "810060080001"
HISTORIC, COMPENSATED = "010001110064", "0100011100c8"
RESISTANCE, STOPWATCH, PRICE = "00af6c6c72ff", "00af647572ff", "00af707263ff"
_STATUS_BITS = {0: 17, 3: 31, 4: 16, 5: 11, 6: 9, 7: 8}
_FATAL_STATUS = 1 << 8 | 1 << 9
FIRST_CLOCK = 946_684_800
"""Seconds before this, the year 2000, count from when the meter was started."""


def read_edl40(data: bytes) -> SignedRecord:
    """data: of one SML file. Raises SignedFormatError."""
    if len(data) > MAX_BYTES:
        raise SignedFormatError("record", f"{len(data)} bytes, more than {MAX_BYTES}")
    listed = read_list(data)
    block = _block(listed)
    raw, _ = split_signature(listed.signature)
    signature = signature_of(block.encode(), raw)
    seconds = listed.entries[block.obis.hex()].time
    clock = seconds is not None and seconds.offset_s is not None and seconds.seconds >= FIRST_CLOCK
    return SignedRecord(
        format=SignedFormat.EDL40,
        raw=data,
        signatures=(signature,),
        readings=(
            Reading(
                kind=Kind.OTHER,
                energy_wh=block.energy_wh(),
                step_wh=block.step_wh(),
                obis=block.obis.hex(),
                at=datetime.fromtimestamp(seconds.seconds, UTC) if clock and seconds else None,
                time_quality=TimeQuality.INFORMATIVE if clock else TimeQuality.RELATIVE,
                status=f"{block.status:02x}",
            ),
        ),
        meter=listed.server.hex(),
        session=block.log.hex(),
        page=block.page,
        customer=contract_text(block.contract),
    )


def _block(listed: SmlList) -> Block:
    entries = listed.entries
    code = next((code for code in VALUES if code in entries), None)
    if code is None or CONTRACT not in entries or PAGE not in entries:
        raise SignedFormatError("SML list", "value, contract or page is missing")
    value, contract, page = entries[code], entries[CONTRACT], entries[PAGE]
    if not isinstance(value.value, int) or not isinstance(contract.value, bytes) or not isinstance(page.value, int) or value.time is None:
        raise SignedFormatError("SML list", "value, contract or page has another type than EDL40's")
    raw, log = split_signature(listed.signature)
    word = value.status or 0
    return Block(
        server=listed.server,
        value_time=value.time.local,
        status=word & 0xFF if len(raw) == 48 else sum((word >> source & 1) << bit for bit, source in _STATUS_BITS.items()),
        second_index=_second_index(entries.get(SECOND_INDEX)),
        page=page.value,
        obis=bytes.fromhex(code),
        unit=value.unit,
        scaler=value.scaler,
        value=value.value,
        log=log,
        contract=contract.value,
        contract_time=contract.time.local if contract.time else 0,
        historic=_number(entries.get(HISTORIC)),
        compensated=_number(entries.get(COMPENSATED)),
        resistance=_number(entries.get(RESISTANCE)),
        stopwatch=_number(entries.get(STOPWATCH)),
        price=_number(entries.get(PRICE)),
    )


def _second_index(entry: SmlEntry | None) -> int:
    return entry.time.seconds if entry and entry.time else entry.index if entry else 0


def _number(entry: SmlEntry | None) -> int:
    return entry.value if entry and isinstance(entry.value, int) else 0

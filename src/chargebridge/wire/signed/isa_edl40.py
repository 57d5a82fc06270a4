"""ISA-EDL40-P (Isabellenhütte IEM-DCR): one SML file with the counter at the start of the session and as it is now.

Signed are 320 bytes, integers with the low byte first:

    0 server id (10)   10 time of the value (4)   14 status   15 OBIS (6)   21 unit   22 scaler   23 value (8)   31 log index (2)
    33 signature of the value (66)   99 contract (128)   227 time of the start (4)   231 ESTH (20)   251 status   252 OBIS (6)   258 unit
    259 scaler   260 value at the start (8)   268 list name (6)   274 page (4)   then zeros

Only a list of the name that ends in 02 stands for a session; those of its begin and on the way are signed as well.
"""

from decimal import Decimal

from chargebridge.wire.signed.edl40_block import SIZE, WATT_HOURS, contract_text, signature_of, split_signature
from chargebridge.wire.signed.errors import SignedFormatError
from chargebridge.wire.signed.record import Kind, Reading, SignedFormat, SignedRecord, TimeQuality
from chargebridge.wire.signed.sml_record import SmlEntry, read_list

MAX_BYTES = 16 * 1024
CONTRACT, START, NOW, PAGE, ESTH = "8182815401ff", "010001080080", "0100010800ff", "8180c7f040ff", "8180816101ff"
NAME_PREFIX = bytes.fromhex("0781808162")
"""What the names of the three lists begin with, after their length."""
_LIST_KINDS = {0: Kind.BEGIN, 1: Kind.INTERMEDIATE, 2: Kind.END}


def read_isa_edl40(data: bytes) -> SignedRecord:
    """data: of one SML file. Raises SignedFormatError."""
    if len(data) > MAX_BYTES:
        raise SignedFormatError("record", f"{len(data)} bytes, more than {MAX_BYTES}")
    listed = read_list(data)
    try:
        contract, start, now, page, esth = (listed.entries[code] for code in (CONTRACT, START, NOW, PAGE, ESTH))
    except KeyError as error:
        raise SignedFormatError("SML list", f"entry {error.args[0]} is missing") from None
    if (
        not isinstance(contract.value, bytes)
        or not isinstance(esth.value, bytes)
        or not isinstance(page.value, int)
        or now.signature is None
    ):
        raise SignedFormatError("SML list", "an entry has another type than ISA-EDL40-P's")
    raw, log = split_signature(listed.signature)
    signed = b"".join(
        (
            listed.server.ljust(10, b"\0"),
            _register(now, NOW, timed=True),
            log,
            now.signature.ljust(66, b"\0"),
            contract.value.ljust(128, b"\0"),
            _time(start),
            esth.value.ljust(20, b"\0"),
            _register(start, START, timed=False),
            listed.name.ljust(6, b"\0"),
            (page.value & 0xFFFFFFFF).to_bytes(4, "little"),
        )
    )
    if len(signed) != 278:
        raise SignedFormatError("signed block", f"{len(signed)} bytes instead of 278")
    kind = _LIST_KINDS.get(listed.name[-2] if len(listed.name) > 1 else -1, Kind.OTHER)
    return SignedRecord(
        format=SignedFormat.ISA_EDL40,
        raw=data,
        signatures=(signature_of(signed.ljust(SIZE, b"\0"), raw),),
        readings=(_reading(start, START, Kind.BEGIN), _reading(now, NOW, kind if kind is not Kind.BEGIN else Kind.INTERMEDIATE)),
        meter=listed.server.hex(),
        session=log.hex(),
        page=page.value,
        customer=contract_text(contract.value),
    )


def _reading(entry: SmlEntry, code: str, kind: Kind) -> Reading:
    assert isinstance(entry.value, int)
    return Reading(
        kind=kind,
        energy_wh=Decimal(entry.value).scaleb(entry.scaler) if entry.unit == WATT_HOURS else None,
        step_wh=Decimal(1).scaleb(entry.scaler),
        obis=code,
        time_quality=TimeQuality.INFORMATIVE,
        status=f"{(entry.status or 0) & 0xFF:02x}",
    )


def _register(entry: SmlEntry, code: str, *, timed: bool) -> bytes:
    if not isinstance(entry.value, int):
        raise SignedFormatError("SML list", f"the value of {code} is no number")
    try:
        return b"".join(
            (
                _time(entry) if timed else b"",
                bytes([(entry.status or 0) & 0xFF]),
                bytes.fromhex(code),
                bytes([entry.unit]),
                entry.scaler.to_bytes(1, "big", signed=True),
                entry.value.to_bytes(8, "little", signed=True),
            )
        )
    except (OverflowError, ValueError) as error:
        raise SignedFormatError("signed block", f"a field of {code} does not fit: {error}") from None


def _time(entry: SmlEntry) -> bytes:
    return ((entry.time.local if entry.time else 0) & 0xFFFFFFFF).to_bytes(4, "little")

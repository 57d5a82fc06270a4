"""What single makes of German base meters do differently, each on a file built for it: the form of values, and the reading that comes of it."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from chargebridge.meters.quantities import reading_of
from chargebridge.wire.meter import DecodeError, SmlDecoder, Telegram
from chargebridge.wire.meter.crc import kermit, x25
from chargebridge.wire.meter.sml_messages import GET_LIST_RESPONSE
from chargebridge.wire.meter.sml_transport import ESCAPE, wrap
from chargebridge.wire.meter.sml_tree import END_OF_MESSAGE, integer, octets, sequence

ABSENT = octets(None)
SERVER = bytes.fromhex("0a01454d480000bc614e")
WH, W, DEG, HZ = 30, 27, 8, 44
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def entry(code: str, value: bytes, unit: int | None = None, scaler: int | None = None, status: int | None = None) -> bytes:
    return sequence(
        octets(bytes.fromhex(code)),
        ABSENT if status is None else integer(status, signed=False, width=4),
        ABSENT,
        ABSENT if unit is None else integer(unit, signed=False, width=1),
        ABSENT if scaler is None else integer(scaler, signed=True, width=1),
        value,
        ABSENT,
    )


def file(*entries: bytes, time: bytes = ABSENT, checksum=x25) -> bytes:
    body = sequence(ABSENT, octets(SERVER), ABSENT, time, sequence(*entries), ABSENT, ABSENT)
    small = integer(0, signed=False, width=1)
    head = sequence(octets(b"\1"), small, small, sequence(integer(GET_LIST_RESPONSE, signed=False, width=2), body), b"", b"")
    return wrap(head + b"\x63" + checksum(head).to_bytes(2, "little") + bytes([END_OF_MESSAGE]))


def signed(number: int, width: int) -> bytes:
    return integer(number, signed=True, width=width)


def unsigned(number: int, width: int) -> bytes:
    return integer(number, signed=False, width=width)


def telegram(*entries: bytes, **told) -> Telegram:
    """The telegram of a file, the same for one that the decoder knows the form of."""
    decoder = SmlDecoder()
    first, again = decoder.feed(file(*entries, **told) * 2)
    assert isinstance(first, Telegram)
    assert isinstance(again, Telegram)
    assert again.registers == first.registers
    return first


def reading(*entries: bytes, **told):
    return reading_of(telegram(*entries, **told), meter="grid", received_at=NOW)


IMPORTED = entry("0100010800ff", unsigned(54301577, 8), WH, -1, 0x1C0104)
MAKER = entry("010060320101", octets(b"EMH"))
DZG = entry("010060320101", octets(b"DZG"))


def test_maker_and_number_on_the_face():
    found = telegram(MAKER, IMPORTED)
    assert (found.device, found.meter_id) == ("EMH", "1EMH0012345678")
    assert found.registers["1-0:1.8.0"].status == 0x1C0104


@pytest.mark.parametrize("width", range(1, 9))
def test_integers_take_their_sign_from_the_width_that_was_sent(width):
    least = -(1 << 8 * width - 1)
    found = telegram(entry("0100100700ff", signed(least, width), W, 0), entry("0100240700ff", unsigned(-least, width), W, 0))
    assert found.registers["1-0:16.7.0"].value == float(least)
    assert found.registers["1-0:36.7.0"].value == float(-least)


def test_holley_s_other_checksum():
    assert telegram(IMPORTED, checksum=kermit).registers["1-0:1.8.0"].value == Decimal("5430157.7")


def test_holley_s_time_without_its_choice():
    found = telegram(IMPORTED, time=unsigned(123456, 4))
    assert found.clock is None
    assert "1-0:1.8.0" in found.registers


def test_an_entry_without_a_value():
    """EMH's eHZ-IW8E2A5L0EK2P."""
    found = reading(IMPORTED, entry("0100020800ff", ABSENT, WH, -1), entry("0100100700ff", signed(1367, 4), W, -1))
    assert (found.energy_export_wh, found.power_w) == (None, 136.7)


def test_without_pin_there_are_whole_kilowatt_hours_and_no_power():
    for value in (entry("0100010800ff", unsigned(1234, 8), WH, 3), entry("0100010800ff", unsigned(12340000, 8), WH, -1)):
        found = reading(value)
        assert (found.energy_import_wh, found.power_w, found.current_a) == (Decimal(1234000), None, (None, None, None))


def test_all_that_a_three_phase_meter_tells():
    found = reading(
        IMPORTED,
        entry("0100020800ff", unsigned(10, 8), WH, -1),
        entry("0100100700ff", signed(-150, 4), W, 0),
        *(entry(f"0100{c:02x}0700ff", signed(watt, 4), W, 0) for c, watt in ((36, -250), (56, 60), (76, 40))),
        *(entry(f"0100{c:02x}0700ff", unsigned(2301, 2), 35, -1) for c in (32, 52, 72)),
        *(entry(f"0100{c:02x}0700ff", unsigned(amp, 2), 33, -2) for c, amp in ((31, 110), (51, 30), (71, 20))),
        entry("0100510701ff", unsigned(120, 2), DEG, 0),
        entry("01000e0700ff", unsigned(500, 2), HZ, -1),
    )
    assert (found.power_w, found.power_w_phases) == (-150.0, (-250.0, 60.0, 40.0))
    assert found.voltage_v == (230.1, 230.1, 230.1)
    assert found.current_a[0] == pytest.approx(-1.1, abs=0.05)
    assert found.frequency_hz == 50.0
    assert found.derived in ((), ("current_a",))


def test_dzg_s_power_in_too_few_bytes():
    short = entry("0100100700ff", signed(0x8B28 - 0x10000, 2), W, -2)
    assert reading(DZG, IMPORTED, short).power_w == pytest.approx(356.24)
    three = entry("0100100700ff", signed(0x900000 - 0x1000000, 3), W, -2)
    assert reading(DZG, IMPORTED, three).power_w == pytest.approx(0x900000 / 100)
    exporting = entry("0100010800ff", unsigned(54301577, 8), WH, -1, 0x1C0904)
    assert reading(DZG, exporting, short).power_w == pytest.approx(-299.12)


def test_other_makers_powers_keep_their_sign():
    assert reading(MAKER, IMPORTED, entry("0100100700ff", signed(-29912, 2), W, -2)).power_w == pytest.approx(-299.12)


def test_a_magnitude_of_a_meter_that_counts_one_way():
    """EMH's eHZ-HW has 15.7.0 alone; Dr. Neuhaus' SMARTY that feeds in too, beside 2.8.0."""
    magnitude = entry("01000f0700ff", unsigned(1635, 4), W, -1)
    exported = entry("0100020800ff", unsigned(43730, 8), WH, -1)
    assert reading(IMPORTED, magnitude).power_w == 163.5
    assert reading(exported, magnitude).power_w == -163.5
    assert reading(IMPORTED, exported, magnitude).power_w == 163.5


def test_escapes_inside_a_value_are_doubled():
    inside = octets(b"A" + ESCAPE + b"B" + ESCAPE)
    assert telegram(entry("0100600100ff", inside)).registers["1-0:96.1.0"].raw == b"A" + ESCAPE + b"B" + ESCAPE


def test_damaged_files_between_whole_ones():
    """EasyMeter's Q3A: three files of seven."""
    whole = file(IMPORTED)
    damaged = bytearray(whole)
    damaged[len(whole) // 2] ^= 4
    events = SmlDecoder().feed(whole + bytes(damaged) + whole + whole[: len(whole) // 2] + whole + bytes(damaged) + whole)
    assert [type(event) for event in events] == [Telegram, DecodeError, Telegram, DecodeError, Telegram, DecodeError, Telegram]

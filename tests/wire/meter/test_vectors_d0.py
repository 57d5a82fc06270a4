"""Every D0 capture decodes to all that its expected file says; what the protocol tells besides is held on made-up telegrams."""

import re
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.wire.meter.decoding import run

from chargebridge.sim.telegrams.d0 import with_parity
from chargebridge.wire.meter import AutoDecoder, DecodeError, ErrorKind, Event, Protocol, Scale, Telegram, detect, obis
from chargebridge.wire.meter.d0 import D0Decoder, block_check
from chargebridge.wire.meter.d0_objects import name

_FIELDS = {"file", "kind", "real_capture", "encrypted", "origin", "note", "ident", "bcc", "source_bcc", "registers"}
_NUMBER = re.compile(r"(-?\d+(?:\.\d+)?)\*(k?)(\w+)")


def _decode(data: bytes, size: int = 10_000) -> list[Event]:
    return run(D0Decoder(), data, size)


def test_vector(d0_vector):
    expected = d0_vector.expected
    assert set(expected) <= _FIELDS, "a field that nobody looks at"
    data = d0_vector.data
    assert detect(data) is Protocol.D0
    for size in (1, 7, 10_000):
        (telegram,) = _decode(data, size)
        assert isinstance(telegram, Telegram)
        _check(telegram, expected)
    start = data.index(b"/", 1) if data.startswith(b"/?") else 0
    assert (telegram.offset, telegram.size) == (start, len(data) - start)


def _check(telegram: Telegram, expected: dict) -> None:
    if "ident" in expected:
        assert telegram.device == expected["ident"]
    assert telegram.crc_ok is (True if "bcc" in expected else None)
    assert telegram.unparsed == ()
    assert set(telegram.registers) == {name(code) for code in expected["registers"]}
    for code, text in expected["registers"].items():
        register = telegram.registers[name(code)]
        assert register.raw == (text,)
        assert register.scale is Scale.TELEGRAM
        match = _NUMBER.fullmatch(text)
        if match is None:
            assert register.unit == ""
            assert str(register.value).zfill(len(text)) == text or (register.value or "") == text.strip()
        else:
            assert Decimal(str(register.value)) == Decimal(match[1]) * (1000 if match[2] else 1)
            assert register.unit == match[3]


def test_the_check_character_is_the_one_of_the_capture(d0_vector):
    if "bcc" in d0_vector.expected:
        block = d0_vector.data.partition(b"\x02")[2]
        assert f"{block_check(block[:-1]):02x}" == d0_vector.expected["bcc"]
        assert block[-1] == int(d0_vector.expected["bcc"], 16)
        assert d0_vector.expected.get("source_bcc", d0_vector.expected["bcc"]) == d0_vector.expected["bcc"]


@given(st.binary(max_size=300))
def test_block_check_is_the_exclusive_or(data):
    value = 0
    for byte in data:
        value ^= byte
    assert block_check(data) == value


def test_parity_bits_are_read_and_told_once(d0_vector):
    """A port set to 8N1: nothing is lost, the setting is told, and the protocol is recognised all the same."""
    data = with_parity(d0_vector.data)
    assert detect(data) is Protocol.D0
    told, first, second = _decode(data + with_parity(b"\r\n") + data)
    assert isinstance(told, DecodeError)
    assert "parity bit" in told.reason
    assert "format=7E1" in told.cure
    (plain,) = _decode(d0_vector.data)
    assert isinstance(plain, Telegram)
    for event in (first, second):
        assert isinstance(event, Telegram)
        assert (event.registers, event.crc_ok) == (plain.registers, plain.crc_ok)


PUSH = b"/EBZ5DD32R10ETA_107\r\n\r\n1-0:1.8.0*255(003902.58359727*kWh)\r\n1-0:16.7.0*255(-00458.90*W)\r\n!\r\n"


@given(st.integers(0, len(PUSH) - 1), st.integers(0, 7))
def test_no_flipped_bit_of_a_telegram_with_parity_gives_a_wrong_value(at, bit):
    data = bytearray(with_parity(PUSH))
    data[at] ^= 1 << bit
    (right,) = _decode(PUSH)
    found = [event for event in _decode(bytes(data) + PUSH) if isinstance(event, Telegram)]
    assert found[-1].registers == right.registers
    assert all(event.registers == right.registers for event in found)


def test_damaged_characters_are_refused_and_the_format_named():
    data = bytearray(with_parity(PUSH))
    data[40] ^= 1
    (refused,) = _decode(bytes(data))
    assert isinstance(refused, DecodeError)
    assert (refused.kind, refused.offset) == (ErrorKind.CHECKSUM, 0)
    assert "1 of 91 characters have the wrong parity" in refused.reason
    assert "7E1" in refused.cure


def test_a_wrong_check_character_costs_the_telegram():
    block = b"1.8.0(000001.0*kWh)\r\n!\r\n\x03"
    good = b"/ABC5X\r\n\x02" + block + bytes((block_check(block),))
    bad = good.replace(b"1.0*", b"2.0*")
    refused, telegram = _decode(bad + good)
    assert isinstance(refused, DecodeError)
    assert (refused.kind, refused.offset) == (ErrorKind.CHECKSUM, 0)
    assert isinstance(telegram, Telegram)
    assert (telegram.crc_ok, telegram.offset, telegram.registers["1-0:1.8.0"].value) == (True, len(bad), Decimal(1000))


@pytest.mark.parametrize("damaged", [2 ^ 1 << bit for bit in range(8)])
def test_a_damaged_stx_loses_no_object_in_silence(damaged):
    block = b"1.8.0(000001.0*kWh)\r\n2.8.0(000002.0*kWh)\r\n!\r\n\x03"
    data = b"/ABC5X\r\n" + bytes((damaged,)) + block + bytes((block_check(block),))
    for event in _decode(data):
        assert isinstance(event, DecodeError) or len(event.registers) == 2


def test_a_telegram_that_breaks_off_joins_the_next_in_the_middle_of_a_line():
    cut, whole = _decode(PUSH[:60] + PUSH)
    assert isinstance(cut, DecodeError)
    assert (cut.kind, cut.offset, cut.reason) == (ErrorKind.TRUNCATED, 0, "telegram breaks off after 60 bytes")
    assert isinstance(whole, Telegram)
    assert whole.offset == 60


def test_a_slash_in_a_text_opens_no_telegram():
    (telegram,) = _decode(b"/ABC5X\r\n0.2.0(V/ABC5)\r\n1.8.0(1*kWh)\r\n!\r\n")
    assert isinstance(telegram, Telegram)
    assert telegram.registers["1-0:0.2.0"].value == "V/ABC5"


@pytest.mark.parametrize(("text", "code"), [
    ("1.8.0", "1-0:1.8.0"), ("32.7", "1-0:32.7.0"), ("1-0:1.8.0*255", "1-0:1.8.0"), ("1-0:1.8.0*96", "1-0:1.8.0*96"), ("1.8.1&07", "1-0:1.8.1*7"),
    ("1-0:21.7.255*255", "1-0:21.7.0"), ("C.1.0", "0-0:96.1.0"), ("F.F", "0-0:97.97.0"), ("P.01", "1-0:99.1.0"), ("0.9.1", "1-0:0.9.1"),
    ("X.1", None), ("1.8.300", None), ("", None),
])  # fmt: skip
def test_codes(text, code):
    assert name(text) == code
    assert code is None or obis.canonical(code) == code


def _registers(*lines: str) -> dict:
    (telegram,) = _decode(("/ABC5X\r\n" + "\r\n".join(lines) + "\r\n!\r\n").encode())
    assert isinstance(telegram, Telegram)
    return telegram.registers


def test_units_that_are_missing_or_part_of_the_value():
    found = _registers(
        "1.8.0(01392.5*)", "2.8.0(0.12)", "16.7(1.5)", "32.7(231)", "1.8.1(12.5kWh)", "C.7.0(0012)", "C.1.0(00123A)", "82.8.1(0000)"
    )
    assert {code: (register.value, register.unit, register.scale) for code, register in found.items()} == {
        "1-0:1.8.0": (Decimal(1392500), "Wh", Scale.UNKNOWN), "1-0:2.8.0": (Decimal(120), "Wh", Scale.UNKNOWN),
        "1-0:16.7.0": (1500.0, "W", Scale.UNKNOWN), "1-0:32.7.0": (231.0, "V", Scale.UNKNOWN),
        "1-0:1.8.1": (Decimal(12500), "Wh", Scale.TELEGRAM), "0-0:96.7.0": (12, "", Scale.TELEGRAM),
        "0-0:96.1.0": ("00123A", "", Scale.TELEGRAM), "1-0:82.8.1": (0, "", Scale.TELEGRAM),
    }  # fmt: skip


def test_values_with_their_time_and_on_further_lines():
    found = _registers(
        "1.6.1(00.123*kW)(2401311215)", "1.6.1*01(00.100*kW)(1230701120000)", "(x)", "0.1.0(1)(2)(3)", "text without brackets"
    )
    peak = found["1-0:1.6.1"]
    assert (peak.value, peak.unit, peak.at) == (123.0, "W", datetime(2024, 1, 31, 11, 15, tzinfo=UTC))
    stored = found["1-0:1.6.1*1"]
    assert (stored.at, stored.raw) == (datetime(2023, 7, 1, 10, tzinfo=UTC), ("00.100*kW", "1230701120000", "x"))
    assert found["1-0:0.1.0"].raw == ("1", "2", "3")


@pytest.mark.parametrize(("date", "time", "utc"), [
    ("0260109", "120000", "2026-01-09T11:00:00"), ("1260709", "12:00:00", "2026-07-09T10:00:00"), ("2260709", "120000", "2026-07-09T12:00:00"),
    ("26-01-09", "12:00:00", "2026-01-09T11:00:00"), ("0261309", "120000", None), ("", "", None),
])  # fmt: skip
def test_clock(date, time, utc):
    (telegram,) = _decode(f"/ABC5X\r\n0.9.1({time})\r\n0.9.2({date})\r\n1.8.0(1*kWh)\r\n!\r\n".encode())
    assert isinstance(telegram, Telegram)
    assert telegram.clock == (None if utc is None else datetime.fromisoformat(utc).replace(tzinfo=UTC))


def test_without_objects_nothing_is_told():
    (event,) = _decode(b"/ABC5X\r\n!\r\n")
    assert isinstance(event, DecodeError)
    assert event.kind is ErrorKind.CONTENT


def test_found_in_a_stream_of_single_bytes():
    """P1 and D0 begin alike; which it is shows a few bytes later."""
    decoder = AutoDecoder()
    for at in range(len(PUSH)):
        decoder.feed(PUSH[at : at + 1])
    assert decoder.protocol is Protocol.D0

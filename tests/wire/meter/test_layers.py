"""The shared layers, each by what its standard says."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebridge.wire.meter import (
    ClockOrigin,
    DecodeError,
    DlmsDecoder,
    ErrorKind,
    P1Decoder,
    Scale,
    Telegram,
    axdr,
    cosem_time,
    crc,
    hdlc,
    obis,
)
from chargebridge.wire.meter.lists import DecoderOptions, kamstrup
from chargebridge.wire.meter.number import register
from chargebridge.wire.meter.sml_transport import ESCAPE, SmlFile, SmlFramer, wrap
from chargebridge.wire.meter.sml_tree import integer, octets, parse, sequence
from chargebridge.wire.meter.telegram import ContentError


def _bitwise(data: bytes, polynomial: int, value: int, final: int) -> int:
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (polynomial if value & 1 else 0)
    return value ^ final


@given(st.binary(max_size=3000))
def test_checksums_are_the_bitwise_ones(data):
    assert crc.x25(data) == _bitwise(data, 0x8408, 0xFFFF, 0xFFFF)
    assert crc.kermit(data) == _bitwise(data, 0x8408, 0, 0)
    assert crc.arc(data) == _bitwise(data, 0xA001, 0, 0)


def test_checksums_of_the_catalogue():
    assert (crc.x25(b"123456789"), crc.kermit(b"123456789"), crc.arc(b"123456789")) == (0x906E, 0x2189, 0xBB3D)
    assert crc.arc(b"\xff" * crc.MAX_ARC_BYTES) == _bitwise(b"\xff" * crc.MAX_ARC_BYTES, 0xA001, 0, 0)
    with pytest.raises(ValueError, match="too many"):
        crc.arc(bytes(crc.MAX_ARC_BYTES + 1))


@given(st.binary(max_size=2000), st.booleans())
def test_hdlc_frame_and_back(information, segmented):
    data = hdlc.frame(information, destination=b"\xce\xff", source=b"\x03", control=0x13, segmented=segmented)
    framer = hdlc.HdlcFramer()
    (frame,) = framer.feed(data)
    assert frame == hdlc.Frame(b"\xce\xff", b"\x03", 0x13, segmented, information, 0, len(data))


def test_one_flag_may_close_a_frame_and_open_the_next():
    data = hdlc.frame(b"one", destination=b"\x01", source=b"\x21", control=0x13)
    frames = hdlc.HdlcFramer().feed(data + data[1:] + data)
    assert [(frame.information, frame.offset) for frame in frames] == [(b"one", 0), (b"one", len(data) - 1), (b"one", 2 * len(data) - 1)]


def test_a_damaged_length_never_makes_the_framer_wait():
    """The header check covers the length: a frame that claims 2047 bytes is refused before they come."""
    data = bytearray(hdlc.frame(b"x" * 20, destination=b"\x01", source=b"\x21", control=0x13))
    data[1:3] = b"\xa7\xff"
    (event,) = hdlc.HdlcFramer().feed(bytes(data))
    assert isinstance(event, DecodeError)
    assert "header check" in event.reason


def _segments(apdu: bytes, size: int) -> list[bytes]:
    pieces = [apdu[i : i + size] for i in range(0, len(apdu), size)]
    return [hdlc.frame(piece, destination=b"\x41", source=b"\x08\x83", control=0x13, segmented=piece is not pieces[-1]) for piece in pieces]


KAIFA_POWER = bytes.fromhex("e6e7000f40000000090c07e60102070e2512ff80000002010600001015")


def test_segments_are_joined():
    (telegram,) = DlmsDecoder().feed(b"".join(_segments(KAIFA_POWER, 10)))
    assert isinstance(telegram, Telegram)
    assert telegram.registers["1-0:1.7.0"].raw == 4117
    assert telegram.size == sum(map(len, _segments(KAIFA_POWER, 10)))


def test_segments_without_a_last_one_give_way_to_the_next_telegram():
    first, *_ = _segments(KAIFA_POWER, 10)
    lost, telegram = DlmsDecoder().feed(first + b"".join(_segments(KAIFA_POWER, 12)))
    assert isinstance(lost, DecodeError)
    assert (lost.kind, lost.offset) == (ErrorKind.TRUNCATED, 0)
    assert isinstance(telegram, Telegram)
    decoder = DlmsDecoder()
    assert decoder.feed(first) == []
    assert [event.reason for event in decoder.close() if isinstance(event, DecodeError)] == ["the last segment never came"]


def test_segments_without_end_are_given_up():
    endless = hdlc.frame(b"\0" * 1000, destination=b"\x41", source=b"\x03", control=0x13, segmented=True)
    events = DlmsDecoder().feed(endless * 10)
    assert [event.kind for event in events if isinstance(event, DecodeError)] == [ErrorKind.OVERSIZE]


@pytest.mark.parametrize(("apdu", "kind", "reason"), [
    ("e6e700db08" + "00" * 8, ErrorKind.CONTENT, "the length of the enciphered part cannot be"),
    ("e6e700dd08" + "00" * 8, ErrorKind.UNSUPPORTED, "general ciphering with its own key information"),
    ("e6e700e0" + "00" * 8, ErrorKind.CONTENT, "a block of 0 bytes cannot fill 2"),
    ("e6e7000f400000000005", ErrorKind.CONTENT, "inside an integer"),
    ("e6e7000f40000000000203", ErrorKind.CONTENT, "3 elements cannot be in 0 bytes"),
    ("e6e7000f4000000000ff", ErrorKind.CONTENT, "tag 255"),
    ("e6e7000f400000000011050000", ErrorKind.CONTENT, "2 bytes follow"),
    ("e6e7000f40000000070000", ErrorKind.CONTENT, "neither a date-time nor its absence"),
    ("e6e7000f4000000000" + "020211011102", ErrorKind.UNSUPPORTED, "no layout"),
    ("e6e7000f400000000011", ErrorKind.CONTENT, "inside an integer"),
    ("e6e7000f4000000000" + "0201" * 9 + "1105", ErrorKind.CONTENT, "nested more than"),
    ("e6e7000f40000000090c07e60d02070e2512ff800000" + "02011105", ErrorKind.CONTENT, "no date-time"),
    ("e6e7000f", ErrorKind.CONTENT, "too short"),
])  # fmt: skip
def test_what_is_wrong_is_named(apdu, kind, reason):
    data = hdlc.frame(bytes.fromhex(apdu), destination=b"\x41", source=b"\x03", control=0x13)
    (event,) = DlmsDecoder().feed(data)
    assert isinstance(event, DecodeError)
    assert event.kind is kind
    assert reason in event.reason


@pytest.mark.parametrize(("data", "value"), [
    ("00", None), ("0301", True), ("040c" + "abc0", "101010111100"), ("05fffffffe", -2), ("06fffffffe", 0xFFFFFFFE), ("0902abcd", b"\xab\xcd"),
    ("0a024142", "AB"), ("0c02c3a4", "ä"), ("0fff", -1), ("10fffe", -2), ("11ff", 255), ("12fffe", 65534), ("14" + "ff" * 8, -1),
    ("15" + "ff" * 8, 2**64 - 1), ("161b", 27), ("173fc00000", 1.5), ("183ff8000000000000", 1.5), ("19" + "07" * 12, b"\7" * 12),
    ("0102" + "1101" + "1102", [1, 2]), ("0202" + "1101" + "00", (1, None)), ("09820003010203", b"\1\2\3"), ("1b0e251200", bytes.fromhex("0e251200")),
])  # fmt: skip
def test_axdr(data, value):
    raw = bytes.fromhex(data)
    assert axdr.parse(raw) == (value, len(raw))
    for cut in range(len(raw)):
        with pytest.raises(ContentError):
            axdr.parse(raw[:cut])


@pytest.mark.parametrize(("data", "utc", "origin", "text"), [
    ("07e5031702123200ffffc400", "2021-03-23T17:50:00", ClockOrigin.TELEGRAM, "2021-03-23T18:50:00+01:00"),
    ("07e5071b02092f0fffff8880", "2021-07-27T07:47:15", ClockOrigin.TELEGRAM, "2021-07-27T09:47:15+02:00"),
    ("07e60102070e2512ff800000", "2022-01-02T13:37:18", ClockOrigin.ASSUMED, "2022-01-02T14:37:18"),
    ("07e60702070e2512ff800080", "2022-07-02T12:37:18", ClockOrigin.ASSUMED, "2022-07-02T14:37:18"),
    ("07e60102070effffff800000", "2022-01-02T13:00:00", ClockOrigin.ASSUMED, "2022-01-02T14:00:00"),
])  # fmt: skip
def test_cosem_time(data, utc, origin, text):
    time = cosem_time.parse(bytes.fromhex(data), timedelta(hours=1))
    assert time == cosem_time.MeterTime(datetime.fromisoformat(utc).replace(tzinfo=UTC), origin, text)


def test_a_meter_number_of_twelve_characters_is_no_time():
    assert not cosem_time.looks_like(b"181220000009")
    assert not cosem_time.looks_like(b"\x07\xe5\x00" + bytes(9))


@pytest.mark.parametrize(("text", "code"), [
    ("1-0:1.8.0", "1-0:1.8.0"), ("1-0:1.8.0*255", "1-0:1.8.0"), ("1-0:21.7.0.255", "1-0:21.7.0"), ("1-0:96.50.1*1", "1-0:96.50.1*1"),
    ("1.8.0", "1.8.0"), ("1-0:99:97.0", None), ("1-0:1.8.256", None), ("", None), ("C.1.0", None),
])  # fmt: skip
def test_obis_spelling(text, code):
    assert obis.canonical(text) == code


def test_obis_units():
    units = {
        "1-0:1.7.0": "W",
        "1-1:62.7.0": "W",
        "1-0:44.7.0": "var",
        "1-0:71.7.0": "A",
        "1-0:52.7.0": "V",
        "1-0:14.7.0": "Hz",
        "1-0:29.8.0": "VAh",
    }
    assert {code: obis.unit_of(code) for code in units} == units
    assert obis.unit_of("1-0:81.7.4") == obis.unit_of("0-0:96.1.0") == obis.unit_of("1-0:13.7.0") == ""


def test_scaling():
    assert register(123, 1, "Wh").value == Decimal(1230)
    assert register(123, -1, "Wh").value == Decimal("12.3")
    assert register(2331, -1, "V").value == 233.1
    assert register(5, 2, "W").value == 500.0
    assert isinstance(register(5, 0, "W").value, float)


def test_kamstrup_scales():
    """1 Wh in Sweden by the type number, or as somebody says; unknown behind current transformers."""

    def read(current: int, kind: str, **options: int) -> tuple[Scale, object]:
        body = (
            "Kamstrup_V0001",
            bytes((1, 1, 96, 1, 1, 255)),
            kind,
            bytes((1, 1, 31, 7, 0, 255)),
            current,
            bytes((1, 1, 1, 8, 0, 255)),
            50,
        )
        found = kamstrup.read(body, DecoderOptions(**options))
        assert found is not None
        energy = found.registers["1-1:1.8.0"]
        return energy.scale, energy.value

    assert read(100, "6841131BN243101040") == (Scale.PROFILE, 500)
    assert read(100, "6841131BN245101092") == (Scale.PROFILE, 50)
    assert read(90_999, "6841131BN243101040") == (Scale.UNKNOWN, 50)
    assert read(90_999, "6841131BN243101040", kamstrup_energy_scaler=1) == (Scale.UNKNOWN, 500)
    assert read(100, "6841131BN243101040", kamstrup_energy_scaler=0) == (Scale.PROFILE, 50)


@given(st.binary(max_size=400))
def test_sml_file_and_back(payload):
    """Whole messages, which end with the byte 00: an escape at the very end of a payload could not be told from the file's end."""
    payload += b"\0"
    (file,) = SmlFramer().feed(wrap(payload))
    assert isinstance(file, SmlFile)
    assert (file.payload, file.crc) == (payload, "x25")


def test_sml_escapes_and_the_other_checksum():
    (file,) = SmlFramer().feed(wrap(b"\1" + ESCAPE * 2 + b"\x1b\x1b"))
    assert isinstance(file, SmlFile)
    assert file.payload == b"\1" + ESCAPE * 2 + b"\x1b\x1b"
    body = wrap(b"abcd")[:-2]
    (file,) = SmlFramer().feed(body + crc.kermit(body).to_bytes(2, "little"))
    assert isinstance(file, SmlFile)
    assert file.crc == "kermit"


@given(st.integers(-(2**63), 2**63 - 1), st.binary(max_size=200))
def test_sml_elements_and_back(number, string):
    data = sequence(integer(number, signed=True), octets(string), octets(None), *[integer(7, signed=False)] * 15)
    assert parse(data, 0) == ([number, string if string else None, None, *[7] * 15], len(data)) or string == b""


@pytest.mark.parametrize(
    ("data", "value"),
    [("54fecbfd", -78851), ("53 8b28", -29912), ("63 8b28", 35624), ("56 0000000001", 1), ("4201", True), ("01", None), ("00", None)],
)
def test_sml_integers_of_any_width(data, value):
    assert parse(bytes.fromhex(data), 0)[0] == value


@pytest.mark.parametrize(
    "data", ["", "71", "62", "5a" + "00" * 9, "51", "f0f0f0f0f0", "8001", "4300ff", "20", "71" * 9 + "01", "7f" + "01" * 3]
)
def test_sml_elements_that_cannot_be(data):
    with pytest.raises(ContentError):
        parse(bytes.fromhex(data), 0)


def _p1(body: str) -> list:
    decoder = P1Decoder()
    return decoder.feed(body.encode()) + decoder.close()


def test_p1_without_checksum_is_for_old_meters_only():
    """DSMR 2 and 3 have none; a telegram with objects of DSMR 4 lost it on the way."""
    (old,) = _p1("/ISk5\\2MT382-1004\r\n\r\n1-0:1.8.1(00001.001*kWh)\r\n!\r\n")
    assert isinstance(old, Telegram)
    assert old.crc_ok is None
    for body in ("1-3:0.2.8(50)\r\n1-0:1.7.0(00.001*kW)\r\n!\r\n", "0-0:1.0.0(190324150519W)\r\n!\r\n", "1-3:0.2.8(50)\r\n"):
        (damaged,) = _p1("/ISk5\\2MT382-1004\r\n\r\n" + body)
        assert isinstance(damaged, DecodeError)
        assert damaged.kind is ErrorKind.TRUNCATED


def test_p1_with_line_feeds_alone_and_a_checksum_in_small_letters():
    body = "/ISk5X\n\n1-3:0.2.8(50)\n1-0:2.7.0(00.566*kW)\n!"
    (telegram,) = _p1(f"{body}{crc.arc(body.encode()):04x}\n")
    assert isinstance(telegram, Telegram)
    assert telegram.crc_ok is True
    assert telegram.registers["1-0:2.7.0"].value == 566.0


def test_p1_text_with_marks_inside():
    (telegram,) = _p1("/ISk5\\2MT382-1003\r\n\r\n0-0:96.13.0(a /-! b)\r\n1-0:1.7.0(0000.14*kW)\r\n!\r\n")
    assert isinstance(telegram, Telegram)
    assert telegram.registers["0-0:96.13.0"].value == "a /-! b"


def test_p1_child_on_the_mbus_of_dsmr_2():
    (telegram,) = _p1("/KMP5 X\r\n\r\n0-1:24.3.0(120517020000)(08)(60)(1)(0-1:24.2.1)(m3)\r\n(00124.477)\r\n!\r\n")
    gas = telegram.registers["0-1:24.3.0"]
    assert (gas.value, gas.unit, gas.at) == (Decimal("124.477"), "m3", datetime(2012, 5, 17, 1, tzinfo=UTC))

"""Every P1 capture decodes to all that its expected file says."""

from datetime import timedelta
from decimal import Decimal

from tests.wire.meter.decoding import run

from chargebridge.wire.meter import (
    DecodeError,
    DecoderOptions,
    ErrorKind,
    P1Decoder,
    Protocol,
    Telegram,
    decoder_for,
    detect,
    obis,
    security,
)

_FIELDS = {
    "file", "kind", "real_capture", "encrypted", "origin", "note", "ident", "crc_ok", "registers", "unparsed", "source_expected",
    "telegrams", "first", "last", "keys", "systitle", "invocation_counter",
}  # fmt: skip


def _decode(data: bytes, accept_bad_checksum: bool) -> list[Telegram | DecodeError]:
    return run(P1Decoder(accept_bad_checksum=accept_bad_checksum), data, len(data))


def _raw(telegram: Telegram) -> dict[str, list[str]]:
    return {code: list(register.raw) for code, register in telegram.registers.items() if isinstance(register.raw, tuple)}


def _canonical(registers: dict[str, list[str]]) -> dict[str, list[str]]:
    return {obis.canonical(code) or code: values for code, values in registers.items()}


def test_vector(p1_vector):
    expected = p1_vector.expected
    assert set(expected) <= _FIELDS, "a field that nobody looks at"
    assert detect(p1_vector.data) is (Protocol.D0 if "esy5q3d" in expected["file"] else Protocol.P1)
    telegrams = _enciphered(p1_vector.data, expected) if expected["encrypted"] else _telegrams(_decode(p1_vector.data, True))
    if "telegrams" in expected:
        assert len(telegrams) == expected["telegrams"]
        assert sum(telegram.crc_ok is True for telegram in telegrams) == expected["crc_ok"]
        assert _raw(telegrams[0]) == expected["first"]
        assert _raw(telegrams[-1]) == expected["last"]
        return
    (telegram,) = telegrams
    assert telegram.device == expected["ident"]
    assert telegram.crc_ok is expected["crc_ok"]
    assert list(telegram.unparsed) == expected["unparsed"]
    assert _raw(telegram) == _canonical(expected["registers"])
    _check_values(telegram)
    _check_source(telegram, expected.get("source_expected", {}))


def _telegrams(events: list[Telegram | DecodeError]) -> list[Telegram]:
    return [event for event in events if isinstance(event, Telegram)]


def _enciphered(data: bytes, expected: dict) -> list[Telegram]:
    """What it holds with its key, under the authentication key that all such meters share; that it holds nothing without one."""
    key = bytes.fromhex(expected["keys"]["encryption"])
    assert bytes.fromhex(expected["keys"]["authentication"]) == security.P1_AUTHENTICATION_KEY
    for wrong in (None, bytes(16)):
        for protocol in (None, Protocol.P1):
            decoder = decoder_for(protocol, DecoderOptions(key=wrong))
            assert [event.kind for event in decoder.feed(data) + decoder.close() if isinstance(event, DecodeError)] == [ErrorKind.KEY]
    decoder = decoder_for(None, DecoderOptions(key=key, accept_bad_checksum=True))
    telegrams = _telegrams(decoder.feed(data) + decoder.close())
    assert [telegram.authenticated for telegram in telegrams] == [True]
    if "invocation_counter" in expected:
        assert telegrams[0].counter == expected["invocation_counter"]
        assert data[2:10].hex() == expected["systitle"]
    return telegrams


def test_bad_checksum_is_refused(p1_vector):
    """Without being told otherwise, no telegram with a wrong checksum is delivered, and each gives exactly one error."""
    if p1_vector.expected["crc_ok"] is not False or p1_vector.expected["encrypted"]:
        return
    events = _decode(p1_vector.data, False)
    assert [event.kind for event in events if isinstance(event, DecodeError)] == [ErrorKind.CHECKSUM]
    assert not [event for event in events if isinstance(event, Telegram)]


def _check_values(telegram: Telegram) -> None:
    """Each number with a unit is the one that stands there, free of its prefix."""
    for register in telegram.registers.values():
        assert isinstance(register.raw, tuple)
        number, star, unit = register.raw[-1].partition("*")
        if star and register.unit:
            factor = 1000 if unit.startswith("k") else 1
            assert Decimal(str(register.value)) == Decimal(number) * factor
            assert unit.lower().removeprefix("k") == register.unit.lower()


def _check_source(telegram: Telegram, source: dict) -> None:
    """What the project that published the capture says about it."""
    value = {code: register.value for code, register in telegram.registers.items()}
    if "P_import_W" in source:
        assert value["1-0:1.7.0"] == source["P_import_W"]
        assert value["1-0:2.7.0"] == source["P_export_W"]
        assert [value[f"1-0:{c}.7.0"] for c in (32, 52, 72)] == source["U"]
        assert [value[f"1-0:{c}.7.0"] for c in (31, 51, 71)] == source["I"]
        assert float(value["1-0:1.8.0"]) / 1000 == source["import_kWh"]
        assert (telegram.meter_id or "") == source["meter_id"]
    electricity = source.get("electricity", {})
    for tariff, energy in electricity.get("tariffs", {}).items():
        assert (value[f"1-0:1.8.{tariff}"], value[f"1-0:2.8.{tariff}"]) == (energy["received"], energy["returned"])
    for name, code in (("powerReceivedTotal", "1-0:1.7.0"), ("powerReturnedTotal", "1-0:2.7.0"), ("currentTariff", "0-0:96.14.0")):
        if name in electricity:
            assert value[code] == electricity[name]
    for name, groups in (
        ("powerReceived", (21, 41, 61)),
        ("powerReturned", (22, 42, 62)),
        ("voltage", (32, 52, 72)),
        ("current", (31, 51, 71)),
    ):
        for phase, group in zip(("l1", "l2", "l3"), groups, strict=True):
            if phase in electricity.get(name, {}):
                assert value[f"1-0:{group}.7.0"] == electricity[name][phase]
    for channel, child in source.get("mBus", {}).items():
        found = [value.get(f"0-{channel}:24.{code}") for code in ("2.1", "2.3", "3.0")]
        assert float(next(v for v in found if v is not None)) == child["value"]
        assert value[f"0-{channel}:24.1.0"] == child["deviceType"]
    if "metadata" in source and "timestamp" in source["metadata"] and telegram.clock is not None:
        assert telegram.clock_text is not None
        assert source["metadata"]["timestamp"][2:19].translate(str.maketrans("", "", "-T:")) == telegram.clock_text[:12]


def test_options_reach_the_decoder():
    text = b"/KFM5X\r\n\r\n0-0:1.0.0(250101020000W)\r\n!"
    telegram, *_ = decoder_for(Protocol.P1, DecoderOptions(standard_offset=timedelta(hours=2), accept_bad_checksum=True)).feed(
        text + b"0000\r\n"
    )
    assert isinstance(telegram, Telegram)
    assert telegram.clock is not None
    assert telegram.clock.isoformat() == "2025-01-01T00:00:00+00:00"

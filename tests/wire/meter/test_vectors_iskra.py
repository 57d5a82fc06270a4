"""Every capture of an Iskraemeco list decodes to all that its expected file says, or is refused as it says."""

from decimal import Decimal

from tests.wire.meter.decoding import run_dlms

from chargebridge.wire.meter import DecodeError, ErrorKind, Register, Scale, Telegram, obis
from chargebridge.wire.meter.apdu import parse_apdu
from chargebridge.wire.meter.hdlc import HdlcFramer

_FIELDS = {
    "file", "kind", "real_capture", "encrypted", "origin", "note", "frame", "apdu", "items", "values", "mapping", "source_expected",
    "decoder_error",
}  # fmt: skip
_MAPPING = {
    "device_id": "0-0:42.0.0", "list_id": ("0-0:96.1.2", "0-0:96.1.3"), "tariff": "0-0:96.3.10", "(0001)": "0-0:96.14.0",
    "P+ W": "1-0:1.7.0", "P- W": "1-0:2.7.0", "Q+ var": "1-0:3.7.0", "Q- var": "1-0:4.7.0",
    **{f"U{phase} 0.1V": f"1-0:{12 + 20 * phase}.7.0" for phase in (1, 2, 3)},
    **{f"I{phase} 0.01A": f"1-0:{11 + 20 * phase}.7.0" for phase in (1, 2, 3)},
    **{f"P{phase}+ W": f"1-0:{1 + 20 * phase}.7.0" for phase in (1, 2, 3)},
    **{f"P{phase}- W": f"1-0:{2 + 20 * phase}.7.0" for phase in (1, 2, 3)},
    **{f"{c}.8.{e}": f"1-0:{c}.8.{e}" for c in (1, 2, 3, 4) for e in (0, 1, 2)},
}  # fmt: skip


def test_vector(iskra_vector):
    expected = iskra_vector.expected
    assert set(expected) <= _FIELDS, "a field that nobody looks at"
    (event,) = run_dlms(iskra_vector.data)
    if "decoder_error" in expected:
        assert isinstance(event, DecodeError)
        assert event.kind is ErrorKind.CONTENT
        return
    assert isinstance(event, Telegram)
    assert event.profile.startswith("iskra-")
    assert event.clock_text == expected["apdu"]["time"]
    assert [_plain(item) for item in parse_apdu(_information(iskra_vector.data)).body] == expected["values"]
    raws = [_plain(register.raw) for register in event.registers.values()]
    values = [value[0] if isinstance(value, list) else value for value in expected["values"]]
    assert raws == [value for place, value in enumerate(values) if not (len(values) == 4 and place == 1)]
    _check_mapping(event, expected.get("mapping", {}))
    _check_sums(event)
    _check_source(event, expected.get("source_expected", {}))


def _information(data: bytes) -> bytes:
    if data[0] != 0x7E:
        return data
    (frame,) = HdlcFramer().feed(data)
    assert not isinstance(frame, DecodeError)
    return frame.information


def _plain(item: object) -> object:
    if isinstance(item, bytes):
        return item.decode("ascii") if item.isalnum() or item == b"UP_3f" else item.hex()
    return item


def _check_mapping(telegram: Telegram, mapping: dict) -> None:
    for name, value in mapping.items():
        codes = _MAPPING[name]
        register = next(telegram.registers[code] for code in ((codes,) if isinstance(codes, str) else codes) if code in telegram.registers)
        assert _plain(register.raw) == value, name
        if register.unit in ("V", "A"):
            assert register.value == value / (10 if register.unit == "V" else 100)
        elif register.unit:
            assert float(register.value) == value
            assert register.unit == obis.unit_of(_MAPPING[name] if isinstance(_MAPPING[name], str) else "")


def _check_sums(telegram: Telegram) -> None:
    """Tariffs add up to the total, phases to the whole: that is what proves an order of values that no code names."""

    def value(code: str) -> Register | None:
        return telegram.registers.get(code)

    for c in (1, 2):
        total, first, second = (value(f"1-0:{c}.8.{e}") for e in (0, 1, 2))
        if total and first and second:
            assert total.value == first.value + second.value
    if value("1-0:21.7.0") and value("1-0:61.7.0"):
        net = [value(f"1-0:{1 + 20 * n}.7.0").value - value(f"1-0:{2 + 20 * n}.7.0").value for n in range(4)]
        assert abs(net[0] - sum(net[1:])) <= 3
    assert all(register.scale is not Scale.UNKNOWN or code.endswith(".4.0") for code, register in telegram.registers.items())


def _check_source(telegram: Telegram, source: dict) -> None:
    value = {code.rpartition(":")[2]: register.value for code, register in telegram.registers.items()}
    if (source.get("meterType") == "8" and source["listType"] in ("2", "4")) or any(source.get("U", ())):
        assert (value["1.7.0"], value["2.7.0"]) == (source["P_import_W"], source["P_export_W"])
        assert [value.get(f"{c}.7.0", 0.0) for c in (32, 52, 72)] == source["U"]
        assert [value.get(f"{c}.7.0", 0.0) for c in (31, 51, 71)] == source["I"]
        assert source["meter_id"] in (value["96.1.2"], telegram.meter_id)
    for text in source.get("cosem", {}).get("knownObjects", []) + source.get("cosem", {}).get("unknownObjects", []):
        code, _, shown = text[:-1].partition("(")
        raw = telegram.registers[code].raw
        assert (raw.hex() if isinstance(raw, bytes) else str(raw)) == shown


def test_the_limits_of_the_croatian_list(iskra_vector):
    if iskra_vector.expected["kind"] != "iskra_33":
        return
    (telegram,) = run_dlms(iskra_vector.data)
    registers = telegram.registers
    assert (registers["0-0:17.0.0"].value, registers["0-0:17.0.0"].unit) == (17250.0, "W")
    assert [registers[f"1-0:{c}.4.0"].raw for c in (31, 51, 71)] == [9400] * 3
    assert registers["0-0:96.3.10"].value == 1
    assert registers["1-0:1.8.0"].value == Decimal(6844432)

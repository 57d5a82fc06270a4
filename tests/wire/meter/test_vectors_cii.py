"""Every capture of the Landis+Gyr E450's customer interface decodes to all that its expected file says, or is refused as it says."""

from tests.wire.meter.decoding import run_dlms

from chargebridge.wire.meter import DecodeError, ErrorKind, Protocol, Scale, Telegram
from chargebridge.wire.meter.apdu import parse_apdu
from chargebridge.wire.meter.lists import landis_gyr

_FIELDS = {
    "file", "kind", "real_capture", "encrypted", "origin", "note", "apdu", "objects", "registers", "source_expected", "frame", "key", "must",
}  # fmt: skip


def test_vector(cii_vector):
    expected = cii_vector.expected
    assert set(expected) <= _FIELDS, "a field that nobody looks at"
    (event,) = run_dlms(cii_vector.data)
    if "must" in expected:
        assert expected["must"] == "GBT block without the rest: emit nothing, drop on next first block / timeout"
        assert isinstance(event, DecodeError)
        assert (event.kind, event.offset) == (ErrorKind.TRUNCATED, 0)
    elif expected["encrypted"]:
        assert isinstance(event, DecodeError)
        # One is a block transfer whose first block, which would have named the cipher, is not in the capture.
        assert event.kind is (ErrorKind.TRUNCATED if "em-ct623" in expected["file"] else ErrorKind.KEY)
    else:
        assert isinstance(event, Telegram)
        _check(event, expected)
        if cii_vector.data[0] == 0x7E:
            assert (event.offset, event.size) == (0, len(cii_vector.data))


def _check(telegram: Telegram, expected: dict) -> None:
    assert telegram.clock_text == expected["apdu"]["time"]
    assert (telegram.profile, telegram.crc_ok) == ("lg-cii", None if telegram.protocol is Protocol.DLMS_APDU else True)
    values = [entry["obis"].removesuffix(".255") for entry in expected["objects"] if entry["class_id"] != 40 and entry["attribute"] == 2]
    assert list(telegram.registers) == values
    assert {f"{code}.255" for code in telegram.registers} == set(expected["registers"])
    for code, wanted in expected["registers"].items():
        register = telegram.registers[code.removesuffix(".255")]
        assert wanted["class_id"] == (1 if isinstance(register.value, str) else 3)
        if "unit" in wanted:
            assert (register.raw, float(register.value), register.unit) == (wanted["raw"], wanted["value"], wanted["unit"])
            assert register.scale is Scale.PROFILE
        else:
            assert (register.value, register.raw) == (wanted["value"], wanted["raw"].encode())
    source = expected.get("source_expected")
    if source is not None:
        assert telegram.meter_id == source["meter_id"]
        assert float(telegram.registers["1-1:1.8.0"].value) / 1000 == source["import_kWh"]
        assert [telegram.registers[f"1-0:{c}.7.0"].value for c in (31, 51, 71)] == source["I"]
        if any(source["U"]):  # its author divides whole volts by ten
            assert [telegram.registers[f"1-0:{c}.7.0"].value / 10 for c in (32, 52, 72)] == source["U"]


def test_objects_are_the_ones_of_the_capture(cii_vector):
    if cii_vector.data[0] == 0x7E or "objects" not in cii_vector.expected:
        return
    body = parse_apdu(cii_vector.data).body
    objects = [landis_gyr._object(item) for item in body[0]]
    wanted = [(entry["class_id"], entry["obis"].removesuffix(".255"), entry["attribute"]) for entry in cii_vector.expected["objects"]]
    assert objects == wanted

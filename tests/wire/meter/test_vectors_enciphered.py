"""Every enciphered capture of Denmark and Austria, and its clear content, decodes to all that its expected file says, or is refused."""

import json
from datetime import datetime
from typing import Any

from tests.wire.meter.decoding import run

from chargebridge.wire.meter import (
    DecodeError,
    DecoderOptions,
    ErrorKind,
    Protocol,
    Telegram,
    decode_apdu,
    decoder_for,
    detect,
    mbus,
    security,
)
from chargebridge.wire.meter.apdu import LLC
from chargebridge.wire.meter.hdlc import Frame, HdlcFramer
from chargebridge.wire.meter.mbus import MbusFramer

_FIELDS = {
    "file", "kind", "real_capture", "encrypted", "origin", "note", "frame", "key", "keys", "systitle", "invocation_counter", "security",
    "length_field", "must", "plaintext_hex", "plaintext", "gcm_tag", "apdu", "registers", "items", "energy_scale", "source_expected", "layer",
    "messages", "valid", "trailing", "reassembled_apdu",
}  # fmt: skip
_UNLABELLED = {"unlabelled1": "0-0:96.1.0.255"}


def _options(expected: dict[str, Any]) -> DecoderOptions:
    keys = expected.get("keys", {})
    authentication = keys.get("authentication")
    return DecoderOptions(
        key=bytes.fromhex(keys["encryption"]) if keys else None,
        authentication_key=None if authentication is None else bytes.fromhex(authentication),
    )


def _decode(data: bytes, options: DecoderOptions, protocol: Protocol | None = None, size: int = 4096) -> list[Telegram | DecodeError]:
    return run(decoder_for(protocol, options), data, size)


def _apdus(data: bytes) -> list[bytes]:
    """The enciphered APDUs of a capture, free of their frames."""
    if detect(data) is Protocol.DLMS:
        return [frame.information.removeprefix(LLC) for frame in HdlcFramer().feed(data) if isinstance(frame, Frame)]
    if detect(data) is not Protocol.DLMS_MBUS:
        return [data]
    found: list[bytes] = []
    for frame in MbusFramer().feed(data):
        if isinstance(frame, mbus.Frame):
            found[-1:] = [found[-1] + frame.data[2:]] if frame.ci & 0x0F else [*found[-1:], frame.data[2:]]
    return found


def test_kamstrup(kamstrup_vector):
    expected, data = kamstrup_vector.expected, kamstrup_vector.data
    assert set(expected) <= _FIELDS, "a field that nobody looks at"
    if expected["kind"] == "dk_plain":
        _check(decode_apdu(data), expected)
        return
    (event,) = _decode(data, _options(expected))
    if "frame" in expected and "error" in expected["frame"][0]:
        assert isinstance(event, DecodeError)
        assert (expected["frame"], event.kind) == ([{"error": "FCS"}], ErrorKind.CHECKSUM)
        return
    (apdu,) = _apdus(data)
    sealed = security.parse(apdu)
    for name, found in (("systitle", sealed.title.hex()), ("security", f"{sealed.control:02x}"), ("invocation_counter", sealed.counter)):
        assert expected.get(name, found) == found
    assert expected.get("length_field", len(sealed.content) + 5) == len(sealed.content) + 5
    if "must" in expected:
        assert expected["must"] == "authentication failure, no reading emitted"
        assert isinstance(event, DecodeError)
        assert event.kind is ErrorKind.KEY
        assert "changed telegram" in event.reason
    elif "keys" in expected:
        _check(event, expected)
        assert (event.authenticated, event.counter) == (True, expected["invocation_counter"])
        _check_without_authentication_key(data, expected)
    else:
        _check_no_key(event, sealed)
        if "plaintext_hex" in expected:
            assert sealed.content[-12:].hex() == expected["gcm_tag"]
            plaintext = bytes.fromhex(expected["plaintext_hex"])
            assert len(sealed.content) == len(plaintext) + 12
            _check(decode_apdu(plaintext), expected)


def _check_no_key(event: Telegram | DecodeError, sealed: security.Sealed) -> None:
    assert isinstance(event, DecodeError)
    assert event.kind is ErrorKind.KEY
    assert sealed.title.hex().upper() in event.reason, "a person must know whose key to ask for"
    assert "key_file" in event.cure


def _check_without_authentication_key(data: bytes, expected: dict[str, Any]) -> None:
    (event,) = _decode(data, DecoderOptions(key=bytes.fromhex(expected["keys"]["encryption"])))
    assert isinstance(event, Telegram)
    assert event.authenticated is False


def test_austria(austria_vector):
    expected, data = austria_vector.expected, austria_vector.data
    assert set(expected) <= _FIELDS, "a field that nobody looks at"
    if expected["kind"] == "at_plain":
        _check(decode_apdu(data), expected)
        return
    events = _decode(data, _options(expected))
    if "must" in expected:
        assert expected["must"] == "no message emitted; resynchronise"
        assert [type(event) for event in events] == [DecodeError]
        _check_resync(data)
        return
    apdus = _apdus(data)
    if "messages" in expected:
        assert len(apdus) == len(expected["messages"])
        for apdu, message, event in zip(apdus, expected["messages"], events, strict=False):
            sealed = security.parse(apdu)
            assert message == {
                "systitle": sealed.title.hex(),
                "invocation_counter": sealed.counter,
                "security": f"{sealed.control:02x}",
                "apdu_len": len(apdu),
                "plain_len": len(sealed.content),
            }
            _check_no_key(event, sealed)
        assert not [event for event in events if isinstance(event, Telegram)]
        return
    assert expected.get("reassembled_apdu", apdus[0].hex()) == apdus[0].hex()
    if "plaintext" in expected:
        opened = security.Security(_options(expected)).open(security.parse(apdus[0]))
        assert opened.plaintext.hex() == expected["plaintext"]
    assert isinstance(events[0], Telegram)
    assert events[0].authenticated is False, "nothing in these telegrams can be checked"
    assert events[0].counter == security.parse(apdus[0]).counter == expected.get("invocation_counter", events[0].counter)
    _check(events[0], expected)


def _check_resync(damaged: bytes) -> None:
    """A whole telegram after the damaged one is read; here to the point where its key lacks."""
    whole = mbus.frame(mbus.SAPS + bytes.fromhex("db08534147590500002a052000001388"), ci=0x10)
    *_, last = _decode(damaged + whole, DecoderOptions(), Protocol.DLMS_MBUS)
    assert isinstance(last, DecodeError)
    assert (last.kind, last.offset) == (ErrorKind.KEY, len(damaged))


def _check(telegram: Telegram | DecodeError, expected: dict[str, Any]) -> None:
    assert isinstance(telegram, Telegram)
    time = expected["apdu"]["time"]
    assert telegram.clock_text == time
    wanted = {_UNLABELLED.get(code, code): fields for code, fields in expected["registers"].items() if code != "list"}
    assert {f"{code}.255" for code in telegram.registers} == set(wanted)
    for code, fields in wanted.items():
        register = telegram.registers[code.removesuffix(".255")]
        for name, value in fields.items():
            if name == "value":
                found = register.raw if isinstance(register.value, datetime | str) else float(register.value)
                assert (found.decode("ascii") if isinstance(found, bytes) else found) == value, code
            else:
                assert getattr(register, name) == value, (code, name)
    _check_source(telegram, expected.get("source_expected", {}))


def _check_source(telegram: Telegram, source: dict[str, Any]) -> None:
    """What the project that published the capture says about it."""
    value = {code.rpartition(":")[2]: register.value for code, register in telegram.registers.items()}
    if "P_import_W" in source:
        assert (value["1.7.0"], value["2.7.0"]) == (source["P_import_W"], source["P_export_W"])
        assert [value[f"{c}.7.0"] for c in (32, 52, 72)] == source["U"]
        assert [value[f"{c}.7.0"] for c in (31, 51, 71)] == source["I"]
        assert float(value["1.8.0"]) == source["import_kWh"] * 1000
        assert source["meter_id"] in ("", telegram.meter_id)
    if "meter" in source:
        assert telegram.meter_id == source["meter"]
        assert telegram.clock_text == source["time"]
        assert all(float(value[code]) == figure for code, figure in source.items() if code in value)


def test_pieces_of_any_size(austria_vector):
    data, options = austria_vector.data, _options(austria_vector.expected)
    if not austria_vector.expected["encrypted"]:
        return
    whole = _decode(data, options)
    for size in (1, 3, 100):
        assert _decode(data, options, size=size) == whole, json.dumps(size)

"""Every capture of the Norwegian HAN port decodes to all that its expected file says, layer by layer, or is refused."""

import hashlib
import json
from collections import Counter
from datetime import datetime, timedelta

import pytest

from chargebridge.wire.meter import DecodeError, DlmsDecoder, Protocol, Scale, Telegram, cosem_time, decoder_for, detect, hdlc
from chargebridge.wire.meter.apdu import LLC, decode_apdu, parse_apdu
from chargebridge.wire.meter.hdlc import Frame, HdlcFramer

_FIELDS = {
    "file", "kind", "real_capture", "encrypted", "origin", "note", "frame", "valid", "apdu", "registers", "source_expected", "layer", "must",
    "frames_ok", "frames_bad", "items_histogram", "first", "last", "sum_active_import_W", "series_sha256",
}  # fmt: skip
_POSITIONAL = {"list": "1-1:0.2.129.255", "id": "0-0:96.1.0.255", "type": "0-0:96.1.7.255"}


def _decode(data: bytes) -> list[Telegram | DecodeError]:
    if data.startswith(LLC):
        return [decode_apdu(data)]
    decoder = DlmsDecoder()
    return decoder.feed(data) + decoder.close()


def test_vector(han_vector):
    expected = han_vector.expected
    assert set(expected) <= _FIELDS, "a field that nobody looks at"
    events = _decode(han_vector.data)
    telegrams = [event for event in events if isinstance(event, Telegram)]
    if "series_sha256" in expected:
        _check_series(han_vector.data, telegrams, events, expected)
    elif expected.get("valid") is False:
        assert expected["must"] == "yield no reading; count one framing/CRC error; resync"
        assert not telegrams
        assert isinstance(events[0], DecodeError)
        _check_resync(han_vector.data)
    else:
        (telegram,) = telegrams
        _check_frames(han_vector.data, expected)
        _check_apdu(han_vector.data, telegram, expected)
        _check_registers(telegram, expected)
        _check_source(telegram, expected.get("source_expected", {}))


def _check_resync(damaged: bytes) -> None:
    """The next good telegram after the damaged one is read."""
    good = hdlc.frame(
        LLC + bytes.fromhex("0f40000000090c07e60102070e2512ff80000002010600001015"),
        destination=b"\x01",
        source=b"\x02\x01",
        control=0x10,
    )
    decoder = DlmsDecoder()
    events = decoder.feed(damaged + good) + decoder.close()
    assert [event.registers["1-0:1.7.0"].raw for event in events if isinstance(event, Telegram)] == [4117]


def _frames(data: bytes) -> list[Frame]:
    framer = HdlcFramer()
    return [frame for frame in framer.feed(data) if isinstance(frame, Frame)]


def _check_frames(data: bytes, expected: dict) -> None:
    if expected.get("layer") == "LLC+APDU (no HDLC)":
        assert detect(data) is Protocol.DLMS_APDU
        assert decoder_for(None).feed(data) == []
        return
    assert detect(data) is Protocol.DLMS
    found = [
        {
            "dst": frame.destination.hex(),
            "src": frame.source.hex(),
            "ctrl": f"{frame.control:02x}",
            "segmented": frame.segmented,
            "info_len": len(frame.information),
        }
        for frame in _frames(data)
    ]
    assert found == expected["frame"]


def _check_apdu(data: bytes, telegram: Telegram, expected: dict) -> None:
    apdu = data if data.startswith(LLC) else _frames(data)[0].information
    notification = parse_apdu(apdu)
    time = None if notification.time is None else notification.time.text
    assert {"invoke_id": notification.invoke_id, "time": time} == expected["apdu"]
    if time is not None:
        assert telegram.clock_text == time


def _check_registers(telegram: Telegram, expected: dict) -> None:
    wanted = dict(expected["registers"])
    if telegram.profile == "kamstrup":
        assert wanted.pop("list") == {"value": "Kamstrup_V0001"}
    wanted = {_POSITIONAL.get(code, code): fields for code, fields in wanted.items()}
    assert {f"{code}.255" for code in telegram.registers} == set(wanted)
    unknown = "scale=unknown" in expected["note"]
    for code, fields in wanted.items():
        register = telegram.registers[code.removesuffix(".255")]
        assert register.scale is not Scale.UNKNOWN or unknown or not register.unit, code
        if unknown and register.unit:
            assert register.scale is Scale.UNKNOWN
        for name, value in fields.items():
            if name == "value":
                found = float(register.value) if isinstance(value, int | float) else _text(register.raw)
                assert found == value, code
            else:
                assert getattr(register, name) == value, (code, name)


def _text(raw: object) -> object:
    return raw.decode("ascii") if isinstance(raw, bytes) else raw


def _check_source(telegram: Telegram, source: dict) -> None:
    """What amsreader's authors say, but for the figures in which their golden decode is known to be off by a power of ten."""
    value = {code.rpartition(":")[2]: register.value for code, register in telegram.registers.items()}
    for known in (text for kind in source.get("json", {}).values() for text in kind if isinstance(kind, list)):
        code, _, shown = known[:-1].partition("(")
        _check_shown(telegram, code, shown)
    if "listType" not in source or source["listType"] == "0":
        return
    assert value["1.7.0"] == source["P_import_W"]
    assert value.get("2.7.0", 0.0) == source["P_export_W"]
    assert (telegram.meter_id or "") == (source["meter_id"] or telegram.meter_id or "")
    if source["U"][0] < 1000:
        assert [value.get(f"{c}.7.0", 0.0) for c in (32, 52, 72)] == source["U"]
        assert [value.get(f"{c}.7.0", 0.0) for c in (31, 51, 71)] == pytest.approx(source["I"], abs=0.006)


def _check_shown(telegram: Telegram, code: str, shown: str) -> None:
    """One object as athombv's parser writes it: ``value*unit``, raw where it knows no unit."""
    register = telegram.registers[code]
    number, star, unit = shown.partition("*")
    if star:
        assert (float(register.value), register.unit) == (float(number), unit), code
    elif isinstance(register.raw, int):
        assert register.raw == int(shown), code
    elif isinstance(register.value, datetime):
        assert register.raw == cosem_time.parse(bytes.fromhex(shown), timedelta(hours=1)).text
    else:
        assert register.raw == shown, code


def _check_series(data: bytes, telegrams: list[Telegram], events: list, expected: dict) -> None:
    assert (len(telegrams), len(events) - len(telegrams)) == (expected["frames_ok"], expected["frames_bad"])
    series = [[telegram.clock_text, telegram.registers[code].raw, items] for telegram, code, items in map(_summary, telegrams)]
    if telegrams[0].profile == "kamstrup":
        series = [[time, float(power), items] for time, power, items in series]
    assert {str(items): count for items, count in Counter(items for *_, items in series).items()} == expected["items_histogram"]
    assert series[:3] == expected["first"]
    assert series[-3:] == expected["last"]
    assert sum(power for _, power, _ in series) == expected["sum_active_import_W"]
    assert hashlib.sha256(json.dumps(series).encode()).hexdigest() == expected["series_sha256"]


def _summary(telegram: Telegram) -> tuple[Telegram, str, int]:
    """The telegram, the code of its active power, and the number of elements in its list."""
    count = len(telegram.registers)
    return (telegram, "1-1:1.7.0", 1 + 2 * count) if telegram.profile == "kamstrup" else (telegram, "1-0:1.7.0", count)


@pytest.mark.parametrize("size", [1, 3, 41, 5000])
def test_pieces_of_any_size(han_vector, size):
    data = han_vector.data[:20_000]
    if data.startswith(LLC):
        return
    expected = [event for event in _decode(data) if isinstance(event, Telegram)]
    decoder = DlmsDecoder()
    events = [event for i in range(0, len(data), size) for event in decoder.feed(data[i : i + size])]
    assert [event for event in events + decoder.close() if isinstance(event, Telegram)] == expected

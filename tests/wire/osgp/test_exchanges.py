"""Captures of a MEP port in JSON: read with the key, refused without it."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sim.telegrams.test_golden import THREE_PHASES as VALUES

from chargebridge.meters.files import decode_file
from chargebridge.sim.mep_meter import MepDevice
from chargebridge.wire.meter import AutoDecoder, DecodeError, DecoderOptions, ErrorKind, Protocol, Telegram, decoder_for, detect
from chargebridge.wire.osgp import MepClient, tables
from chargebridge.wire.osgp.exchanges import MAX_SIZE, ExchangeDecoder

KEY = b"MBKTESTKEY0123456789"
VECTORS = Path(os.environ.get("CHARGEBRIDGE_VECTORS", Path(__file__).parents[4] / "shared" / "vectors")) / "meters" / "osgp_mep"


@pytest.fixture
def capture() -> bytes:
    """A meter asked for all, one exchange a line."""
    device, client = MepDevice(lambda: VALUES, KEY), MepClient(KEY, 0x1000)
    lines = []
    for table, offset, count in (
        (tables.BT01, 0, 16), (tables.BT21, 0, 10), (tables.ET03, 0, 30), (tables.BT22, 0, 11), (tables.BT23, 0, 44), (tables.BT28, 4, 128),
        (tables.BT52, 0, 7), (tables.BT01, 4, 8), (0x0999, 0, 4),
    ):  # fmt: skip
        request = client.read(table, offset, count)
        response = device.receive(request)
        client.receive(response)
        lines.append(json.dumps({"request": request.hex(), "response": response.hex()}))
    return "\n".join(lines).encode()


@pytest.mark.parametrize("size", [1, 100, 10_000])
def test_a_capture(capture, size):
    assert detect(capture) is Protocol.MEP
    decoder = decoder_for(None, DecoderOptions(key=KEY))
    events = [event for at in range(0, len(capture), size) for event in decoder.feed(capture[at : at + size])] + decoder.close()
    *telegrams, refused = events
    assert all(isinstance(event, Telegram) and event.authenticated for event in telegrams)
    assert isinstance(refused, DecodeError)
    assert refused.kind is ErrorKind.UNSUPPORTED
    assert capture[refused.offset :].lstrip().startswith(b"{")
    assert telegrams[4].registers["1-0:1.8.0"].value == VALUES.energy_import_wh
    assert telegrams[5].registers["1-0:1.7.0"].value == VALUES.power_import_w
    assert (telegrams[5].device, telegrams[5].meter_id) == ("NES MTR-3000 3.12", "12345678")
    assert telegrams[6].clock == VALUES.at
    assert telegrams[7].unparsed == (f"table 0x0001 from 4: {b'MTR-3000'.hex()}",)


@pytest.mark.parametrize("key", [None, b"another key of 20 by"])
def test_without_the_key_nothing_is_delivered(capture, key):
    events = ExchangeDecoder(DecoderOptions(key=key)).feed(capture)
    assert len(events) == 9
    assert {event.kind for event in events if isinstance(event, DecodeError)} == {ErrorKind.KEY}
    assert not [event for event in events if isinstance(event, Telegram)]


def test_one_damaged_exchange_costs_itself(capture):
    lines = capture.splitlines()
    lines[4] = lines[4].replace(b'"response": "0', b'"response": "1')
    lines[5] = lines[5][:40] + b"}"
    events = ExchangeDecoder(DecoderOptions(key=KEY)).feed(b"\n".join(lines))
    assert [isinstance(event, Telegram) for event in events] == [True] * 4 + [False] * 2 + [True] * 2 + [False]


def test_a_file(capture, tmp_path):
    path = Path(tmp_path / "capture.json")
    path.write_bytes(capture[:-20])
    events = list(decode_file(path, options=DecoderOptions(key=KEY)))
    assert len(events) == 9
    assert isinstance(events[-1], DecodeError)
    assert events[-1].kind is ErrorKind.TRUNCATED


@given(st.binary(max_size=300), st.sampled_from([b"", b'{"request":"0014', b'{"request":"00","response":"zz"}', b'{"request":1}']))
def test_no_bytes_whatsoever_harm_it(junk, opening):
    decoder = ExchangeDecoder(DecoderOptions(key=KEY))
    for data in (opening + junk, junk + opening, junk):
        assert all(isinstance(event, Telegram | DecodeError) for event in decoder.feed(data))
    assert all(isinstance(event, DecodeError) for event in decoder.close())


def test_little_is_held():
    decoder = ExchangeDecoder()
    for _ in range(100):
        decoder.feed(b'{"request": "00' + b"0" * 500)
        assert decoder.pending <= MAX_SIZE


@pytest.mark.skipif(not VECTORS.is_dir(), reason=f"no captures in {VECTORS}; CHARGEBRIDGE_VECTORS names another place")
def test_the_published_exchanges_through_the_front_door():
    for expected_path in sorted(VECTORS.glob("*.expected.json")):
        expected = json.loads(expected_path.read_text())
        path = expected_path.parent / expected["file"]
        key = bytes.fromhex(expected.get("key", "00" * 16))
        events = AutoDecoder(DecoderOptions(key=key)).feed(path.read_bytes())
        assert len(events) == 1
        if expected.get("response_code") == "00":
            assert isinstance(events[0], Telegram)
            if "bt23_int32_le" in expected:
                assert [register.raw for register in events[0].registers.values()] == expected["bt23_int32_le"]
            else:
                assert events[0].unparsed == (f"table 0x{expected['table']} from 0: {expected['response'][10:-16]}",)
        else:
            assert isinstance(events[0], DecodeError)

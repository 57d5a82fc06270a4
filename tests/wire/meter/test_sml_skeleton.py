"""A decoder that has learnt a meter's form reads exactly what one reads that parses."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebridge.wire.meter import SmlDecoder, Telegram
from chargebridge.wire.meter.crc import x25
from chargebridge.wire.meter.sml import read
from chargebridge.wire.meter.sml_messages import messages
from chargebridge.wire.meter.sml_skeleton import learn
from chargebridge.wire.meter.sml_transport import SmlFile, SmlFramer
from chargebridge.wire.meter.sml_tree import parse
from chargebridge.wire.meter.telegram import ContentError

SAMPLES = [path.read_bytes() for path in sorted((Path(__file__).parent / "data").glob("sml_*.bin"))]


def files(data: bytes) -> list[SmlFile]:
    framer = SmlFramer()
    return [file for file in framer.feed(data) + framer.close() if isinstance(file, SmlFile)]


PAYLOADS = [files(sample)[0].payload for sample in SAMPLES]


def with_right_checksums(payload: bytes) -> bytes:
    fixed = bytearray(payload)
    try:
        for begin, covered, _ in messages(payload, parse):
            fixed[covered + 1 : covered + 3] = x25(bytes(fixed[begin:covered])).to_bytes(2, "little")
    except (ContentError, IndexError):
        pass
    return bytes(fixed)


@given(
    pick=st.integers(0, len(PAYLOADS) - 1),
    changes=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=5),
    right=st.booleans(),
)
def test_a_changed_file_is_read_alike(pick, changes, right):
    learnt = learn(PAYLOADS[pick])
    assert learnt is not None
    payload = bytearray(PAYLOADS[pick])
    for at, byte in changes:
        payload[at % len(payload)] = byte
    file = SmlFile(with_right_checksums(bytes(payload)) if right else bytes(payload), "x25", 7, len(payload))
    telegram = learnt.read(file)
    assert telegram is None or [telegram] == read(file)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_what_was_learnt_is_used(payload):
    learnt = learn(payload)
    assert learnt is not None
    file = SmlFile(payload, "x25", 0, len(payload))
    assert [learnt.read(file)] == read(file)


def test_streams_of_real_meters(sml_vector):
    found = files(sml_vector.data)
    decoder = SmlDecoder()
    events = [event for event in decoder.feed(sml_vector.data) + decoder.close() if isinstance(event, Telegram)]
    assert events == [event for file in found for event in read(file) if isinstance(event, Telegram)]

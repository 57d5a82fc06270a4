"""Whatever bytes stand in a saved answer: events come out, nothing is raised, little is held, and it does not take long."""

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebridge.wire.meter import DecodeError, ErrorKind, Protocol, Telegram, decoder_for, detect
from chargebridge.wire.smgw.decoder import SmgwDecoder, decode
from chargebridge.wire.smgw.value import MAX_ANSWER

DATA = sorted((Path(__file__).parent / "data").iterdir())
SAMPLES = [path.read_bytes() for path in DATA]
PIECES = [
    b"<tr>",
    b'<td id="table_metervalues_col_obis">1-0:1.8.0',
    b'<td id="table_metervalues_col_wert">',
    b'"method":"readings"',
    b"{",
    b"}",
]
PIECES += [
    b"<?xml",
    b":object>",
    b'"logical_name":',
    b"[",
    b"]",
    b'"',
    b"<!--",
    b"-->",
    b"&#x110000;",
    b"urn:k461-dke-de:profile_generic-1",
]
garbage = st.lists(st.one_of(st.binary(max_size=40), st.sampled_from(PIECES)), max_size=15).map(b"".join)


def fine(events) -> bool:
    return all(isinstance(event, Telegram | DecodeError) for event in events)


@given(data=garbage)
def test_random_bytes(data):
    assert fine(decode(data))


@given(data=garbage, pick=st.sampled_from(SAMPLES), at=st.integers(0, 5000), gone=st.integers(0, 300))
def test_damaged_answers(data, pick, at, gone):
    for damaged in (pick[:at], pick[:at] + data + pick[at + gone :], data + pick):
        assert fine(decode(damaged))


@given(pick=st.sampled_from(SAMPLES), at=st.integers(0, 5000), bit=st.integers(0, 7))
def test_flipped_bits(pick, at, bit):
    flipped = bytearray(pick)
    flipped[at % len(pick)] ^= 1 << bit
    assert fine(decode(bytes(flipped)))


@given(pick=st.sampled_from(SAMPLES), size=st.integers(1, 400))
def test_pieces_make_no_difference(pick, size):
    decoder = SmgwDecoder()
    events = [event for at in range(0, len(pick), size) for event in decoder.feed(pick[at : at + size])]
    assert events == []
    assert decoder.pending == len(pick)
    assert decoder.close() == decode(pick)
    assert decoder.pending == 0


@pytest.mark.parametrize(
    "piece",
    [
        b"<",
        b"<!--",
        b"<a ",
        b"<a b",
        b"<a b='",
        b"{",
        b'{"method":"readings"',
        b'{"logical_name":',
        b"<tr><td id=table_metervalues_col_obis",
        b"portal ",
    ],
)
def test_a_megabyte_of_anything_is_judged_soon(piece):
    begun = time.process_time()
    for opening in (b"", b'<input name="tkn">', b'{"method":"readings","logical_name":'):
        assert fine(decode(opening + piece * (1_000_000 // len(piece))))
    assert time.process_time() - begun < 10


def test_more_than_any_answer_is_given_up():
    decoder = SmgwDecoder()
    events = [event for _ in range(MAX_ANSWER // 65536 + 1) for event in decoder.feed(b"x" * 65536)]
    assert [event.kind for event in events] == [ErrorKind.OVERSIZE]
    assert decoder.pending < MAX_ANSWER


@pytest.mark.parametrize("path", DATA, ids=lambda path: path.name)
def test_saved_answers_are_known(path):
    data = path.read_bytes()
    assert detect(data) is Protocol.SMGW
    decoder = decoder_for(None)
    assert decoder.feed(data) + decoder.close() == decode(data)

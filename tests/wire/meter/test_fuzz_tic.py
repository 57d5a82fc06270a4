"""Standard mode as ``test_fuzz`` has historic mode, and what six bits of checksum can and cannot find."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.wire.meter import decoding

from chargebridge.wire.meter import DecodeError, Telegram
from chargebridge.wire.meter.tic import TicDecoder

SAMPLES = [path.read_bytes() for path in sorted((Path(__file__).parent / "data").glob("tic_standard*"))]
FREE_TEXTS = (b"NGTF", b"LTARF", b"MSG1")


def run(data: bytes, size: int = 4096) -> list[Telegram | DecodeError]:
    return decoding.run(TicDecoder(), data, size)


def registers(data: bytes, size: int = 4096) -> list[dict]:
    return [event.registers for event in run(data, size) if isinstance(event, Telegram)]


def in_free_text(sample: bytes, at: int) -> bool:
    line = sample[sample.rfind(b"\n", 0, at + 1) + 1 :]
    return line.startswith(FREE_TEXTS)


@given(pick=st.data(), size=st.integers(1, 300))
def test_a_flipped_bit_costs_one_frame(pick, size):
    """The checksum leaves bits 6 and 7 out. Bit 7 is no text, and bit 6 makes no number, label or code; but a free text may pass as another.

    On the line the parity finds each single flipped bit, whichever it is.
    """
    sample = pick.draw(st.sampled_from(SAMPLES))
    at = pick.draw(st.integers(0, len(sample) - 1))
    bit = pick.draw(st.sampled_from([0, 1, 2, 3, 4, 5, 7] if in_free_text(sample, at) else range(8)))
    damaged = bytearray(sample)
    damaged[at] ^= 1 << bit
    (wanted,) = registers(sample)
    assert registers(sample + bytes(damaged) + sample, size) == [wanted, wanted]


@given(cut=st.data())
def test_a_frame_cut_anywhere_costs_itself(cut):
    sample = cut.draw(st.sampled_from(SAMPLES))
    begin, end = sorted((cut.draw(st.integers(1, len(sample) - 1)), cut.draw(st.integers(1, len(sample) - 1))))
    (wanted,) = registers(sample)
    assert registers(sample[:begin] + sample, 50) == [wanted]
    assert registers(sample[begin:] + sample, 50) == [wanted]
    missing = registers(sample[:begin] + sample[end:] + sample, 50)
    assert missing[-1] == wanted
    assert len(missing) == (2 if begin == end else 1) or wanted.items() >= missing[0].items(), "groups may be lost whole only"


@pytest.mark.parametrize("junk", [b"\x02", b"\x02\x03", b"\x03", b"\x02\n\r\x03", b"\x02\x04", b"\x02abcdefgh"])
def test_little_is_held_whatever_comes(junk):
    decoder = TicDecoder()
    for _ in range(200):
        events = decoder.feed(junk * (1000 // len(junk)))
        assert decoder.pending <= 4096
        assert len(events) <= 501
    assert decoder.feed(SAMPLES[0])[-1].registers == registers(SAMPLES[0])[0]

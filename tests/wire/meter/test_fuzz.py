"""No bytes whatsoever harm a decoder: only typed events come out, little is held, and the next good telegram is read."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.wire.meter.decoding import held, run

from chargebridge.wire.meter import (
    AutoDecoder,
    DecodeError,
    Decoder,
    DlmsDecoder,
    ErrorKind,
    P1Decoder,
    Protocol,
    SmlDecoder,
    Telegram,
    decode_apdu,
    decoder_for,
    detect,
)
from chargebridge.wire.meter.apdu import MAX_APDU
from chargebridge.wire.meter.crc import arc
from chargebridge.wire.meter.d0 import MAX_SIZE as D0_MAX
from chargebridge.wire.meter.d0 import D0Decoder
from chargebridge.wire.meter.hdlc import MAX_FRAME, HdlcFramer, frame
from chargebridge.wire.meter.p1 import MAX_SIZE
from chargebridge.wire.meter.sml_transport import MAX_FILE, SmlFile, SmlFramer, wrap
from chargebridge.wire.meter.tic import MAX_SIZE as TIC_MAX
from chargebridge.wire.meter.tic import TicDecoder

DATA = Path(__file__).parent / "data"
CHUNK = 4096
FAMILIES: dict[str, tuple[Callable[[], Decoder], str, int]] = {
    "p1": (P1Decoder, "p1_*", MAX_SIZE),
    "sml": (SmlDecoder, "sml_*", MAX_FILE),
    "dlms": (DlmsDecoder, "[acik]*.bin", MAX_FRAME + 2 * MAX_APDU),
    "d0": (D0Decoder, "d0_readout*", D0_MAX),
    "tic": (TicDecoder, "tic_historic*", TIC_MAX),
}
SAMPLES = {name: [path.read_bytes() for path in sorted(DATA.glob(pattern))] for name, (_, pattern, _) in FAMILIES.items()}
MARKS = [
    b"/",
    b"\n/",
    b"!",
    b"\n!",
    b"/ISK5",
    b"~",
    b"~\xa0",
    b"~\xa0\x27",
    b"\x1b" * 4,
    b"\x1b" * 8,
    b"\x1b\x1b\x1b\x1b\x01\x01\x01\x01",
    b"\r\n",
    b"\x02\n",
    b"\r\x03",
]

garbage = st.lists(st.one_of(st.binary(max_size=60), st.sampled_from(MARKS)), max_size=12).map(b"".join)
family = pytest.mark.parametrize("family", FAMILIES)


def telegrams(events: list[Telegram | DecodeError]) -> list[dict]:
    return [event.registers for event in events if isinstance(event, Telegram)]


def registers_of(name: str, sample: bytes) -> dict:
    (found,) = telegrams(run(FAMILIES[name][0](), sample))
    return found


@family
@given(data=garbage, size=st.integers(1, 50))
def test_random_bytes_give_events_only(family, data, size):
    events = run(FAMILIES[family][0](), data, size)
    assert all(isinstance(event, Telegram | DecodeError) for event in events)
    for event in events:
        if isinstance(event, DecodeError):
            assert 0 <= event.offset <= len(data)
            assert event.reason
            assert event.cure


@family
@given(data=garbage, pick=st.integers(0, 99))
def test_a_good_telegram_after_garbage_is_read(family, data, pick):
    sample = SAMPLES[family][pick % len(SAMPLES[family])]
    wanted = registers_of(family, sample)
    assert telegrams(run(FAMILIES[family][0](), data + sample))[-1:] == [wanted]


@family
@given(cut=st.data())
def test_a_telegram_cut_anywhere_costs_itself_only(family, cut):
    sample = cut.draw(st.sampled_from(SAMPLES[family]))
    at = cut.draw(st.integers(1, len(sample) - 1))
    wanted = registers_of(family, sample)
    events = run(FAMILIES[family][0](), sample[:at] + sample, cut.draw(st.integers(1, 200)))
    found = telegrams(events)
    assert found[-1] == wanted
    assert all(registers == wanted for registers in found), "a telegram that lacks a part was delivered"


@family
@given(flip=st.data())
def test_a_flipped_bit_costs_one_telegram(family, flip):
    chosen = [flip.draw(st.sampled_from(SAMPLES[family])) for _ in range(3)]
    wanted = [registers_of(family, sample) for sample in chosen]
    stream = bytearray(b"".join(chosen))
    at = flip.draw(st.integers(0, len(stream) - 1))
    stream[at] ^= 1 << flip.draw(st.integers(0, 7))
    hit = next(i for i in range(3) if at < sum(map(len, chosen[: i + 1])))
    found = telegrams(run(FAMILIES[family][0](), bytes(stream)))
    rest = wanted[:hit] + wanted[hit + 1 :]
    assert found in (wanted, rest), "a neighbour was lost, or a wrong value delivered"


@family
@settings(deadline=None)
@given(junk=st.binary(min_size=1, max_size=30), start=st.sampled_from([b"", *MARKS]))
def test_little_is_held_whatever_comes(family, junk, start):
    make, _, limit = FAMILIES[family]
    held(make(), start + junk, limit)


@family
def test_an_endless_telegram_is_given_up(family):
    """An opening that never closes ends in an error, and what follows it is read."""
    make, _, limit = FAMILIES[family]
    opening = {"p1": b"/ISK5X\r\n", "sml": b"\x1b\x1b\x1b\x1b\x01\x01\x01\x01", "dlms": b"~\xaf", "d0": b"/ISK5X\r\n", "tic": b"\x02\n"}[
        family
    ]
    sample = SAMPLES[family][0]
    events = run(make(), opening + b"x" * (limit + CHUNK) + sample)
    assert isinstance(events[0], DecodeError)
    assert telegrams(events) == [registers_of(family, sample)]


@given(data=garbage)
@example(b"\xe6\xe7\x00\x0f\x40\x00\x00\x00\x00" + b"\x02\x01" * 400)
@example(b"\xe6\xe7\x00\x0f\x40\x00\x00\x00\x00\x01\x84\xff\xff\xff\xff")
def test_any_apdu_gives_an_event(data):
    for apdu in (data, b"\xe6\xe7\x00\x0f\x40\x00\x00\x00\x00" + data):
        assert isinstance(decode_apdu(apdu), Telegram | DecodeError)


@given(flips=st.lists(st.tuples(st.integers(0, 10_000), st.integers(1, 255)), min_size=1, max_size=6), pick=st.integers(0, 99))
def test_damaged_content_behind_right_checksums(flips, pick):
    """A checksum says that the bytes are the sender's, not that they make sense."""
    framer = HdlcFramer()
    frame, *_ = framer.feed(SAMPLES["dlms"][pick % len(SAMPLES["dlms"])])
    assert not isinstance(frame, DecodeError)
    information = bytearray(frame.information)
    for at, mask in flips:
        information[at % len(information)] ^= mask
    assert isinstance(decode_apdu(bytes(information), crc_ok=True), Telegram | DecodeError)


@given(payload=st.one_of(garbage, st.binary(max_size=200)), pick=st.integers(0, 99), cut=st.integers(0, 400))
def test_damaged_sml_behind_right_checksums(payload, pick, cut):
    (file,) = SmlFramer().feed(SAMPLES["sml"][pick % len(SAMPLES["sml"])])
    assert isinstance(file, SmlFile)
    for damaged in (payload, file.payload[:cut] + payload, file.payload[:cut] + payload + file.payload[cut:]):
        assert all(isinstance(event, Telegram | DecodeError) for event in SmlDecoder().feed(wrap(damaged)))


@given(lines=st.lists(st.text(st.characters(max_codepoint=255), max_size=40), max_size=8))
def test_damaged_objects_behind_right_checksums(lines):
    text = "/ISK5X\r\n\r\n" + "".join(f"1-0:1.8.0({line})\r\n{line}\r\n" for line in lines) + "!"
    body = text.encode("latin-1")
    assert all(isinstance(event, Telegram | DecodeError) for event in run(P1Decoder(), body + f"{arc(body):04X}\r\n".encode()))


@settings(deadline=None)
@given(data=garbage, size=st.integers(1, 500))
def test_a_stream_of_unknown_protocol(data, size):
    for name, samples in SAMPLES.items():
        events = run(AutoDecoder(), samples[0] + data + samples[0], size)
        assert telegrams(events)[0] == registers_of(name, samples[0])


@pytest.mark.parametrize("family", FAMILIES)
def test_detect_finds_each_family_after_noise(family):
    for sample in SAMPLES[family]:
        assert detect(b"\x00\xff\r\n" + sample) is Protocol(family)


def test_detect_knows_nothing_in_noise():
    assert detect(b"") is None
    assert detect(bytes(range(256))) is None
    events = run(decoder_for(None), b"\x55\xaa" * 5000)
    assert {event.kind for event in events if isinstance(event, DecodeError)} == {ErrorKind.NOISE}
    assert len(events) < 5


@family
def test_an_oversized_telegram_is_refused_however_it_comes(family):
    """A right end far away does not help, not even when all of it arrives in one piece."""
    make, _, limit = FAMILIES[family]
    filling = b"1-0:1.8.0(1*kWh)\r\n" * (limit // 8)
    huge = {
        "p1": b"/ISK5X\r\n\r\n" + filling + b"!0000\r\n",
        "sml": wrap(filling),
        "d0": b"/ISK5X\r\n\x02" + filling + b"!\r\n\x03\0",
        "dlms": b"".join(frame(b"\0" * 2000, destination=b"\1", source=b"\3", control=0x13, segmented=True) for _ in range(20)),
        "tic": b"\x02\n" + filling + b"\r\x03",
    }[family]
    sample = SAMPLES[family][-1]
    for size in (len(huge) + len(sample), 1000, 64):
        events = run(make(), huge + sample, size)
        assert ErrorKind.OVERSIZE in {event.kind for event in events if isinstance(event, DecodeError)}
        assert telegrams(events) == [registers_of(family, sample)]
        assert len(events) < 12

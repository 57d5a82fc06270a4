"""100,000 damaged inputs a protocol under `make soak`, 500 in the fast tests: typed events, little held, at most one following frame lost.

Inputs are our samples with bytes flipped, lost, doubled, put in, cut off or exchanged between two samples: what lines, bridges and attackers do.
"""

import os
import random
from datetime import UTC, datetime
from pathlib import Path

import pytest

from chargebridge.sim.telegrams import chain2
from chargebridge.wire.meter import DecodeError, DecoderOptions, ErrorKind, Protocol, Telegram, decoder_for, detect
from chargebridge.wire.meter.detect import LANGUAGES
from chargebridge.wire.meter.hdlc import Frame, HdlcFramer
from chargebridge.wire.meter.telegram import Impatient

DATA = Path(__file__).parent / "data"
GATEWAYS = Path(__file__).parents[1] / "smgw" / "data"
NO_SAMPLES = ("expected.json", "enciphered.json")
COUNT = int(os.environ.get("FUZZ_INPUTS", "500"))
HELD = 70_000
"""No decoder may hold more, whatever comes."""
WHOLE_FILE = (Protocol.DLMS_APDU, Protocol.SMGW, Protocol.CHAIN2, Protocol.MEP)
"""Known to be complete only when the input ends: nothing can follow them in a stream."""
KEY, AUTHENTICATION_KEY = bytes(range(16)), bytes(range(0xD0, 0xE0))
"""Of the enciphered samples (tests/sim/telegrams/test_enciphered.py)."""


def options(path: Path) -> DecoderOptions:
    if not path.name.startswith("enciphered_"):
        return DecoderOptions()
    return DecoderOptions(key=KEY, authentication_key=AUTHENTICATION_KEY if path.stem.endswith(("denmark", "burgenland")) else None)


def samples() -> dict[Protocol, list[tuple[bytes, DecoderOptions]]]:
    found: dict[Protocol, list[tuple[bytes, DecoderOptions]]] = {}
    for path in sorted((*DATA.iterdir(), *GATEWAYS.iterdir())):
        if path.name not in NO_SAMPLES and (protocol := detect(path.read_bytes())):
            found.setdefault(protocol, []).append((path.read_bytes(), options(path)))
    (frame,) = HdlcFramer().feed((DATA / "aidon_hourly.bin").read_bytes())
    assert isinstance(frame, Frame)
    at = datetime(2026, 7, 1, tzinfo=UTC)
    messages = [chain2.contract(at, 3), chain2.message("CF99", at, {"Some": 1})]
    found[Protocol.CHAIN2] = [(message, DecoderOptions()) for message in messages]
    found[Protocol.DLMS_APDU] = [(frame.information, DecoderOptions())]
    return found


SAMPLES = samples()


def damaged(dice: random.Random, sample: bytes, other: bytes) -> bytes:
    data = bytearray(sample)
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(len(data) + 1)
        match dice.randrange(7):
            case 0 if at < len(data):
                data[at] ^= 1 << dice.randrange(8)
            case 1 if at < len(data):
                data[at] = dice.choice((0x00, 0x7E, 0x02, 0x0F, 0x1B, 0x2F, 0x68, 0x80, 0xDB, 0xFF))
            case 2:
                del data[at : at + dice.randint(1, 20)]
            case 3:
                data[at:at] = dice.randbytes(dice.randint(1, 20))
            case 4:
                data[at:at] = data[at // 2 : at]
            case 5:
                del data[at:]
            case 6:
                data[at:] = other[dice.randrange(len(other)) :]
    return bytes(data[:40_000]) or b"\0"


def test_every_stream_has_samples() -> None:
    assert set(SAMPLES) >= set(LANGUAGES) - set(WHOLE_FILE)


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("protocol", [protocol for protocol in LANGUAGES if protocol in SAMPLES])
def test_damage_costs_little(protocol: Protocol) -> None:
    dice = random.Random(f"{protocol} {COUNT}")
    known = SAMPLES[protocol]
    for n in range(COUNT):
        good, told = dice.choice(known)
        bad = damaged(dice, good, dice.choice(known)[0])
        decoder = decoder_for(protocol, told)
        size = dice.choice((len(bad), 1 + n % 64))
        events = []
        for at in range(0, len(bad), size):
            events += decoder.feed(bad[at : at + size])
            assert getattr(decoder, "pending", 0) <= HELD, (n, bad.hex())
        if isinstance(decoder, Impatient):
            events += decoder.pause()
        if protocol not in WHOLE_FILE:
            after = decoder.feed(good) + decoder.feed(good)
            assert any(_is_read(event) for event in after), (n, bad.hex())
            events += after
        events += decoder.close()
        assert all(isinstance(event, Telegram | DecodeError) for event in events), (n, bad.hex())
        for event in events:
            assert isinstance(event, Telegram) or (event.reason and event.cure and event.offset >= 0), (n, bad.hex())


def _is_read(event: object) -> bool:
    """A telegram; or one that was opened and found to be the same as before."""
    return isinstance(event, Telegram) or (isinstance(event, DecodeError) and event.kind is ErrorKind.REPLAY)

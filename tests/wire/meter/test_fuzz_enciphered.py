"""No bytes whatsoever harm the decoders of enciphered telegrams and of M-Bus; a damaged one costs itself, and never gives a wrong value."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.wire.meter.decoding import held, run

from chargebridge.sim.telegrams import austria, han, p1
from chargebridge.sim.telegrams.enciphered import Keys, in_hdlc, in_mbus, in_p1, in_polish_p1
from chargebridge.sim.telegrams.values import MeterValues
from chargebridge.wire.meter import (
    DecodeError,
    Decoder,
    DecoderOptions,
    DlmsDecoder,
    ErrorKind,
    Protocol,
    Telegram,
    decode_apdu,
    decoder_for,
    detect,
    mbus,
    security,
)
from chargebridge.wire.meter.apdu import MAX_APDU
from chargebridge.wire.meter.hdlc import MAX_FRAME
from chargebridge.wire.meter.mbus import MbusDecoder
from chargebridge.wire.meter.p1 import MAX_SIZE
from chargebridge.wire.meter.p1_port import P1PortDecoder

KEY = bytes(range(16))
OPTIONS = DecoderOptions(key=KEY)
KAIFA, SAGEMCOM = Keys(title=b"KFM\x10\x20\0\0\1", key=KEY), Keys(title=b"SAGY\5\0\0\1", key=KEY)
SAGEMCOM_P1 = Keys(title=b"SAG5\0\0\0\1", key=KEY, authentication_key=security.P1_AUTHENTICATION_KEY)
KAMSTRUP = Keys(title=b"KAM\x45\0\0\0\1", key=KEY)


def values(number: int) -> MeterValues:
    return MeterValues(
        at=datetime(2026, 7, 1, 12, 0, number % 60, tzinfo=UTC),
        meter_id="12345678",
        power_import_w=1000 + number,
        power_export_w=0,
        power_w_phases=(500, 300, 200),
        current_a=(2.2, 1.3, 0.9),
        voltage_v=(230, 229, 231),
        energy_import_wh=12_345_670 + 10 * number,
        energy_export_wh=98_760,
    )


FAMILIES: dict[str, tuple[Callable[[DecoderOptions], Decoder], Callable[[int], bytes], int, bytes]] = {
    "p1": (P1PortDecoder, lambda n: in_p1(p1.encode(values(n)), SAGEMCOM_P1, n), 2 * MAX_SIZE, b"\xdb\x08SAG5\0\0\0\1\x82\x1f\xf0\x30"),
    "poland": (
        P1PortDecoder,
        lambda n: in_polish_p1(p1.encode(values(n)), SAGEMCOM_P1),
        2 * MAX_SIZE,
        b"/EGM5G35\r\n\r\n\0\x82\x1f\xf0\x30",
    ),
    "kaifa": (MbusDecoder, lambda n: in_mbus(austria.tirol(values(n)), KAIFA, n), mbus.MAX_FRAME + MAX_APDU, b"\x68\xfa\xfa\x68\x53"),
    "sagemcom": (MbusDecoder, lambda n: in_mbus(austria.netz_noe(values(n)), SAGEMCOM, n), mbus.MAX_FRAME + MAX_APDU, b"\x68\1\1\x68\x53"),
    "hdlc": (DlmsDecoder, lambda n: in_hdlc(han.kamstrup_push_1(values(n)), KAMSTRUP, n), MAX_FRAME + MAX_APDU, b"~\xaf"),
}
"""Decoder, the n-th telegram of a meter, the most bytes that may be held, an opening that never ends."""
PROTOCOLS = {"p1": Protocol.P1, "poland": Protocol.P1, "kaifa": Protocol.DLMS_MBUS, "sagemcom": Protocol.DLMS_MBUS, "hdlc": Protocol.DLMS}
STREAMS = {name: [send(n) for n in range(1, 7)] for name, (_, send, *_) in FAMILIES.items()}
MARKS = [
    b"\xdb\x08", b"\xdb\x08SAG", b"\xdb", b"/", b"/EGM5\r\n\r\n\0\x82", b"/EGM5\r\n", b"\x68\xfa\xfa\x68\x53", b"\x68\1\1\x68", b"\x68", b"\xe5",
    b"\x10", b"\x10\x40\xf0\x30\x16", b"\x16", b"~\xa0", b"\xe6\xe7\x00\xdb\x08", b"\r\n", b"!",
]  # fmt: skip
garbage = st.lists(st.one_of(st.binary(max_size=60), st.sampled_from(MARKS)), max_size=12).map(b"".join)
family = pytest.mark.parametrize("family", FAMILIES)


def powers(events: list[Telegram | DecodeError]) -> list[object]:
    """The active power, which names the telegram."""
    return [
        next(r.value for code, r in event.registers.items() if code.endswith(":1.7.0")) for event in events if isinstance(event, Telegram)
    ]


def decoder_of(name: str) -> Decoder:
    return FAMILIES[name][0](OPTIONS)


@family
@given(data=garbage, size=st.integers(1, 50))
def test_random_bytes_give_events_only(family, data, size):
    for event in run(decoder_of(family), data, size):
        assert isinstance(event, DecodeError)
        assert 0 <= event.offset <= len(data)
        assert event.reason
        assert event.cure


@family
@given(data=garbage, size=st.integers(1, 300))
def test_good_telegrams_after_garbage_are_read(family, data, size):
    first, second, *_ = STREAMS[family]
    found = powers(run(decoder_of(family), data + first + second, size))
    assert found[-1:] == [1002]
    assert found in ([1001, 1002], [1002]), "more than the telegram beside the garbage was lost"


@family
@given(cut=st.data())
def test_a_telegram_cut_anywhere_costs_itself_only(family, cut):
    first, second, *_ = STREAMS[family]
    at = cut.draw(st.integers(1, len(first) - 1))
    found = powers(run(decoder_of(family), first[:at] + second, cut.draw(st.integers(1, 200))))
    assert found in ([1002], [1001, 1002]), "the next one was lost"
    lacks = {"poland": len("!ABCD\r\n"), "hdlc": len("~")}.get(family, 0)  # an unchecked end; a flag that the next telegram brings
    assert found == [1002] or at >= len(first) - lacks, "a telegram that lacks a part was delivered"


@family
@given(flip=st.data())
def test_a_flipped_bit_costs_one_telegram(family, flip):
    stream = STREAMS[family][:3]
    joined = bytearray(b"".join(stream))
    at = flip.draw(st.integers(0, len(joined) - 1))
    joined[at] ^= 1 << flip.draw(st.integers(0, 7))
    hit = next(i for i in range(3) if at < sum(map(len, stream[: i + 1])))
    wanted = [1001, 1002, 1003]
    found = powers(run(decoder_of(family), bytes(joined), flip.draw(st.integers(1, 2000))))
    assert found in (wanted, wanted[:hit] + wanted[hit + 1 :]), "a neighbour was lost, or a wrong value delivered"


@family
def test_offsets_and_sizes_are_right(family):
    stream = b"\xff\xfe" + b"".join(STREAMS[family])
    noise, *found = run(decoder_of(family), stream, 7)
    assert isinstance(noise, DecodeError)
    assert (noise.kind, noise.offset) == (ErrorKind.NOISE, 0)
    for n, event in enumerate(found):
        assert isinstance(event, Telegram)
        sent = STREAMS[family][n]
        assert event.offset == 2 + sum(map(len, STREAMS[family][:n]))
        assert event.size == len(sent) - (7 if family == "poland" else 0)


@family
@settings(deadline=None)
@given(junk=st.binary(min_size=1, max_size=30), start=st.sampled_from([b"", *MARKS]))
def test_little_is_held_whatever_comes(family, junk, start):
    held(decoder_of(family), start + junk, FAMILIES[family][2])


@family
def test_an_endless_telegram_is_given_up(family):
    _, _, limit, opening = FAMILIES[family]
    first, second, *_ = STREAMS[family]
    events = run(decoder_of(family), opening + b"x" * (limit + 4096) + first + second)
    assert isinstance(events[0], DecodeError)
    assert powers(events)[-1] == 1002


@family
@settings(deadline=None)
@given(data=garbage, size=st.integers(1, 500))
def test_found_out_by_itself(family, data, size):
    first, second, third, *_ = STREAMS[family]
    assert detect(first) is PROTOCOLS[family]
    events = run(decoder_for(None, OPTIONS), first + data + second + third, size)
    assert powers(events)[0] == 1001
    assert powers(events)[-1] == 1003


@given(data=garbage, title=st.sampled_from([b"", b"KAM\x45\0\0\0\1"]), control=st.integers(0, 255))
def test_any_content_gives_an_event(data, title, control):
    head = bytes((len(title),)) + title
    for apdu in (
        b"\xdb" + data,
        b"\xdb" + head + data,
        b"\xdb" + head + bytes((len(data) + 1 & 0x7F, control)) + data,
        security.seal(data, key=KEY, title=title, counter=1),
        security.seal(b"\x0f\0\0\0\0\0" + data, key=KEY, title=title, counter=1),
    ):
        assert isinstance(decode_apdu(apdu, OPTIONS), Telegram | DecodeError)

"""General block transfer over HDLC: joined in order, a lost block costs its APDU and is told once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebridge.sim.telegrams.enciphered import Keys
from chargebridge.wire.meter import DecodeError, DecoderOptions, DlmsDecoder, ErrorKind, Telegram, hdlc
from chargebridge.wire.meter.apdu import LLC, MAX_APDU
from chargebridge.wire.meter.gbt import BlockJoiner, Joined, blocks, is_block, parse
from chargebridge.wire.meter.telegram import ContentError, Event

KAIFA_POWER = bytes.fromhex("0f40000000090c07e60102070e2512ff80000002010600001015")
FLAG = 1
"""The flag that closes a frame may open the next, so it is held."""


def frames(apdu: bytes, size: int) -> list[bytes]:
    return [hdlc.frame(block, destination=b"\xce\xff", source=b"\x03", control=0x13) for block in blocks(apdu, size)]


def kinds(events: list[Event]) -> list[ErrorKind]:
    return [event.kind for event in events if isinstance(event, DecodeError)]


def telegrams(events: list[Event]) -> list[Telegram]:
    return [event for event in events if isinstance(event, Telegram)]


@given(st.binary(min_size=1, max_size=3000), st.integers(1, 400))
def test_blocks_and_back(apdu, size):
    joiner, events = BlockJoiner(), []
    pieces = blocks(apdu, size)
    assert all(map(is_block, pieces))
    found = [joiner.add(piece, 10 * number, 10, events) for number, piece in enumerate(pieces)]
    assert found == [None] * (len(pieces) - 1) + [Joined(apdu, 0, 10 * len(pieces))]
    assert (events, joiner.pending) == ([], 0)


KEY, AUTHENTICATION_KEY = bytes(range(16)), bytes(range(16, 32))


def test_an_enciphered_apdu_in_blocks():
    """As the E450 sends it where the grid operator enciphers: blocks outside, cipher inside (captured: ``E0 40 0001 ... DB 08 4C475A``)."""
    keys = Keys(title=b"LGZgs|Q\xbd", key=KEY, authentication_key=AUTHENTICATION_KEY)
    streams = [b"".join(frames(keys.seal(KAIFA_POWER, counter), 20)) for counter in (7, 8)]
    decoder = DlmsDecoder(DecoderOptions(key=KEY, authentication_key=AUTHENTICATION_KEY))
    first, second, again = decoder.feed(streams[0] + streams[1] + streams[0])
    for telegram, counter in ((first, 7), (second, 8)):
        assert isinstance(telegram, Telegram)
        assert (telegram.registers["1-0:1.7.0"].raw, telegram.authenticated, telegram.counter) == (4117, True, counter)
    assert kinds([again]) == [ErrorKind.REPLAY]
    assert kinds(DlmsDecoder().feed(streams[0])) == [ErrorKind.KEY]


def test_an_apdu_in_blocks():
    stream = b"".join(frames(KAIFA_POWER, 7))
    (telegram,) = DlmsDecoder().feed(stream)
    assert isinstance(telegram, Telegram)
    assert (telegram.registers["1-0:1.7.0"].raw, telegram.offset, telegram.size) == (4117, 0, len(stream))


@pytest.mark.parametrize("lost", range(4))
def test_a_lost_block_costs_its_apdu_and_is_told_once(lost):
    pieces = frames(KAIFA_POWER, 7)
    damaged = pieces[:lost] + pieces[lost + 1 :]
    good = b"".join(pieces)
    decoder = DlmsDecoder()
    events = decoder.feed(good + b"".join(damaged) + good) + decoder.close()
    assert kinds(events) == [ErrorKind.TRUNCATED]
    assert [telegram.offset for telegram in telegrams(events)] == [0, len(good) + sum(map(len, damaged))]


def test_the_rest_of_two_apdus_in_a_row_is_told_twice():
    pieces = frames(KAIFA_POWER, 7)
    events = DlmsDecoder().feed(b"".join(pieces[1:3] + pieces[1:3]))
    assert kinds(events) == [ErrorKind.TRUNCATED] * 2
    assert [event.offset for event in events if isinstance(event, DecodeError)] == [0, len(pieces[1] + pieces[2])]


def test_a_telegram_of_one_frame_ends_an_open_transfer():
    pieces = frames(KAIFA_POWER, 7)
    whole = hdlc.frame(LLC + KAIFA_POWER, destination=b"\x01", source=b"\x21", control=0x13)
    events = DlmsDecoder().feed(pieces[0] + whole + b"".join(pieces[1:]) + b"".join(pieces))
    assert kinds(events) == [ErrorKind.TRUNCATED] * 2
    assert len(telegrams(events)) == 2


def test_a_transfer_that_the_end_of_the_stream_cuts():
    decoder = DlmsDecoder()
    assert decoder.feed(frames(KAIFA_POWER, 7)[0]) == []
    assert decoder.pending == 7 + FLAG
    assert kinds(decoder.close()) == [ErrorKind.TRUNCATED]


def test_a_transfer_without_end_is_given_up():
    endless = frames(bytes(3 * MAX_APDU), 100)[:-1]
    decoder = DlmsDecoder()
    events = [event for piece in endless for event in decoder.feed(piece)]
    assert kinds(events) == [ErrorKind.OVERSIZE]
    assert decoder.pending == FLAG
    assert len(telegrams(decoder.feed(b"".join(frames(KAIFA_POWER, 7))))) == 1


@pytest.mark.parametrize("information", ["e0", "e0c0000100", "e0c000010000", "e0c00001000002aa", "e0c00001000001aabb", "e0c0000100008501"])
def test_blocks_that_cannot_be(information):
    with pytest.raises(ContentError):
        parse(bytes.fromhex(information))
    (event,) = DlmsDecoder().feed(hdlc.frame(bytes.fromhex(information), destination=b"\x01", source=b"\x21", control=0x13))
    assert isinstance(event, DecodeError)
    assert event.kind is ErrorKind.CONTENT


@given(
    order=st.lists(st.tuples(st.integers(0, 5), st.booleans(), st.binary(min_size=1, max_size=9)), max_size=30),
)
def test_any_order_of_blocks_gives_events_only(order):
    decoder, count = DlmsDecoder(), 0
    for number, last, data in order:
        block = b"\xe0" + bytes((0xC0 if last else 0x40,)) + number.to_bytes(2, "big") + b"\0\0" + bytes((len(data),)) + data
        events = decoder.feed(hdlc.frame(block, destination=b"\x01", source=b"\x21", control=0x13))
        count += len(events)
        assert all(isinstance(event, Telegram | DecodeError) for event in events)
    assert count + len(decoder.close()) <= 2 * len(order)

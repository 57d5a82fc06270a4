"""The dialogue of IEC 62056-21 step by step, without a port."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebridge.wire.meter import DecodeError, ErrorKind, Telegram
from chargebridge.wire.meter.d0 import block_check
from chargebridge.wire.meter.d0_request import REACTION_S, ReadoutRequest, Send

BLOCK = b"1.8.0(000001.0*kWh)\r\n!\r\n\x03"
DATA = b"\x02" + BLOCK + bytes((block_check(BLOCK),))


def asked(**settings: object) -> ReadoutRequest:
    request = ReadoutRequest(**settings)
    assert request.begin() == Send(b"/?!\r\n", 300, 300)
    return request


@pytest.mark.parametrize(("ident", "fastest", "step"), [
    (b"/ISk5MT174-0002\r\n", 19200, Send(b"\x06050\r\n", 300, 9600, REACTION_S)),
    (b"/ISk5MT174-0002\r\n", 2400, Send(b"\x06030\r\n", 300, 2400, REACTION_S)),
    (b"/ISk5MT174-0002\r\n", 300, Send(b"\x06000\r\n", 300, 300, REACTION_S)),
    (b"/LGZ6ZMD\r\n", 19200, Send(b"\x06060\r\n", 300, 19200, REACTION_S)),
    (b"/LGZ0X\r\n", 19200, Send(b"\x06000\r\n", 300, 300, REACTION_S)),
    (b"/ABCCmode B\r\n", 300, Send(b"", 300, 2400)),
    (b"/ABCZmode A\r\n", 19200, None),
])  # fmt: skip
def test_modes(ident, fastest, step):
    request = asked(fastest=fastest)
    assert request.receive(b"/?!\r\n" + ident) == ([] if step is None else [step])
    echo = step.data if step is not None else b""
    (telegram,) = request.receive(echo + DATA)
    assert isinstance(telegram, Telegram)
    assert (telegram.device, telegram.crc_ok) == (ident[1:-2].decode(), True)
    assert request.done
    assert request.receive(b"more") == []


@given(st.integers(1, 20), st.booleans())
def test_pieces_of_any_size(size, echo):
    request = asked()
    stream = (b"/?!\r\n" if echo else b"") + b"/ABC5X\r\n" + (b"\x06050\r\n" if echo else b"") + DATA
    steps = [step for at in range(0, len(stream), size) for step in request.receive(stream[at : at + size])]
    assert [type(step) for step in steps] == [Send, Telegram]


def test_an_address_is_sent():
    assert ReadoutRequest(address="0012345678").begin().data == b"/?0012345678!\r\n"
    with pytest.raises(ValueError, match="no device address"):
        ReadoutRequest(address="12!")


def test_nobody_answers():
    request = asked()
    (event,) = request.silent()
    assert isinstance(event, DecodeError)
    assert "nothing came" in event.reason
    assert "reading head" in event.cure
    assert request.done


def test_only_the_echo_comes():
    request = asked()
    assert request.receive(b"/?!\r\n") == []
    (event,) = request.silent()
    assert "5 bytes that are no identification" in event.reason


def test_the_data_stay_away_after_the_change_of_speed():
    request = asked()
    request.receive(b"/ABC5X\r\n")
    request.receive(b"\x8f\x13\x99")
    (event,) = request.silent()
    assert isinstance(event, DecodeError)
    assert (event.kind, request.done) == (ErrorKind.TRUNCATED, True)
    assert "max_baud=300" in event.cure


def test_a_readout_without_check_character_is_whole_when_the_meter_falls_silent():
    request = asked()
    request.receive(b"/ABC5X\r\n")
    assert request.receive(b"\x021.8.0(000001.0*kWh)\r\n!\r\n") == []
    (telegram,) = request.silent()
    assert isinstance(telegram, Telegram)
    assert telegram.crc_ok is None


def test_a_wrong_check_character_ends_it():
    request = asked()
    request.receive(b"/ABC5X\r\n")
    (event,) = request.receive(DATA[:-1] + b"\x7f")
    assert isinstance(event, DecodeError)
    assert (event.kind, request.done) == (ErrorKind.CHECKSUM, True)


@given(st.lists(st.binary(max_size=100), max_size=60))
def test_any_bytes_give_steps_only(pieces):
    request = asked()
    for piece in pieces:
        assert all(isinstance(step, Send | Telegram | DecodeError) for step in request.receive(piece))
    if not request.done:
        assert all(isinstance(event, Telegram | DecodeError) for event in request.silent())
    assert request.done

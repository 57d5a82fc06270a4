"""Mode E, and the wrapper."""

import pytest

from chargebridge.wire.cosem.errors import CosemError, ErrorKind
from chargebridge.wire.cosem.link import Apdu
from chargebridge.wire.cosem.mode_e import Line, ModeE, Ready, Send
from chargebridge.wire.cosem.wrapper import WrapperLink, wrap

IDENTIFICATION = b"/ISK5\\2ME382-1003\r\n"


def test_mode_e_goes_over_to_the_offered_speed() -> None:
    opening = ModeE()
    assert opening.start() == [Line(300), Send(b"\xaf\x3f\x21\x8d\x0a")]
    steps = []
    for byte in b"/?!\r\n" + IDENTIFICATION:  # with its echo, byte by byte
        steps += opening.receive(bytes((byte,)))
    assert steps == [Send(b"\x06\xb2\x35\xb2\x8d\x0a"), Line(9600)]
    assert opening.receive(b"\x06252\r\n") == [Ready("/ISK5\\2ME382-1003")]


def test_parity_bits_do_not_matter_and_a_missing_confirmation_neither() -> None:
    opening = ModeE()
    opening.start()
    with_parity = bytes(byte | (byte.bit_count() & 1) << 7 for byte in IDENTIFICATION)
    assert opening.receive(with_parity)[0] == Send(b"\x06\xb2\x35\xb2\x8d\x0a")
    assert opening.unconfirmed() == [Ready("/ISK5\\2ME382-1003")]


@pytest.mark.parametrize("told", [b"/ISK5ME382\r\n", b"/LGZ4\\3ZMD\r\n", b"/ABCA\\2X\r\n"])
def test_a_meter_without_mode_e_is_told(told: bytes) -> None:
    opening = ModeE()
    opening.start()
    with pytest.raises(CosemError) as found:
        opening.receive(told)
    assert found.value.kind is ErrorKind.LINK
    assert "opening=hdlc" in found.value.cure


def test_wrapper_in_pieces() -> None:
    link = WrapperLink(client=16, server=1)
    stream = wrap(b"one", source=1, destination=16) + wrap(b"", source=1, destination=16) + wrap(b"three", source=1, destination=16)
    events = [event for byte in stream for event in link.receive(bytes((byte,)))]
    assert events == [Apdu(b"one"), Apdu(b""), Apdu(b"three")]
    assert link.pending == 0
    assert link.send(b"x") == bytes.fromhex("0001 0010 0001 0001 78")


@pytest.mark.parametrize("nonsense", [b"HTTP/1.1 400", wrap(b"x", source=2, destination=16), wrap(b"x", source=1, destination=17)])
def test_wrapper_refuses_what_is_not_for_us(nonsense: bytes) -> None:
    with pytest.raises(CosemError) as found:
        WrapperLink(client=16, server=1).receive(nonsense)
    assert found.value.kind is ErrorKind.ANSWER

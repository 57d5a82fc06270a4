"""Captures as people keep them: binary, or digits."""

import pytest

from chargebridge.meters.files import decode_file
from chargebridge.meters.port import MeterError
from chargebridge.sim.telegrams import han, p1, sml
from chargebridge.sim.telegrams.han import ListSize
from chargebridge.wire.meter import DecodeError, DecoderOptions, ErrorKind, Protocol, Telegram


@pytest.fixture(params=["p1", "sml", "dlms"])
def sample(request, values) -> bytes:
    return {"p1": p1.encode, "sml": sml.encode, "dlms": lambda v: han.kaifa(v, ListSize.FULL)}[request.param](values)


def test_binary(tmp_path, sample):
    path = tmp_path / "capture.bin"
    path.write_bytes(sample * 3)
    telegrams = list(decode_file(path))
    assert [event.offset for event in telegrams if isinstance(event, Telegram)] == [0, len(sample), 2 * len(sample)]
    assert len(telegrams) == 3


@pytest.mark.parametrize("shape", ["plain", "spaced", "lines", "upper"])
def test_hexadecimal(tmp_path, sample, shape):
    digits = sample.hex()
    text = {
        "plain": digits,
        "spaced": sample.hex(" "),
        "lines": "\n".join(digits[i : i + 31] for i in range(0, len(digits), 31)),
        "upper": sample.hex(" ").upper() + "\n",
    }[shape]
    path = tmp_path / "capture.hex"
    path.write_text(text)
    (telegram,) = decode_file(str(path))
    assert isinstance(telegram, Telegram)


def test_large_files_of_digits_are_read_in_pieces(tmp_path, sample):
    path = tmp_path / "capture.hex"
    path.write_text("\n".join([sample.hex(" ")] * 400))
    assert sum(isinstance(event, Telegram) for event in decode_file(path)) == 400


def test_named_protocol(tmp_path, sample):
    path = tmp_path / "capture.bin"
    path.write_bytes(sample)
    (found,) = decode_file(path)
    assert isinstance(found, Telegram)
    for protocol in ("p1", "sml", "dlms"):
        events = list(decode_file(path, protocol))
        assert any(isinstance(event, Telegram) for event in events) == (protocol == found.protocol)
    with pytest.raises(MeterError, match="is no protocol of captures"):
        decode_file(path, "modbus")


def test_bare_apdu(tmp_path, values):
    from chargebridge.wire.meter.hdlc import Frame, HdlcFramer

    (frame,) = HdlcFramer().feed(han.aidon(values, ListSize.FULL))
    assert isinstance(frame, Frame)
    path = tmp_path / "apdu.hex"
    path.write_text(frame.information.hex())
    for protocol in (None, Protocol.DLMS_APDU):
        (telegram,) = decode_file(path, protocol)
        assert isinstance(telegram, Telegram)
        assert telegram.profile == "aidon"
        assert telegram.crc_ok is None


def test_bad_checksum_is_an_error_or_by_choice_a_marked_telegram(tmp_path, values):
    path = tmp_path / "capture.txt"
    path.write_bytes(p1.encode(values).replace(b"(02.990*kW)", b"(02.991*kW)"))
    (event,) = decode_file(path)
    assert isinstance(event, DecodeError)
    assert event.kind is ErrorKind.CHECKSUM
    (telegram,) = decode_file(path, options=DecoderOptions(accept_bad_checksum=True))
    assert isinstance(telegram, Telegram)
    assert telegram.crc_ok is False


def test_what_is_no_capture(tmp_path):
    with pytest.raises(MeterError, match="No such file"):
        decode_file(tmp_path / "absent.bin")
    with pytest.raises(MeterError, match="directory"):
        decode_file(tmp_path)
    empty = tmp_path / "empty"
    empty.write_bytes(b"")
    assert list(decode_file(empty)) == []
    noise = tmp_path / "noise"
    noise.write_bytes(b"Lorem ipsum dolor sit amet")
    (event,) = decode_file(noise)
    assert isinstance(event, DecodeError)
    assert event.kind is ErrorKind.NOISE
    broken = tmp_path / "broken.hex"
    broken.write_text("7EA0" * 20_000 + " und so weiter")
    with pytest.raises(MeterError, match="something else"):
        list(decode_file(broken))

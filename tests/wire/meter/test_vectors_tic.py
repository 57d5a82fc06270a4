"""Every Linky capture decodes to all that its expected file says, group by group."""

from datetime import UTC, datetime, timedelta

import pytest
from tests.wire.meter.decoding import run

from chargebridge.sim.telegrams.tic import frame, group, historic_group
from chargebridge.wire.meter import ClockOrigin, DecodeError, DecoderOptions, ErrorKind, Protocol, Telegram, decoder_for, detect
from chargebridge.wire.meter.tic_objects import HISTORIC, STANDARD, status_registers


def decode(data: bytes, options: DecoderOptions | None = None) -> list[Telegram | DecodeError]:
    return run(decoder_for(Protocol.TIC, options or DecoderOptions()), data)


def test_vector(tic_vector):
    expected = tic_vector.expected
    assert detect(tic_vector.data) is Protocol.TIC
    (event,) = decode(tic_vector.data)
    if not all(found["checksum_ok"] for found in expected["groups"]):
        assert isinstance(event, DecodeError), "a frame with a damaged group is refused whole"
        assert event.kind is ErrorKind.CHECKSUM
        assert next(found["label"] for found in expected["groups"] if not found["checksum_ok"]) in event.reason
        (event,) = decode(tic_vector.data, DecoderOptions(accept_bad_checksum=True))
        assert isinstance(event, Telegram)
        assert event.crc_ok is False
    assert isinstance(event, Telegram)
    assert event.profile == f"tic-{expected['mode']}"
    assert event.size == len(tic_vector.data)
    rules = HISTORIC if expected["mode"] == "historic" else STANDARD
    for found in expected["groups"]:
        fields = (found["data"],) if found["stamp"] is None else (found["stamp"], found["data"])
        if found["checksum_ok"]:
            assert event.registers[rules[found["label"]].code].raw == fields
        else:
            assert any(text.startswith(found["label"]) and found["data"] in text for text in event.unparsed)
    good = sum(found["checksum_ok"] for found in expected["groups"])
    added = len(status_registers(0)) if expected["mode"] == "standard" else 0
    assert len(event.registers) == good + added
    if expected["mode"] == "standard":
        (stamp,) = (found["stamp"] for found in expected["groups"] if found["label"] == "DATE")
        local = datetime.strptime(stamp[1:], "%y%m%d%H%M%S").replace(tzinfo=UTC)
        assert event.clock == local - timedelta(hours=1 if stamp[0] in "Hh" else 2)
        assert event.clock_origin is (ClockOrigin.ASSUMED if stamp[0].isupper() else ClockOrigin.NONE)
        assert event.clock_text == stamp


def test_values_of_a_real_historic_frame(tic_vector):
    if tic_vector.path.stem != "historic_bbr_1":
        return
    (telegram,) = decode(tic_vector.data)
    assert isinstance(telegram, Telegram)
    value = {code: (register.value, register.unit) for code, register in telegram.registers.items()}
    assert value["1-0:9.7.0"] == (2830.0, "VA")
    assert value["1-0:31.7.0"] == (12.0, "A")
    assert value["1-0:1.8.2"] == (23739545, "Wh")
    assert value["0-0:96.14.2"] == ("HCJB", "")
    assert value["0-0:96.14.4"] == ("ROUG", "")


def test_status_word():
    """Winter evening of a white day before a red one: power exceeded, over the second index, energy drawn."""
    word = 1 << 7 | 1 << 10 | 2 << 24 | 3 << 26 | 1 << 28
    value = {code: register.value for code, register in status_registers(word).items()}
    assert (value["0-0:96.5.4"], value["0-0:96.5.5"], value["0-0:96.3.10"]) == (1, 0, 0)
    assert (value["0-0:96.14.0*1"], value["0-0:96.14.0*2"]) == (2, 1)
    assert (value["0-0:96.14.3"], value["0-0:96.14.4"]) == ("BLAN", "ROUG")
    assert (value["0-0:96.14.11"], value["0-0:96.14.12"]) == (1, 0)


def test_short_frames_of_an_overload_give_the_currents():
    data = frame(historic_group("ADIR1", "005"), historic_group("ADCO", "012345678901"), historic_group("IINST1", "035"))
    (telegram,) = decode(data)
    assert isinstance(telegram, Telegram)
    assert telegram.meter_id == "012345678901"
    assert telegram.registers["1-0:31.34.0"].value == 5.0
    assert telegram.registers["1-0:31.7.0"].value == 35.0


@pytest.mark.parametrize(("bad", "kind", "reason"), [
    (group("IRMS1", "0x4"), ErrorKind.CONTENT, "IRMS1 cannot be"),
    (group("IRMS1", "H260101000000", "004"), ErrorKind.CONTENT, "IRMS1 cannot be"),
    (group("SMAXSN", "H261301000000", "00004"), ErrorKind.CONTENT, "for a time"),
    (group("SMAXSN", "X260101000000", "00004"), ErrorKind.CONTENT, "for a time"),
    (group("irms", "004"), ErrorKind.CONTENT, "is no label"),
    (group("URMS1", "230"), ErrorKind.CONTENT, "twice"),
    (group("IRMS1", "004").replace(b"4", b"5"), ErrorKind.CHECKSUM, "checksum of group 'IRMS1'"),
    (b"\nIRMS1\r", ErrorKind.CONTENT, "is no group"),
])  # fmt: skip
def test_a_bad_group_costs_its_frame(bad, kind, reason):
    good = group("ADSC", "000000000001"), group("URMS1", "230")
    events = decode(frame(*good, bad) + frame(*good))
    assert isinstance(events[0], DecodeError)
    assert events[0].kind is kind
    assert reason in events[0].reason
    assert isinstance(events[1], Telegram)


def test_a_frame_without_one_phase_is_none_of_a_meter():
    whole = [historic_group(f"IINST{n}", "010") for n in (1, 2, 3)]
    assert isinstance(decode(frame(*whole))[0], Telegram)
    (event,) = decode(frame(whole[0], whole[2]))
    assert isinstance(event, DecodeError)
    assert event.kind is ErrorKind.TRUNCATED


def test_unknown_labels_are_kept_as_text():
    (telegram,) = decode(frame(group("VTIC", "03"), group("NEW+1", "H260101000000", "abc")))
    assert isinstance(telegram, Telegram)
    assert telegram.unparsed == ("NEW+1\tH260101000000\tabc",)
    assert set(telegram.registers) == {"0-0:0.2.8"}


def test_a_blank_time_is_no_time():
    (telegram,) = decode(frame(group("DATE", " 000000000000", ""), group("URMS1", "230")))
    assert isinstance(telegram, Telegram)
    assert (telegram.clock, telegram.clock_origin) == (None, ClockOrigin.NONE)


def test_a_frame_that_the_meter_breaks_off():
    whole = frame(group("URMS1", "230"))
    events = decode(whole[:-1] + b"\x04" + whole)
    assert isinstance(events[0], DecodeError)
    assert events[0].kind is ErrorKind.TRUNCATED
    assert "the meter said so" in events[0].reason
    assert isinstance(events[1], Telegram)


@pytest.mark.parametrize("chunk", [1, 7, 1000])
@pytest.mark.parametrize("named", [True, False])
def test_a_line_of_seven_bits_read_as_eight_is_told(chunk, named):
    """The meter sends 7E1; a port opened as 8N1 delivers the parity bit with each character."""
    data = frame(historic_group("ADCO", "012345678901"), historic_group("PAPP", "02830")) * 20
    odd = bytes(byte | (byte.bit_count() & 1) << 7 for byte in data)
    decoder = decoder_for(Protocol.TIC if named else None)
    events = [event for at in range(0, len(odd), chunk) for event in decoder.feed(odd[at : at + chunk])] + decoder.close()
    assert len(events) == 1
    assert isinstance(events[0], DecodeError)
    assert "parity in the eighth bit" in events[0].reason
    assert events[0].cure == "set format=7E1"


def test_noise_of_another_speed_is_told_once():
    events = decode(bytes(range(0x90, 0xF0)) * 10 + frame(group("URMS1", "230")))
    assert isinstance(events[0], DecodeError)
    assert "1200 7E1 in historic mode, 9600 7E1 in standard mode" in events[0].cure
    assert [type(event) for event in events] == [DecodeError, Telegram]


def test_a_quantity_that_repeats_is_not_remembered_wrongly():
    """Groups are remembered whole; another value, another checksum, another time are other groups, also after the memory was emptied."""
    decoder = decoder_for(Protocol.TIC)
    for n in range(3000):
        (telegram,) = decoder.feed(frame(group("SINSTS", f"{n:05d}"), group("URMS1", f"{n % 7 + 230}"), group("NEW", "1")))
        assert isinstance(telegram, Telegram)
        assert telegram.registers["1-0:9.7.0"].value == n
        assert telegram.registers["1-0:32.7.0"].value == n % 7 + 230
        assert telegram.unparsed == ("NEW\t1",)

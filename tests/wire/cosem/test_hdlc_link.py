"""What a meter may do on the data link: answer, answer in segments, lose frames, say them twice, refuse."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebridge.sim.cosem_meter.hdlc_station import HdlcStation
from chargebridge.wire.cosem import hdlc_link
from chargebridge.wire.cosem.errors import CosemError, ErrorKind
from chargebridge.wire.cosem.hdlc_link import DM, FINAL, FRMR, UA, UI, HdlcLink, Limits, State, address, limits, parameters
from chargebridge.wire.cosem.link import Apdu, Closed, Opened, Reply
from chargebridge.wire.meter.hdlc import frame

CLIENT, SERVER = address(16), address(1)


def pair(answer: bytes, *, information: int = 128, theirs: int = 128) -> tuple[HdlcLink, HdlcStation, list[bytes]]:
    asked: list[bytes] = []

    def answered(_client: bytes, apdu: bytes) -> bytes:
        asked.append(apdu)
        return answer

    return HdlcLink(client=CLIENT, server=SERVER, information=information), HdlcStation(SERVER, theirs, answered), asked


def opened(link: HdlcLink, station: HdlcStation) -> None:
    data, events = link.open()
    assert not events
    assert link.receive(station.receive(data)) == [Opened()]


def exchange(link: HdlcLink, station: HdlcStation, apdu: bytes, lose: frozenset[int] = frozenset()) -> bytes:
    """Send and answer until the APDU comes back; frames (either way) whose number is in ``lose`` never arrive."""
    number = 0
    out = link.send(apdu)
    for _ in range(400):
        number += 1
        back = b"" if number in lose else station.receive(out)
        number += 1
        events = [] if number in lose else link.receive(back)
        out = link.again() if not events else b""
        for event in events:
            if isinstance(event, Apdu):
                return event.data
            assert isinstance(event, Reply)
            out += event.data
    raise AssertionError("no answer")


def test_opens_asks_and_closes() -> None:
    link, station, asked = pair(b"answer")
    opened(link, station)
    for _ in range(20):  # the sequence numbers go round
        assert exchange(link, station, b"question") == b"answer"
    assert asked[1:] == [b"question"] * 20
    assert link.receive(station.receive(link.close())) == [Closed()]
    assert link.state is State.CLOSED
    assert link.close() == b""


@given(st.binary(min_size=1, max_size=900), st.binary(min_size=1, max_size=900), st.integers(20, 300), st.integers(20, 300))
def test_segments_both_ways(question: bytes, answer: bytes, information: int, theirs: int) -> None:
    link, station, asked = pair(answer, information=information, theirs=theirs)
    opened(link, station)
    assert exchange(link, station, question) == answer
    assert asked[1:] == [question]


@given(st.frozensets(st.integers(1, 40), max_size=8), st.integers(1, 400), st.integers(1, 400))
def test_lost_frames_are_asked_again_and_nothing_is_asked_twice(lose: frozenset[int], size: int, answer_size: int) -> None:
    link, station, asked = pair(bytes(answer_size))
    opened(link, station)
    assert exchange(link, station, b"q" * size, lose) == bytes(answer_size)
    assert asked[1:] == [b"q" * size]


def test_a_frame_that_comes_twice_is_dropped() -> None:
    link, station, _ = pair(b"answer")
    opened(link, station)
    back = station.receive(link.send(b"question"))
    events = link.receive(back + back)
    assert events[0] == Apdu(b"answer")
    assert [type(event) for event in events[1:]] == [Reply]
    assert exchange(link, station, b"more") == b"answer"


def test_an_echo_and_unnumbered_frames_are_ignored() -> None:
    link, station, _ = pair(b"answer")
    data, _ = link.open()
    notice = frame(b"\xe6\xe7\x00\x0f", destination=CLIENT, source=SERVER, control=UI | FINAL)
    assert link.receive(data + notice + b"\x00\x7e\x55" + station.receive(data)) == [Opened()]


@pytest.mark.parametrize("control", [DM, FRMR])
def test_a_refusal_is_told(control: int) -> None:
    link, station, _ = pair(b"answer")
    link.open()
    with pytest.raises(CosemError) as told:
        link.receive(frame(b"", destination=CLIENT, source=SERVER, control=control | FINAL))
    assert told.value.kind is ErrorKind.LINK
    opened(link, station)
    with pytest.raises(CosemError):
        link.receive(frame(b"", destination=CLIENT, source=SERVER, control=control | FINAL))


def test_a_meter_that_never_ends_is_cut_off() -> None:
    link, station, _ = pair(b"answer")
    opened(link, station)
    link.send(b"question")

    def told_forever() -> None:
        for number in range(1000):
            control = 1 << 5 | FINAL | (number & 7) << 1
            link.receive(frame(bytes(120), destination=CLIENT, source=SERVER, control=control, segmented=True))

    with pytest.raises(CosemError) as told:
        told_forever()
    assert told.value.kind is ErrorKind.OVERSIZE
    assert link.pending < 2 * hdlc_link.MAX_APDU


def test_nothing_is_sent_before_it_is_open() -> None:
    link, _, _ = pair(b"answer")
    with pytest.raises(CosemError):
        link.send(b"question")
    link.open()
    link.receive(frame(b"", destination=CLIENT, source=address(2), control=UA | FINAL))
    assert link.state is State.OPENING


@pytest.mark.parametrize(
    ("parts", "field"),
    [
        ((16,), "21"),
        ((1, None, 1), "03"),
        ((1, 17), "0223"),
        ((1, 17, 2), "0223"),
        ((1, 17, 4), "00020023"),
        ((1, 0x3FFF), "0002feff"),
        ((200,), "02900001"),
    ],
)
def test_addresses(parts: tuple[int, ...], field: str) -> None:
    assert address(*parts).hex() == field


@pytest.mark.parametrize("parts", [(128, None, 1), (1, 128, 2), (1, 2, 1), (1, 0x4000), (1, 1, 3)])
def test_addresses_that_cannot_be(parts: tuple[int, ...]) -> None:
    with pytest.raises(ValueError):
        address(*parts)


@given(st.integers(10, 2030), st.integers(10, 2030))
def test_limits_both_ways(sent: int, received: int) -> None:
    assert limits(parameters(Limits(sent, received))) == Limits(sent, received)
    assert parameters(Limits()) == b""
    assert limits(b"") == Limits()

"""The meter's end of the HDLC data link: the secondary station, which speaks only when it is asked (IEC 62056-46 clause 6.5).

It keeps its last answer until the client acknowledges it by the next frame, and gives it again when the client asks again.
"""

from collections.abc import Callable

from chargebridge.wire.cosem.hdlc_link import DISC, DM, FINAL, RR, SNRM, TO_CLIENT, TO_METER, UA, Limits, limits, parameters
from chargebridge.wire.meter.hdlc import Frame, HdlcFramer, frame

Answerer = Callable[[bytes, bytes], bytes]
"""Client's address field and APDU in, APDU out. Called with b"" when the link is opened anew."""


class HdlcStation:
    """``receive`` returns what goes out. own: our address field; information: our longest information field."""

    def __init__(self, own: bytes, information: int, answer: Answerer) -> None:
        self._own = own
        self._limits = Limits(information, information)
        self._answer = answer
        self._framer = HdlcFramer()
        self._client: bytes | None = None
        self._size = 0
        self._sent = self._received = 0
        self._incoming = b""
        self._segments: list[bytes] = []
        self._last = b""

    def receive(self, data: bytes) -> bytes:
        out = b""
        for found in self._framer.feed(data):
            if isinstance(found, Frame) and found.destination == self._own:
                out += self._take(found)
        return out

    def _take(self, found: Frame) -> bytes:
        control = found.control & ~FINAL
        if control == SNRM:
            self._client = found.source
            self._size = min(self._limits.sent, limits(found.information).received)
            self._sent = self._received = 0
            self._segments, self._incoming = [], b""
            self._answer(found.source, b"")
            return self._frame(found.source, UA, parameters(self._limits))
        if found.source != self._client:
            return self._frame(found.source, DM)
        if control == DISC:
            self._client = None
            return self._frame(found.source, UA)
        if not control & 1:
            return self._take_information(found)
        if control & 0x0F == RR:
            return self._segment() if control >> 5 == self._sent and self._segments else self._last
        return b""

    def _take_information(self, found: Frame) -> bytes:
        if found.control >> 1 & 7 != self._received:
            return self._last
        self._received = self._received + 1 & 7
        self._incoming += found.information
        if found.segmented:
            return self._frame(found.source, RR | self._received << 5)
        apdu, self._incoming = self._incoming.removeprefix(TO_METER), b""
        data = TO_CLIENT + self._answer(found.source, apdu)
        self._segments = [data[at : at + self._size] for at in range(0, len(data), self._size)]
        return self._segment()

    def _segment(self) -> bytes:
        assert self._client is not None
        information = self._segments.pop(0)
        control = self._received << 5 | self._sent << 1
        self._sent = self._sent + 1 & 7
        return self._frame(self._client, control, information, segmented=bool(self._segments))

    def _frame(self, client: bytes, control: int, information: bytes = b"", *, segmented: bool = False) -> bytes:
        self._last = frame(information, destination=client, source=self._own, control=control | FINAL, segmented=segmented)
        return self._last

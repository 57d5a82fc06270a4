"""DLMS push telegrams in HDLC frames: segments and blocks are joined, then the APDU is read."""

from chargebridge.wire.meter import gbt
from chargebridge.wire.meter.apdu import LLC, MAX_APDU, decode_apdu
from chargebridge.wire.meter.hdlc import Frame, HdlcFramer
from chargebridge.wire.meter.options import DEFAULTS, DecoderOptions
from chargebridge.wire.meter.security import Security
from chargebridge.wire.meter.telegram import DecodeError, ErrorKind, Event, Protocol, error


class DlmsDecoder:
    """HDLC stream to telegrams. Holds at most one frame and ``MAX_APDU`` bytes each of segments and of blocks between calls."""

    def __init__(self, options: DecoderOptions = DEFAULTS) -> None:
        self._options = options
        self._guard = Security(options)
        self._framer = HdlcFramer()
        self._segments: list[Frame] = []
        self._blocks = gbt.BlockJoiner()

    def feed(self, data: bytes) -> list[Event]:
        """Take bytes, return the telegrams and errors that they completed."""
        return self._join(self._framer.feed(data))

    def pause(self) -> list[Event]:
        """See ``Impatient``: a frame has no pauses, the segments of one push may."""
        return self._join(self._framer.close())

    def close(self) -> list[Event]:
        """The stream has ended: what is left over is judged."""
        events = self._join(self._framer.close())
        self._drop(events)
        self._blocks.drop(events)
        return events

    @property
    def pending(self) -> int:
        """Bytes held, waiting for the rest of their telegram."""
        return self._framer.pending + self._blocks.pending + sum(len(segment.information) for segment in self._segments)

    def _join(self, frames: list[Frame | DecodeError]) -> list[Event]:
        events: list[Event] = []
        for frame in frames:
            if isinstance(frame, DecodeError):
                events.append(frame)
                continue
            if frame.information.startswith(LLC):
                self._drop(events)
            if not frame.segmented and not self._segments:
                self._decode(frame.information, frame, events)
                continue
            self._segments.append(frame)
            information = b"".join(segment.information for segment in self._segments)
            if len(information) > MAX_APDU:
                events.append(error(Protocol.DLMS, ErrorKind.OVERSIZE, self._segments[0].offset, f"segments join to over {MAX_APDU} bytes"))
                self._segments.clear()
            elif not frame.segmented:
                self._decode(information, self._segments[0], events)
                self._segments.clear()
        return events

    def _drop(self, events: list[Event]) -> None:
        """Segments that found no last one."""
        if self._segments:
            events.append(error(Protocol.DLMS, ErrorKind.TRUNCATED, self._segments[0].offset, "the last segment never came"))
            self._segments.clear()

    def _decode(self, information: bytes, first: Frame, events: list[Event]) -> None:
        """A frame's information, or that of several segments: an APDU, or a block of one."""
        offset, size = first.offset, first.size + sum(segment.size for segment in self._segments[1:])
        if gbt.is_block(information):
            joined = self._blocks.add(information, offset, size, events)
            if joined is None:
                return
            information, offset, size = joined.data, joined.offset, joined.size
        else:
            self._blocks.drop(events)
        events.append(decode_apdu(information, self._options, offset=offset, size=size, crc_ok=True, guard=self._guard))

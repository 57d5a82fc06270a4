"""SML telegrams of German meters (BSI TR-03109-1 annex IV, "SML 1.04"): the readings in GetList responses."""

from chargebridge.wire.meter.sml_list import read_list
from chargebridge.wire.meter.sml_messages import GET_LIST_RESPONSE, is_right, messages
from chargebridge.wire.meter.sml_skeleton import Skeleton, learn
from chargebridge.wire.meter.sml_transport import SmlFile, SmlFramer
from chargebridge.wire.meter.sml_tree import Element, parse
from chargebridge.wire.meter.telegram import ContentError, DecodeError, ErrorKind, Event, Protocol, Telegram, error

_FORMS_KEPT = 8


class SmlDecoder:
    """Stream to telegrams, one for each GetList response.

    Holds at most one file's bytes between calls, and the forms of the last few kinds of files.
    """

    def __init__(self) -> None:
        self._framer = SmlFramer()
        self._known: dict[int, Skeleton] = {}

    @property
    def pending(self) -> int:
        """Bytes held, waiting for the rest of their file."""
        return self._framer.pending

    def feed(self, data: bytes) -> list[Event]:
        """Take bytes, return the telegrams and errors that they completed."""
        return self._read_all(self._framer.feed(data))

    def close(self) -> list[Event]:
        """The stream has ended: what is left over is judged."""
        return self._read_all(self._framer.close())

    def _read_all(self, files: list[SmlFile | DecodeError]) -> list[Event]:
        events: list[Event] = []
        for file in files:
            if isinstance(file, SmlFile):
                events += self._read(file)
            else:
                events.append(file)
        return events

    def _read(self, file: SmlFile) -> list[Event]:
        known = self._known.get(len(file.payload))
        telegram = None if known is None else known.read(file)
        if telegram is not None:
            return [telegram]
        events = read(file)
        if len(events) == 1 and isinstance(events[0], Telegram):
            skeleton = learn(file.payload)
            if skeleton is not None:
                while len(self._known) >= _FORMS_KEPT:
                    del self._known[next(iter(self._known))]
                self._known[len(file.payload)] = skeleton
        return events


def read(file: SmlFile) -> list[Event]:
    """The readings in one file; a message that cannot be read ends it with an error and leaves the earlier ones."""
    events: list[Event] = []
    try:
        for begin, covered, message in messages(file.payload, parse):
            body = _body(file.payload, begin, covered, message)
            if body is not None:
                events.append(read_list(body, file))
    except ContentError as problem:
        reason = f"byte {problem.position} of the file: {problem.reason}"
        events.append(error(Protocol.SML, ErrorKind.CONTENT, file.offset, reason))
    return events


def _body(payload: bytes, begin: int, covered: int, message: Element) -> list[Element] | None:
    """The body of the message at ``begin`` if it is a GetList response, None if it is another message."""
    match message:
        case [_, _, _, [int() as tag, body], stated, None]:
            if not is_right(payload[begin:covered], stated):
                raise ContentError(begin, "checksum of a message is wrong")
            if tag != GET_LIST_RESPONSE:
                return None
            if not isinstance(body, list) or len(body) != 7:
                raise ContentError(begin, "GetList response without its seven elements")
            return body
    raise ContentError(begin, "no SML message stands where one should")

"""Link and association as one: bytes of the line in, events and bytes for the line out.

    connection.open()                         -> bytes to write
    connection.receive(data)                  -> [Write | Associated | Values | Released | Closed, ...]
    connection.get(attributes)                -> bytes to write, once associated
    connection.release(), connection.close()  -> bytes to write

Everything after ``open`` is an answer to something, so that whoever waits for an event and sees only ``Write`` writes it and goes on waiting.
"""

from msgspec import Struct

from chargebridge.wire.cosem.association import Associated, Association, Released, Send, State, Values
from chargebridge.wire.cosem.link import Apdu, Closed, Link, LinkEvent, Opened, Reply
from chargebridge.wire.cosem.services import Attribute


class Write(Struct, frozen=True):
    """Bytes for the line."""

    data: bytes


Event = Write | Associated | Values | Released | Closed


class Connection:
    """One meter that is asked over one link. All methods but ``close`` raise ``CosemError``; the connection is of no use then."""

    def __init__(self, link: Link, association: Association) -> None:
        self._link = link
        self._association = association

    @property
    def repeats(self) -> bool:
        return self._link.repeats

    def open(self) -> bytes:
        data, events = self._link.open()
        return data + b"".join(event.data for event in self._take(events) if isinstance(event, Write))

    def get(self, *attributes: Attribute) -> bytes:
        return self._link.send(self._association.get(attributes))

    def release(self) -> bytes:
        """b"" where there is nothing to be released from."""
        if self._association.state is not State.READY:
            return b""
        return self._link.send(self._association.release())

    def close(self) -> bytes:
        return self._link.close()

    def again(self) -> bytes:
        return self._link.again()

    def receive(self, data: bytes) -> list[Event]:
        return self._take(self._link.receive(data))

    def _take(self, link_events: list[LinkEvent]) -> list[Event]:
        events: list[Event] = []
        for event in link_events:
            match event:
                case Opened():
                    events.append(Write(self._link.send(self._association.open())))
                case Reply(data=data):
                    events.append(Write(data))
                case Apdu(data=apdu):
                    events += map(self._carried, self._association.receive(apdu))
                case Closed():
                    events.append(event)
        return events

    def _carried(self, event: Send | Associated | Values | Released) -> Event:
        return Write(self._link.send(event.apdu)) if isinstance(event, Send) else event

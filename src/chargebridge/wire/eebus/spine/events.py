"""What a node tells the one who runs it. peer: the name by which the transport knows the other side (its SKI)."""

import msgspec

from chargebridge.wire.eebus.spine.errors import ErrorNumber
from chargebridge.wire.eebus.spine.local import EntityId, FeatureId


class Event(msgspec.Struct, frozen=True):
    """One of those below, or one of a use case."""


class Send(Event, frozen=True):
    """A datagram that must go out now, as the payload of a SHIP data message."""

    peer: str
    data: bytes


class Discovered(Event, frozen=True):
    """The peer's device is known, or has changed."""

    peer: str


class UseCasesKnown(Event, frozen=True):
    peer: str


class EntityGone(Event, frozen=True):
    """An entity of the peer, such as a car, is not there any more."""

    peer: str
    entity: EntityId


class DataChanged(Event, frozen=True):
    """The peer has sent data of a function, by reply or by notify."""

    peer: str
    feature: FeatureId
    function: str


class Answered(Event, frozen=True):
    """A result for a write or a call of ours, or TIMEOUT where none came. counter: of the request."""

    peer: str
    counter: int
    number: ErrorNumber
    description: str


class Unanswered(Event, frozen=True):
    """A read or a call that was repeated in vain, and is given up."""

    peer: str
    feature: FeatureId
    function: str


class Written(Event, frozen=True):
    """A peer's write, and what it was answered. That is the record of who limited us, when, and whether we agreed."""

    peer: str
    feature: FeatureId
    function: str
    number: ErrorNumber
    reason: str


class Malformed(Event, frozen=True):
    """A datagram that could not be served; the peer was told where its header could be read."""

    peer: str
    position: str
    reason: str
    cure: str

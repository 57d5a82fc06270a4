"""What belongs to one connection: counters, the peer's device, who listens to whom, who may write what, and the questions under way.

All of it goes when the connection does; both sides then begin again (as every known stack does).
"""

import msgspec

from chargebridge.wire.eebus.spine.datagram import Classifier, Cmd, Datagram, Header
from chargebridge.wire.eebus.spine.functions.common import FeatureAddress
from chargebridge.wire.eebus.spine.local import FeatureId, LocalDevice
from chargebridge.wire.eebus.spine.remote import RemoteDevice

ANSWER_S = 10.0
"""How long a peer has to answer (maxResponseDelay)."""
RETRY_S = (30.0, 300.0, 900.0)
"""After how long an unanswered read or call is sent again, each time; then never."""
MAX_PAIRS = 512
"""Subscriptions, and bindings, that one peer may hold."""
MAX_PENDING = 512


class Request(msgspec.Struct, frozen=True):
    """A question of ours. due_s: when it counts as unanswered, or, while waiting, when it is sent again. attempt: from 0 on."""

    source: FeatureId
    destination: FeatureId
    classifier: Classifier
    cmd: Cmd
    due_s: float
    attempt: int = 0
    waiting: bool = False


Pair = tuple[FeatureId, FeatureId]
"""The client's feature and the server's."""


class Link:
    """peer: the name by which the transport knows it (its SKI). listeners, writers: its features that subscribed to ours, or bound them.
    listening, bound: ours that subscribed to its, or bound them."""

    def __init__(self, peer: str) -> None:
        self.peer = peer
        self.remote = RemoteDevice()
        self.listeners: dict[Pair, None] = {}
        self.writers: dict[Pair, None] = {}
        self.listening: dict[Pair, None] = {}
        self.bound: dict[Pair, None] = {}
        self.pending: dict[int, Request] = {}
        self._counter = 0

    def datagram(
        self,
        device: LocalDevice,
        source: FeatureId,
        destination: FeatureId,
        classifier: Classifier,
        cmd: Cmd,
        *,
        reference: int | None = None,
        ack: bool = False,
        addressee: FeatureAddress | None = None,
    ) -> tuple[int, Datagram]:
        """A datagram to the peer, with the next counter. addressee: the destination as the peer wrote it, for answers."""
        self._counter += 1
        header = Header(
            specification_version="1.3.0",
            address_source=device.full_address(source),
            address_destination=addressee or FeatureAddress(device=self.remote.address, entity=destination[0], feature=destination[1]),
            msg_counter=self._counter,
            msg_counter_reference=reference,
            cmd_classifier=classifier.value,
            ack_request=True if ack else None,
        )
        return self._counter, Datagram(header=header, cmds=(cmd,))

    def forget_entity(self, entity: tuple[int, ...]) -> None:
        """Drops what hangs on an entity of the peer that is gone."""
        for pairs in (self.listeners, self.writers):
            for pair in [one for one in pairs if one[0][0] == entity]:
                del pairs[pair]
        for pairs in (self.listening, self.bound):
            for pair in [one for one in pairs if one[1][0] == entity]:
                del pairs[pair]
        self.pending = {counter: one for counter, one in self.pending.items() if one.destination[0] != entity}

"""What belongs to one connection: counters, the peer's device, who listens to whom, who may write what, and the questions under way.

All of it goes when the connection does; both sides then begin again (as every known stack does).
"""

import msgspec

from chargebridge.wire.eebus.spine.datagram import VERSION, Classifier, Cmd, Datagram, Header, command, decode, encode
from chargebridge.wire.eebus.spine.element import general
from chargebridge.wire.eebus.spine.errors import ErrorNumber, SpineError
from chargebridge.wire.eebus.spine.events import Send
from chargebridge.wire.eebus.spine.functions.common import FeatureAddress
from chargebridge.wire.eebus.spine.functions.node_management import ResultData
from chargebridge.wire.eebus.spine.local import FeatureId, LocalDevice
from chargebridge.wire.eebus.spine.remote import RemoteDevice

ANSWER_S = 10.0
"""How long a peer has to answer (maxResponseDelay)."""
RETRY_S = (30.0, 300.0, 900.0)
"""After how long an unanswered read or call is sent again, each time; then never."""
MAX_PAIRS = 512
"""Subscriptions, and bindings, that one peer may hold."""
MAX_PENDING = 512

ASKING = {Classifier.READ, Classifier.WRITE, Classifier.CALL}


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

    def __init__(self, peer: str, device: LocalDevice) -> None:
        self.peer = peer
        self.remote = RemoteDevice()
        self.listeners: dict[Pair, None] = {}
        self.writers: dict[Pair, None] = {}
        self.listening: dict[Pair, None] = {}
        self.bound: dict[Pair, None] = {}
        self.pending: dict[int, Request] = {}
        self._device = device
        self._counter = 0

    def request(self, source: FeatureId, destination: FeatureId, classifier: Classifier, cmd: Cmd) -> tuple[int, Send]:
        """A read, write, call or notify, and its counter."""
        addressee = FeatureAddress(device=self.remote.address, entity=destination[0], feature=destination[1])
        ack = True if classifier in (Classifier.WRITE, Classifier.CALL) else None
        return self._counter + 1, self._send(source, addressee, classifier, cmd, ack=ack)

    def answer(self, asked: Header, source: FeatureId, classifier: Classifier, cmd: Cmd) -> Send:
        """A reply or a result, to the address as the peer wrote it."""
        assert asked.address_source is not None
        return self._send(source, asked.address_source, classifier, cmd, reference=asked.msg_counter)

    def result(self, asked: Header | None, number: ErrorNumber, reason: str = "") -> Send | None:
        """The result of a request; None where none is due: never for a result, and for a reply or a notify only if it asked for it."""
        if asked is None or asked.msg_counter is None or asked.address_source is None or asked.address_destination is None:
            return None
        if asked.cmd_classifier == Classifier.RESULT or (asked.cmd_classifier not in ASKING and not asked.ack_request):
            return None
        try:
            source = ident(asked.address_destination, "addressDestination")
            ident(asked.address_source, "addressSource")
        except SpineError:
            return None
        return self.answer(
            asked, source, Classifier.RESULT, command(ResultData(error_number=number.value, description=reason[:256] or None))
        )

    def _send(
        self,
        source: FeatureId,
        addressee: FeatureAddress,
        classifier: Classifier,
        cmd: Cmd,
        *,
        reference: int | None = None,
        ack: bool | None = None,
    ) -> Send:
        self._counter += 1
        header = Header(
            specification_version=VERSION,
            address_source=self._device.full_address(source),
            address_destination=addressee,
            msg_counter=self._counter,
            msg_counter_reference=reference,
            cmd_classifier=classifier.value,
            ack_request=ack,
        )
        return Send(self.peer, encode(Datagram(header=header, cmds=(cmd,))))

    def forget_entity(self, entity: tuple[int, ...]) -> None:
        """Drops what hangs on an entity of the peer that is gone."""
        for pairs in (self.listeners, self.writers):
            for pair in [one for one in pairs if one[0][0] == entity]:
                del pairs[pair]
        for pairs in (self.listening, self.bound):
            for pair in [one for one in pairs if one[1][0] == entity]:
                del pairs[pair]
        self.pending = {counter: one for counter, one in self.pending.items() if one.destination[0] != entity}


def ident(address: FeatureAddress, position: str) -> FeatureId:
    """The feature that an address names."""
    if not address.entity or address.feature is None:
        raise general(position, "no entity or no feature", "send both numbers")
    return address.entity, address.feature


def withdrawn(data: bytes, reason: str) -> bytes:
    """A result that says yes, as one that says no; any other datagram as it is. For a yes that must not go out after all."""
    datagram = decode(data)
    result = datagram.cmds[0].data if datagram.cmds else None
    if not isinstance(result, ResultData) or result.error_number:
        return data
    refused = ResultData(error_number=ErrorNumber.GENERAL.value, description=reason[:256])
    return encode(msgspec.structs.replace(datagram, cmds=(command(refused),)))

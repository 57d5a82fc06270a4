"""Plays one side of a recorded session against our node, which takes the place of the other side.

Our device is built from what the recorded one said in its discovery and first replies. What the peer answered to the recorded requests is handed to
our equal ones. Nothing of a recording stands in this repository.
"""

import json
from datetime import UTC, datetime

import msgspec
from tests.wire.eebus.spine.recorded import VECTORS, compact, datagrams

from chargebridge.wire.eebus.spine import element
from chargebridge.wire.eebus.spine.datagram import Classifier, decode, encode
from chargebridge.wire.eebus.spine.element import Element
from chargebridge.wire.eebus.spine.events import Send
from chargebridge.wire.eebus.spine.functions import FUNCTIONS
from chargebridge.wire.eebus.spine.local import MANAGEMENT, LocalDevice, Now
from chargebridge.wire.eebus.spine.node import Node
from chargebridge.wire.eebus.spine.remote import RemoteDevice

ASKING = {Classifier.READ, Classifier.WRITE, Classifier.CALL}
DISCOVERY, USE_CASES = "nodeManagementDetailedDiscoveryData", "nodeManagementUseCaseData"


class Said(msgspec.Struct):
    """One datagram of a recording. at: when. ours: said by the side whose place we take."""

    at: Now
    ours: bool
    datagram: object

    @property
    def header(self):
        return self.datagram.header

    @property
    def cmd(self):
        return self.datagram.cmd

    @property
    def key(self):
        """What makes a request of ours the same as a recorded one."""
        address = self.header.address_destination
        data = self.cmd.data
        return (
            self.header.cmd_classifier,
            self.cmd.name,
            address.entity,
            address.feature,
            str(tree(data)) if self.header.cmd_classifier == "call" else "",
        )


def tree(data):
    return element.encode(data) if isinstance(data, Element) else data


def session(name, ours):
    """The datagrams of a recorded session, oldest first. ours: how the sender begins whose place we take."""
    (file,) = VECTORS.glob(f"captured/{name}_*.jsonl")
    said, seconds = [], 0.0
    for line in file.read_text().splitlines():
        record = json.loads(line)
        time = record.get("ts")
        if isinstance(time, str):
            seconds = datetime.fromisoformat(time).replace(tzinfo=UTC).timestamp()
        elif time is not None:
            seconds = time
        for message in _inside(record):
            now = Now(seconds, datetime.fromtimestamp(seconds, UTC))
            said.append(Said(now, record["sender"].startswith(ours), decode(compact(message))))
    return said


def _inside(value):
    if isinstance(value, dict) and "datagram" in value:
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _inside(inner)


def fixtures(actor):
    """The same from the datagrams that openeebus keeps one by one, e.g. "cs__lpc"; what the guard says of its device comes from its own folder."""
    files = sorted(VECTORS.glob(f"openeebus/use_case__actor__{actor}__*.json"))
    files.append(VECTORS / f"openeebus/use_case__actor__{actor.replace('cs', 'eg')}__send__discovery_reply.json")
    now = Now(0.0, datetime(2026, 11, 21, tzinfo=UTC))
    said = [
        Said(now, "__send__" in file.name and file != files[-1], decode(compact(message))) for file in files for message in datagrams(file)
    ]
    return sorted(said, key=lambda one: one.header.msg_counter)


class Replay:
    """node: ours. said: the recording. answers: ours to the peer's requests, and those recorded, by the request's counter."""

    def __init__(self, said):
        self.said = said
        self.start = said[0].at
        first = next(one for one in said if one.ours and one.cmd.name == DISCOVERY and one.header.cmd_classifier == "reply")
        self.device = built(said, first)
        self.node = Node(self.device)
        self.sent, self.events = [], []
        self._asked = {}

    def run(self, before=lambda said: None):
        """before: called with each recorded datagram before it takes effect."""
        self.take(self.node.connect("peer", self.start), self.start)
        requests = {one.header.msg_counter: one.key for one in self.said if one.ours and one.header.cmd_classifier in ASKING}
        for one in self.said:
            self.take(self.node.tick(one.at), one.at)
            before(one)
            if one.ours:
                continue
            header = one.header
            if header.cmd_classifier in ("reply", "result"):
                counters = self._asked.get(requests.get(header.msg_counter_reference), [])
                if not counters and header.cmd_classifier == "result":
                    continue
                header = msgspec.structs.replace(header, msg_counter_reference=counters.pop(0) if counters else 1 << 40)
            data = encode(msgspec.structs.replace(one.datagram, header=header))
            self.take(self.node.receive("peer", data, one.at), one.at)
        return self

    def take(self, events, at):
        for event in events:
            if isinstance(event, Send):
                sent = Said(at, True, decode(event.data))
                self.sent.append(sent)
                if sent.header.cmd_classifier in ASKING:
                    self._asked.setdefault(sent.key, []).append(sent.header.msg_counter)
            else:
                self.events.append(event)

    def answers(self):
        """(request, recorded answer, our answer), of each request of the peer that the recorded side answered."""
        recorded = {one.header.msg_counter_reference: one for one in self.said if one.ours and one.header.msg_counter_reference is not None}
        given = {one.header.msg_counter_reference: one for one in self.sent if one.header.msg_counter_reference is not None}
        for one in self.said:
            if not one.ours and one.header.cmd_classifier in ASKING and one.header.msg_counter in recorded:
                yield one, recorded[one.header.msg_counter], given.get(one.header.msg_counter)

    def notifies(self, function):
        """The data of a function that each side told, without what says the same twice: recorded, ours."""
        both = []
        for said in ([one for one in self.said if one.ours], self.sent):
            told = [tree(one.cmd.data) for one in said if one.header.cmd_classifier == "notify" and one.cmd.name == function]
            both.append([one for at, one in enumerate(told) if at == 0 or one != told[at - 1]])
        return both


def built(said, first):
    """A device with the entities, features and functions of a recorded one, and the data of its first replies."""
    remote = RemoteDevice()
    remote.learn(first.cmd.data, partial=False)
    for one in said:
        if one.ours and one.cmd.name == DISCOVERY and one.header.cmd_classifier == "notify":
            remote.learn(one.cmd.data, partial=True) if not _removal(one.cmd.data) else None
    device = LocalDevice(remote.address, remote.type)
    device.entities[0,].features = {0: device.entities[0,].features[0]}
    for entity, type_ in remote.entities.items():
        if entity != (0,):
            device.add(entity, type_)
    for ident, feature in remote.features.items():
        if ident != MANAGEMENT:
            made = device.entities[ident[0]].add(feature.type, feature.role, ident[1])
            for name, operations in feature.operations.items():
                made.offer(name, FUNCTIONS[name].cls() if name in FUNCTIONS else None, operations)
    for one in reversed(said):
        if one.ours and one.header.cmd_classifier == "reply" and isinstance(one.cmd.data, Element):
            address = one.header.address_source
            if one.cmd.name == USE_CASES:
                device.use_cases = list(one.cmd.data.use_case_information or ())
            elif (address.entity, address.feature) != MANAGEMENT:
                feature = device.feature((address.entity, address.feature))
                feature.offer(one.cmd.name, one.cmd.data, feature.operations.get(one.cmd.name))
    return device


def _removal(data):
    return any(info.description.last_state_change == "removed" for info in data.entity_information or ())

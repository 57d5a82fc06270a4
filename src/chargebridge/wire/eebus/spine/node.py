"""The SPINE node: one local device, any number of peers. Datagrams and time go in, events come out.

    incoming                    answer, if it can be served     if it cannot
    read                        reply                           result with error
    write, with ackRequest      result 0                        result with error
    write, without              none                            result with error
    call                        result 0                        result with error
    notify, reply               result 0 if ackRequest          result with error if ackRequest; a failed notify is read again
    result                      none, ever                      none

On connecting both sides begin alike: read the detailed discovery, subscribe to NodeManagement, read the use cases; then each use case
subscribes, binds and reads what it needs (SPINE 1.3.0 protocol, clauses 5 to 7).
"""

import msgspec

from chargebridge.wire.eebus import json
from chargebridge.wire.eebus.errors import EebusError
from chargebridge.wire.eebus.spine import datagram as wire
from chargebridge.wire.eebus.spine import element, management, update
from chargebridge.wire.eebus.spine.datagram import Classifier, Cmd, Datagram, Header, command
from chargebridge.wire.eebus.spine.element import Element, Tree, general
from chargebridge.wire.eebus.spine.errors import ErrorNumber, SpineError
from chargebridge.wire.eebus.spine.events import (
    Answered,
    DataChanged,
    Discovered,
    EntityGone,
    Event,
    Malformed,
    Unanswered,
    UseCasesKnown,
    Written,
)
from chargebridge.wire.eebus.spine.functions import FUNCTIONS, Unknown
from chargebridge.wire.eebus.spine.functions import node_management as nm
from chargebridge.wire.eebus.spine.functions.common import FeatureAddress
from chargebridge.wire.eebus.spine.link import ANSWER_S, ASKING, MAX_PENDING, RETRY_S, Link, Request, ident
from chargebridge.wire.eebus.spine.local import (
    MANAGEMENT,
    EntityId,
    FeatureId,
    LocalDevice,
    LocalFeature,
    Now,
    Verdict,
    Write,
)
from chargebridge.wire.eebus.spine.part import Part

DISCOVERY, USE_CASES = "nodeManagementDetailedDiscoveryData", "nodeManagementUseCaseData"
MAX_UNDECLARED = 64
"""Functions of a remote feature beyond which only those are kept that are declared."""


class Node:
    def __init__(self, device: LocalDevice) -> None:
        self.device = device
        self.parts: list[Part] = []
        self.links: dict[str, Link] = {}
        self._events: list[Event] = []

    # What the transport says.

    def connect(self, peer: str, now: Now) -> list[Event]:
        """A SHIP connection is ready for data."""
        before = self.disconnect(peer, now) if peer in self.links else []
        self.links[peer] = Link(peer, self.device)
        self.read(peer, MANAGEMENT, MANAGEMENT, DISCOVERY, now)
        return before + self._settled(now)

    def disconnect(self, peer: str, now: Now) -> list[Event]:
        """It is down. Use cases go on by their timers: a limit does not end because a socket closed."""
        if self.links.pop(peer, None) is not None:
            for part in self.parts:
                part.gone(peer, now)
        return self._settled(now)

    def receive(self, peer: str, data: bytes | dict[str, Tree], now: Now) -> list[Event]:
        """A datagram, as bytes or as the tree that came in a SHIP data message."""
        link = self.links[peer]
        tree: dict[str, Tree] = {}
        try:
            tree = json.decode(data) if isinstance(data, bytes) else data
            datagram = wire.from_tree(tree)
            self._dispatch(link, datagram, now)
        except EebusError as error:
            self._events.append(Malformed(peer, error.position, error.reason, error.cure))
            number = error.number if isinstance(error, SpineError) else ErrorNumber.GENERAL
            self._result(link, _header_of(tree), number, error.reason)
        return self._settled(now)

    def tick(self, now: Now) -> list[Event]:
        """Time has passed."""
        for link in self.links.values():
            for counter, request in list(link.pending.items()):
                if request.due_s <= now.s:
                    del link.pending[counter]
                    self._overdue(link, counter, request, now)
        return self._settled(now)

    def due_s(self) -> float | None:
        """When ``tick`` is needed at the latest."""
        times = [request.due_s for link in self.links.values() for request in link.pending.values()]
        times += [due for part in self.parts if (due := part.due_s()) is not None]
        return min(times, default=None)

    # What use cases ask for.

    def emit(self, event: Event) -> None:
        self._events.append(event)

    def read(self, peer: str, source: FeatureId, destination: FeatureId, function: str, now: Now) -> int:
        return self.ask(peer, source, destination, Classifier.READ, Cmd(name=function, data=_empty(function)), now)

    def write(self, peer: str, source: FeatureId, destination: FeatureId, cmd: Cmd, now: Now) -> int:
        return self.ask(peer, source, destination, Classifier.WRITE, cmd, now)

    def subscribe(self, peer: str, client: FeatureId, server: FeatureId, now: Now) -> None:
        """Once for each pair; a second time nothing happens."""
        link = self.links[peer]
        if (client, server) not in link.listening:
            link.listening[client, server] = None
            call = nm.NodeManagementSubscriptionRequestCall(subscription_request=self._pair(link, client, server))
            self.ask(peer, MANAGEMENT, MANAGEMENT, Classifier.CALL, command(call), now)

    def bind(self, peer: str, client: FeatureId, server: FeatureId, now: Now) -> None:
        """Once for each pair; a second time nothing happens."""
        link = self.links[peer]
        if (client, server) not in link.bound:
            link.bound[client, server] = None
            call = nm.NodeManagementBindingRequestCall(binding_request=self._pair(link, client, server))
            self.ask(peer, MANAGEMENT, MANAGEMENT, Classifier.CALL, command(call), now)

    def ask(
        self, peer: str, source: FeatureId, destination: FeatureId, classifier: Classifier, cmd: Cmd, now: Now, attempt: int = 0
    ) -> int:
        """Sends a read, write or call; returns its counter, or 0 where too many are unanswered already."""
        link = self.links[peer]
        if len(link.pending) >= MAX_PENDING:
            self._events.append(Unanswered(peer, destination, cmd.name))
            return 0
        counter, send = link.request(source, destination, classifier, cmd)
        due_s = now.s + max(ANSWER_S, link.remote.delay_s(destination))
        link.pending[counter] = Request(source, destination, classifier, cmd, due_s, attempt)
        self._events.append(send)
        return counter

    def publish(self, feature: LocalFeature, data: Element, only: str | None = None, changes: Element | None = None) -> None:
        """New data of a function of ours: kept, and told to all who subscribed. only: to this peer alone. changes: what to tell, as a part."""
        cmd = command(data) if changes is None else command(changes, filters=(wire.PARTIAL,))
        feature.data[cmd.name] = data
        for link in self.links.values():
            for client, server in link.listeners:
                if server == feature.ident and only in (None, link.peer):
                    self._events.append(link.request(server, client, Classifier.NOTIFY, cmd)[1])

    def add_entity(self, entity: EntityId, now: Now) -> list[Event]:
        """Tells of an entity that was added to the device after the start, e.g. a car that was plugged in."""
        return self._tell(self.device.discovery_change(self.device.entities[entity], "added"), now)

    def remove_entity(self, entity: EntityId, now: Now) -> list[Event]:
        """Takes an entity out of the device and tells of it."""
        change = self.device.discovery_change(self.device.entities.pop(entity), "removed")
        self.device.use_cases = [one for one in self.device.use_cases if one.address is None or one.address.entity != entity]
        for link in self.links.values():
            for pairs, ours in ((link.listeners, 1), (link.writers, 1), (link.listening, 0), (link.bound, 0)):
                for pair in [one for one in pairs if one[ours][0] == entity]:
                    del pairs[pair]
        return self._tell(change, now)

    # How a datagram is served.

    def _dispatch(self, link: Link, datagram: Datagram, now: Now) -> None:
        header = datagram.header
        if header is None or header.msg_counter is None or header.address_source is None or header.address_destination is None:
            raise general("$.datagram.header", "no counter or no addresses", "send the complete header")
        if len(datagram.cmds) != 1:
            raise general("$.datagram.payload.cmd", f"{len(datagram.cmds)} commands", "send one command in a datagram")
        device = header.address_source.device
        link.remote.address = link.remote.address or device
        if device is not None and device != link.remote.address:
            raise SpineError("addressSource", f"{device:.80} is not {link.remote.address:.80}", "one connection carries one device")
        if header.address_destination.device not in (None, self.device.address):
            raise SpineError("addressDestination", "another device", "ask the discovery for our address", ErrorNumber.DESTINATION_UNKNOWN)
        source, destination = ident(header.address_source, "addressSource"), ident(header.address_destination, "addressDestination")
        try:
            classifier = Classifier(header.cmd_classifier or "")
        except ValueError:
            raise general("cmdClassifier", f"{header.cmd_classifier!r:.40}", "send read, reply, notify, write, call or result") from None
        feature = self.device.feature(destination)
        if feature is None and classifier in ASKING:
            raise SpineError("addressDestination", "no such feature", "read the discovery", ErrorNumber.DESTINATION_UNKNOWN)
        cmd = datagram.cmd
        if classifier is Classifier.RESULT:
            self._answered(link, header, cmd, now)
        elif classifier in (Classifier.REPLY, Classifier.NOTIFY):
            self._taken(link, classifier, header, source, cmd, now)
        elif feature is not None and classifier is Classifier.READ:
            self._events.append(link.answer(header, feature.ident, Classifier.REPLY, command(self._served(link, feature, cmd.name, now))))
        elif feature is not None and classifier is Classifier.WRITE:
            self._write(link, header, source, feature, cmd, now)
        elif feature is not None:
            subscribed = management.call(self.device, self.links, link, feature, cmd)
            self._result(link, header, ErrorNumber.NONE)
            for part in self.parts if subscribed else ():
                part.subscribed(link.peer, subscribed or MANAGEMENT, now)

    def _served(self, link: Link, feature: LocalFeature, function: str, now: Now) -> Element:
        operations = feature.operations.get(function)
        if operations is None or not operations.read:
            raise SpineError(function, f"is not readable at {feature.type}", "read the discovery", ErrorNumber.COMMAND_NOT_SUPPORTED)
        if feature.ident == MANAGEMENT:
            return management.data(self.device, link, function)
        if feature.refresh is not None:
            feature.refresh(now)
        data = feature.data.get(function)
        return data if isinstance(data, Element) else FUNCTIONS[function].cls()

    def _write(self, link: Link, header: Header, source: FeatureId, feature: LocalFeature, cmd: Cmd, now: Now) -> None:
        try:
            after, verdict = self._judged(link, source, feature, cmd, now)
        except SpineError as error:
            after, verdict = None, Verdict(error.number, f"{error.position}: {error.reason}")
        self._events.append(Written(link.peer, feature.ident, cmd.name, verdict.number, verdict.reason))
        if verdict.number:
            self._result(link, header, verdict.number, verdict.reason)
        elif header.ack_request:
            self._result(link, header, ErrorNumber.NONE)
        if after is not None and not verdict.number and not feature.guards:
            self.publish(feature, after)

    def _judged(self, link: Link, source: FeatureId, feature: LocalFeature, cmd: Cmd, now: Now) -> tuple[Element, Verdict]:
        operations = feature.operations.get(cmd.name)
        if operations is None or not operations.write:
            raise SpineError(cmd.name, "is not writable", "read the discovery", ErrorNumber.COMMAND_NOT_SUPPORTED)
        if (source, feature.ident) not in link.writers:
            raise SpineError(cmd.name, "no binding", "bind the feature first", ErrorNumber.BINDING_NECESSARY)
        if cmd.filters and not operations.partial:
            raise SpineError("filter", "only full writes", "write the list without a filter", ErrorNumber.RESTRICTED_EXCHANGE_NOT_SUPPORTED)
        before = feature.data.get(cmd.name)
        after = update.written(cmd, before)
        assert isinstance(before, Element)
        write = Write(link.peer, cmd, before, after)
        verdicts = [guard.write(write, now) for guard in feature.guards]
        return after, next((verdict for verdict in verdicts if verdict.number), Verdict())

    def _taken(self, link: Link, classifier: Classifier, header: Header, source: FeatureId, cmd: Cmd, now: Now) -> None:
        """A reply or a notify. What comes from a feature that we do not know yet is left; the discovery will be read."""
        if classifier is Classifier.REPLY:
            link.pending.pop(header.msg_counter_reference or 0, None)
        feature = link.remote.features.get(source)
        if feature is None:
            raise SpineError("addressSource", "a feature that the discovery does not list", "send a discovery first", ErrorNumber.GENERAL)
        try:
            data = update.received(cmd, feature.data.get(cmd.name))
        except SpineError:
            if classifier is Classifier.NOTIFY:
                self.read(link.peer, MANAGEMENT, source, cmd.name, now)
            raise
        if source == MANAGEMENT:
            self._managed(link, cmd, data, now)
        else:
            if cmd.name in FUNCTIONS or len(feature.data) < MAX_UNDECLARED:
                feature.data[cmd.name] = data
            self._events.append(DataChanged(link.peer, source, cmd.name))
            for part in self.parts:
                part.changed(link.peer, source, cmd.name, now)
        if header.ack_request:
            assert header.address_destination is not None
            self._result(link, header, ErrorNumber.NONE)

    def _managed(self, link: Link, cmd: Cmd, data: Element | Unknown, now: Now) -> None:
        if isinstance(cmd.data, nm.NodeManagementDetailedDiscoveryData):
            first = not link.remote.discovered
            for entity in link.remote.learn(cmd.data, partial=cmd.partial):
                link.forget_entity(entity)
                self._events.append(EntityGone(link.peer, entity))
            self._events.append(Discovered(link.peer))
            if first:
                self.subscribe(link.peer, MANAGEMENT, MANAGEMENT, now)
                self.read(link.peer, MANAGEMENT, MANAGEMENT, USE_CASES, now)
                return
        elif isinstance(data, nm.NodeManagementUseCaseData) and cmd.filters:
            # Entries of this list have no keys by which a part of it could be merged.
            self.read(link.peer, MANAGEMENT, MANAGEMENT, USE_CASES, now)
            return
        elif isinstance(data, nm.NodeManagementUseCaseData):
            link.remote.features[MANAGEMENT].data[cmd.name] = data
            link.remote.learn_use_cases(data)
            self._events.append(UseCasesKnown(link.peer))
        if link.remote.discovered:
            for part in self.parts:
                part.known(link.peer, now)

    def _answered(self, link: Link, header: Header, cmd: Cmd, now: Now) -> None:
        request = link.pending.pop(header.msg_counter_reference or 0, None)
        if request is None or not isinstance(cmd.data, nm.ResultData):
            return
        told = cmd.data.error_number
        known = ErrorNumber(told) if told in set(ErrorNumber) and told is not None else ErrorNumber.GENERAL
        self._events.append(Answered(link.peer, header.msg_counter_reference or 0, known, cmd.data.description or ""))
        for part in self.parts:
            part.answered(link.peer, header.msg_counter_reference or 0, known, now)

    def _overdue(self, link: Link, counter: int, request: Request, now: Now) -> None:
        if request.waiting:
            self.ask(link.peer, request.source, request.destination, request.classifier, request.cmd, now, request.attempt)
        elif request.classifier is Classifier.WRITE:
            self._events.append(Answered(link.peer, counter, ErrorNumber.TIMEOUT, "no answer"))
            for part in self.parts:
                part.answered(link.peer, counter, ErrorNumber.TIMEOUT, now)
        elif request.attempt < len(RETRY_S):
            later = msgspec.structs.replace(request, due_s=now.s + RETRY_S[request.attempt], attempt=request.attempt + 1, waiting=True)
            link.pending[counter] = later
        else:
            self._events.append(Unanswered(link.peer, request.destination, request.cmd.name))

    def _result(self, link: Link, header: Header | None, number: ErrorNumber, reason: str = "") -> None:
        result = link.result(header, number, reason)
        if result is not None:
            self._events.append(result)

    def _tell(self, change: nm.NodeManagementDetailedDiscoveryData, now: Now) -> list[Event]:
        use_cases = command(self.device.use_case_data())
        for link in self.links.values():
            for client, server in link.listeners:
                if server == MANAGEMENT:
                    self._events.append(link.request(MANAGEMENT, client, Classifier.NOTIFY, command(change, filters=(wire.PARTIAL,)))[1])
                    self._events.append(link.request(MANAGEMENT, client, Classifier.NOTIFY, use_cases)[1])
        return self._settled(now)

    def _pair(self, link: Link, client: FeatureId, server: FeatureId) -> nm.Pair:
        return nm.Pair(
            client_address=self.device.full_address(client),
            server_address=FeatureAddress(device=link.remote.address, entity=server[0], feature=server[1]),
            server_feature_type=link.remote.features[server].type,
        )

    def _settled(self, now: Now) -> list[Event]:
        for part in self.parts:
            part.tick(now)
        events, self._events = self._events, []
        return events


def _empty(function: str) -> Element | Unknown:
    known = FUNCTIONS.get(function)
    return known.cls() if known else Unknown([])


def _header_of(tree: dict[str, Tree]) -> Header | None:
    """The header of a datagram of which the rest could not be read."""
    body = tree.get("datagram")
    try:
        return element.decode(Header, body["header"]) if isinstance(body, dict) and "header" in body else None
    except SpineError:
        return None

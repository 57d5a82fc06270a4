"""One node, and a peer of which a test writes every datagram."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebridge.wire.eebus import json
from chargebridge.wire.eebus.spine.datagram import command, decode
from chargebridge.wire.eebus.spine.element import encode as tree
from chargebridge.wire.eebus.spine.errors import ErrorNumber
from chargebridge.wire.eebus.spine.events import Answered, DataChanged, Discovered, EntityGone, Malformed, Send, Unanswered, UseCasesKnown
from chargebridge.wire.eebus.spine.functions.common import scaled
from chargebridge.wire.eebus.spine.functions.load_control import LoadControlLimitData, LoadControlLimitListData
from chargebridge.wire.eebus.spine.local import MANAGEMENT, LocalDevice, Now, Operations
from chargebridge.wire.eebus.spine.node import Node

LIMITS = "loadControlLimitListData"
LOAD, CLIENT = ((1,), 1), ((1,), 2)
TREE = LoadControlLimitListData(load_control_limit_data=(LoadControlLimitData(limit_id=0, is_limit_changeable=True, value=scaled(16)),))


def at(seconds):
    return Now(seconds, datetime(2026, 11, 21, tzinfo=UTC))


class Peer:
    """Speaks for ``d:_n:Peer_1`` to a node with one LoadControl server and client."""

    def __init__(self, name="peer", device="d:_n:Peer_1", node=None):
        self.name, self.device, self.counter = name, device, 0
        if node is None:
            local = LocalDevice("d:_n:Acme_1", "EnergyManagementSystem")
            entity = local.add((1,), "CEM")
            entity.add("LoadControl", "server").offer(LIMITS, TREE, Operations(write=True))
            entity.add("LoadControl", "client")
            node = Node(local)
        self.node = node
        self.first = self.heard(node.connect(name, at(0)))

    def heard(self, events):
        self.events = events
        return [decode(event.data) for event in events if isinstance(event, Send) and event.peer == self.name]

    def say(self, classifier, cmd, to=MANAGEMENT, by=MANAGEMENT, ack=None, reference=None, now=1.0, device=None, addressee=None):
        self.counter += 1
        header = {
            "specificationVersion": "1.3.0",
            "addressSource": {"device": device or self.device, "entity": list(by[0]), "feature": by[1]},
            "addressDestination": {"entity": list(to[0]), "feature": to[1]} | ({"device": addressee} if addressee else {}),
            "msgCounter": self.counter,
        }
        header |= {"msgCounterReference": reference} if reference else {}
        header |= {"cmdClassifier": classifier} | ({"ackRequest": True} if ack else {})
        data = json.encode({"datagram": {"header": header, "payload": {"cmd": [cmd]}}})
        return self.heard(self.node.receive(self.name, data, at(now)))

    def pair(self, kind, action="Request", client=CLIENT, server=LOAD, type_="LoadControl", device=None):
        pair = {"clientAddress": {"entity": list(client[0]), "feature": client[1]}, "serverAddress": {"entity": list(server[0]), "feature": server[1]}}  # noqa: E501  # fmt: skip
        if device:
            pair["clientAddress"] = {"device": device} | pair["clientAddress"]
        pair |= {"serverFeatureType": type_} if type_ else {}
        return self.say("call", {f"nodeManagement{kind}{action}Call": {f"{kind.lower()}{action}": pair}}, ack=True)

    def write(self, value=8, filters=({"cmdControl": {"partial": {}}},), ack=True, limit_id=0):
        rows = [{"limitId": limit_id, "value": {"number": value, "scale": 0}}]
        return self.say("write", {"function": LIMITS, "filter": list(filters), LIMITS: {"loadControlLimitData": rows}}, LOAD, CLIENT, ack)


def number(datagrams):
    (only,) = [one for one in datagrams if one.cmd.name == "resultData"]
    return only.cmd.data.error_number


def discovery(*entities, change=None):
    infos = [{"description": {"entityAddress": {"entity": list(one)}, "entityType": "EV"} | ({"lastStateChange": change} if change else {})} for one in entities]  # noqa: E501  # fmt: skip
    features = [{"description": {"featureAddress": {"entity": list(one), "feature": 1}, "featureType": "Measurement", "role": "server"}} for one in entities]  # noqa: E501  # fmt: skip
    data = {"deviceInformation": {"description": {"deviceAddress": {"device": "d:_n:Peer_1"}}}, "entityInformation": infos}
    return data if change == "removed" else data | {"featureInformation": features}


def test_on_connecting_it_asks_who_is_there_then_listens_then_asks_for_use_cases():
    peer = Peer()
    (asked,) = peer.first
    assert (asked.cmd.name, asked.header.address_destination.device) == ("nodeManagementDetailedDiscoveryData", None)
    first, second = peer.say("reply", {"nodeManagementDetailedDiscoveryData": discovery((0,), (1,))}, reference=1)
    assert [first.cmd.name, second.cmd.name] == ["nodeManagementSubscriptionRequestCall", "nodeManagementUseCaseData"]
    assert first.header.address_destination.device == "d:_n:Peer_1"
    assert any(isinstance(event, Discovered) for event in peer.events)
    peer.say("reply", {"nodeManagementUseCaseData": {}}, reference=3)
    assert any(isinstance(event, UseCasesKnown) for event in peer.events)


def test_it_says_what_it_is():
    (answer,) = Peer().say("read", {"nodeManagementDetailedDiscoveryData": {}})
    assert (answer.header.cmd_classifier, answer.header.msg_counter_reference) == ("reply", 1)
    features = answer.cmd.data.feature_information
    assert [one.description.feature_type for one in features] == ["NodeManagement", "LoadControl", "LoadControl"]
    assert tree(features[1])["description"]["supportedFunction"] == [
        {"function": LIMITS, "possibleOperations": {"read": {}, "write": {"partial": {}}}}
    ]
    assert "supportedFunction" not in tree(features[2])["description"]


def test_a_read_by_name_alone_is_a_read():
    (answer,) = Peer().say("read", {"function": LIMITS}, LOAD)
    assert answer.cmd.data == TREE


@pytest.mark.parametrize(
    ("classifier", "cmd", "to", "expected"),
    [
        ("read", {LIMITS: {}}, ((7,), 1), ErrorNumber.DESTINATION_UNKNOWN),
        ("read", {"measurementListData": {}}, LOAD, ErrorNumber.COMMAND_NOT_SUPPORTED),
        ("read", {LIMITS: {}}, CLIENT, ErrorNumber.COMMAND_NOT_SUPPORTED),
        ("write", {"measurementListData": {}}, LOAD, ErrorNumber.COMMAND_NOT_SUPPORTED),
        ("call", {"nodeManagementFancyCall": {}}, MANAGEMENT, ErrorNumber.COMMAND_NOT_SUPPORTED),
        ("shout", {LIMITS: {}}, LOAD, None),
        ("read", {LIMITS: {"loadControlLimitData": 5}}, LOAD, ErrorNumber.COMMAND_REJECTED),
    ],
)
def test_what_cannot_be_served_is_answered_with_a_result(classifier, cmd, to, expected):
    peer = Peer()
    answers = peer.say(classifier, cmd, to)
    assert [one.cmd.data.error_number for one in answers] == ([] if expected is None else [expected])
    assert all(one.cmd.data.description for one in answers)


def test_a_result_is_never_answered_nor_a_notify_without_ack():
    peer = Peer()
    assert peer.say("result", {"resultData": {"errorNumber": "x"}}, ((9,), 9), ack=True) == []
    assert peer.say("notify", {LIMITS: {}}, by=((9,), 9)) == []
    assert number(peer.say("notify", {LIMITS: {}}, by=((9,), 9), ack=True)) == ErrorNumber.GENERAL


def test_a_write_needs_a_binding_and_is_told_to_those_who_listen():
    peer = Peer()
    assert number(peer.write()) == ErrorNumber.BINDING_NECESSARY
    assert number(peer.pair("Binding")) == 0
    assert number(peer.pair("Subscription")) == 0
    result, notify = peer.write()
    assert (number([result]), notify.header.cmd_classifier) == (0, "notify")
    assert notify.cmd.data.load_control_limit_data[0].value == scaled(8)
    (only,) = peer.write(9, ack=False)
    assert only.header.cmd_classifier == "notify"
    assert number(peer.write(limit_id=5, ack=False)) == ErrorNumber.COMMAND_REJECTED


def test_a_feature_that_takes_whole_lists_only_refuses_a_partial_write():
    peer = Peer()
    peer.pair("Binding")
    peer.node.device.feature(LOAD).offer(LIMITS, None, Operations(write=True, partial=False))
    assert number(peer.write()) == ErrorNumber.RESTRICTED_EXCHANGE_NOT_SUPPORTED


def test_a_feature_is_bound_by_one_client_until_its_connection_ends():
    first = Peer()
    second = Peer("other", "d:_n:Other_2", first.node)
    assert number(first.pair("Binding")) == number(first.pair("Binding")) == 0
    assert number(second.pair("Binding")) == ErrorNumber.GENERAL
    first.node.disconnect("peer", at(2))
    assert number(second.pair("Binding")) == 0
    assert number(second.pair("Binding", "Delete", type_=None)) == 0
    assert number(second.write()) == ErrorNumber.BINDING_NECESSARY


def test_pairs_that_cannot_be():
    peer = Peer()
    assert number(peer.pair("Subscription", server=CLIENT)) == ErrorNumber.DESTINATION_UNKNOWN
    assert number(peer.pair("Subscription", type_="Measurement")) == ErrorNumber.COMMAND_REJECTED
    assert number(peer.pair("Subscription", type_="Generic")) == 0
    assert number(peer.pair("Binding", device="d:_n:Somebody_else")) == ErrorNumber.COMMAND_REJECTED


def test_each_peer_sees_its_own_pairs_only():
    first = Peer()
    second = Peer("other", "d:_n:Other_2", first.node)
    first.pair("Subscription")
    (mine,) = first.say("read", {"nodeManagementSubscriptionData": {}})
    (theirs,) = second.say("read", {"nodeManagementSubscriptionData": {}})
    assert len(mine.cmd.data.subscription_entry) == 1
    assert theirs.cmd.data.subscription_entry is None


def test_one_connection_carries_one_device_and_reaches_ours_only():
    peer = Peer()
    peer.say("read", {LIMITS: {}}, LOAD)
    assert number(peer.say("read", {LIMITS: {}}, LOAD, device="d:_n:Liar_1")) == ErrorNumber.COMMAND_REJECTED
    assert number(peer.say("read", {LIMITS: {}}, LOAD, addressee="d:_n:Other")) == ErrorNumber.DESTINATION_UNKNOWN


def test_a_car_comes_and_goes():
    peer = Peer()
    peer.say("reply", {"nodeManagementDetailedDiscoveryData": discovery((0,), (1,))}, reference=1)
    partial = {"function": "nodeManagementDetailedDiscoveryData", "filter": [{"cmdControl": {"partial": {}}}]}
    peer.say("notify", partial | {"nodeManagementDetailedDiscoveryData": discovery((1, 1), change="added")})
    remote = peer.node.links["peer"].remote
    assert set(remote.entities) == {(0,), (1,), (1, 1)}
    peer.say("notify", {"measurementListData": {"measurementData": [{"measurementId": 1}]}}, by=((1, 1), 1))
    assert any(isinstance(event, DataChanged) for event in peer.events)
    peer.node.subscribe("peer", CLIENT, ((1, 1), 1), at(1))
    peer.say("notify", partial | {"nodeManagementDetailedDiscoveryData": discovery((1, 1), change="removed")})
    assert EntityGone("peer", (1, 1)) in peer.events
    assert set(remote.entities) == {(0,), (1,)}
    assert ((1, 1), 1) not in remote.features
    assert (CLIENT, ((1, 1), 1)) not in peer.node.links["peer"].listening
    peer.say("notify", {"nodeManagementDetailedDiscoveryData": discovery((0,))})
    assert set(remote.entities) == {(0,)}


def test_ours_come_and_go_too():
    peer = Peer()
    peer.pair("Subscription", server=MANAGEMENT, client=MANAGEMENT, type_="NodeManagement")
    peer.node.device.add((1, 1), "EV").add("LoadControl", "server").offer(LIMITS, TREE, Operations(write=True))
    change, use_cases = peer.heard(peer.node.add_entity((1, 1), at(1)))
    assert change.cmd.partial
    assert change.cmd.data.entity_information[0].description.last_state_change == "added"
    assert use_cases.cmd.name == "nodeManagementUseCaseData"
    assert number(peer.pair("Binding", server=((1, 1), 1))) == 0
    change, _ = peer.heard(peer.node.remove_entity((1, 1), at(1)))
    assert change.cmd.data.feature_information is None
    assert number(peer.say("read", {LIMITS: {}}, ((1, 1), 1))) == ErrorNumber.DESTINATION_UNKNOWN


def test_an_unanswered_read_is_repeated_after_30_s_5_min_15_min_then_given_up():
    peer = Peer()
    times, now = [0.0], 0.0
    while (due := peer.node.due_s()) is not None:
        now = due
        if peer.heard(peer.node.tick(at(now))):
            times.append(now)
    assert times == [0.0, 40.0, 350.0, 1260.0]
    assert now == 1270.0
    assert peer.events == [Unanswered("peer", MANAGEMENT, "nodeManagementDetailedDiscoveryData")]


def test_an_unanswered_write_is_a_timeout_and_is_not_repeated():
    peer = Peer()
    peer.say("reply", {"nodeManagementDetailedDiscoveryData": discovery((0,), (1,))}, reference=1)
    counter = peer.node.write("peer", CLIENT, ((1,), 1), command(TREE), at(1))
    events = peer.node.tick(at(11))
    assert Answered("peer", counter, ErrorNumber.TIMEOUT, "no answer") in events


def test_a_feature_that_says_so_may_take_longer():
    peer = Peer()
    data = discovery((0,), (1,))
    data["featureInformation"][1]["description"]["maxResponseDelay"] = "PT30S"
    peer.say("reply", {"nodeManagementDetailedDiscoveryData": data}, reference=1)
    counter = peer.node.write("peer", CLIENT, ((1,), 1), command(TREE), at(1))
    assert Answered("peer", counter, ErrorNumber.TIMEOUT, "no answer") not in peer.node.tick(at(30))
    assert Answered("peer", counter, ErrorNumber.TIMEOUT, "no answer") in peer.node.tick(at(31))


def test_a_part_of_the_use_cases_is_read_again_as_a_whole():
    peer = Peer()
    peer.say("reply", {"nodeManagementDetailedDiscoveryData": discovery((0,), (1,))}, reference=1)
    partial = {"function": "nodeManagementUseCaseData", "filter": [{"cmdControl": {"partial": {}}}], "nodeManagementUseCaseData": {}}
    (again,) = peer.say("notify", partial)
    assert (again.header.cmd_classifier, again.cmd.name) == ("read", "nodeManagementUseCaseData")


def test_a_device_cannot_take_its_root_away():
    peer = Peer()
    peer.say("reply", {"nodeManagementDetailedDiscoveryData": discovery((0,), (1,))}, reference=1)
    peer.say("notify", {"nodeManagementDetailedDiscoveryData": discovery((0,), change="removed")})
    peer.say("notify", {"nodeManagementDetailedDiscoveryData": discovery((0,), (2,))})
    assert set(peer.node.links["peer"].remote.entities) == {(0,), (2,)}


def test_a_second_connection_takes_the_place_of_the_first():
    peer = Peer()
    peer.pair("Binding")
    again = Peer(node=peer.node)
    assert [one.cmd.name for one in again.first] == ["nodeManagementDetailedDiscoveryData"]
    assert number(again.write()) == ErrorNumber.BINDING_NECESSARY


PIECES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["read", "write", "call", "notify", "reply", "result", "PT1H", ""]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            [LIMITS, "loadControlLimitData", "limitId", "function", "filter", "cmdControl", "partial", "delete", "entity", "feature", "device",
             "addressSource", "addressDestination", "msgCounter", "cmdClassifier", "ackRequest", "nodeManagementDetailedDiscoveryData",
             "entityInformation", "featureInformation", "description", "entityAddress", "featureAddress", "nodeManagementBindingRequestCall",
             "bindingRequest", "clientAddress", "serverAddress", "resultData", "errorNumber", "loadControlLimitListDataSelectors"]
        ),
        inner,
        max_size=4,
    ),
    max_leaves=25,
)  # fmt: skip
ADDRESS = st.fixed_dictionaries({"entity": st.sampled_from([[0], [1], [9]]), "feature": st.integers(0, 3)})
HEADERS = st.fixed_dictionaries(
    {
        "addressSource": ADDRESS,
        "addressDestination": ADDRESS,
        "msgCounter": st.integers(0, 5),
        "msgCounterReference": st.integers(0, 3),
        "cmdClassifier": st.sampled_from(["read", "reply", "notify", "write", "call", "result"]),
        "ackRequest": st.booleans(),
    }
)
NAMES = st.sampled_from([LIMITS, "nodeManagementDetailedDiscoveryData", "nodeManagementUseCaseData", "nodeManagementBindingRequestCall", "resultData", "x"])  # noqa: E501  # fmt: skip


@given(st.lists(st.tuples(HEADERS | PIECES, st.dictionaries(NAMES, PIECES, max_size=2) | PIECES), max_size=8))
def test_whatever_comes_the_node_lives_and_answers(said):
    peer = Peer()
    for header, cmd in said:
        data = json.encode({"datagram": {"header": header, "payload": {"cmd": [cmd]}}})
        peer.heard(peer.node.receive("peer", data, at(1)))
    assert Peer("another", "d:_n:Other_2", peer.node).say("read", {LIMITS: {}}, LOAD)


@given(st.binary(max_size=60))
def test_noise_is_told_and_not_answered(noise):
    peer = Peer()
    events = peer.node.receive("peer", noise, at(1))
    assert [type(event) for event in events] == [Malformed]

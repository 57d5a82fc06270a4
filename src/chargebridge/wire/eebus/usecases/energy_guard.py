"""The Energy Guard of LPC and LPP: limits the Controllable Systems of its peers (LPC 1.0.0, LPP 1.0.0; both use cases work alike).

For each system: subscribe to what it tells, bind what it lets write, read it all. Once it listens to our heartbeat, it hears one and, well within
60 s, the first limit, even if that only says "deactivated" (LPC-913). A refused limit is written again after 60 s.
"""

from collections.abc import Callable
from decimal import Decimal

import msgspec

from chargebridge.wire.eebus.spine.datagram import PARTIAL, Cmd, Filter, command
from chargebridge.wire.eebus.spine.element import Element, Tree
from chargebridge.wire.eebus.spine.errors import ErrorNumber
from chargebridge.wire.eebus.spine.events import Event
from chargebridge.wire.eebus.spine.functions.common import TimePeriod, duration, duration_s, number, scaled
from chargebridge.wire.eebus.spine.functions.device import (
    ConfigurationValue,
    DeviceConfigurationKeyValueData,
    DeviceConfigurationKeyValueDescriptionListData,
    DeviceConfigurationKeyValueListData,
    DeviceDiagnosisHeartbeatData,
)
from chargebridge.wire.eebus.spine.functions.load_control import (
    LoadControlLimitData,
    LoadControlLimitDescriptionListData,
    LoadControlLimitListData,
)
from chargebridge.wire.eebus.spine.functions.measurement import ElectricalConnectionCharacteristicListData
from chargebridge.wire.eebus.spine.local import CLIENT, SERVER, EntityId, FeatureId, LocalEntity, Now
from chargebridge.wire.eebus.spine.node import Node
from chargebridge.wire.eebus.spine.part import Part
from chargebridge.wire.eebus.spine.remote import RemoteFeature
from chargebridge.wire.eebus.usecases import heartbeat, kind, limitation
from chargebridge.wire.eebus.usecases.kind import Kind

AGAIN_S = 60.0
"""After a refusal, or none at all."""
_FEATURES = {
    "LoadControl": (kind.DESCRIPTIONS, kind.LIMITS),
    "DeviceConfiguration": (kind.KEYS, kind.VALUES),
    "DeviceDiagnosis": (kind.HEARTBEAT,),
    "ElectricalConnection": (kind.CHARACTERISTICS,),
}
_BOUND = ("LoadControl", "DeviceConfiguration")


class Wish(msgspec.Struct, frozen=True):
    """What a system is to keep. limit_w: None deactivates; of production 0 or negative. until_s: None until further notice."""

    limit_w: Decimal | None = None
    until_s: float | None = None


class Told(Event, frozen=True):
    """A system has answered a limit. number: NONE if it keeps it."""

    peer: str
    entity: EntityId
    use_case: str
    wish: Wish
    number: ErrorNumber


class System:
    """A Controllable System of a peer. written: the wish under way or answered last. counter: of the write under way.
    again_s: when it is written once more."""

    def __init__(self) -> None:
        self.written: Wish | None = None
        self.answer: ErrorNumber | None = None
        self.counter: int | None = None
        self.again_s: float | None = None


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What a system says of itself. None: it has not said it (yet)."""

    active: bool | None
    limit_w: Decimal | None
    failsafe_w: Decimal | None
    failsafe_s: float | None
    nominal_w: Decimal | None


class EnergyGuard(Part):
    """serves: whose systems it limits; a node with several guards, as of wallboxes and of heat pumps, gives each its own peers. first: what a system
    is to keep before ``limit`` said anything of it; None: it is written to only then."""

    def __init__(
        self,
        node: Node,
        entity: LocalEntity,
        of: Kind,
        now: Now,
        *,
        serves: Callable[[str], bool] = lambda peer: True,
        first: Wish | None = Wish(),  # noqa: B008
    ) -> None:
        self._node = node
        self._serves = serves
        self._entity = entity
        self.kind = of
        self.systems: dict[tuple[str, EntityId], System] = {}
        self._pulse = heartbeat.Pulse()
        self._wish = first
        self._wishes: dict[tuple[str, EntityId], Wish] = {}
        self._stale: dict[tuple[str, EntityId], None] = {}  # systems to which something may have to be written now
        self._under_way: dict[tuple[str, int], tuple[str, EntityId]] = {}  # by peer and counter of the write
        self._again_s: float | None = None  # no system is to be written to again before
        self._clients = {type_: entity.feature(type_, CLIENT) for type_ in _FEATURES}
        self._server = heartbeat.source(node, entity, now).feature
        node.device.announce(entity.ident, kind.ENERGY_GUARD, of.name, kind.VERSION, kind.SCENARIOS)
        node.parts.append(self)

    # What the one who runs it wants. ``Node.tick`` must follow each.

    def limit(self, limit_w: Decimal | None, duration_s: float | None, now: Now, system: tuple[str, EntityId] | None = None) -> None:
        """Limits one system, or all, those that come later too. limit_w: None ends the limit. duration_s: None until further notice."""
        if duration_s is not None and duration_s <= 0:
            raise ValueError(f"a limit of {duration_s} s would be over already; give more than 0 s, or none")
        wish = Wish(limit_w, None if duration_s is None else now.s + duration_s)
        if system is None:
            self._wish = wish
            self._wishes.clear()
        else:
            self._wishes[system] = wish
        for key, one in self.systems.items():
            if system in (None, key):
                one.again_s = None
                self._stale[key] = None

    def wish(self, system: tuple[str, EntityId]) -> Wish | None:
        """What a system is to keep, also while it is away; None: nobody has said yet."""
        return self._wishes.get(system, self._wish)

    def failsafe(self, system: tuple[str, EntityId], limit_w: Decimal | None, lasts_s: float | None, now: Now) -> list[int]:
        """Writes failsafe values; returns the counters of the requests. lasts_s: 2 h to 24 h (LPC-022/3)."""
        if lasts_s is not None and not limitation.MIN_FAILSAFE_S <= lasts_s <= limitation.MAX_FAILSAFE_S:
            raise ValueError(f"a failsafe duration of {lasts_s} s; give 7200 s to 86400 s (LPC-022/3)")
        server = self._server_of(system, "DeviceConfiguration")
        wanted: list[tuple[str, ConfigurationValue]] = []
        if limit_w is not None:
            wanted.append((self.kind.failsafe_key, ConfigurationValue(scaled_number=scaled(limit_w))))
        if lasts_s is not None:
            wanted.append((kind.FAILSAFE_DURATION, ConfigurationValue(duration=duration(lasts_s))))
        counters: list[int] = []
        for name, value in wanted:
            key_id = _key_id(server, name) if server else None
            if server is None or key_id is None:
                raise ValueError(f"{system[0]} has no {name}; wait until its configuration was read")
            row = DeviceConfigurationKeyValueData(key_id=key_id, value=value)
            cmd = _rewritten(server, DeviceConfigurationKeyValueListData(device_configuration_key_value_data=(row,)))
            counters.append(self._node.write(system[0], self._clients["DeviceConfiguration"].ident, server.ident, cmd, now))
        return counters

    def report(self, system: tuple[str, EntityId]) -> Report:
        """What the system says at the moment."""
        load, configuration, connection = (
            self._server_of(system, type_) for type_ in ("LoadControl", "DeviceConfiguration", "ElectricalConnection")
        )
        row = _limit_row(load, self.kind) if load else None
        failsafe = _value(configuration, self.kind.failsafe_key) if configuration else None
        lasts = _value(configuration, kind.FAILSAFE_DURATION) if configuration else None
        return Report(
            active=row.is_limit_active if row else None,
            limit_w=number(row.value) if row else None,
            failsafe_w=number(failsafe.scaled_number) if failsafe else None,
            failsafe_s=duration_s(lasts.duration) if lasts and lasts.duration else None,
            nominal_w=_nominal(connection, self.kind) if connection else None,
        )

    def heard_s(self, peer: str) -> float | None:
        """When the peer's heartbeat came last, in seconds of ``Now.s``."""
        return self._pulse.heard_s.get(peer)

    def alive(self, system: tuple[str, EntityId], now: Now) -> bool:
        """Whether the system's heartbeat came within 120 s."""
        heard = self.heard_s(system[0])
        return heard is not None and now.s - heard <= limitation.SILENCE_S

    # What the node says.

    def known(self, peer: str, now: Now) -> None:
        if not self._serves(peer):
            return
        remote = self._node.links[peer].remote
        found = remote.entities_with(self.kind.name, (kind.CONTROLLABLE_SYSTEM,), "LoadControl", SERVER)
        for key in [one for one in self.systems if one[0] == peer and one[1] not in found]:
            del self.systems[key]
        for entity in found:
            if (peer, entity) not in self.systems:
                self.systems[peer, entity] = System()
                self._stale[peer, entity] = None
                self._begin(peer, entity, now)

    def changed(self, peer: str, feature: FeatureId, function: str, now: Now) -> None:
        data = self._node.links[peer].remote.features[feature].data.get(function)
        system = self.systems.get((peer, feature[0]))
        if isinstance(data, DeviceDiagnosisHeartbeatData):
            self._pulse.came(peer, data, now)
        elif function in (kind.LIMITS, kind.DESCRIPTIONS) and system is not None:
            self._stale[peer, feature[0]] = None
            if function == kind.LIMITS and self._dropped((peer, feature[0]), system, now):
                self._put_off(system, now)

    def subscribed(self, peer: str, server: FeatureId, now: Now) -> None:
        if server == self._server.ident:
            self._stale |= {key: None for key in self.systems if key[0] == peer}

    def answered(self, peer: str, counter: int, number: ErrorNumber, now: Now) -> None:
        key = self._under_way.pop((peer, counter), None)
        system = self.systems.get(key) if key else None
        if key is None or system is None or system.written is None:
            return
        system.answer, system.counter = number, None
        system.again_s = None
        self._stale[key] = None
        if number and self.wish(key) == system.written:  # what was wished for meanwhile need not wait
            self._put_off(system, now)
        self._node.emit(Told(peer, key[1], self.kind.name, system.written, number))

    def gone(self, peer: str, now: Now) -> None:
        for key in [one for one in self.systems if one[0] == peer]:
            del self.systems[key]
        for write in [one for one in self._under_way if one[0] == peer]:
            del self._under_way[write]

    def due_s(self) -> float | None:
        return self._again_s

    def tick(self, now: Now) -> None:
        if self._again_s is not None and self._again_s <= now.s:
            waiting = {key: one.again_s for key, one in self.systems.items() if one.again_s is not None}
            self._stale |= {key: None for key, again_s in waiting.items() if again_s <= now.s}
            self._again_s = min((again_s for again_s in waiting.values() if again_s > now.s), default=None)
        stale, self._stale = self._stale, {}
        for key in stale:
            system = self.systems.get(key)
            wish = self.wish(key)
            if system is not None and wish is not None and system.counter is None and self._listens(key[0]):
                again = system.again_s is not None and system.again_s <= now.s
                if again or (system.again_s is None and wish != system.written):
                    self._write(key[0], key[1], system, wish, now)

    def _put_off(self, system: System, now: Now) -> None:
        system.again_s = now.s + AGAIN_S
        self._again_s = system.again_s if self._again_s is None else min(self._again_s, system.again_s)

    def _listens(self, peer: str) -> bool:
        """Whether the peer hears our heartbeat."""
        return any(server == self._server.ident for _, server in self._node.links[peer].listeners)

    def _begin(self, peer: str, entity: EntityId, now: Now) -> None:
        for type_, functions in _FEATURES.items():
            server = self._server_of((peer, entity), type_)
            if server is None:
                continue
            client = self._clients[type_].ident
            self._node.subscribe(peer, client, server.ident, now)
            if type_ in _BOUND:
                self._node.bind(peer, client, server.ident, now)
            for function in functions:
                self._node.read(peer, client, server.ident, function, now)

    def _dropped(self, key: tuple[str, EntityId], system: System, now: Now) -> bool:
        """Whether the system let go a limit that it had taken and that has not ended, e.g. since it began anew."""
        wish = self.wish(key)
        holds = wish is not None and wish.limit_w is not None and (wish.until_s is None or wish.until_s > now.s + AGAIN_S)
        taken = system.counter is None and system.answer is ErrorNumber.NONE and system.written == wish
        return holds and taken and self.report(key).active is False

    def _write(self, peer: str, entity: EntityId, system: System, wish: Wish, now: Now) -> None:
        server = self._server_of((peer, entity), "LoadControl")
        row = _limit_row(server, self.kind) if server else None
        if server is None or row is None:
            return
        left = None if wish.until_s is None else wish.until_s - now.s
        active = wish.limit_w is not None and (left is None or left > 0)
        asked = LoadControlLimitData(
            limit_id=row.limit_id,
            is_limit_active=active,
            time_period=TimePeriod(end_time=duration(left)) if active and left is not None else None,
            value=scaled(wish.limit_w) if wish.limit_w is not None else row.value,
        )
        cmd = _rewritten(server, LoadControlLimitListData(load_control_limit_data=(asked,)), endless=asked.time_period is None)
        counter = self._node.write(peer, self._clients["LoadControl"].ident, server.ident, cmd, now)
        if not counter:  # too much is unanswered already
            self._put_off(system, now)
            return
        system.written, system.again_s, system.counter = wish, None, counter
        self._under_way[peer, counter] = peer, entity

    def _server_of(self, system: tuple[str, EntityId], type_: str) -> RemoteFeature | None:
        return self._node.links[system[0]].remote.find(system[1], type_, SERVER)


def _rewritten(server: RemoteFeature, data: Element, *, endless: bool = False) -> Cmd:
    """The write of one entry: partial where the peer can, else the complete list. endless: takes away a duration that is there still."""
    cmd = command(data)
    offered = server.operations.get(cmd.name)
    old = server.data.get(cmd.name)
    if offered is not None and not offered.partial and isinstance(old, Element):
        return command(_completed(old, data))
    stale = endless and isinstance(old, LoadControlLimitListData) and isinstance(data, LoadControlLimitListData) and _has_end(old, data)
    return command(data, filters=(_no_end(data), PARTIAL) if stale and isinstance(data, LoadControlLimitListData) else (PARTIAL,))


def _has_end(old: LoadControlLimitListData, data: LoadControlLimitListData) -> bool:
    ids = {row.limit_id for row in data.load_control_limit_data or ()}
    return any(row.limit_id in ids and row.time_period is not None for row in old.load_control_limit_data or ())


def _no_end(data: LoadControlLimitListData) -> Filter:
    """The filter that deletes the duration of the limit."""
    (row,) = data.load_control_limit_data or ()
    elements: dict[str, Tree] = {"timePeriod": {"endTime": {}}}
    tree = {
        "cmdControl": {"delete": {}},
        "loadControlLimitListDataSelectors": {"limitId": row.limit_id},
        "loadControlLimitDataElements": elements,
    }
    return Filter(delete=True, selectors=({"limitId": row.limit_id},), elements=elements, tree=tree)


def _completed(old: Element, new: Element) -> Element:
    """The whole list, with the new entries in the places of the old."""
    if isinstance(old, LoadControlLimitListData) and isinstance(new, LoadControlLimitListData):
        limits = {row.limit_id: row for row in (*(old.load_control_limit_data or ()), *(new.load_control_limit_data or ()))}
        return LoadControlLimitListData(load_control_limit_data=tuple(limits.values()))
    assert isinstance(old, DeviceConfigurationKeyValueListData)
    assert isinstance(new, DeviceConfigurationKeyValueListData)
    values = {
        row.key_id: row for row in (*(old.device_configuration_key_value_data or ()), *(new.device_configuration_key_value_data or ()))
    }
    return DeviceConfigurationKeyValueListData(device_configuration_key_value_data=tuple(values.values()))


def _limit_row(server: RemoteFeature, of: Kind) -> LoadControlLimitData | None:
    """The entry of the limit: found by what its description says, not by its id."""
    described, rows = server.data.get(kind.DESCRIPTIONS), server.data.get(kind.LIMITS)
    if not isinstance(described, LoadControlLimitDescriptionListData) or not isinstance(rows, LoadControlLimitListData):
        return None
    wanted = (kind.LIMIT_TYPE, kind.OBLIGATION, of.direction, kind.SCOPE)
    ids = {
        one.limit_id
        for one in described.load_control_limit_description_data or ()
        if (one.limit_type, one.limit_category, one.limit_direction, one.scope_type) == wanted
    }
    return next((row for row in rows.load_control_limit_data or () if row.limit_id in ids), None)


def _key_id(server: RemoteFeature, name: str) -> int | None:
    described = server.data.get(kind.KEYS)
    if not isinstance(described, DeviceConfigurationKeyValueDescriptionListData):
        return None
    return next((one.key_id for one in described.device_configuration_key_value_description_data or () if one.key_name == name), None)


def _value(server: RemoteFeature, name: str) -> ConfigurationValue | None:
    key_id, values = _key_id(server, name), server.data.get(kind.VALUES)
    if key_id is None or not isinstance(values, DeviceConfigurationKeyValueListData):
        return None
    return next((one.value for one in values.device_configuration_key_value_data or () if one.key_id == key_id), None)


def _nominal(server: RemoteFeature, of: Kind) -> Decimal | None:
    told = server.data.get(kind.CHARACTERISTICS)
    if not isinstance(told, ElectricalConnectionCharacteristicListData):
        return None
    rows = told.electrical_connection_characteristic_data or ()
    return next((number(row.value) for row in rows if row.characteristic_type in (of.nominal, of.contractual)), None)

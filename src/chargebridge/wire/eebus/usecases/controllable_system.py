"""The Controllable System of LPC and LPP on the node: its data, its guard of writes, and the machine behind (LPC 1.0.0, LPP 1.0.0).

One object serves all limits of an entity, since they share a LoadControl feature and the failsafe duration. A write that touches more than one of
them changes all or none.
"""

from collections.abc import Callable
from decimal import Decimal

from chargebridge.wire.eebus.spine.element import Element
from chargebridge.wire.eebus.spine.errors import ErrorNumber, SpineError
from chargebridge.wire.eebus.spine.events import Event
from chargebridge.wire.eebus.spine.functions.common import TimePeriod, duration, duration_s, number, scaled, seconds_until
from chargebridge.wire.eebus.spine.functions.device import (
    ConfigurationValue,
    DeviceConfigurationKeyValueData,
    DeviceConfigurationKeyValueListData,
    DeviceDiagnosisHeartbeatData,
)
from chargebridge.wire.eebus.spine.functions.load_control import (
    LoadControlLimitData,
    LoadControlLimitListData,
)
from chargebridge.wire.eebus.spine.local import CLIENT, SERVER, EntityId, FeatureId, LocalEntity, Now, Operations, Verdict, Write
from chargebridge.wire.eebus.spine.node import Node
from chargebridge.wire.eebus.spine.part import Part
from chargebridge.wire.eebus.usecases import described, heartbeat, kind, limitation
from chargebridge.wire.eebus.usecases.kind import Kind
from chargebridge.wire.eebus.usecases.limit_record import FAILSAFE_DURATION, FAILSAFE_LIMIT, LIMIT, Asked, GuardReturned, Moved
from chargebridge.wire.eebus.usecases.limitation import FailsafeWrite, Heartbeat, LimitWrite, Machine, Memory, Settings, State, Step

HOUSE = "CEM"
"""The entity type whose nominal value is that of the contract (LPC-042)."""
_WRITABLE = Operations(write=True)


class LimitChanged(Event, frozen=True):
    """What an entity of ours must keep from now on. limit_w: None means nothing; of production 0 or negative. ends_s: when it ends by itself.
    memory: what must survive a restart."""

    use_case: str
    entity: EntityId
    state: State
    limit_w: Decimal | None
    ends_s: float | None
    memory: Memory


class Limited:
    """One limit of the entity: LPC or LPP. unable: says why a limit (in W) cannot be kept for protection, safety or law; empty if it can."""

    def __init__(
        self, of: Kind, settings: Settings, memory: Memory | None, now: Now, unable: Callable[[Decimal], str] = lambda limit_w: ""
    ) -> None:
        self.kind = of
        self.settings = settings
        self.machine = limitation.start(settings, memory, now.s)
        self.unable = unable
        self.limit_id = self.key_id = 0
        self.guard: str | None = None
        self.told: tuple[object, ...] = ()
        self.moved: list[tuple[float, limitation.On, limitation.Transition]] = []

    def go(self, step: Step) -> None:
        """Makes a step the present."""
        self.machine = step.machine
        self.moved += step.taken

    @property
    def applied_w(self) -> Decimal | None:
        """What must be kept now; None: nothing."""
        return limitation.applied_w(self.machine, self.settings)

    @property
    def attended(self) -> bool:
        return self.machine.state in (State.CONTROLLED, State.LIMITED)

    def step(self, event: limitation.Event, now: Now) -> Step:
        return limitation.step(self.machine, self.settings, event, now.s)


class ControllableSystem(Part):
    def __init__(self, node: Node, entity: LocalEntity, limits: tuple[Limited, ...], now: Now) -> None:
        self._node = node
        self._entity = entity
        self.limits = limits
        self._pulse = heartbeat.Pulse()
        self._client = entity.feature("DeviceDiagnosis", CLIENT)
        self._load = entity.feature("LoadControl", SERVER)
        self._configuration = entity.feature("DeviceConfiguration", SERVER)
        self._connection = entity.feature("ElectricalConnection", SERVER)
        heartbeat.source(node, entity, now)
        for at, limit in enumerate(limits):
            limit.limit_id = limit.key_id = at
            node.device.announce(entity.ident, kind.CONTROLLABLE_SYSTEM, limit.kind.name, kind.VERSION, kind.SCENARIOS)
        self._duration_id = len(limits)
        self._published = [_lasting(one.machine) for one in limits]
        self._offer(now)
        node.parts.append(self)

    # What the node says.

    def known(self, peer: str, now: Now) -> None:
        for server in self._guards(peer):
            if (self._client.ident, server) not in self._node.links[peer].listening:
                self._node.subscribe(peer, self._client.ident, server, now)
                self._node.read(peer, self._client.ident, server, kind.HEARTBEAT, now)

    def changed(self, peer: str, feature: FeatureId, function: str, now: Now) -> None:
        data = self._node.links[peer].remote.features[feature].data.get(function)
        if not isinstance(data, DeviceDiagnosisHeartbeatData) or feature not in self._guards(peer):
            return
        if self._pulse.came(peer, data, now):
            for limit in self.limits:
                # The silence of the guard whose limit holds is not filled by another one's heartbeat.
                if not limit.attended or limit.guard == peer:
                    absent = not limit.attended and limit.machine.returned_s is None
                    limit.go(limit.step(Heartbeat(), now))
                    if absent and limit.machine.returned_s is not None:
                        self._node.emit(GuardReturned(limit.kind.name, self._entity.ident, peer))

    def due_s(self) -> float | None:
        times = [due for one in self.limits if (due := limitation.due_s(one.machine, one.settings)) is not None]
        return min(times, default=None)

    def tick(self, now: Now) -> None:
        """Lets timers run out, and publishes what has changed."""
        for limit in self.limits:
            limit.go(limit.step(limitation.Tick(), now))
            for at_s, on, transition in limit.moved:
                self._node.emit(Moved(limit.kind.name, self._entity.ident, transition.to, on, transition.rule, at_s))
            limit.moved.clear()
        rows, keys = self._rows(now), self._keys()
        if [_lasting(one.machine) for one in self.limits] != self._published:
            self._published = [_lasting(one.machine) for one in self.limits]
            self._node.publish(self._load, rows)
        if keys != self._configuration.data[kind.VALUES]:
            self._node.publish(self._configuration, keys)
        for limit in self.limits:
            machine = limit.machine
            told = (machine.state, limit.applied_w, machine.ends_s, machine.memory)
            if told != limit.told:
                limit.told = told
                self._node.emit(
                    LimitChanged(limit.kind.name, self._entity.ident, machine.state, limit.applied_w, machine.ends_s, machine.memory)
                )

    def interrupt(self, limit: Limited, now: Now) -> None:
        """The limit cannot be kept any longer, for protection, safety or law (LPC-923). ``Node.tick`` must follow."""
        limit.go(limit.step(limitation.Interrupt(), now))

    def write(self, write: Write, now: Now) -> Verdict:
        """Decides on a write of limits or of failsafe values, as the timers have it now."""
        for limit in self.limits:
            limit.go(limit.step(limitation.Tick(), now))
        if isinstance(write.after, LoadControlLimitListData):
            return self._write_limits(write, write.after, now)
        if isinstance(write.after, DeviceConfigurationKeyValueListData):
            return self._write_failsafe(write, write.after, now)
        return Verdict(ErrorNumber.COMMAND_NOT_SUPPORTED, "nothing that can be written")

    # Limits.

    def _write_limits(self, write: Write, after: LoadControlLimitListData, now: Now) -> Verdict:
        rows = {row.limit_id: row for row in after.load_control_limit_data or ()}
        touched = _touched(write, "limitId")
        steps: list[tuple[Limited, LimitWrite, Step]] = []
        for limit in self.limits:
            if limit.limit_id in touched:
                asked = self._asked(limit, write, rows[limit.limit_id], now)
                steps.append((limit, asked, limit.step(asked, now)))
        refusals = [step.refusal for _, _, step in steps if step.refusal is not None]
        for limit, asked, step in steps:
            if not refusals or step.refusal is not None:
                limit.go(step)
                if limit.attended:
                    limit.guard = write.peer
            refusal = step.refusal or (refusals[0] if refusals else "")
            self._record(write, limit, LIMIT, asked.limit_w, asked.duration_s, refusal, active=asked.active)
        return Verdict(ErrorNumber.COMMAND_REJECTED, refusals[0]) if refusals else Verdict()

    def _asked(self, limit: Limited, write: Write, row: LoadControlLimitData, now: Now) -> LimitWrite:
        given, lasts_s = _lasts(write, row, now)
        value = number(row.value)
        active = bool(row.is_limit_active)
        unable = limit.unable(value) if active and value is not None else ""
        return LimitWrite(
            active=active, limit_w=value, duration_s=lasts_s, given=given, heard_s=self._pulse.heard_s.get(write.peer), unable=unable
        )

    def _rows(self, now: Now) -> LoadControlLimitListData:
        return LoadControlLimitListData(load_control_limit_data=tuple(self._row(limit, now) for limit in self.limits))

    def _row(self, limit: Limited, now: Now) -> LoadControlLimitData:
        machine = limit.machine
        left = machine.duration_s if machine.ends_s is None else machine.ends_s - now.s
        return LoadControlLimitData(
            limit_id=limit.limit_id,
            is_limit_changeable=True,
            is_limit_active=machine.state is State.LIMITED,
            time_period=None if left is None else TimePeriod(end_time=duration(left)),
            value=scaled(machine.limit_w),
        )

    # Failsafe values.

    def _write_failsafe(self, write: Write, after: DeviceConfigurationKeyValueListData, now: Now) -> Verdict:
        rows = {row.key_id: row.value or ConfigurationValue() for row in after.device_configuration_key_value_data or ()}
        touched = _touched(write, "keyId")
        lasts = rows[self._duration_id].duration if self._duration_id in touched else None
        if self._duration_id in touched and lasts is None:
            return Verdict(ErrorNumber.COMMAND_REJECTED, "no duration")
        attended = any(limit.attended for limit in self.limits)
        steps: list[tuple[Limited, FailsafeWrite, Step]] = []
        for limit in self.limits:
            value = number(rows[limit.key_id].scaled_number) if limit.key_id in touched else None
            if limit.key_id in touched and value is None:
                return Verdict(ErrorNumber.COMMAND_REJECTED, "no value")
            if value is not None or lasts is not None:
                shared = attended and value is None
                asked = FailsafeWrite(value, None if lasts is None else duration_s(lasts), shared)
                steps.append((limit, asked, limit.step(asked, now)))
        refusals = [step.refusal for _, _, step in steps if step.refusal is not None]
        for limit, asked, step in steps:
            if not refusals or step.refusal is not None:
                limit.go(step)
            refusal = step.refusal or (refusals[0] if refusals else "")
            if asked.limit_w is not None:
                self._record(write, limit, FAILSAFE_LIMIT, asked.limit_w, None, refusal)
            if asked.duration_s is not None:
                self._record(write, limit, FAILSAFE_DURATION, None, asked.duration_s, refusal)
        return Verdict(ErrorNumber.COMMAND_REJECTED, refusals[0]) if refusals else Verdict()

    def _record(
        self,
        write: Write,
        limit: Limited,
        what: str,
        value_w: Decimal | None,
        lasts_s: float | None,
        refusal: str,
        *,
        active: bool | None = None,
    ) -> None:
        self._node.emit(
            Asked(
                peer=write.peer,
                use_case=limit.kind.name,
                entity=self._entity.ident,
                what=what,
                active=active,
                value_w=value_w,
                duration_s=lasts_s,
                refusal=refusal,
                state=limit.machine.state,
            )
        )

    def _keys(self) -> DeviceConfigurationKeyValueListData:
        limits = [
            DeviceConfigurationKeyValueData(
                key_id=limit.key_id,
                value=ConfigurationValue(scaled_number=scaled(limit.machine.memory.failsafe_w)),
                is_value_changeable=True,
            )
            for limit in self.limits
        ]
        lasts = DeviceConfigurationKeyValueData(
            key_id=self._duration_id,
            value=ConfigurationValue(duration=duration(max(limit.machine.memory.failsafe_s for limit in self.limits))),
            is_value_changeable=True,
        )
        return DeviceConfigurationKeyValueListData(device_configuration_key_value_data=(*limits, lasts))

    # What stands in the features from the start.

    def _offer(self, now: Now) -> None:
        kinds = [limit.kind for limit in self.limits]
        values_w = [limit.settings.nominal_w for limit in self.limits]
        self._load.offer(kind.DESCRIPTIONS, described.limits(kinds))
        self._load.offer(kind.LIMITS, self._rows(now), _WRITABLE)
        self._load.refresh = self._refresh
        self._configuration.offer(kind.KEYS, described.keys(kinds))
        self._configuration.offer(kind.VALUES, self._keys(), _WRITABLE)
        self._connection.offer(kind.CHARACTERISTICS, described.nominal(kinds, values_w, house=self._entity.type == HOUSE))
        self._load.guards.append(self)
        self._configuration.guards.append(self)

    def _refresh(self, now: Now) -> None:
        """Whoever reads a limit hears how long it still lasts."""
        self._load.data[kind.LIMITS] = self._rows(now)

    def _guards(self, peer: str) -> list[FeatureId]:
        """The heartbeats of the peer's entities that are Energy Guards for one of the limits."""
        remote = self._node.links[peer].remote
        found: dict[FeatureId, None] = {}
        for limit in self.limits:
            for entity in remote.entities_with(limit.kind.name, kind.GUARDS, "DeviceDiagnosis", SERVER):
                feature = remote.find(entity, "DeviceDiagnosis", SERVER)
                if feature is not None:
                    found[feature.ident] = None
        return list(found)


def _lasting(machine: Machine) -> tuple[object, ...]:
    """What makes a limit another one; that time goes by does not."""
    return machine.state is State.LIMITED, machine.limit_w, machine.duration_s, machine.ends_s


def _items(data: Element | None) -> tuple[LoadControlLimitData | DeviceConfigurationKeyValueData, ...]:
    if isinstance(data, LoadControlLimitListData):
        return data.load_control_limit_data or ()
    return (data.device_configuration_key_value_data or ()) if isinstance(data, DeviceConfigurationKeyValueListData) else ()


def _key(item: LoadControlLimitData | DeviceConfigurationKeyValueData) -> int | None:
    return item.limit_id if isinstance(item, LoadControlLimitData) else item.key_id


def _touched(write: Write, key: str) -> set[int | None]:
    """Ids of the entries that the message speaks of, whether or not it changes them."""
    data = write.cmd.data if isinstance(write.cmd.data, Element) else None
    said = {_key(item) for item in _items(data)}
    for one in write.cmd.filters or ():
        said |= {selector[key] for selector in one.selectors if key in selector}
    before = {_key(item): item for item in _items(write.before)}
    said |= {_key(item) for item in _items(write.after) if item != before.get(_key(item))}
    return said & before.keys()


def _lasts(write: Write, row: LoadControlLimitData, now: Now) -> tuple[bool, float | None]:
    """Whether the message says how long the limit lasts, or that it has no end; and the seconds."""
    data = write.cmd.data if isinstance(write.cmd.data, LoadControlLimitListData) else LoadControlLimitListData()
    for item in data.load_control_limit_data or ():
        if item.limit_id in (row.limit_id, None) and item.time_period is not None and item.time_period.end_time is not None:
            try:
                return True, seconds_until(item.time_period.end_time, now.utc)
            except SpineError as error:
                raise SpineError("timePeriod.endTime", error.reason, error.cure) from None
    if row.time_period is None or row.time_period.end_time is None:
        return True, None
    return False, None

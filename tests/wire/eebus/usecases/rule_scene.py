"""A Controllable System with LPC and LPP, and a guard that does only what a test tells it: each heartbeat, each write."""

from decimal import Decimal

from tests.wire.eebus.usecases.bench import ENTITY, Clock, Wire

from chargebridge.wire.eebus.spine.datagram import PARTIAL, Filter, command
from chargebridge.wire.eebus.spine.events import Written
from chargebridge.wire.eebus.spine.functions.common import TimePeriod, duration, number, scaled, timestamp
from chargebridge.wire.eebus.spine.functions.device import (
    ConfigurationValue,
    DeviceConfigurationKeyValueData,
    DeviceConfigurationKeyValueListData,
    DeviceDiagnosisHeartbeatData,
)
from chargebridge.wire.eebus.spine.functions.load_control import LoadControlLimitData, LoadControlLimitListData
from chargebridge.wire.eebus.spine.local import CLIENT, SERVER, LocalDevice
from chargebridge.wire.eebus.spine.node import Node
from chargebridge.wire.eebus.spine.part import Part
from chargebridge.wire.eebus.usecases import kind
from chargebridge.wire.eebus.usecases.controllable_system import ControllableSystem, LimitChanged, Limited
from chargebridge.wire.eebus.usecases.limitation import Settings
from chargebridge.wire.eebus.usecases.lpc import LPC
from chargebridge.wire.eebus.usecases.lpp import LPP

KINDS = {"LPC": LPC, "LPP": LPP}
NOMINAL_W, FAILSAFE_W = Decimal(34500), Decimal(5000)
KEEP = object()
"""A duration that a message does not speak of."""


class System:
    """The side under test. entity: "CEM" for a house, else a device."""

    def __init__(self, clock, *, entity="CEM", autonomous=False, memories=(None, None), unable=lambda limit_w: "", max_s=24 * 3600.0):
        self.node = Node(LocalDevice("d:_n:Acme_House-1", "EnergyManagementSystem"))
        limits = [
            Limited(
                of,
                Settings(nominal_w=NOMINAL_W, failsafe_w=FAILSAFE_W, autonomous=autonomous, production=of is LPP, failsafe_max_s=max_s),
                memory,
                clock.now,
                unable,
            )
            for of, memory in zip((LPC, LPP), memories, strict=True)
        ]
        self.limits = dict(zip(KINDS, limits, strict=True))
        self.part = ControllableSystem(self.node, self.node.device.add(ENTITY, entity), tuple(limits), clock.now)


class Guard(Part):
    """The node that stands for the Energy Guard; silent by itself."""

    def __init__(self):
        self.node = Node(LocalDevice("d:_n:Grid_Box-1", "ElectricitySupplySystem"))
        entity = self.node.device.add(ENTITY, "GridGuard")
        self.clients = {type_: entity.feature(type_, CLIENT) for type_ in ("LoadControl", "DeviceConfiguration", "DeviceDiagnosis")}
        self.server = entity.feature("DeviceDiagnosis", SERVER)
        self.counter = 0
        for of in KINDS.values():
            self.node.device.announce(ENTITY, kind.ENERGY_GUARD, of.name, kind.VERSION, kind.SCENARIOS)
        self.node.parts.append(self)

    def known(self, peer, now):
        remote = self.node.links[peer].remote
        for type_, client in self.clients.items():
            server = remote.find(ENTITY, type_, SERVER)
            if server is not None:
                self.node.subscribe(peer, client.ident, server.ident, now)
                if type_ != "DeviceDiagnosis":
                    self.node.bind(peer, client.ident, server.ident, now)


class Scene:
    """of: "LPC" or "LPP"; limits are given without sign. Time moves by the second."""

    def __init__(self, of, **kwargs):
        self.of, self.sign = of, -1 if of == "LPP" else 1
        self.clock = Clock()
        self.kwargs = kwargs
        self.system, self.guard = System(self.clock, **kwargs), Guard()
        self.wire = Wire(self.clock, self.system, self.guard, names=("guard", "system")).connect()

    @property
    def limited(self):
        return self.system.limits[self.of]

    @property
    def state(self):
        return self.limited.machine.state

    @property
    def applied(self):
        """Without sign; None: nothing."""
        applied = self.limited.applied_w
        return None if applied is None else applied * self.sign

    @property
    def row(self):
        """The limit as the guard reads it now."""
        feature = self.system.node.device.entities[ENTITY].feature("LoadControl", "server")
        feature.refresh(self.clock.now)
        return feature.data[kind.LIMITS].load_control_limit_data[self.limited.limit_id]

    def told(self):
        """The same as the guard heard it last, unasked."""
        datagrams = [one for side, one in self.wire.said if side == "house" and one.header.cmd_classifier == "notify"]
        rows = [one.cmd.data.load_control_limit_data for one in datagrams if one.cmd.name == kind.LIMITS]
        return rows[-1][self.limited.limit_id] if rows else None

    def beat(self):
        self.guard.counter += 1
        beat = DeviceDiagnosisHeartbeatData(
            timestamp=timestamp(self.clock.now.utc), heartbeat_counter=self.guard.counter, heartbeat_timeout="PT60S"
        )
        self.guard.node.publish(self.guard.server, beat)
        self.wire.tick()
        return self

    def wait(self, seconds, beating=False):
        step = 30 if beating or seconds <= 600 else 300
        for _ in range(int(seconds // step)):
            self.wire.wait(step, step=step)
            if beating:
                self.beat()
        self.wire.wait(seconds % step, step=step)
        return self

    def write(self, active=None, value=None, lasts=KEEP, delete=False):
        """A partial write; what is not given is not in it. lasts: seconds. Returns whether it was taken."""
        row = LoadControlLimitData(
            limit_id=self.limited.limit_id,
            is_limit_active=active,
            time_period=None if lasts is KEEP else TimePeriod(end_time=duration(lasts)),
            value=None if value is None else scaled(Decimal(value) * self.sign),
        )
        elements = {"timePeriod": {"endTime": {}}}
        selector = {"limitId": self.limited.limit_id}
        tree = {"cmdControl": {"delete": {}}, "loadControlLimitListDataSelectors": selector, "loadControlLimitDataElements": elements}
        gone = (Filter(delete=True, selectors=(selector,), elements=elements, tree=tree),) if delete else ()
        return self._written("LoadControl", command(LoadControlLimitListData(load_control_limit_data=(row,)), filters=(*gone, PARTIAL)))

    def failsafe(self, value=None, lasts_s=None):
        """Writes failsafe values, without sign. Returns whether they were taken."""
        wanted = [(self.limited.key_id, ConfigurationValue(scaled_number=scaled(Decimal(value))))] if value is not None else []
        wanted += [(len(KINDS), ConfigurationValue(duration=duration(lasts_s)))] if lasts_s is not None else []
        rows = tuple(DeviceConfigurationKeyValueData(key_id=key_id, value=value) for key_id, value in wanted)
        data = DeviceConfigurationKeyValueListData(device_configuration_key_value_data=rows)
        return self._written("DeviceConfiguration", command(data, filters=(PARTIAL,)))

    @property
    def failsafe_told(self):
        """(limit in W, duration) as the guard reads them."""
        rows = self.system.node.device.entities[ENTITY].feature("DeviceConfiguration", "server").data[kind.VALUES]
        rows = rows.device_configuration_key_value_data
        return number(rows[self.limited.key_id].value.scaled_number), rows[len(KINDS)].value.duration

    def restart(self, *, forgetful=False):
        """The system begins anew; the guard connects again, and says nothing."""
        memories = (None, None) if forgetful else tuple(one.machine.memory for one in self.system.limits.values())
        self.system = System(self.clock, **(self.kwargs | {"memories": memories}))
        self.guard.node.disconnect("system", self.clock.now)
        self.wire = Wire(self.clock, self.system, self.guard, names=("guard", "system")).connect()
        return self

    def changes(self):
        """What the system said of itself: (state, limit)."""
        return [(one.state, one.limit_w) for one in self.wire.heard("house", LimitChanged) if one.use_case == KINDS[self.of].name]

    def _written(self, type_, cmd):
        server = self.system.node.device.entities[ENTITY].feature(type_, "server")
        self.guard.node.write("system", self.guard.clients[type_].ident, server.ident, cmd, self.clock.now)
        before = len(self.wire.heard("house", Written))
        self.wire.tick()
        answers = self.wire.heard("house", Written)[before:]
        return [one.number for one in answers] == [0]


def in_init(of, **kwargs):
    return Scene(of, **kwargs)


def in_controlled(of, **kwargs):
    scene = Scene(of, **kwargs).beat()
    assert scene.write(active=False)
    return scene


def in_limited(of, value=4200, **kwargs):
    scene = Scene(of, **kwargs).beat()
    assert scene.write(active=True, value=value)
    return scene


def in_failsafe(of, **kwargs):
    return in_controlled(of, **kwargs).wait(120)


def in_autonomous(of, **kwargs):
    return Scene(of, autonomous=True, **kwargs).wait(120)

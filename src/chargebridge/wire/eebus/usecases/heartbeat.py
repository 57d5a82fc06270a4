"""Our heartbeat at a DeviceDiagnosis server, and what counts as one of a peer (LPC-031, LPC-032; SPINE 1.3.0 data model, DeviceDiagnosis)."""

from chargebridge.wire.eebus.spine.functions.common import duration, timestamp
from chargebridge.wire.eebus.spine.functions.device import DeviceDiagnosisHeartbeatData
from chargebridge.wire.eebus.spine.local import SERVER, FeatureId, LocalEntity, Now
from chargebridge.wire.eebus.spine.node import Node
from chargebridge.wire.eebus.spine.part import Part
from chargebridge.wire.eebus.usecases.kind import HEARTBEAT

TIMEOUT_S, INTERVAL_S = 60.0, 50.0
"""The next heartbeat comes within 60 s; sent well before, since one that comes exactly then is late."""


class HeartbeatSource(Part):
    """Beats for ever, whether or not somebody listens: strict peers drop one whose time stands still."""

    def __init__(self, node: Node, entity: LocalEntity, now: Now, timeout_s: float = TIMEOUT_S, interval_s: float = INTERVAL_S) -> None:
        self._node = node
        self._timeout_s = timeout_s
        self._interval_s = interval_s
        self._counter = 0
        self._next_s = now.s + interval_s
        self.feature = entity.feature("DeviceDiagnosis", SERVER)
        self.feature.offer(HEARTBEAT, self._beat(now))
        node.parts.append(self)

    def hasten(self, timeout_s: float, interval_s: float, now: Now) -> None:
        if timeout_s < self._timeout_s:
            self._timeout_s, self._interval_s = timeout_s, interval_s
            self._next_s = min(self._next_s, now.s + interval_s)

    def subscribed(self, peer: str, server: FeatureId, now: Now) -> None:
        """Whoever begins to listen hears one at once, for it may have to wait for it before it may act."""
        if server == self.feature.ident:
            self._node.publish(self.feature, self._beat(now), only=peer)

    def due_s(self) -> float:
        return self._next_s

    def tick(self, now: Now) -> None:
        if now.s >= self._next_s:
            self._next_s = now.s + self._interval_s
            self._node.publish(self.feature, self._beat(now))

    def _beat(self, now: Now) -> DeviceDiagnosisHeartbeatData:
        self._counter += 1
        return DeviceDiagnosisHeartbeatData(
            timestamp=timestamp(now.utc), heartbeat_counter=self._counter, heartbeat_timeout=duration(self._timeout_s)
        )


class Pulse:
    """When each peer was last heard. A reply to a read counts too, for some guards write a limit before their first notify; but not one that
    says what was said before."""

    def __init__(self) -> None:
        self.heard_s: dict[str, float] = {}
        self._last: dict[str, tuple[int | None, str | None]] = {}

    def came(self, peer: str, beat: DeviceDiagnosisHeartbeatData, now: Now) -> bool:
        """Whether it is a new one."""
        said = (beat.heartbeat_counter, beat.timestamp)
        if said != (None, None) and self._last.get(peer) == said:
            return False
        self._last[peer] = said
        self.heard_s[peer] = now.s
        return True


def source(node: Node, entity: LocalEntity, now: Now, timeout_s: float = TIMEOUT_S, interval_s: float = INTERVAL_S) -> HeartbeatSource:
    """The heartbeat of an entity, which its use cases share; it beats as fast as the one that needs it fastest."""
    for part in node.parts:
        if isinstance(part, HeartbeatSource) and part.feature.ident[0] == entity.ident:
            part.hasten(timeout_s, interval_s, now)
            return part
    return HeartbeatSource(node, entity, now, timeout_s, interval_s)

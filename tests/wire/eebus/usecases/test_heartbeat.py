from tests.wire.eebus.usecases.bench import Clock, joined

from chargebridge.wire.eebus.spine.functions.device import DeviceDiagnosisHeartbeatData
from chargebridge.wire.eebus.usecases.heartbeat import Pulse


def test_LPC_031_a_heartbeat_comes_well_within_60_s_for_ever():  # noqa: N802
    wire = joined()
    before = len(wire.said)
    wire.wait(600, step=1.0)
    beats = [datagram.cmd.data for side, datagram in wire.said[before:] if side == "box" and datagram.header.cmd_classifier == "notify"]
    assert len(beats) == 12
    counters = [beat.heartbeat_counter for beat in beats]
    assert counters == [*range(counters[0], counters[0] + 12)]
    assert {beat.heartbeat_timeout for beat in beats} == {"PT1M"}
    assert len({beat.timestamp for beat in beats}) == 12


def test_an_old_heartbeat_that_is_read_again_is_none():
    clock, pulse = Clock(), Pulse()
    beat = DeviceDiagnosisHeartbeatData(heartbeat_counter=5, timestamp="2026-11-21T00:00:00Z")
    assert pulse.came("guard", beat, clock.now)
    clock.s += 100
    assert not pulse.came("guard", beat, clock.now)
    assert pulse.heard_s["guard"] == clock.s - 100
    assert pulse.came("guard", DeviceDiagnosisHeartbeatData(heartbeat_counter=6, timestamp="2026-11-21T00:00:00Z"), clock.now)


def test_a_guard_that_says_neither_count_nor_time_is_heard():
    clock, pulse = Clock(), Pulse()
    assert pulse.came("guard", DeviceDiagnosisHeartbeatData(), clock.now)
    assert pulse.came("guard", DeviceDiagnosisHeartbeatData(), clock.now)

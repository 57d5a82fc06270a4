"""The site in Prometheus' words."""

import math
from collections.abc import Iterator

from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from chargebridge.links.eebus.peer import Phase
from chargebridge.model.finding import Severity
from chargebridge.site.eebus_view import EebusView
from chargebridge.site.view import SiteService, SiteView


class SiteCollector(Collector):
    """Reads the site when it is scraped; what is not known is left out."""

    def __init__(self, service: SiteService) -> None:
        self._service = service

    def collect(self) -> Iterator[Metric]:
        view = self._service.view()
        yield _powers(view)
        yield from _circuits(view)
        yield from _points(view)
        yield from _loads(view)
        yield from _meters(view)
        yield from _backends(view)
        if self._service.eebus is not None:
            yield from _eebus(self._service.eebus.view())
        yield _one("chargebridge_limits", "Entries of the limit book", float(len(view.limits)))
        yield _one("chargebridge_alerts", "Alerts that stand", float(len(view.alerts)))
        if view.reaction_ms is not None:
            yield _one("chargebridge_reaction_seconds", "Time that the last decision took", view.reaction_ms / 1000)
        if view.decided_at is not None:
            yield _one("chargebridge_decision_age_seconds", "Age of the last decision", (view.at - view.decided_at).total_seconds())


def text(service: SiteService) -> bytes:
    """This site's figures, then those of the process."""
    registry = CollectorRegistry()
    registry.register(SiteCollector(service))
    return generate_latest(registry) + generate_latest(REGISTRY)


def _one(name: str, help_text: str, value: float) -> Metric:
    family = GaugeMetricFamily(name, help_text)
    family.add_metric([], value)
    return family


def _powers(view: SiteView) -> Metric:
    family = GaugeMetricFamily("chargebridge_power_watts", "Present power; grid import and battery charging positive", labels=["party"])
    flow = view.flow
    parties = {"grid": flow.grid_w, "pv": flow.pv_w, "battery": flow.battery_w, "house": flow.house_w, "cars": flow.cars_w}
    for party, watts in parties.items():
        if watts is not None:
            family.add_metric([party], watts)
    return family


def _circuits(view: SiteView) -> Iterator[Metric]:
    load = GaugeMetricFamily("chargebridge_circuit_load_amperes", "Present current of a circuit", labels=["circuit", "phase"])
    allowed = GaugeMetricFamily("chargebridge_circuit_allowed_amperes", "What all limits leave it", labels=["circuit", "phase"])
    lost = GaugeMetricFamily("chargebridge_circuit_meter_lost", "1 where its meter is silent", labels=["circuit"])
    for circuit in view.circuits:
        for index in range(3):
            load.add_metric([circuit.id, f"L{index + 1}"], circuit.load_a[index])
            if math.isfinite(circuit.allowed_a[index]):
                allowed.add_metric([circuit.id, f"L{index + 1}"], circuit.allowed_a[index])
        lost.add_metric([circuit.id], float(circuit.meter_lost))
    yield from (load, allowed, lost)


def _points(view: SiteView) -> Iterator[Metric]:
    power = GaugeMetricFamily("chargebridge_point_power_watts", "Present power of a charging point", labels=["point"])
    offered = GaugeMetricFamily("chargebridge_point_offered_amperes", "Current offered per phase", labels=["point"])
    energy = GaugeMetricFamily("chargebridge_point_session_energy_watthours", "Energy of the running session", labels=["point"])
    online = GaugeMetricFamily("chargebridge_point_online", "1 while its station is connected", labels=["point"])
    for point in view.points:
        power.add_metric([point.id], point.power_w)
        energy.add_metric([point.id], point.energy_wh)
        online.add_metric([point.id], float(point.online))
        if point.offered_a is not None:
            offered.add_metric([point.id], point.offered_a)
    yield from (power, offered, energy, online)


def _loads(view: SiteView) -> Iterator[Metric]:
    power = GaugeMetricFamily("chargebridge_load_power_watts", "Present power of a controllable load", labels=["load"])
    limit = GaugeMetricFamily("chargebridge_load_limit_watts", "What it is to keep to; left out where nothing limits it", labels=["load"])
    taken = GaugeMetricFamily("chargebridge_load_limit_taken", "1 where it has said that it keeps to that", labels=["load"])
    ceiling = GaugeMetricFamily("chargebridge_load_ceiling_watts", "The most that it may be drawing, whatever it was told", labels=["load"])
    online = GaugeMetricFamily("chargebridge_load_online", "1 while it is connected", labels=["load"])
    for load in view.loads:
        if load.power_w is not None:
            power.add_metric([load.id], load.power_w)
        if load.limit_w is not None:
            limit.add_metric([load.id], load.limit_w)
        taken.add_metric([load.id], float(load.taken))
        ceiling.add_metric([load.id], load.ceiling_w)
        online.add_metric([load.id], float(load.online))
    yield from (power, limit, taken, ceiling, online)


def _meters(view: SiteView) -> Iterator[Metric]:
    telegrams = CounterMetricFamily("chargebridge_meter_telegrams_total", "Readings taken in since the start", labels=["meter"])
    faults = CounterMetricFamily(
        "chargebridge_meter_faults_total", "Damaged telegrams and broken links since the start", labels=["meter", "kind"]
    )
    found = CounterMetricFamily("chargebridge_meter_findings_total", "Findings opened since the start", labels=["meter", "kind"])
    standing = GaugeMetricFamily("chargebridge_meter_findings_open", "Findings that stand open", labels=["meter", "severity"])
    complete = GaugeMetricFamily("chargebridge_meter_completeness", "Share of today's telegrams that were heard", labels=["meter"])
    delay = GaugeMetricFamily("chargebridge_meter_delay_seconds", "From the meter's time to ours, today", labels=["meter", "quantile"])
    for meter in view.meters:
        telegrams.add_metric([meter.id], meter.telegrams)
        for kind, count in meter.faults.items():
            faults.add_metric([meter.id, kind], count)
        for kind, count in meter.found.items():
            found.add_metric([meter.id, kind], count)
        for severity in Severity:
            standing.add_metric([meter.id, severity.value], sum(f.severity is severity for f in meter.findings))
        if meter.today.completeness is not None:
            complete.add_metric([meter.id], meter.today.completeness)
        for quantile, value in (("0.5", meter.today.delay_p50_s), ("0.95", meter.today.delay_p95_s)):
            if value is not None:
                delay.add_metric([meter.id, quantile], value)
    yield from (telegrams, faults, found, standing, complete, delay)


def _backends(view: SiteView) -> Iterator[Metric]:
    labels = ["backend", "station"]
    connected = GaugeMetricFamily("chargebridge_backend_connected", "1 while a station's other back end is connected", labels=labels)
    waiting = GaugeMetricFamily("chargebridge_backend_waiting", "Messages that wait for it", labels=labels)
    delivered = CounterMetricFamily("chargebridge_backend_delivered_total", "Messages delivered since the start", labels=labels)
    refused = CounterMetricFamily("chargebridge_backend_refused_total", "Messages that it refused for good", labels=labels)
    commands = CounterMetricFamily(
        "chargebridge_backend_commands_total", "Its commands, by whether the rules let them", labels=[*labels, "outcome"]
    )
    for link in view.backends:
        who = [link.backend, link.station]
        connected.add_metric(who, float(link.connected))
        waiting.add_metric(who, link.waiting)
        delivered.add_metric(who, link.delivered)
        refused.add_metric(who, link.refused)
        commands.add_metric([*who, "done"], link.commands - link.commands_refused)
        commands.add_metric([*who, "refused"], link.commands_refused)
    yield from (connected, waiting, delivered, refused, commands)


def _eebus(view: EebusView) -> Iterator[Metric]:
    peers = GaugeMetricFamily("chargebridge_eebus_peers", "EEBUS devices by where we stand with them", labels=["phase"])
    for phase in Phase:
        peers.add_metric([phase.value], float(sum(peer.phase is phase for peer in view.peers)))
    age = GaugeMetricFamily("chargebridge_eebus_heartbeat_age_seconds", "Since the Energy Guard's last heartbeat", labels=["use_case"])
    state = GaugeMetricFamily("chargebridge_eebus_state", "1 for the state of our Controllable System", labels=["use_case", "state"])
    limit = GaugeMetricFamily("chargebridge_eebus_limit_watts", "What the grid lets us draw or feed in now", labels=["use_case"])
    writes = CounterMetricFamily(
        "chargebridge_eebus_writes_total", "What Energy Guards wrote, by our answer", labels=["use_case", "outcome"]
    )
    for one in view.limits:
        if one.heartbeat_at is not None:
            age.add_metric([one.use_case], (view.at - one.heartbeat_at).total_seconds())
        state.add_metric([one.use_case, one.state], 1.0)
        if one.limit_w is not None:
            limit.add_metric([one.use_case], one.limit_w)
        writes.add_metric([one.use_case, "accepted"], one.accepted)
        writes.add_metric([one.use_case, "refused"], one.refused)
    yield from (peers, age, state, limit, writes)

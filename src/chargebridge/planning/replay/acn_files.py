"""ACN-Sim's own files: sessions and networks as its `to_json` writes them, so that its problems can be run here.

A file is a registry: {"id": of the outermost object, "context_dict": {id: {"class": dotted name, "attributes": {...}}}}, often a JSON string
inside a JSON string.

Read are EventQueue with PluginEvent and EV (its battery: Battery, which takes what it gets until it is full), and ChargingNetwork with its kinds
of EVSE. Numbers there: kWh, kW, A, V, degrees, steps.
"""

import cmath
from datetime import datetime
from math import radians
from typing import Any

import msgspec

from chargebridge.model.errors import ModelError
from chargebridge.planning.replay.network import Network, Row, Station
from chargebridge.planning.replay.stays import Case, Stay


class AcnFileError(ModelError):
    """A file that is not ACN-Sim's, or has what is not read here."""


class _Registry:
    def __init__(self, data: bytes) -> None:
        try:
            outer = msgspec.json.decode(data)
            if isinstance(outer, str):
                outer = msgspec.json.decode(outer)
            self.objects: dict[str, Any] = outer["context_dict"]
            self.root = str(outer["id"])
        except (msgspec.MsgspecError, RecursionError, KeyError, TypeError, UnicodeDecodeError) as error:
            raise AcnFileError("ACN-Sim file", f"no registry of objects ({error})", "give what its to_json wrote") from None

    def of(self, name: Any, kind: str) -> dict[str, Any]:
        """The attributes of an object of a kind."""
        found = self.objects.get(str(name))
        if not isinstance(found, dict) or str(found.get("class", "")).rpartition(".")[2] != kind:
            raise AcnFileError(f"object {name}", f"is no {kind}", "give what ACN-Sim's to_json wrote")
        attributes = found.get("attributes")
        return attributes if isinstance(attributes, dict) else {}

    def kind(self, name: Any) -> str:
        found = self.objects.get(str(name))
        return str(found.get("class", "")).rpartition(".")[2] if isinstance(found, dict) else ""


def read_network(data: bytes) -> Network:
    """A ChargingNetwork. Raises AcnFileError."""
    registry = _Registry(data)
    network = registry.of(registry.root, "ChargingNetwork")
    try:
        stations = tuple(
            _station(registry, name, evse, volts)
            for (name, evse), volts in zip(network["_EVSEs"].items(), network["_voltages"], strict=True)
        )
        angles = [cmath.exp(1j * radians(degrees)) for degrees in network["_phase_angles"]]
        rows = tuple(
            Row(name=name, limit_a=float(limit), terms=tuple((i, c * angles[i]) for i, c in enumerate(line) if c))
            for name, limit, line in zip(network["constraint_index"], network["magnitudes"], network["constraint_matrix"], strict=True)
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise AcnFileError("ChargingNetwork", f"cannot be read ({error!r})", "write it with ACN-Sim 0.3 or newer") from None
    return Network(stations=stations, rows=rows)


def _station(registry: _Registry, name: str, evse: Any, volts: float) -> Station:
    kind = registry.kind(evse)
    about = registry.of(evse, kind)
    if kind == "EVSE":
        return Station(id=name, watts_per_a=volts, maximum_a=float(about["_max_rate"]), minimum_a=float(about["_min_rate"]))
    if kind == "DeadbandEVSE":
        return Station(id=name, watts_per_a=volts, maximum_a=float(about["_max_rate"]), minimum_a=float(about["_deadband_end"]))
    if kind == "FiniteRatesEVSE":
        levels = tuple(sorted(float(level) for level in about["allowable_rates"]))
        return Station(id=name, watts_per_a=volts, maximum_a=levels[-1], levels_a=levels)
    raise AcnFileError(f"station {name}", f"of kind {kind or 'unknown'}", "EVSE, DeadbandEVSE and FiniteRatesEVSE are read")


def read_sessions(data: bytes, network: Network) -> tuple[Stay, ...]:
    """The stays of an EventQueue, in the order of its events. Raises AcnFileError."""
    registry = _Registry(data)
    queue = registry.of(registry.root, "EventQueue")
    index = {station.id: number for number, station in enumerate(network.stations)}
    stays = []
    try:
        for _, event in queue["_queue"]:
            if registry.kind(event) != "PluginEvent":
                continue
            car = registry.of(registry.of(event, "PluginEvent")["ev"], "EV")
            battery = registry.of(car["_battery"], "Battery")
            room_wh = 1000 * (battery["_capacity"] - battery["_current_charge"])
            if car["_station_id"] not in index:
                raise AcnFileError(
                    f"session {car['_session_id']}", f"at {car['_station_id']}, which the network has not", "give its network"
                )
            stays.append(
                Stay(
                    id=str(car["_session_id"]),
                    station=index[car["_station_id"]],
                    arrives=int(car["_arrival"]),
                    departs=int(car["_departure"]),
                    departs_told=int(car["_estimated_departure"]),
                    energy_wh=min(1000.0 * car["_requested_energy"], room_wh),
                    max_w=1000.0 * battery["_max_power"],
                )
            )
    except (KeyError, TypeError, ValueError) as error:
        raise AcnFileError("EventQueue", f"cannot be read ({error!r})", "write it with ACN-Sim 0.3 or newer") from None
    return tuple(stays)


def read_case(name: str, sessions: bytes, network: bytes, starts_at: datetime, step_s: float = 300.0) -> Case:
    """Sessions and network together."""
    wires = read_network(network)
    return Case(name=name, starts_at=starts_at, step_s=step_s, network=wires, stays=read_sessions(sessions, wires))

"""What a 2.x station's answers say of its device model and of its monitors, kept like what it reports by itself."""

from collections.abc import Callable
from typing import Any

from chargebridge.stations.events import DeviceReport, Monitor, MonitorsCleared, MonitorsSet, StationEvent, Variable
from chargebridge.stations.ocpp.abilities import KNOWN
from chargebridge.stations.ocpp.told201 import name_of
from chargebridge.wire.ocpp import v201
from chargebridge.wire.ocpp.payload import Payload


def learned(request: Payload, response: Payload) -> StationEvent | None:
    """None: nothing."""
    for field, read in _READS.items():
        if hasattr(response, field):
            return read(request, response)
    return None


def _read(request: v201.GetVariablesRequest, response: v201.GetVariablesResponse) -> DeviceReport | None:
    variables = tuple(
        Variable(name=name_of(result.component, result.variable), attribute=result.attribute_type, value=result.attribute_value or None)
        for result in response.get_variable_result
        if result.attribute_status == "Accepted"
    )
    return DeviceReport(variables=variables) if variables else None


def _written(request: v201.SetVariablesRequest, response: v201.SetVariablesResponse) -> DeviceReport | None:
    """Of those only that we heed ourselves: others may be passwords."""
    variables = tuple(
        Variable(name=name, value=data.attribute_value)
        for data, result in zip(request.set_variable_data, response.set_variable_result, strict=False)
        if (name := name_of(data.component, data.variable)) in KNOWN
        and data.attribute_type == "Actual"
        and result.attribute_status == "Accepted"
    )
    return DeviceReport(variables=variables) if variables else None


def _monitors(request: v201.SetVariableMonitoringRequest, response: v201.SetVariableMonitoringResponse) -> MonitorsSet | None:
    """Results come in the order of what was asked (N04.FR.02); a monitor that was not set has no id."""
    monitors = tuple(
        Monitor(
            id=result.id,
            name=name_of(data.component, data.variable),
            kind=data.type,
            value=data.value,
            severity=data.severity,
            in_transactions=data.transaction,
            by="CustomMonitor",
        )
        for data, result in zip(request.set_monitoring_data, response.set_monitoring_result, strict=False)
        if result.status == "Accepted" and isinstance(result.id, int)
    )
    return MonitorsSet(monitors=monitors) if monitors else None


def _cleared(request: v201.ClearVariableMonitoringRequest, response: v201.ClearVariableMonitoringResponse) -> MonitorsCleared | None:
    gone = tuple(result.id for result in response.clear_monitoring_result if result.status in ("Accepted", "NotFound"))
    return MonitorsCleared(ids=gone) if gone else None


_READS: dict[str, Callable[[Any, Any], StationEvent | None]] = {
    "get_variable_result": _read,
    "set_variable_result": _written,
    "set_monitoring_result": _monitors,
    "clear_monitoring_result": _cleared,
}

"""Provisioning: the device model, reports of it, network profiles, resets (2.x part 2 B)."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from chargebridge.sim.ocpp_station.evse import State
from chargebridge.sim.ocpp_station.knobs import Knob
from chargebridge.sim.ocpp_station.network import Slot
from chargebridge.sim.ocpp_station.second.block import Answers
from chargebridge.sim.ocpp_station.second.words import name_of, parts_of
from chargebridge.sim.ocpp_station.variables import Variable
from chargebridge.wire.ocpp import v21
from chargebridge.wire.ocpp.payload import Payload, given

if TYPE_CHECKING:
    from chargebridge.sim.ocpp_station.second.voice import VoiceSecond
    from chargebridge.sim.ocpp_station.station import VirtualStation

PAGE = 20  # variables in one NotifyReport
SUMMARY = ("AvailabilityState", "Available", "Problem")
STATES = {State.AVAILABLE: "Available", State.RESERVED: "Reserved", State.UNAVAILABLE: "Unavailable", State.FAULTED: "Faulted"}


def measure(station: "VirtualStation", voice: "VoiceSecond") -> None:
    """Bring the variables that show what is up to date."""
    variables = voice.variables
    variables["ClockCtrlr.DateTime"] = station.now().isoformat().replace("+00:00", "Z")
    variables["SecurityCtrlr.SecurityProfile"] = str(station.uplink.network.slot.security_profile)
    variables["SecurityCtrlr.CertificateEntries"] = str(len(station.certificates.roots))
    variables["LocalAuthListCtrlr.Entries"] = str(len(station.local_list.entries))
    variables["SmartChargingCtrlr.Entries[ChargingProfiles]"] = str(len(station.profiles))
    variables["DisplayMessageCtrlr.DisplayMessages"] = str(len(voice.display))
    for number, point in station.evses.items():
        state = STATES.get(point.state, "Occupied" if point.plugged else "Available")
        sample = point.sample(station.now())
        variables[f"EVSE.AvailabilityState@{number}"] = variables[f"Connector.AvailabilityState@{number}.1"] = state
        variables[f"EVSE.Problem@{number}"] = str(point.fault is not None).lower()
        variables[f"EVSE.Power@{number}"] = f"{sample.power_w:.1f}"
        variables[f"EVSE.ACVoltage@{number}"] = f"{sample.voltage_v[0]:.1f}"
        variables[f"EVSE.ACCurrent@{number}"] = f"{sample.current_a[0]:.2f}"


def _set_variables(station: "VirtualStation", voice: "VoiceSecond", request: v21.SetVariablesRequest) -> Payload:
    return v21.SetVariablesResponse(set_variable_result=tuple(_set(station, voice, data) for data in request.set_variable_data))


def _set(station: "VirtualStation", voice: "VoiceSecond", data: v21.SetVariableDataType) -> v21.SetVariableResultType:
    name, status = name_of(data.component, data.variable), _known(voice, data.component, data.variable)
    outcome: v21.SetVariableStatusEnum
    if status is not None:
        outcome = status
    elif data.attribute_type != "Actual":
        outcome = "NotSupportedAttributeType"
    else:
        refused = name == PRIORITY and not _switch(station, voice, data.attribute_value)
        done = "Rejected" if refused else voice.variables.write(name, data.attribute_value)
        outcome = "UnknownVariable" if done == "Unknown" else done
        if name == voice.name(Knob.PASSWORD) and outcome == "Accepted":
            station.maintenance.new_password(data.attribute_value)
    return v21.SetVariableResultType(
        attribute_type=data.attribute_type, attribute_status=outcome, component=data.component, variable=data.variable
    )


def _known(
    voice: "VoiceSecond", component: v21.ComponentType, variable: v21.VariableType
) -> Literal["UnknownComponent", "UnknownVariable"] | None:
    """None: it is there."""
    if name_of(component, variable) in voice.variables:
        return None
    there = any(parts_of(v.name)[0] == component for v in voice.variables)
    return "UnknownVariable" if there else "UnknownComponent"


def _get_variables(station: "VirtualStation", voice: "VoiceSecond", request: v21.GetVariablesRequest) -> Payload:
    measure(station, voice)
    return v21.GetVariablesResponse(get_variable_result=tuple(_get(voice, data) for data in request.get_variable_data))


def _get(voice: "VoiceSecond", data: v21.GetVariableDataType) -> v21.GetVariableResultType:
    found = voice.variables.find(name_of(data.component, data.variable))
    status: v21.GetVariableStatusEnum = _known(voice, data.component, data.variable) or "Accepted"
    if found is not None and data.attribute_type != "Actual":
        status = "NotSupportedAttributeType"
    elif found is not None and found.secret:
        status = "Rejected"
    return v21.GetVariableResultType(
        attribute_status=status,
        attribute_type=data.attribute_type,
        attribute_value=given(found.value if found is not None and status == "Accepted" else None),
        component=data.component,
        variable=data.variable,
    )


# Reports


def _base_report(station: "VirtualStation", voice: "VoiceSecond", request: v21.GetBaseReportRequest) -> Payload:
    base = request.report_base
    found = [
        v
        for v in voice.variables
        if base == "FullInventory" or (not v.readonly if base == "ConfigurationInventory" else parts_of(v.name)[1].name in SUMMARY)
    ]
    measure(station, voice)
    return v21.GetBaseReportResponse(status=_report(station, request.request_id, found))


def _get_report(station: "VirtualStation", voice: "VoiceSecond", request: v21.GetReportRequest) -> Payload:
    measure(station, voice)
    asked = request.component_variable or ()
    found = [v for v in voice.variables if not asked or any(matches(v, item) for item in asked)]
    if request.component_criteria:
        found = [v for v in found if any(_criterion(voice, v, criterion) for criterion in request.component_criteria)]
    return v21.GetReportResponse(status=_report(station, request.request_id, found))


def matches(variable: Variable, asked: v21.ComponentVariableType) -> bool:
    """What is left out in the question fits anything."""
    component, name = parts_of(variable.name)
    wanted, place = asked.component, asked.component.evse
    return (
        component.name == wanted.name
        and (not wanted.instance or component.instance == wanted.instance)
        and (not place or (bool(component.evse) and component.evse.id == place.id))  # type: ignore[union-attr]
        and (not asked.variable or (name.name == asked.variable.name and (not asked.variable.instance or name == asked.variable)))
    )


def _criterion(voice: "VoiceSecond", variable: Variable, criterion: str) -> bool:
    """Its component has this property; where it says nothing of it, it is there and enabled and has no problem (B08.FR.07)."""
    component, _ = parts_of(variable.name)
    told = voice.variables.find(name_of(component, v21.VariableType(name=criterion)))
    return told.value == "true" if told is not None else criterion != "Problem"


def _report(station: "VirtualStation", request_id: int, found: list[Variable]) -> v21.GenericDeviceModelStatusEnum:
    if not found:
        return "EmptyResultSet"
    now = station.now()
    pages = [found[start : start + PAGE] for start in range(0, len(found), PAGE)]

    def send() -> None:
        for number, page in enumerate(pages):
            station.uplink.say(
                v21.NotifyReportRequest(
                    request_id=request_id,
                    generated_at=now,
                    seq_no=number,
                    tbc=number < len(pages) - 1,
                    report_data=tuple(_told(variable) for variable in page),
                )
            )

    station.later(send)
    return "Accepted"


def _told(variable: Variable) -> v21.ReportDataType:
    component, name = parts_of(variable.name)
    mutability: v21.MutabilityEnum = "ReadOnly" if variable.readonly else "WriteOnly" if variable.secret else "ReadWrite"
    attribute = v21.VariableAttributeType(
        value=given(None if variable.secret else variable.value), mutability=mutability, persistent=not variable.readonly
    )
    characteristics = v21.VariableCharacteristicsType(
        data_type=variable.kind,
        unit=given(variable.unit or None),
        min_limit=given(variable.low),
        max_limit=given(variable.high),
        values_list=given(",".join(variable.allowed) or None),
        supports_monitoring=variable.readonly,
    )
    return v21.ReportDataType(component=component, variable=name, variable_attribute=(attribute,), variable_characteristics=characteristics)


# Network profiles

PRIORITY = "OCPPCommCtrlr.NetworkConfigurationPriority"


def _set_network(station: "VirtualStation", voice: "VoiceSecond", request: v21.SetNetworkProfileRequest) -> Payload:
    told = request.connection_data
    good = told.ocpp_transport == "JSON" and told.ocpp_csms_url.startswith(("ws://", "wss://")) and 0 <= told.security_profile <= 3
    if not good or told.security_profile < station.uplink.network.slot.security_profile:
        return v21.SetNetworkProfileResponse(status="Rejected")
    voice.slots[request.configuration_slot] = told
    return v21.SetNetworkProfileResponse(status="Accepted")


def _switch(station: "VirtualStation", voice: "VoiceSecond", value: str) -> bool:
    """A new order of the ways to the CSMS, from the next connection on (B10). False: it names a slot that is not there."""
    if not all(part.strip().isdigit() and int(part) in voice.slots for part in value.split(",")):
        return False
    slots = list(_slots(station, voice, [int(part) for part in value.split(",")]))
    needs_roots = any(slot.security_profile >= 2 for slot in slots) and not station.certificates.trusted_pem()
    needs_own = any(slot.security_profile == 3 for slot in slots) and not station.certificates.own
    if needs_roots or needs_own:
        return False
    station.uplink.network.order(slots)
    return True


def _slots(station: "VirtualStation", voice: "VoiceSecond", numbers: list[int]) -> Iterator[Slot]:
    for number in numbers:
        told = voice.slots[number]
        password = told.basic_auth_password or station.uplink.network.slot.password
        yield Slot(
            uri=told.ocpp_csms_url, password=password, security_profile=told.security_profile, timeout_s=float(told.message_timeout or 20)
        )


# Resets


def _reset(station: "VirtualStation", voice: "VoiceSecond", request: v21.ResetRequest) -> Payload:
    if isinstance(request.evse_id, int):
        return _reset_evse(station, request.evse_id, request.type)
    running = any(point.transaction is not None for point in station.evses.values())
    if request.type == "OnIdle" and running:
        station.uplink.spawn(_when_idle(station))
        return v21.ResetResponse(status="Scheduled")
    reason = "ScheduledReset" if request.type == "OnIdle" else "RemoteReset"
    resume = request.type == "ImmediateAndResume"
    station.later(lambda: station.reboot(reason, ended="ImmediateReset", resume=resume))
    return v21.ResetResponse(status="Accepted")


async def _when_idle(station: "VirtualStation") -> None:
    while any(point.transaction is not None for point in station.evses.values()):
        await station.pause(station.plan.tick_s)
    station.reboot("ScheduledReset")


def _reset_evse(station: "VirtualStation", evse: int, kind: str) -> Payload:
    point = station.evses.get(evse)
    if point is None:
        return v21.ResetResponse(status="Rejected")
    if kind == "OnIdle" and point.transaction is not None:
        station.uplink.spawn(_evse_when_idle(station, evse))
        return v21.ResetResponse(status="Scheduled")
    station.later(lambda: station.transactions.stop_if(point, None, "ImmediateReset"))
    station.later(lambda: station.tell_all([point]))
    return v21.ResetResponse(status="Accepted")


async def _evse_when_idle(station: "VirtualStation", evse: int) -> None:
    while station.evses[evse].transaction is not None:
        await station.pause(station.plan.tick_s)
    station.tell_all([station.evses[evse]])


ANSWERS: Answers = {
    v21.GetBaseReportRequest: _base_report,
    v21.GetReportRequest: _get_report,
    v21.GetVariablesRequest: _get_variables,
    v21.ResetRequest: _reset,
    v21.SetNetworkProfileRequest: _set_network,
    v21.SetVariablesRequest: _set_variables,
}

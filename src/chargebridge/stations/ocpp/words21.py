"""Commands that OCPP 2.1 adds, or can say more of than 2.0.1."""

from chargebridge.stations import commands as c
from chargebridge.stations.events import Said
from chargebridge.stations.ocpp.words import Worded, Words, ours, some
from chargebridge.stations.ocpp.words201 import WORDS as WORDS_201
from chargebridge.stations.ocpp.words201 import profile, token
from chargebridge.stations.profiles import ChargingProfile, Period


def _set_profile(command: c.SetProfile) -> Worded:
    ours(command.profile.purpose)
    return "SetChargingProfile", {"evseId": command.evse, "chargingProfile": profile(command.profile)}


def _setpoint(command: c.Setpoint) -> Worded:
    """Without limits, which a central set point must not have (Q03.FR.02); one schedule of one period from 0 s (K28.FR.01, K28.FR.02)."""
    told = ChargingProfile(
        id=command.profile,
        purpose="TxProfile",
        stack_level=command.stack_level,
        unit="W",
        periods=(Period(setpoint=command.power_w, mode="CentralSetpoint"),),
        kind="Dynamic",
        transaction=command.transaction,
        update_every_s=command.update_every_s,
    )
    return "SetChargingProfile", {"evseId": command.evse, "chargingProfile": profile(told)}


def values(command: c.UpdateSetpoint) -> Said:
    """ChargingScheduleUpdateType."""
    return some(setpoint=command.power_w, limit=command.limit_w, dischargeLimit=command.discharge_limit_w)


def _der(command: c.SetDerControl) -> Worded:
    told = {"isDefault": command.default, "controlId": command.id, "controlType": command.control}
    return "SetDERControl", told | command.settings


def _network(command: c.ConfigureNetwork) -> Worded:
    """What has no settings is switched off by the same message (B09.FR.29, B09.FR.30)."""
    enabled = {f"{kind}Enabled": str(any(name.startswith(kind) for name in command.settings)).lower() for kind in ("Apn", "Vpn")}
    component = {"name": "NetworkConfiguration", "instance": str(command.slot)}
    data = [
        {"component": component, "variable": {"name": name}, "attributeValue": value}
        for name, value in (command.settings | enabled).items()
    ]
    return "SetVariables", {"setVariableData": data}


WORDS: Words = {
    **WORDS_201,
    c.ConfigureNetwork: _network,
    c.SetProfile: _set_profile,
    c.Setpoint: _setpoint,
    c.UpdateSetpoint: lambda m: ("UpdateDynamicSchedule", {"chargingProfileId": m.profile, "scheduleUpdate": values(m)}),
    c.UsePriorityCharging: lambda m: ("UsePriorityCharging", {"transactionId": m.transaction, "activate": m.activate}),
    c.AllowEnergyTransfer: lambda m: (
        "NotifyAllowedEnergyTransfer",
        {"transactionId": m.transaction, "allowedEnergyTransfer": m.modes},
    ),
    c.SetDefaultTariff: lambda m: ("SetDefaultTariff", {"evseId": m.evse, "tariff": m.tariff}),
    c.GetTariffs: lambda m: ("GetTariffs", {"evseId": m.evse}),
    c.ClearTariffs: lambda m: ("ClearTariffs", some(tariffIds=m.tariffs, evseId=m.evse)),
    c.ChangeTransactionTariff: lambda m: ("ChangeTransactionTariff", {"transactionId": m.transaction, "tariff": m.tariff}),
    c.SendSignedCertificate: lambda m: (
        "CertificateSigned",
        {"certificateChain": m.chain, "certificateType": m.use} | some(requestId=m.request),
    ),
    c.SetDerControl: _der,
    c.GetDerControl: lambda m: (
        "GetDERControl",
        {"requestId": m.request} | some(isDefault=m.default, controlType=m.control, controlId=m.id),
    ),
    c.ClearDerControl: lambda m: ("ClearDERControl", {"isDefault": m.default} | some(controlType=m.control, controlId=m.id)),
    c.AfrrSignal: lambda m: ("AFRRSignal", {"timestamp": m.at, "signal": m.signal}),
    c.AdjustStream: lambda m: ("AdjustPeriodicEventStream", {"id": m.stream, "params": some(interval=m.interval_s, values=m.values)}),
    c.GetStreams: lambda _: ("GetPeriodicEventStream", {}),
    c.RequestBatterySwap: lambda m: ("RequestBatterySwap", {"requestId": m.request, "idToken": token(m.token)}),
}

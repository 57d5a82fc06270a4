"""What a charging station can be told or asked, in one vocabulary for OCPP 1.6, 2.0.1 and 2.1.

A command is a value; `OcppStation.command` words it in the station's version and returns the station's own answer. Where a version has no
word for it, its nearest honest thing is said, or the answer is UNSUPPORTED with the reason. Parts that go as deep as OCPP itself (a tariff, a
display message, a DER curve) are JSON objects in 2.1's spelling. Variables are named as in `stations.variables`, configuration keys by their key.
"""

from chargebridge.stations.commands.charging import (
    AfrrSignal,
    AllowEnergyTransfer,
    ClearDerControl,
    ClearProfiles,
    GetCompositeSchedule,
    GetDerControl,
    GetProfiles,
    SetDerControl,
    Setpoint,
    SetProfile,
    UpdateSetpoint,
    UsePriorityCharging,
)
from chargebridge.stations.commands.command import Command, Reply
from chargebridge.stations.commands.device import (
    AdjustStream,
    ClearMonitors,
    ConfigureNetwork,
    DataTransfer,
    DeleteCertificate,
    GetCertificateIds,
    GetCustomerInformation,
    GetCustomReport,
    GetLog,
    GetMonitoringReport,
    GetReport,
    GetStreams,
    GetVariables,
    InstallCertificate,
    PublishFirmware,
    Reset,
    SendSignedCertificate,
    SetMonitor,
    SetMonitoringBase,
    SetMonitoringLevel,
    SetNetworkProfile,
    SetVariables,
    Trigger,
    UnpublishFirmware,
    UpdateFirmware,
)
from chargebridge.stations.commands.drivers import (
    CancelReservation,
    ChangeAvailability,
    ChangeTransactionTariff,
    ClearCache,
    ClearDisplayMessage,
    ClearTariffs,
    CostUpdated,
    GetDisplayMessages,
    GetLocalListVersion,
    GetTariffs,
    GetTransactionStatus,
    RemoteStart,
    RemoteStop,
    RequestBatterySwap,
    ReserveNow,
    SendLocalList,
    SetDefaultTariff,
    SetDisplayMessage,
    UnlockConnector,
)

__all__ = [
    "AdjustStream", "AfrrSignal", "AllowEnergyTransfer", "CancelReservation", "ChangeAvailability", "ChangeTransactionTariff",
    "ClearCache", "ClearDerControl", "ClearDisplayMessage", "ClearMonitors", "ClearProfiles", "ClearTariffs", "Command",
    "ConfigureNetwork", "CostUpdated", "DataTransfer", "DeleteCertificate", "GetCertificateIds", "GetCompositeSchedule",
    "GetCustomReport", "GetCustomerInformation", "GetDerControl", "GetDisplayMessages", "GetLocalListVersion", "GetLog",
    "GetMonitoringReport", "GetProfiles", "GetReport", "GetStreams", "GetTariffs", "GetTransactionStatus", "GetVariables",
    "InstallCertificate", "PublishFirmware", "RemoteStart", "RemoteStop", "Reply", "RequestBatterySwap", "ReserveNow", "Reset",
    "SendLocalList", "SendSignedCertificate", "SetDefaultTariff", "SetDerControl", "SetDisplayMessage", "SetMonitor",
    "SetMonitoringBase", "SetMonitoringLevel", "SetNetworkProfile", "SetProfile", "SetVariables", "Setpoint", "Trigger",
    "UnlockConnector", "UnpublishFirmware", "UpdateFirmware", "UpdateSetpoint", "UsePriorityCharging",
]  # fmt: skip

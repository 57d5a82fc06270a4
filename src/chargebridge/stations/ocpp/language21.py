"""What OCPP 2.1 adds to 2.0.1, spoken by the Central System."""

from chargebridge.stations.ocpp.language201 import ACKNOWLEDGED, Language201
from chargebridge.wire.ocpp import V21, v21

ACKNOWLEDGED_21 = ACKNOWLEDGED | {
    "BatterySwap": v21.BatterySwapResponse(),
    "ClosePeriodicEventStream": v21.ClosePeriodicEventStreamResponse(),
    "NotifyDERAlarm": v21.NotifyDERAlarmResponse(),
    "NotifyDERStartStop": v21.NotifyDERStartStopResponse(),
    "NotifyPeriodicEventStream": v21.NotifyDERAlarmResponse(),
    "NotifyPriorityCharging": v21.NotifyPriorityChargingResponse(),
    "NotifySettlement": v21.NotifySettlementResponse(),
    "NotifyWebPaymentStarted": v21.NotifyWebPaymentStartedResponse(),
    "OpenPeriodicEventStream": v21.OpenPeriodicEventStreamResponse(status="Accepted"),
    "ReportDERControl": v21.ReportDERControlResponse(),
}


class Language21(Language201):
    """The `Language` of OCPP 2.1."""

    dialect = V21
    acknowledged = ACKNOWLEDGED_21

"""What a charge point says in the course of a charge, in the words of each version."""

from typing import Any

from interop.ocpp.charge_point import stamp
from interop.ocpp.link import Message

TOKEN = "TAG-1"


class Sentences:
    """sequence: the seqNo of the next TransactionEvent."""

    def __init__(self, version: str) -> None:
        self.version = version
        self.old = version == "ocpp1.6"
        self.sequence = 0

    async def tell(self, action: str, payload: Message, name: str | None = None) -> Message:
        raise NotImplementedError

    async def boot(self, reason: str, firmware: str = "1.0") -> Message:
        if self.old:
            return await self.tell(
                "BootNotification", {"chargePointVendor": "Interop", "chargePointModel": "Day", "firmwareVersion": firmware}
            )
        about = {"vendorName": "Interop", "model": "Day", "firmwareVersion": firmware}
        return await self.tell("BootNotification", {"reason": reason, "chargingStation": about})

    async def status(self, old: str, new: str) -> None:
        if self.old:
            await self.tell("StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": old, "timestamp": stamp()})
        else:
            await self.tell("StatusNotification", {"evseId": 1, "connectorId": 1, "connectorStatus": new, "timestamp": stamp()})

    async def authorise(self) -> str:
        if self.old:
            return str((await self.tell("Authorize", {"idTag": TOKEN})).get("idTagInfo", {}).get("status"))
        answer = await self.tell("Authorize", {"idToken": {"idToken": TOKEN, "type": "ISO14443"}})
        return str(answer.get("idTokenInfo", {}).get("status"))

    async def begin(self, own: str, register_wh: int) -> str:
        """Start a transaction; its id."""
        if self.old:
            started = {"connectorId": 1, "idTag": TOKEN, "meterStart": register_wh, "timestamp": stamp()}
            return str((await self.tell("StartTransaction", started))["transactionId"])
        self.sequence = 0
        token = {"idToken": {"idToken": TOKEN, "type": "ISO14443"}, "evse": {"id": 1, "connectorId": 1}}
        await self.event(own, "Started", "Authorized", register_wh, **token)
        return own

    async def meter(self, transaction: str, register_wh: int, current_a: float, ago_s: float = 0.0) -> None:
        if self.old:
            body = {"connectorId": 1, "transactionId": int(transaction), "meterValue": self._values(register_wh, current_a, ago_s)}
            await self.tell("MeterValues", body)
        else:
            await self.event(transaction, "Updated", "MeterValuePeriodic", register_wh, current_a, ago_s)

    async def end(self, transaction: str, register_wh: int, reason: str, trigger: str) -> None:
        if self.old:
            await self.tell(
                "StopTransaction", {"transactionId": int(transaction), "meterStop": register_wh, "timestamp": stamp(), "reason": reason}
            )
        else:
            await self.event(transaction, "Ended", trigger, register_wh, reason=reason)

    async def event(
        self, transaction: str, kind: str, trigger: str, register_wh: int, current_a: float = 0.0, ago_s: float = 0.0,
        sequence: int | None = None, reason: str | None = None, **more: Any,
    ) -> None:  # fmt: skip
        info = {"transactionId": transaction, "chargingState": "Charging"} | ({"stoppedReason": reason} if reason else {})
        body = {
            "eventType": kind, "timestamp": stamp(ago_s), "triggerReason": trigger, "transactionInfo": info, "offline": ago_s > 0,
            "seqNo": self.sequence if sequence is None else sequence, "meterValue": self._values(register_wh, current_a, ago_s),
        }  # fmt: skip
        if sequence is None:
            self.sequence += 1
        await self.tell("TransactionEvent", body | more)

    def _values(self, register_wh: int, current_a: float, ago_s: float) -> list[Message]:
        if self.old:
            sampled: list[Message] = [
                {"value": f"{current_a}", "measurand": "Current.Import", "phase": f"L{n}", "unit": "A"} for n in (1, 2, 3)
            ]
            sampled.append({"value": f"{register_wh / 1000}", "measurand": "Energy.Active.Import.Register", "unit": "kWh"})
        else:
            sampled = [
                {"value": current_a, "measurand": "Current.Import", "phase": f"L{n}", "unitOfMeasure": {"unit": "A"}} for n in (1, 2, 3)
            ]
            unit = {"unit": "Wh", "multiplier": 3}
            sampled.append({"value": register_wh / 1000, "measurand": "Energy.Active.Import.Register", "unitOfMeasure": unit})
        return [{"timestamp": stamp(ago_s), "sampledValue": sampled}]

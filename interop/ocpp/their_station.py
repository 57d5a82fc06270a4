"""PyPI `ocpp` charge points (its v16 and v201 classes) charge at our Central System."""

import asyncio
from typing import Any

import ocpp.v16
import ocpp.v201
import websockets
from ocpp.routing import on
from ocpp.v16 import call as call16
from ocpp.v16 import call_result as result16
from ocpp.v201 import call as call201
from ocpp.v201 import call_result as result201

from chargebridge.stations.ocpp import CentralSystem, EvseSettings, Schedule, ServerSettings, StationSettings
from chargebridge.stations.port import Answer, Outcome
from chargebridge.store.passwords import hash_password
from interop.ocpp.check import Check, Notebook, WallClock, until

PASSWORD = "interop-password"
FALLBACK_A, LIMIT_A = 6.0, 9.3


class ChargePoint16(ocpp.v16.ChargePoint):
    """A one-connector charge point that keeps the last profile of each stack level and obeys the highest."""

    def __init__(self, identity: str, socket: Any) -> None:
        super().__init__(identity, socket)
        self.profiles: dict[tuple[str, int], dict[str, Any]] = {}
        self.settings: dict[str, str] = {}
        self.stopped = asyncio.Event()

    @on("SetChargingProfile")
    def set_profile(self, connector_id: int, cs_charging_profiles: dict[str, Any]) -> Any:
        profile = cs_charging_profiles
        self.profiles[profile["charging_profile_purpose"], profile["stack_level"]] = profile
        return result16.SetChargingProfile(status="Accepted")

    @on("ChangeConfiguration")
    def configure(self, key: str, value: str) -> Any:
        self.settings[key] = value
        return result16.ChangeConfiguration(status="Rejected" if "SoC" in value else "Accepted")

    @on("GetConfiguration")
    def configuration(self, key: list[str] | None = None) -> Any:
        found = [{"key": k, "value": v, "readonly": False} for k, v in self.settings.items() if k in (key or self.settings)]
        return result16.GetConfiguration(configuration_key=found)

    @on("GetCompositeSchedule")
    def composite(self, connector_id: int, duration: int, charging_rate_unit: str | None = None) -> Any:
        period = {"startPeriod": 0, "limit": self.limit(), "numberPhases": 3}
        schedule = {"chargingRateUnit": "A", "chargingSchedulePeriod": [period]}
        return result16.GetCompositeSchedule(status="Accepted", connector_id=connector_id, charging_schedule=schedule)

    @on("RemoteStopTransaction")
    def remote_stop(self, transaction_id: int) -> Any:
        self.stopped.set()
        return result16.RemoteStopTransaction(status="Accepted")

    def limit(self) -> float:
        best = max(self.profiles, key=lambda key: (key[0] == "TxProfile", key[1]))
        return float(self.profiles[best]["charging_schedule"]["charging_schedule_period"][0]["limit"])


class ChargePoint201(ocpp.v201.ChargePoint):
    """The same in OCPP 2.0.1."""

    def __init__(self, identity: str, socket: Any) -> None:
        super().__init__(identity, socket)
        self.profiles: dict[tuple[str, int], dict[str, Any]] = {}
        self.settings: dict[str, str] = {}
        self.stopped = asyncio.Event()

    @on("SetChargingProfile")
    def set_profile(self, evse_id: int, charging_profile: dict[str, Any]) -> Any:
        self.profiles[charging_profile["charging_profile_purpose"], charging_profile["stack_level"]] = charging_profile
        return result201.SetChargingProfile(status="Accepted")

    @on("SetVariables")
    def set_variables(self, set_variable_data: list[dict[str, Any]]) -> Any:
        results = []
        for data in set_variable_data:
            self.settings[f"{data['component']['name']}.{data['variable']['name']}"] = data["attribute_value"]
            results.append({"attribute_status": "Accepted", "component": data["component"], "variable": data["variable"]})
        return result201.SetVariables(set_variable_result=results)

    @on("GetCompositeSchedule")
    def composite(self, evse_id: int, duration: int, charging_rate_unit: str | None = None) -> Any:
        schedule = {
            "evseId": evse_id,
            "duration": duration,
            "scheduleStart": now(),
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": self.limit()}],
        }
        return result201.GetCompositeSchedule(status="Accepted", schedule=schedule)

    @on("RequestStopTransaction")
    def remote_stop(self, transaction_id: str) -> Any:
        self.stopped.set()
        return result201.RequestStopTransaction(status="Accepted")

    def limit(self) -> float:
        best = max(self.profiles, key=lambda key: (key[0] == "TxProfile", key[1]))
        return float(self.profiles[best]["charging_schedule"][0]["charging_schedule_period"][0]["limit"])


def now() -> str:
    return WallClock().now().strftime("%Y-%m-%dT%H:%M:%SZ")


def sampled(current_a: float, energy_wh: int, version: str) -> list[dict[str, Any]]:
    """One meter value with a current on each phase and the register."""
    if version == "ocpp1.6":
        values = [{"value": f"{current_a}", "measurand": "Current.Import", "phase": f"L{p}", "unit": "A"} for p in (1, 2, 3)]
        values.append({"value": f"{energy_wh / 1000}", "measurand": "Energy.Active.Import.Register", "unit": "kWh"})
        return [{"timestamp": now(), "sampled_value": values}]
    currents: list[dict[str, Any]] = [
        {"value": current_a, "measurand": "Current.Import", "phase": f"L{p}", "unit_of_measure": {"unit": "A"}} for p in (1, 2, 3)
    ]  # fmt: skip
    energy = {"value": energy_wh / 1000, "measurand": "Energy.Active.Import.Register", "unit_of_measure": {"unit": "Wh", "multiplier": 3}}
    return [{"timestamp": now(), "sampled_value": [*currents, energy]}]


class Trial:
    """One version's charge point, our Central System, and what came of it."""

    def __init__(self, version: str) -> None:
        self.version = version
        self.checks: list[Check] = []
        self.notes = Notebook()
        station = StationSettings(
            identity="CP-1", password_hash=hash_password(PASSWORD), evses=(EvseSettings(fallback_current_a=FALLBACK_A),)
        )
        self.central = CentralSystem(ServerSettings(port=0), [station], self.notes, WallClock())

    def check(self, name: str, passed: bool, detail: object = "") -> None:
        self.checks.append(Check(f"PyPI ocpp station, {self.version}: {name}", passed, "" if passed else str(detail)))

    async def run(self) -> list[Check]:
        async with self.central:
            uri = f"ws://CP-1:{PASSWORD}@127.0.0.1:{self.central.port}/CP-1"
            async with websockets.connect(uri, subprotocols=[websockets.Subprotocol(self.version)]) as socket:
                point = ChargePoint16("CP-1", socket) if self.version == "ocpp1.6" else ChargePoint201("CP-1", socket)
                listening = asyncio.create_task(point.start())
                try:
                    await self.story(point)
                finally:
                    listening.cancel()
                    await asyncio.gather(listening, return_exceptions=True)
        return self.checks

    async def story(self, point: ChargePoint16 | ChargePoint201) -> None:
        station = self.central.station("CP-1")
        assert station is not None
        await self.boot(point)
        await until(lambda: len(station.setup) >= 3 and ("TxDefaultProfile", 0) in point.profiles)
        self.check("fallback is written on boot", point.limit() == FALLBACK_A, point.profiles)
        transaction = await self.start(point)
        answer = await station.offer(1, LIMIT_A, 3, 60.0, transaction)
        self.check("limit is accepted", answer.outcome is Outcome.ACCEPTED, answer)
        self.check("limit is obeyed", point.limit() == LIMIT_A, point.limit())
        schedule = await station.composite_schedule(1, 60)
        self.check("limit is read back", isinstance(schedule, Schedule) and schedule.periods[0].limit == LIMIT_A, schedule)
        await self.meter(point, transaction)
        told = self.notes.measurements[-1] if self.notes.measurements else None
        self.check("meter values arrive", told is not None and told.current_a == (9.0, 9.0, 9.0) and told.energy_wh == 1500, told)
        zero = await station.offer(1, 0.0, 3, 60.0, transaction)
        self.check("zero is a limit", zero.outcome is Outcome.ACCEPTED and point.limit() == 0.0, point.limit())
        stopped = await station.remote_stop(1, transaction)
        self.check("remote stop is obeyed", stopped.outcome is Outcome.ACCEPTED and point.stopped.is_set(), stopped)
        await self.stop(point, transaction)
        self.check("one start, one end", self.notes.kinds().count("started") == 1 and self.notes.kinds()[-1] == "ended", self.notes.kinds())
        self.check("the end carries the register", self.notes.events[-1][1].meter_wh == 1500, self.notes.events[-1][1])
        unsupported: Answer = await station.unlock(1)
        self.check("what it cannot do is told", unsupported.outcome is Outcome.UNSUPPORTED, unsupported)

    async def boot(self, point: ChargePoint16 | ChargePoint201) -> None:
        if isinstance(point, ChargePoint16):
            boot = await point.call(call16.BootNotification(charge_point_model="M", charge_point_vendor="mobilityhouse"))
            await point.call(call16.StatusNotification(connector_id=1, error_code="NoError", status="Preparing"))
            allowed = await point.call(call16.Authorize(id_tag="TAG-1"))
            accepted = allowed.id_tag_info["status"]
        else:
            station = {"model": "M", "vendor_name": "mobilityhouse"}
            boot = await point.call(call201.BootNotification(charging_station=station, reason="PowerUp"))
            await point.call(call201.StatusNotification(timestamp=now(), connector_status="Occupied", evse_id=1, connector_id=1))
            allowed = await point.call(call201.Authorize(id_token={"idToken": "TAG-1", "type": "ISO14443"}))
            accepted = allowed.id_token_info["status"]
        self.check("boot is accepted", boot.status == "Accepted" and self.notes.info is not None, self.notes.info)
        self.check("token is authorised", accepted == "Accepted" and self.notes.tokens == ["TAG-1"], accepted)
        self.check("status arrives", [s.value for _, s in self.notes.statuses] == ["preparing"], self.notes.statuses)

    async def start(self, point: ChargePoint16 | ChargePoint201) -> str:
        if isinstance(point, ChargePoint16):
            answer = await point.call(call16.StartTransaction(connector_id=1, id_tag="TAG-1", meter_start=1000, timestamp=now()))
            return str(answer.transaction_id)
        await self.event(point, "Started", "Authorized", 0, id_token={"idToken": "TAG-1", "type": "ISO14443"}, evse={"id": 1})
        return "tx-1"

    async def meter(self, point: ChargePoint16 | ChargePoint201, transaction: str) -> None:
        if isinstance(point, ChargePoint16):
            values = sampled(9.0, 1500, self.version)
            await point.call(call16.MeterValues(connector_id=1, transaction_id=int(transaction), meter_value=values))
        else:
            await self.event(point, "Updated", "MeterValuePeriodic", 1, meter_value=sampled(9.0, 1500, self.version))

    async def stop(self, point: ChargePoint16 | ChargePoint201, transaction: str) -> None:
        if isinstance(point, ChargePoint16):
            await point.call(call16.StopTransaction(meter_stop=1500, timestamp=now(), transaction_id=int(transaction), reason="Remote"))
        else:
            await self.event(point, "Ended", "RemoteStop", 2, meter_value=sampled(0.0, 1500, self.version))

    async def event(self, point: ChargePoint201, kind: str, trigger: str, sequence: int, **more: Any) -> None:
        """Send a TransactionEvent of the one transaction."""
        event = call201.TransactionEvent(
            event_type=kind,
            timestamp=now(),
            trigger_reason=trigger,
            seq_no=sequence,
            transaction_info={"transactionId": "tx-1", "chargingState": "Charging"},
            **more,
        )
        await point.call(event)


async def run() -> list[Check]:
    return [*await Trial("ocpp1.6").run(), *await Trial("ocpp2.0.1").run()]

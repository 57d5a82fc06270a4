"""Forwarding over real sockets: transactions, cards, commands and limits between a station, us and a foreign back end."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from forward_kit import Foreign
from forward_place import NOW, Place, backend, event2, start16, stop16, values16
from ocpp.v16 import call as call16
from ocpp.v201 import call as call201
from ocpp_kit import DurableSink, RawStation, connect, until

from chargebridge.model.limit import LimitedCurrent, LimitedPower
from chargebridge.sim.world.clock import WallClock
from chargebridge.stations.events import StreamClosed, Streamed, StreamOpened
from chargebridge.stations.ocpp import CentralSystem, EvseSettings, ServerSettings, StationSettings
from chargebridge.stations.port import Outcome
from chargebridge.store.forward_tables import forward_outbox
from chargebridge.store.passwords import hash_password


async def arrive(place: Place, version: str) -> RawStation:
    station = await connect(place.central.port, version=version, password=None)
    await station.boot()
    return station


def profile16(limit: float, unit: str = "W", **more: Any) -> dict[str, Any]:
    schedule = {"chargingRateUnit": unit, "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit}]}
    return {
        "chargingProfileId": 7, "stackLevel": 0, "chargingProfilePurpose": "TxDefaultProfile", "chargingProfileKind": "Absolute",
        "chargingSchedule": schedule | {"startSchedule": NOW}, **more,
    }  # fmt: skip


async def test_a_transaction_that_the_other_side_bills(tmp_path: Path) -> None:
    async with Foreign("ocpp1.6") as foreign, Place(tmp_path, backend(foreign.port, password="secret")) as place:
        foreign.cards = {"THEIRS"}
        station = await arrive(place, "ocpp1.6")
        assert await until(lambda: foreign.actions() == ["BootNotification"])
        assert foreign.path == "/ocpp/CP-1"
        assert foreign.asked_password == "Basic Q1AtMTpzZWNyZXQ="
        assert (await station.call("Authorize", {"idTag": "NOBODYS"}))[2]["idTagInfo"]["status"] == "Invalid"
        assert (await station.call("Authorize", {"idTag": "THEIRS"}))[2]["idTagInfo"]["status"] == "Accepted"
        answer = (await station.call("StartTransaction", start16("THEIRS")))[2]
        assert answer["idTagInfo"]["status"] == "Accepted"
        ours = answer["transactionId"]
        await station.call("MeterValues", values16(ours, 150))
        await station.call("StopTransaction", stop16(ours, 200))
        course = ["BootNotification", "Authorize", "Authorize", "StartTransaction", "MeterValues", "StopTransaction"]
        assert await until(lambda: foreign.actions() == course)
        told = dict(foreign.said)
        assert ours != 4711
        assert told["MeterValues"]["transaction_id"] == told["StopTransaction"]["transaction_id"] == 4711
        assert place.sink.events()[0].billed_by == "maker"
        assert place.sink.transactions() == [(100, 200, "Local")]
        assert await until(lambda: place.forwarder.states[0].waiting == 0)
        (state,) = place.forwarder.states
        assert (state.connected, state.delivered, state.refused) == (True, 4, 0)


async def test_a_transaction_of_ours_stays_ours(tmp_path: Path) -> None:
    async with Foreign("ocpp1.6") as foreign, Place(tmp_path, backend(foreign.port)) as place:
        station = await arrive(place, "ocpp1.6")
        await station.call("Authorize", {"idTag": "OURS"})
        ours = (await station.call("StartTransaction", start16("OURS")))[2]["transactionId"]
        status = {"connectorId": 1, "errorCode": "NoError", "status": "Charging"}
        await station.call("MeterValues", values16(ours, 150))
        await station.call("StatusNotification", status)
        assert await until(lambda: foreign.actions() == ["BootNotification", "StatusNotification"])
        assert place.sink.events()[0].billed_by is None
        answer = await foreign.station.call(call16.RemoteStopTransaction(transaction_id=ours))
        assert answer.status == "Rejected"
        assert not [frame for frame in station.asked if frame[2] == "RemoteStopTransaction"]


async def test_who_hears_all_is_told_all(tmp_path: Path) -> None:
    async with Foreign("ocpp1.6") as foreign:
        rules = backend(foreign.port, tell=frozenset({"all_transactions"}), authorise="never")
        async with Place(tmp_path, rules) as place:
            station = await arrive(place, "ocpp1.6")
            ours = (await station.call("StartTransaction", start16("OURS")))[2]["transactionId"]
            await station.call("StopTransaction", stop16(ours, 200))
            assert await until(lambda: foreign.actions() == ["BootNotification", "StartTransaction", "StopTransaction"])
            assert place.sink.events()[0].billed_by is None


async def test_their_list_before_ours(tmp_path: Path) -> None:
    async with Foreign("ocpp1.6") as foreign, Place(tmp_path, backend(foreign.port, authorise="them_first")) as place:
        foreign.cards = {"OURS"}  # on both lists
        station = await arrive(place, "ocpp1.6")
        assert await until(lambda: place.forwarder.states[0].waiting == 0 and foreign.actions())
        await station.call("Authorize", {"idTag": "OURS"})
        await station.call("StartTransaction", start16("OURS"))
        assert await until(lambda: "StartTransaction" in foreign.actions())
        assert place.sink.events()[0].billed_by == "maker"


async def test_second_generation(tmp_path: Path) -> None:
    """The card comes after the plug: what was said before waits until it is known who bills."""
    async with Foreign("ocpp2.0.1") as foreign, Place(tmp_path, backend(foreign.port)) as place:
        foreign.cards = {"THEIRS"}
        station = await arrive(place, "ocpp2.0.1")
        await station.call("TransactionEvent", event2("Started", 0))
        await asyncio.sleep(0.1)
        assert foreign.actions() == ["BootNotification"]
        answer = await station.call("TransactionEvent", event2("Updated", 1, "THEIRS"))
        assert answer[2]["idTokenInfo"]["status"] == "Accepted"
        await station.call("TransactionEvent", event2("Ended", 2))
        course = [f"TransactionEvent {kind}" for kind in ("Started", "Updated", "Ended")]
        assert await until(lambda: foreign.actions() == ["BootNotification", "Authorize", *course])
        token = next(payload for action, payload in foreign.said if action == "Authorize")["id_token"]
        assert token == {"id_token": "THEIRS", "type": "ISO14443"}
        assert [event.billed_by for event in place.sink.events()] == [None, "maker", None]


async def test_the_other_side_starts_and_stops(tmp_path: Path) -> None:
    async with Foreign("ocpp2.0.1") as foreign, Place(tmp_path, backend(foreign.port)) as place:
        station = await arrive(place, "ocpp2.0.1")
        assert await until(lambda: foreign.station)
        start = call201.RequestStartTransaction(id_token={"idToken": "APP", "type": "Central"}, remote_start_id=5, evse_id=1)
        assert (await foreign.station.call(start)).status == "Accepted"
        assert [frame[3]["evseId"] for frame in station.asked if frame[2] == "RequestStartTransaction"] == [1]
        await station.call("TransactionEvent", event2("Started", 0, "APP"))
        assert place.sink.events()[0].billed_by == "maker"
        assert await until(lambda: "TransactionEvent Started" in foreign.actions())
        assert (await foreign.station.call(call201.RequestStopTransaction(transaction_id="T-1"))).status == "Accepted"
        assert (await foreign.station.call(call201.RequestStopTransaction(transaction_id="T-9"))).status == "Rejected"
        assert [frame[3] for frame in station.asked if frame[2] == "RequestStopTransaction"] == [{"transactionId": "T-1"}]


async def test_ids_of_commands_are_theirs_on_one_side_and_ours_on_the_other(tmp_path: Path) -> None:
    async with Foreign("ocpp1.6") as foreign, Place(tmp_path, backend(foreign.port)) as place:
        foreign.cards = {"THEIRS"}
        station = await arrive(place, "ocpp1.6")
        assert await until(lambda: foreign.station)
        ours = (await station.call("StartTransaction", start16("THEIRS")))[2]["transactionId"]
        assert await until(lambda: "StartTransaction" in foreign.actions())
        assert await until(lambda: place.forwarder.states[0].waiting == 0)
        assert (await foreign.station.call(call16.RemoteStopTransaction(transaction_id=4711))).status == "Accepted"
        assert station.asked[-1][3] == {"transactionId": ours}


async def test_limits_go_into_the_book_and_not_to_the_station(tmp_path: Path) -> None:
    async with Foreign("ocpp1.6") as foreign, Place(tmp_path, backend(foreign.port)) as place:
        station = await arrive(place, "ocpp1.6")
        assert await until(lambda: foreign.station)
        assert await until(lambda: place.forwarder.states[0].waiting == 0)
        ask = foreign.station.call
        answer = await ask(call16.SetChargingProfile(connector_id=1, cs_charging_profiles=profile16(0.0)))
        assert answer.status == "Accepted"
        assert place.desk.bounds() == [LimitedPower(0.0)]
        await ask(call16.SetChargingProfile(connector_id=0, cs_charging_profiles=profile16(10.0, "A", stackLevel=2, chargingProfileId=8)))
        assert place.desk.bounds() == [LimitedPower(10.0 * 230 * 3)], "the higher stack level counts"
        assert (await ask(call16.ClearChargingProfile(id=8))).status == "Accepted"
        assert (await ask(call16.ClearChargingProfile(id=99))).status == "Unknown"
        assert place.desk.bounds() == [LimitedPower(0.0)]
        assert (await ask(call16.ClearChargingProfile())).status == "Accepted"
        assert place.desk.bounds() == []
        theirs = profile16(6.0, "A", chargingProfilePurpose="TxProfile", transactionId=4711)
        assert (await ask(call16.SetChargingProfile(connector_id=1, cs_charging_profiles=theirs))).status == "Rejected", (
            "no such transaction"
        )
        foreign.cards = {"THEIRS"}
        ours = (await station.call("StartTransaction", start16("THEIRS")))[2]["transactionId"]
        assert await until(lambda: "StartTransaction" in foreign.actions() and place.forwarder.states[0].waiting == 0)
        assert (await ask(call16.SetChargingProfile(connector_id=1, cs_charging_profiles=theirs))).status == "Accepted"
        assert place.desk.bounds() == [LimitedCurrent((6.0, 6.0, 6.0))]
        await station.call("StopTransaction", stop16(ours, 200))
        assert place.desk.bounds() == [], "the limit ends with its transaction"
        assert not [
            frame
            for frame in station.asked
            if frame[2] == "SetChargingProfile" and frame[3]["csChargingProfiles"]["chargingProfileId"] < 100
        ]


async def test_what_is_not_allowed_never_reaches_the_station(tmp_path: Path) -> None:
    async with Foreign("ocpp1.6") as foreign, Place(tmp_path, backend(foreign.port, may=frozenset({"configure", "read"}))) as place:
        station = await arrive(place, "ocpp1.6")
        assert await until(lambda: foreign.station)
        ask = foreign.station.call
        assert (await ask(call16.Reset(type="Hard"))).status == "Rejected"
        assert (await ask(call16.SetChargingProfile(connector_id=1, cs_charging_profiles=profile16(0.0)))).status == "Rejected"
        assert (await ask(call16.ChangeConfiguration(key="MeterValueSampleInterval", value="900"))).status == "Rejected"
        assert (await ask(call16.ChangeConfiguration(key="LightIntensity", value="50"))).status == "Accepted"
        assert await ask(call16.UnlockConnector(connector_id=1)) is None, "a CALLERROR, as Rejected is no word of its"
        asked = [frame[2] for frame in station.asked if frame[3].get("value") not in ("5", None) or frame[2] == "Reset"]
        assert [a for a in asked if a != "ChangeConfiguration"] == []
        assert {"key": "LightIntensity", "value": "50"} in [frame[3] for frame in station.asked]
        assert {"key": "MeterValueSampleInterval", "value": "900"} not in [frame[3] for frame in station.asked]
        assert place.forwarder.states[0].commands_refused == 4


async def test_while_the_back_end_is_away_messages_wait(tmp_path: Path) -> None:
    foreign = Foreign("ocpp1.6")
    async with foreign:
        foreign.cards = {"THEIRS"}
        async with Place(tmp_path, backend(foreign.port)) as place:
            station = await arrive(place, "ocpp1.6")
            await station.call("Authorize", {"idTag": "THEIRS"})
            assert await until(lambda: "Authorize" in foreign.actions() and place.forwarder.states[0].waiting == 0)
            await foreign.stop()
            assert await until(lambda: not place.forwarder.states[0].connected)
            answer = (await station.call("StartTransaction", start16("THEIRS")))[2]
            assert answer["idTagInfo"]["status"] == "Accepted", "its last word on the card stands"
            ours = answer["transactionId"]
            for wh in range(110, 200, 10):
                await station.call("MeterValues", values16(ours, wh))
            await station.call("StopTransaction", stop16(ours, 200))
            await station.call("StopTransaction", stop16(ours, 200), message_id="again")
            assert place.forwarder.states[0].waiting >= 11
            await foreign.start()
            course = ["BootNotification", "Authorize", "StartTransaction", *["MeterValues"] * 9, "StopTransaction"]
            assert await until(lambda: foreign.actions() == course, 15)
            told = [p["meter_value"][0]["sampled_value"][0]["value"] for action, p in foreign.said if action == "MeterValues"]
            assert told == [str(wh) for wh in range(110, 200, 10)]
            assert {p["transaction_id"] for action, p in foreign.said if "Values" in action or "Stop" in action} == {4711}


async def test_a_message_that_is_always_refused_does_not_hold_up_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chargebridge.stations.ocpp.forward.link.RETRY_S", 0.05)
    async with Foreign("ocpp1.6") as foreign, Place(tmp_path, backend(foreign.port)) as place:
        foreign.broken = {"StatusNotification"}
        foreign.cards = {"THEIRS"}
        station = await arrive(place, "ocpp1.6")
        await station.call("StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": "Available"})
        assert await until(lambda: place.forwarder.states[0].refused == 1)
        await station.call("StartTransaction", start16("THEIRS"))
        assert await until(lambda: "StartTransaction" in foreign.actions())
        outcomes = await place.database.read(lambda c: [row.outcome for row in c.execute(forward_outbox.select())])
        assert outcomes[1].startswith("refused: InternalError")


async def test_a_queue_that_cannot_be_read_is_read_again(tmp_path: Path) -> None:
    """And ends neither the forwarding nor, with it, the site."""
    async with Foreign("ocpp1.6") as foreign, Place(tmp_path, backend(foreign.port)) as place:
        await place.database.write(lambda c: c.exec_driver_sql("ALTER TABLE forward_state RENAME TO away"))
        for link in place.forwarder._links["CP-1"].values():
            link.wake()
        assert await until(lambda: place.forwarder.states[0].trouble == "failed; the log tells more")
        await place.database.write(lambda c: c.exec_driver_sql("ALTER TABLE away RENAME TO forward_state"))
        await arrive(place, "ocpp1.6")
        assert await until(lambda: foreign.actions() == ["BootNotification"])


async def test_while_the_station_is_away_so_it_is_to_the_back_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chargebridge.stations.ocpp.forward.link.LINGER_S", 0.3)
    async with Foreign("ocpp1.6") as foreign, Place(tmp_path, backend(foreign.port)) as place:
        station = await arrive(place, "ocpp1.6")
        assert await until(lambda: foreign.station and place.forwarder.states[0].waiting == 0)
        await station.close()
        assert await until(lambda: place.central.station("CP-1").session is None)
        answer = await foreign.station.call(call16.RemoteStartTransaction(id_tag="APP", connector_id=1))
        assert answer.status == "Rejected"
        assert await until(lambda: not place.forwarder.states[0].connected)
        station = await connect(place.central.port, password=None)
        assert await until(lambda: place.forwarder.states[0].connected)
        assert foreign.actions() == ["BootNotification"], "it has not booted, so nobody says it has"


async def test_reports_go_to_who_asked(tmp_path: Path) -> None:
    async with Foreign("ocpp2.0.1") as foreign, Place(tmp_path, backend(foreign.port, may=frozenset({"read"}))) as place:
        station = await arrive(place, "ocpp2.0.1")
        assert await until(lambda: foreign.station)
        await foreign.station.call(call201.GetBaseReport(request_id=3, report_base="FullInventory"))
        number = next(frame[3]["requestId"] for frame in station.asked if frame[2] == "GetBaseReport")
        assert number != 3
        for request_id in (number, 3):
            await station.call("NotifyReport", {"requestId": request_id, "generatedAt": NOW, "seqNo": 0})
        assert await until(lambda: "NotifyReport" in foreign.actions())
        assert [payload["request_id"] for action, payload in foreign.said if action == "NotifyReport"] == [3]


async def test_data_that_we_do_not_know_is_answered_by_who_does(tmp_path: Path) -> None:
    async with Foreign("ocpp1.6") as foreign, Place(tmp_path, backend(foreign.port, tell=frozenset({"data"}))) as place:
        station = await arrive(place, "ocpp1.6")
        assert await until(lambda: foreign.actions() == ["BootNotification"] and place.forwarder.states[0].waiting == 0)
        answer = await station.call("DataTransfer", {"vendorId": "maker", "data": "?"})
        assert answer[2] == {"status": "Accepted", "data": "42"}


async def test_a_restart_loses_nothing(tmp_path: Path) -> None:
    foreign = Foreign("ocpp1.6")
    async with foreign:
        foreign.cards = {"THEIRS"}
        async with Place(tmp_path, backend(foreign.port)) as place:
            station = await arrive(place, "ocpp1.6")
            ours = (await station.call("StartTransaction", start16("THEIRS")))[2]["transactionId"]
            assert await until(lambda: "StartTransaction" in foreign.actions() and place.forwarder.states[0].waiting == 0)
            await foreign.stop()
            await station.call("StopTransaction", stop16(ours, 200))
        async with Place(tmp_path, backend(foreign.port)) as place:
            await foreign.start()
            assert await until(lambda: foreign.actions()[-1] == "StopTransaction", 10), "though the station is not even there"
            assert foreign.said[-1][1]["transaction_id"] == 4711
    assert json.dumps(foreign.actions()).count("StopTransaction") == 1


async def test_our_own_central_system_as_the_foreign_one(tmp_path: Path) -> None:
    """In 2.1: the back end's limits, offers and settings stay away from the station; its transactions and answers come through."""
    theirs = DurableSink(tmp_path / "theirs.db")
    settings = StationSettings(identity="THERE-1", password_hash=hash_password("secret"), evses=(EvseSettings(fallback_current_a=6.0),))
    clock = WallClock()
    async with CentralSystem(ServerSettings(port=0, grace_s=0.2, call_timeout_s=3.0), [settings], theirs, clock) as other:
        rules = backend(
            other.port, password="secret", identities={"CP-1": "THERE-1"}, authorise="them_first", may=frozenset({"limit", "start_stop"})
        )
        async with Place(tmp_path, rules) as place:
            station = await arrive(place, "ocpp2.1")
            there = other.station("THERE-1")
            assert there is not None
            assert await until(lambda: theirs.boots and there.online)
            assert theirs.boots[0].protocol == "ocpp2.1"
            assert await until(lambda: place.desk.bounds()), "its fallback"
            assert (await there.offer(1, 10.0, 3, 60.0, None)).outcome is Outcome.ACCEPTED
            assert place.desk.bounds() == [LimitedCurrent((10.0,) * 3), LimitedCurrent((6.0,) * 3)], "and after it its fallback"
            assert (await there.offer(1, 0.0, 3, 60.0, None)).outcome is Outcome.ACCEPTED
            assert place.desk.bounds()[0] == LimitedCurrent((0.0,) * 3)
            assert (await there.set_setting("SampledDataCtrlr.TxUpdatedInterval", "1")).outcome is not Outcome.ACCEPTED
            assert (await there.reset(hard=True)).outcome is Outcome.REJECTED
            assert (await there.remote_start(1, "APP")).outcome is Outcome.ACCEPTED
            for event in (event2("Started", 0, "APP"), event2("Updated", 1), event2("Ended", 2)):
                await station.call("TransactionEvent", event)
            assert await until(lambda: theirs.kinds() == ["started", "updated", "ended"])
            assert place.sink.events()[0].billed_by == "maker"
            sent = [frame[3]["chargingProfile"]["chargingSchedule"][0] for frame in station.asked if frame[2] == "SetChargingProfile"]
            assert all(schedule["chargingSchedulePeriod"][0]["limit"] != 10.0 for schedule in sent)
            assert not [frame for frame in station.asked if frame[2] == "Reset"]


async def test_a_stream_of_values_that_the_other_side_has_accepted(tmp_path: Path) -> None:
    """2.1 SEND: opened and closed like any other message; its values pass while the line is up, and only if the back end wants them."""
    theirs = DurableSink(tmp_path / "theirs.db")
    settings = StationSettings(identity="CP-1", security_profile=0, evses=(EvseSettings(),))
    server = ServerSettings(port=0, grace_s=0.2, call_timeout_s=3.0)
    async with (
        CentralSystem(server, [settings], theirs, WallClock()) as other,
        Place(tmp_path, backend(other.port, tell=frozenset({"events"}))) as place,
    ):
        station = await arrive(place, "ocpp2.1")
        assert await until(lambda: theirs.boots)

        async def measure(stream: int, volts: str) -> None:
            values = {"id": stream, "pending": 0, "basetime": NOW, "data": [{"t": 0.5, "v": volts}]}
            await station.send([6, f"s{volts}", "NotifyPeriodicEventStream", values])

        def heard(kind: type[Any]) -> list[Any]:
            return [event for event in theirs.told_events if isinstance(event, kind)]

        for stream, wanted in ((1, False), (2, True)):
            theirs.takes_on = wanted
            constant = {"id": stream, "variableMonitoringId": 3, "params": {"interval": 10}}
            await station.call("OpenPeriodicEventStream", {"constantStreamData": constant})
            assert await until(lambda number=stream: len(heard(StreamOpened)) == number and place.forwarder.states[0].waiting == 0)
        await measure(1, "1")
        await measure(2, "2")
        assert await until(lambda: heard(Streamed))
        await station.call("ClosePeriodicEventStream", {"id": 2})
        assert await until(lambda: heard(StreamClosed) and place.forwarder.states[0].waiting == 0)
        await measure(2, "3")
        await station.call("Heartbeat", {})
        assert [event.values for event in heard(Streamed)] == [((0.5, "2"),)]
        assert not [name for name in station.answers if name.startswith("s")]


async def test_what_an_older_version_can_say_of_a_newer_one(tmp_path: Path) -> None:
    """A 2.0.1 back end hears a 2.1 station as far as its words go."""
    async with (
        Foreign("ocpp2.0.1") as foreign,
        Place(tmp_path, backend(foreign.port, protocol="ocpp2.0.1", tell=frozenset({"all_transactions"}))) as place,
    ):
        station = await arrive(place, "ocpp2.1")
        await station.call("TransactionEvent", event2("Started", 0))
        await station.call("TransactionEvent", event2("Updated", 1, triggerReason="CostLimitReached"))
        await station.call("TransactionEvent", event2("Ended", 2))
        assert await until(lambda: foreign.actions() == ["BootNotification", "TransactionEvent Started", "TransactionEvent Ended"])
        assert await until(lambda: place.forwarder.states[0].waiting == 0)
        outcomes = await place.database.read(lambda c: [row.outcome for row in c.execute(forward_outbox.select())])
        assert outcomes == ["delivered", "delivered", "ocpp2.0.1 cannot say it", "delivered"]


async def test_a_newer_generation_is_not_pretended(tmp_path: Path) -> None:
    async with Foreign("ocpp2.0.1") as foreign, Place(tmp_path, backend(foreign.port, protocol="ocpp2.0.1")) as place:
        await arrive(place, "ocpp1.6")
        assert await until(lambda: place.forwarder.states[0].trouble)
        assert "ocpp2.0.1" in str(place.forwarder.states[0].trouble)
        assert not foreign.said

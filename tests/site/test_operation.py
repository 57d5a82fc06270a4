"""The operator's office over real sockets and a real store: message log, commands with their outcome, stations from files."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from chargebridge.app.serve import settings_of
from chargebridge.model.errors import ModelError, UnknownNameError
from chargebridge.site.config_file import parse
from chargebridge.site.operation import Office, station_file
from chargebridge.site.operation.difference import difference
from chargebridge.site.operation.secret import hidden
from chargebridge.site.operation.view import Change, MessageFilter
from tests.site.kit import CONFIG, Bench, bench, until
from tests.site.scripted import Scripted


class Operated:
    """A bench with its office, and stations of few words."""

    def __init__(self, made: Bench, office: Office) -> None:
        self.bench, self.office = made, office
        self.stations: list[Scripted] = []

    async def station(self, identity: str = "CP-1", version: str = "ocpp1.6", **about: Any) -> Scripted:
        made = Scripted(f"ws://127.0.0.1:{self.bench.central.port}/ocpp/", identity, version, **about)
        self.stations.append(made)
        await made.start()
        central = self.bench.central.station(identity)
        assert await until(lambda: central is not None and central.online and len(central.setup) >= 2)
        return made


@contextlib.asynccontextmanager
async def operated(folder: Path, text: str = CONFIG) -> AsyncIterator[Operated]:
    config = parse(text)
    async with bench(folder, text=text) as made:
        office = await Office.open(
            config,
            made.site.live,
            made.central,
            made.database,
            made.site._clock,
            tell=made.site.tell,
            admit=lambda station, points: made.central.admit(settings_of(station, points, station.password_hash)) and None,
        )
        running = asyncio.create_task(office.run())
        found = Operated(made, office)
        try:
            yield found
            assert not running.done(), running.exception()
        finally:
            for station in found.stations:
                await station.stop()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


# What was said


async def test_every_frame_is_in_the_log_with_what_changed(tmp_path: Path) -> None:
    async with operated(tmp_path) as site:
        station = await site.station()
        await station.status("Preparing")
        await station.socket.send('[2, "x", "StatusNotification", {"connectorId": -1}]')
        found: tuple[Any, ...] = ()

        async def wrong() -> Any:
            nonlocal found
            found = await site.office.messages(MessageFilter(station="CP-1", faulty=True))
            return found

        for _ in range(100):
            if len(await wrong()) >= 2:
                break
            await asyncio.sleep(0.02)
        refusal, bad = found[:2]
        assert (bad.kind, bad.direction, bad.fault.position) == ("call", "in", "$[3]")
        assert "missing" in bad.fault.reason
        assert (refusal.kind, refusal.direction, refusal.action) == ("error", "out", "StatusNotification")
        told = await site.office.messages(MessageFilter(station="CP-1", action="StatusN", direction="in"))
        assert [m.payload.get("status") for m in told] == [None, "Preparing", "Available"]
        assert told[1].changes == (Change("status", "Available", "Preparing"),)
        assert told[1].compared_with == told[2].number
        assert told[2].changes is None
        answers = await site.office.messages(MessageFilter(station="CP-1", action="BootNotification", direction="out"))
        assert answers[0].payload["status"] == "Accepted"
        newer = await site.office.messages(MessageFilter(after=told[1].number), 2)
        assert [m.number for m in newer] == [told[1].number + 2, told[1].number + 1]
    async with operated(tmp_path) as again:
        kept = await again.office.messages(MessageFilter(station="CP-1", action="Boot"))
        assert len(kept) == 2
        assert again.office.stations()[0].heard_at is not None
        assert again.office.stations()[0].state == "offline"
        assert again.office.stations()[1].state == "unseen"


async def test_the_log_is_bounded_by_age_and_by_size(tmp_path: Path) -> None:
    async with operated(tmp_path, CONFIG + "\n[ocpp]\nlog_megabytes = 0.01\n") as site:
        station = await site.station()
        for _ in range(80):
            await station.call("DataTransfer", {"vendorId": "x", "data": "y" * 200})
        await site.office.log.flush()
        await site.office.log.forget()
        total = (await site.bench.rows("SELECT sum(size), count(*) FROM station_message"))[0]
        assert 9_000 < total[0] <= 10_000
        newest = (await site.office.messages(MessageFilter(), 1))[0]
        site.office.log._keep_s = -1.0
        await site.office.log.forget()
        assert (await site.bench.rows("SELECT count(*) FROM station_message"))[0] == (0,)
        assert newest.action == "DataTransfer"


async def test_passwords_are_in_neither_log(tmp_path: Path) -> None:
    async with operated(tmp_path) as site:
        await site.station()
        arguments = {"name": "AuthorizationKey", "value": "very secret password"}
        record = await site.office.command("CP-1", "set_setting", arguments, "test")
        assert record.payload == {"key": "AuthorizationKey", "value": "(not kept)"}
        assert ("ChangeConfiguration", {"key": "AuthorizationKey", "value": "very secret password"}) in site.stations[0].asked
        await site.office.log.flush()
        for table, column in (("station_message", "frame"), ("station_command", "payload")):
            assert await site.bench.rows(f"SELECT * FROM {table} WHERE {column} LIKE '%very secret%'") == []  # noqa: S608


def test_differences_are_told_by_what_things_are_not_where_they_stand() -> None:
    before = {"at": "2026-01-01T00:00:00Z", "v": [{"measurand": "Voltage", "value": "230"}, {"measurand": "SoC", "value": "5"}], "gone": 1}
    after = {"at": "2026-01-01T00:00:05Z", "v": [{"measurand": "SoC", "value": "6"}, {"measurand": "Voltage", "value": "230"}], "new": {}}
    assert difference(before, after) == (Change("v[SoC].value", "5", "6"), Change("new", None, {}), Change("gone", 1, None))
    assert difference([1, 2], [1, 2]) == ()
    alone = [[{"measurand": "SoC", "value": value}] for value in ("5", "6")]
    assert difference(*alone) == (Change("[SoC].value", "5", "6"),)
    assert len(difference(list(range(100)), list(range(1, 101)))) == 20


def test_secrets_are_hidden_wherever_they_stand() -> None:
    data = {"component": {"name": "SecurityCtrlr"}, "variable": {"name": "BasicAuthPassword"}, "attributeValue": "s"}
    assert hidden([2, "a", "SetVariables", {"setVariableData": [data]}])[3]["setVariableData"][0]["attributeValue"] == "(not kept)"
    assert hidden({"connectionData": {"basicAuthPassword": "s", "vpn": {"server": "x", "key": "s"}}}) == {
        "connectionData": {"basicAuthPassword": "(not kept)", "vpn": {"server": "x", "key": "(not kept)"}}
    }
    assert hidden({"key": "HeartbeatInterval", "value": "60"}) == {"key": "HeartbeatInterval", "value": "60"}


# Commands


@pytest.mark.parametrize("version", ["ocpp1.6", "ocpp2.0.1", "ocpp2.1"])
async def test_every_named_command_is_worded_in_each_version(tmp_path: Path, version: str) -> None:
    """Worded so that the version's schema takes it, and answered by the station."""
    given: dict[str, dict[str, Any]] = {
        "trigger": {"message": "StatusNotification", "evse": "1"},
        "get_settings": {"names": "SampledDataCtrlr.TxUpdatedInterval"},
        "set_setting": {"name": "SampledDataCtrlr.TxUpdatedInterval", "value": "9"},
        "get_log": {"url": "ftp://example.org/logs"},
        "local_list": {"version": 2, "tokens": "A\nB"},
        "reserve": {"token": "TAG"},
        "cancel_reservation": {"reservation": 4},
        "availability": {"state": "inoperative", "evse": 1},
        "start": {"token": "TAG"},
        "stop": {"transaction": "12"},
        "clear_profile": {"profile": 5},
    }
    schedule = {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 6}]}
    common = {"stackLevel": 3, "chargingProfilePurpose": "TxDefaultProfile", "chargingProfileKind": "Relative"}
    given["set_profile"] = {"evse": 1, "profile": {"chargingProfileId": 5, **common, "chargingSchedule": schedule}}
    if version != "ocpp1.6":
        given["set_profile"] = {"evse": 1, "profile": {"id": 5, **common, "chargingSchedule": [{"id": 1, **schedule}]}}
    async with operated(tmp_path) as site:
        station = await site.station(version=version)
        for form in site.office.forms("CP-1"):
            record = await site.office.command("CP-1", form.name, given.get(form.name, {}), "test")
            assert (record.action, record.payload) in station.asked
            assert record.outcome is not None
            assert record.answered_at is not None
        reset = (await site.office.command("CP-1", "reset", {"how": "hard"}, "test")).payload
        assert reset == {"type": "Hard" if version == "ocpp1.6" else "Immediate"}
        kept = await site.office.commands("CP-1")
        assert len(kept) == len(site.office.forms("CP-1")) + 1
        assert (await site.office.station("CP-1")).written[0].value == "9"


async def test_any_action_is_checked_against_the_schema_before_it_goes_out(tmp_path: Path) -> None:
    async with operated(tmp_path) as site:
        station = await site.station(version="ocpp2.1")
        assert "SetDERControl" in site.office.actions("CP-1")
        before = len(station.asked)
        for action, payload, told in [
            ("Reset", {"type": "Hard"}, "Invalid enum"),
            ("Reset", {}, "missing"),
            ("BootNotification", {}, "no such action of ours"),
            ("Nonsense", {}, "no such action of ours"),
        ]:
            with pytest.raises(ModelError, match=told):
                await site.office.call("CP-1", action, payload, "test")
        with pytest.raises(ModelError, match="is not known here"):
            await site.office.command("CP-1", "reset", {"hwo": "soft"}, "test")
        with pytest.raises(ModelError, match=r"Component\.Variable"):
            await site.office.command("CP-1", "get_settings", {"names": "HeartbeatInterval"}, "test")
        assert len(station.asked) == before
        with pytest.raises(UnknownNameError):
            await site.office.command("nobody", "reset", {}, "test")


async def test_why_there_is_no_answer_is_told_and_kept(tmp_path: Path) -> None:
    async with operated(tmp_path) as site:
        with pytest.raises(ModelError, match="has not been heard yet"):
            await site.office.command("CP-1", "clear_cache", {}, "test")
        station = await site.station()
        station.obeys = False
        assert (await site.office.command("CP-1", "clear_cache", {}, "test")).outcome == "timed_out"
        await station.socket.close()
        assert await until(lambda: not site.bench.central.station("CP-1").session)  # type: ignore[union-attr]
        assert (await site.office.command("CP-1", "clear_cache", {}, "test")).outcome == "offline"
        await site.bench.database.write(lambda c: c.exec_driver_sql("UPDATE station_command SET outcome = NULL WHERE number = 1"))
    async with operated(tmp_path) as again:
        assert [record.outcome for record in await again.office.commands("CP-1")] == ["offline", "unknown"]


# Files


async def test_stations_come_in_from_a_file_and_are_let_in_at_once(tmp_path: Path) -> None:
    text = "id,password,open,point,point_name,name\n"
    with pytest.raises(ModelError, match="point_name"):
        station_file.from_csv(text)
    text = (
        "id,password,open,point,name,circuit,evse,phases\n"
        "NEW-1,,,d,Bay D,main,1,2 3 1\n"
        "NEW-1,,,e,Bay E,main,2,\n"
        "NEW-2,0123456789abcdef,,,,,,\n"
        "NEW-3,short,,,,,,\n"
        "NEW-4,,,f,Bay F,nowhere,,\n"
        "CP-1,,,,,,,\n"
        "NEW-5,,true,,,,,\n"
    )
    async with operated(tmp_path) as site:
        results = {r.station: r for r in await site.office.take_in(station_file.from_csv(text), "test")}
        assert {name: r.result for name, r in results.items()} == {
            "NEW-1": "added", "NEW-2": "added", "NEW-3": "refused", "NEW-4": "refused", "CP-1": "exists", "NEW-5": "added"
        }  # fmt: skip
        assert len(results["NEW-1"].password or "") == 20
        assert results["NEW-2"].password is None
        assert "nowhere" in results["NEW-4"].detail
        assert results["NEW-1"].points == ("d", "e")
        station = Scripted(f"ws://127.0.0.1:{site.bench.central.port}/ocpp/", "NEW-5")
        site.stations.append(station)
        await station.start()
        assert [row.state for row in site.office.stations() if row.identity == "NEW-5"] == ["online"]
        exported = await site.office.export()
        again = station_file.from_csv(station_file.as_csv(exported))
        assert [row["id"] for row in again] == ["CP-1", "CP-2", "NEW-1", "NEW-2", "NEW-5"]
        assert [p["id"] for p in again[2]["points"]] == ["d", "e"]
        assert again[2]["points"][0]["phases"] == [2, 3, 1]
        assert "password" not in station_file.as_csv(exported).replace("id,password", "")
        added = await site.bench.database.read(station_file.kept)
        config = station_file.joined(parse(CONFIG), added)
        assert [p.id for p in config.point] == ["a", "b", "c", "d", "e"]
        assert all(s.password_hash or s.open for s in config.station)
        await site.office.forget("NEW-1", "test")
        with pytest.raises(UnknownNameError):
            await site.office.forget("CP-1", "test")


def test_taken_in_stations_that_no_longer_fit_say_so() -> None:
    point = {"id": "d", "name": "D", "circuit": "gone", "station": "NEW-1"}
    added = station_file.Added(station={"id": "NEW-1", "open": True}, points=(point,))
    with pytest.raises(ModelError, match="taken in"):
        station_file.joined(parse(CONFIG), [added])

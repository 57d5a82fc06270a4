"""Unknown stations: listed durably, refused or listened to, approved or refused by a person, in this process or in another."""

from pathlib import Path
from typing import Any

import pytest
import websockets
from ocpp_kit import until
from security_kit import Fort, House, cheap_hashes

from chargebridge.model.errors import ModelError, UnknownNameError
from chargebridge.sim.world.clock import WallClock
from chargebridge.stations.ocpp import applicants
from chargebridge.stations.ocpp.limits import DoorLimits
from chargebridge.stations.ocpp.vault import Vault, write_decision
from chargebridge.store import Database

__all__ = ["cheap_hashes"]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    return House(tmp_path_factory.mktemp("house"), WallClock())


async def test_an_unknown_station_is_on_disk_before_it_is_refused(house: House, tmp_path: Path) -> None:
    async with Fort(house, tmp_path) as fort:
        for _ in range(3):
            assert await fort.status("NEW", address="127.0.0.5") == 404
        again = Vault(fort.database)
        await again.load()
        (kept,) = again.applicants()
        assert (kept.station, kept.state, kept.remote, kept.profile) == ("NEW", "pending", "127.0.0.5", 1)
        (live,) = fort.security.pending()
        assert live.times == 3, "written once a minute at most, counted always"


@pytest.mark.ocpp("2.0.1", "B02.FR.09")
async def test_listened_to_it_says_what_it_is_and_gets_nothing_else(house: House, tmp_path: Path, spoken: str) -> None:
    async with Fort(house, tmp_path, quarantine="listen", grace_s=0.5) as fort:
        station = await fort.come("NEW", version=spoken)
        early = await station.call("Heartbeat", {})
        assert early[2] == "SecurityError"
        answer = (await station.boot())[2]
        assert (answer["status"], answer["interval"]) == ("Pending", 30)
        status: dict[str, Any] = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}
        if spoken != "ocpp1.6":
            status = {"timestamp": "2026-01-01T00:00:00Z", "connectorStatus": "Available", "evseId": 1, "connectorId": 1}
        assert (await station.call("StatusNotification", status))[2] == "SecurityError"
        (kept,) = fort.security.pending()
        assert (kept.vendor, kept.model, kept.protocol) == ("raw", "raw", spoken)
        assert fort.sink.boots == []
        assert fort.sink.connections == []
        assert station.told == [], "nothing is asked of it"
        password = await fort.security.approve("NEW", 1, None, "owner")
        assert await until(lambda: station.closed == 1012)
        station = await fort.come("NEW", version=spoken, password=password)
        assert (await station.boot())[2]["status"] == "Accepted"
        assert await fort.status("NEW") == 401
        await station.close()


async def test_the_places_in_quarantine_are_few(house: House, tmp_path: Path) -> None:
    async with Fort(house, tmp_path, quarantine="listen", limits=DoorLimits(quarantined=1)) as fort:
        first = await fort.come("NEW-1")
        await first.boot()
        assert await fort.status("NEW-1") == 404
        assert await fort.status("NEW-2") == 404
        await first.close()
        assert await until(lambda: not fort.central._quarantined)
        assert await fort.status("NEW-2") == 101


async def test_what_was_approved_outlives_a_restart_and_can_be_taken_back(house: House, tmp_path: Path) -> None:
    async with Fort(house, tmp_path) as fort:
        assert await fort.status("NEW") == 404
        password = await fort.security.approve("NEW", 2, None, "owner")
    async with Fort(house, tmp_path) as fort:
        assert await fort.status("NEW", password=password) == 403, "profile 2 is TLS"
        station = await fort.come("NEW", password=password, tls=house.client())
        await fort.security.refuse("NEW", "owner")
        assert await until(lambda: station.closed == 1008)
        assert await fort.status("NEW", password=password, tls=house.client()) == 404
    async with Fort(house, tmp_path) as fort:
        assert await fort.status("NEW", password=password, tls=house.client()) == 404


async def test_a_command_in_another_process_counts_from_the_next_attempt(house: House, tmp_path: Path) -> None:
    async with Fort(house, tmp_path) as fort:
        assert await fort.status("NEW") == 404
        other = Database.open(tmp_path / "store.db")
        vault = Vault(other)
        await vault.load()
        now = fort.clock.now()
        made = applicants.approve(await vault.applicant("NEW"), "NEW", 1, "a password of mine", "owner", now)
        await other.write(lambda c: write_decision(c, made.applicant, made.credentials, now))
        assert await fort.status("NEW", password="a password of mine") == 101
        refused = applicants.refuse(await vault.applicant("NEW"), "NEW", "owner", now)
        await other.write(lambda c: write_decision(c, refused, None, now))
        assert await fort.status("NEW", password="a password of mine") == 404
        other.close()


async def test_approved_with_a_certificate(house: House, tmp_path: Path) -> None:
    async with Fort(house, tmp_path) as fort:
        context = house.client(house.station_files("NEW"))
        assert await fort.status("NEW", tls=context, password=None) == 404
        assert fort.security.pending()[0].profile == 3
        assert await fort.security.approve("NEW", 3, None, "owner") is None
        assert await fort.status("NEW", tls=context, password=None) == 101
        assert await fort.status("NEW") == 403


async def test_only_who_has_asked_and_only_good_passwords(house: House, tmp_path: Path) -> None:
    async with Fort(house, tmp_path) as fort:
        with pytest.raises(UnknownNameError, match="has not asked"):
            await fort.security.approve("NEW", 1, None, "owner")
        assert await fort.status("NEW") == 404
        with pytest.raises(ModelError, match="16 to 40"):
            await fort.security.approve("NEW", 1, "short", "owner")
        with pytest.raises(ModelError, match="has no password"):
            await fort.security.approve("NEW", 3, "a password of mine", "owner")


async def test_a_crowd_from_one_address_does_not_push_others_off_the_list(house: House, tmp_path: Path) -> None:
    async with Fort(house, tmp_path) as fort:
        assert await fort.status("HONEST", address="127.0.0.9") == 404
        for number in range(20):
            assert await fort.status(f"X-{number}", address="127.0.0.8") == 404
        listed = [one.station for one in fort.security.pending()]
        assert len(listed) == 17
        assert "HONEST" in listed
        assert "X-19" in listed
        assert "X-0" not in listed


@pytest.mark.parametrize("name", ["a:b", "x" * 49, "%01%02"])
async def test_what_is_no_identity_is_not_listed(house: House, tmp_path: Path, name: str) -> None:
    async with Fort(house, tmp_path) as fort:
        with pytest.raises(websockets.InvalidStatus) as refused:
            await fort.come(name)
        assert refused.value.response.status_code == 404
        assert fort.security.pending() == []

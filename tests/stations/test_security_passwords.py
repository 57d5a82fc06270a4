"""How stations change the way they prove who they are: new passwords with a way back, and higher profiles without losing a station."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import websockets
from ocpp_kit import PASSWORD, until
from security_kit import Fort, House, Pupil, cheap_hashes, signing_request

from chargebridge.sim.world.clock import WallClock
from chargebridge.stations.ocpp.passwords import new_password
from chargebridge.stations.ocpp.security_words import password_setting
from chargebridge.stations.ocpp.vault import Vault
from chargebridge.stations.port import Outcome

__all__ = ["cheap_hashes"]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    return House(tmp_path_factory.mktemp("house"), WallClock())


@pytest.fixture
async def fort(house: House, tmp_path: Path) -> AsyncIterator[Fort]:
    async with Fort(house, tmp_path) as made:
        yield made


async def booted(fort: Fort, identity: str, version: str, **how: Any) -> Pupil:
    station = await fort.come(identity, version=version, **how)
    await station.boot()
    assert await until(lambda: fort.central.station(identity).online)  # type: ignore[union-attr]
    return station


def setting(fort: Fort, identity: str) -> str:
    return password_setting(fort.central.station(identity).language)  # type: ignore[union-attr, arg-type]


@pytest.mark.ocpp("1.6", "A00.FR.205", "A01.FR.07")
@pytest.mark.ocpp("2.0.1", "A00.FR.205", "A00.FR.304", "A01.FR.07")
def test_what_a_new_password_is_like() -> None:
    value, (shown,) = new_password("ocpp2.0.1")
    assert value == shown
    assert 16 <= len(value) <= 40
    value, (text, digits) = new_password("ocpp1.6")
    assert (len(value), bytes.fromhex(value).decode(), digits) == (40, text, value)
    assert new_password("ocpp1.6") != new_password("ocpp1.6")


@pytest.mark.ocpp("1.6", "A01.FR.02", "A01.FR.08")
@pytest.mark.ocpp("2.0.1", "A01.FR.02", "A01.FR.08")
@pytest.mark.ocpp("2.1", "A01.FR.02", "A01.FR.08")
async def test_the_old_password_ends_when_the_new_one_is_shown(fort: Fort, spoken: str) -> None:
    station = await booted(fort, "P1", spoken)
    name = setting(fort, "P1")
    assert (await fort.security.rotate_password("P1")).outcome is Outcome.ACCEPTED
    (value,) = station.written(name)
    assert await until(lambda: station.closed == 1012), "it is to prove the new one now"
    assert await fort.status("P1") == 101, "not proven yet: the old one still does"
    shown = bytes.fromhex(value).decode() if spoken == "ocpp1.6" else value
    assert await fort.status("P1", password=shown) == 101
    assert await fort.status("P1") == 401
    vault = Vault(fort.database)
    await vault.load()
    assert vault.credentials("P1").next_hashes == ()
    assert value not in str(vault.credentials("P1")), "hashes only"


async def test_the_digits_themselves_do_as_well(fort: Fort) -> None:
    """1.6: some stations show the bytes of AuthorizationKey as password, others its digits."""
    station = await booted(fort, "P1", "ocpp1.6")
    await fort.security.rotate_password("P1")
    (value,) = station.written("AuthorizationKey")
    assert await fort.status("P1", password=value) == 101
    assert await fort.status("P1") == 401


@pytest.mark.ocpp("1.6", "A01.FR.04", "A01.FR.05")
@pytest.mark.ocpp("2.0.1", "A01.FR.04", "A01.FR.05")
@pytest.mark.ocpp("2.1", "A01.FR.04", "A01.FR.05")
async def test_a_station_that_refuses_keeps_the_old_one(fort: Fort, spoken: str) -> None:
    station = await booted(fort, "P1", spoken)
    station.says["ChangeConfiguration"] = lambda _: {"status": "Rejected"}
    station.says["SetVariables"] = lambda asked: {
        "setVariableResult": [{"attributeStatus": "Rejected"} | {part: one[part] for part in ("component", "variable")}
                              for one in asked["setVariableData"]]
    }  # fmt: skip
    assert (await fort.security.rotate_password("P1")).outcome is Outcome.REJECTED
    (value,) = station.written(setting(fort, "P1"))
    assert station.closed is None
    assert await fort.status("P1", password=bytes.fromhex(value).decode() if spoken == "ocpp1.6" else value) == 401
    assert await fort.status("P1") == 101


async def test_a_line_that_breaks_meanwhile_leaves_both_open(fort: Fort) -> None:
    station = await booted(fort, "P1", "ocpp1.6")

    def vanish(_: Any) -> dict[str, Any]:
        station.socket.transport.abort()
        return {"status": "Accepted"}

    station.says["ChangeConfiguration"] = vanish
    assert (await fort.security.rotate_password("P1")).outcome is Outcome.OFFLINE
    (value,) = station.written("AuthorizationKey")
    assert await fort.status("P1") == 101
    assert await fort.status("P1", password=bytes.fromhex(value).decode()) == 101


async def test_nothing_is_changed_of_a_station_that_is_not_there(fort: Fort) -> None:
    assert (await fort.security.rotate_password("P1")).outcome is Outcome.OFFLINE
    assert fort.security.vault.credentials("P1").next_hashes == ()


# Profiles


@pytest.mark.ocpp("1.6", "A05.FR.09", "A00.FR.001")
async def test_upgrade_from_1_to_2_in_16(fort: Fort) -> None:
    station = await booted(fort, "P1", "ocpp1.6")
    steps = await fort.security.upgrade("P1", 2)
    assert [step.what for step in steps] == ["root certificate", "SecurityProfile"]
    assert station.written("SecurityProfile") == ["2"]
    assert await fort.status("P1") == 101, "the old way in stays open"
    assert await fort.status("P1", tls=fort.house.client()) == 101
    assert await fort.status("P1") == 403, "until it has come by the new one"
    vault = Vault(fort.database)
    await vault.load()
    assert (vault.credentials("P1").profile, vault.credentials("P1").upgrade_to) == (2, None)


@pytest.mark.ocpp("2.0.1", "A05.FR.07", "B10.FR.04", "A00.FR.001")
@pytest.mark.ocpp("2.1", "A05.FR.07", "B10.FR.04", "A00.FR.001")
async def test_upgrade_from_2_to_3_by_network_profile(fort: Fort, second: str, tmp_path: Path) -> None:
    """Root, certificate, profile in the free slot, priorities with the old way behind the new one, reboot: in this order."""
    station = await booted(fort, "P2", second, tls=fort.house.client())
    assert await until(lambda: "SampledDataCtrlr.TxUpdatedInterval" in fort.central.station("P2").setup)  # type: ignore[union-attr]
    station.told.clear()  # what is asked and written after each boot
    asking = []

    def sign(_: Any) -> dict[str, Any]:
        asking.append(asyncio.create_task(station.call("SignCertificate", {"csr": signing_request("P2")})))
        return {"status": "Accepted"}

    station.says["TriggerMessage"] = sign
    steps = await fort.security.upgrade("P2", 3)
    told = [action for action, _ in station.told]
    assert [step.answer.outcome for step in steps] == [Outcome.ACCEPTED] * 5, steps
    wanted = ["InstallCertificate", "TriggerMessage", "CertificateSigned", "GetVariables", "SetNetworkProfile", "SetVariables", "Reset"]
    assert told == wanted
    (network,) = station.heard("SetNetworkProfile")
    assert network["configurationSlot"] == 2
    assert network["connectionData"]["securityProfile"] == 3
    assert network["connectionData"]["ocppVersion"] == ("OCPP20" if second == "ocpp2.0.1" else "OCPP21")
    assert network["connectionData"]["ocppCsmsUrl"] == "wss://localhost/ocpp"
    assert station.written("OCPPCommCtrlr.NetworkConfigurationPriority") == ["2,1"]
    assert station.heard("Reset") == [{"type": "OnIdle"}]
    assert await fort.status("P2", tls=fort.house.client()) == 101, "the old way in stays open"
    context = fort.house.client(fort.house.station_files("P2"))
    assert await fort.status("P2", tls=context, password=None) == 101
    assert await fort.status("P2", tls=fort.house.client()) == 403


async def test_slots_are_tried_until_one_is_taken(fort: Fort) -> None:
    """A station says Rejected to a slot that it does not have (B09.FR.05)."""
    station = await booted(fort, "P1", "ocpp2.0.1")
    station.says["SetNetworkProfile"] = lambda asked: {"status": "Accepted" if asked["configurationSlot"] == 4 else "Rejected"}
    steps = await fort.security.upgrade("P1", 2)
    assert steps[-1].answer.outcome is Outcome.ACCEPTED
    assert [asked["configurationSlot"] for asked in station.heard("SetNetworkProfile")] == [2, 3, 4]
    assert station.written("OCPPCommCtrlr.NetworkConfigurationPriority") == ["4,1,2"]


@pytest.mark.parametrize("refusing", ["InstallCertificate", "ChangeConfiguration"])
async def test_a_station_that_refuses_a_step_stays_as_it_is(fort: Fort, refusing: str) -> None:
    station = await booted(fort, "P1", "ocpp1.6")
    station.says[refusing] = lambda _: {"status": "Rejected"}
    steps = await fort.security.upgrade("P1", 2)
    assert steps[-1].answer.outcome is Outcome.REJECTED
    assert fort.security.vault.credentials("P1").upgrade_to is None
    assert await fort.status("P1", tls=fort.house.client()) == 101
    assert await fort.status("P1") == 101, "nothing was ordered, so nothing was settled by it"


async def test_a_first_password_for_a_station_without_one(fort: Fort) -> None:
    station = await booted(fort, "P0", "ocpp1.6", password=None)
    steps = await fort.security.upgrade("P0", 1)
    assert [step.what for step in steps] == ["password", "SecurityProfile"]
    (value,) = station.written("AuthorizationKey")
    assert await fort.status("P0", password=None) == 101
    assert await fort.status("P0", password=bytes.fromhex(value).decode()) == 101
    assert await fort.status("P0", password=None) == 401


@pytest.mark.ocpp("1.6", "A00.FR.005")
@pytest.mark.ocpp("2.0.1", "A00.FR.005")
@pytest.mark.parametrize("profile", [0, 1, 2, 4])
async def test_only_upwards(fort: Fort, profile: int) -> None:
    station = await booted(fort, "P2", "ocpp1.6", tls=fort.house.client())
    (step,) = await fort.security.upgrade("P2", profile)
    assert step.answer.outcome is Outcome.REJECTED
    assert not station.written("SecurityProfile")
    await station.close()


async def test_all_of_it_outlives_a_restart(house: House, tmp_path: Path) -> None:
    async with Fort(house, tmp_path) as fort:
        station = await booted(fort, "P1", "ocpp1.6")
        await fort.security.rotate_password("P1")
        (value,) = station.written("AuthorizationKey")
        shown = bytes.fromhex(value).decode()
        station = await booted(fort, "P1", "ocpp1.6", password=shown)
        assert (await fort.security.upgrade("P1", 2))[-1].answer.outcome is Outcome.ACCEPTED
    async with Fort(house, tmp_path) as fort:
        assert await fort.status("P1", password=PASSWORD) == 401
        assert await fort.status("P1", password=shown) == 101
        assert await fort.status("P1", password=shown, tls=house.client()) == 101
    async with Fort(house, tmp_path) as fort:
        with pytest.raises(websockets.InvalidStatus):
            await fort.come("P1", password=shown)

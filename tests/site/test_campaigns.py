"""Firmware campaigns over real sockets: a few at a time, never under a car, through failures, pauses and a killed site."""

import asyncio
import functools
import hashlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chargebridge.model.errors import ModelError
from chargebridge.site.operation import campaigns, rollout
from chargebridge.site.operation.campaign_store import AT_WORK
from chargebridge.site.operation.view import Campaign, CampaignPlan
from tests.site.kit import CONFIG, until
from tests.site.test_operation import Operated, operated

MANY = CONFIG + "".join(f'\n[[station]]\nid = "F-{n}"\nopen = true\n' for n in range(4))
URL = "https://example.org/firmware.bin"
IDENTITIES = tuple(f"F-{n}" for n in range(4))


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(campaigns, "LOOK_EVERY_S", 0.02)
    monkeypatch.setattr(rollout, "AGAIN_S", 0.1)
    monkeypatch.setattr(rollout, "IDLE_AFTER_S", 0.3)


def plan(**about: Any) -> CampaignPlan:
    return CampaignPlan(**{"name": "spring", "stations": IDENTITIES, "url": URL, "version": "2.0"} | about)


async def ended(site: Operated, number: int, *, state: str = "done") -> Campaign:
    for _ in range(500):
        found = await site.office.campaign(number)
        if found.state == state:
            return found
        await asyncio.sleep(0.02)
    raise AssertionError(f"not {state}: {found}")


async def four(site: Operated) -> None:
    for n, identity in enumerate(IDENTITIES):
        await site.station(identity, ("ocpp1.6", "ocpp2.0.1", "ocpp2.1", "ocpp1.6")[n])


async def test_all_versions_get_their_firmware_two_at_a_time(tmp_path: Path) -> None:
    async with operated(tmp_path, MANY) as site:
        await four(site)
        site.stations[3].firmware = "2.0"
        await site.stations[3].socket.close()
        await site.stations[3].start()
        begun = await site.office.begin_campaign(plan(at_once=2), "test")
        most = 0
        while (await site.office.campaign(begun.number)).state != "done":
            counts = (await site.office.campaign(begun.number)).counts
            most = max(most, sum(counts.get(state, 0) for state in AT_WORK))
            await asyncio.sleep(0.005)
        done = await site.office.campaign(begun.number)
        assert most == 2
        assert [s.state for s in done.stations] == ["installed", "installed", "installed", "skipped"]
        assert [(s.before, s.now) for s in done.stations[:3]] == [("1.0", "2.0")] * 3
        assert [s.updates for s in site.stations] == [1, 1, 1, 0]
        asked = [next(p for a, p in s.asked if a == "UpdateFirmware") for s in site.stations[:2]]
        assert asked[0]["location"] == URL
        assert asked[1]["firmware"]["location"] == URL


async def test_a_station_that_charges_waits_unless_the_plan_says_otherwise(tmp_path: Path) -> None:
    async with operated(tmp_path) as site:
        station = await site.station("CP-1")
        start = {"connectorId": 1, "idTag": "TAG", "meterStart": 0, "timestamp": "2026-11-21T12:00:00Z"}
        transaction = (await station.call("StartTransaction", start))[2]["transactionId"]
        begun = await site.office.begin_campaign(plan(stations=("CP-1",)), "test")
        await asyncio.sleep(0.2)
        waiting = (await site.office.campaign(begun.number)).stations[0]
        assert (waiting.state, waiting.detail) == ("waiting", "charges a car")
        with pytest.raises(ModelError, match="in a campaign already"):
            await site.office.begin_campaign(plan(stations=("CP-1",)), "test")
        await station.call("StopTransaction", {"transactionId": transaction, "meterStop": 10, "timestamp": "2026-11-21T12:10:00Z"})
        assert (await ended(site, begun.number)).counts == {"installed": 1}
        await station.call("StartTransaction", start | {"timestamp": "2026-11-21T12:20:00Z"})
        station.next_firmware = "3.0"
        forced = await site.office.begin_campaign(plan(stations=("CP-1",), version="3.0", while_charging=True), "test")
        assert (await ended(site, forced.number)).counts == {"installed": 1}


async def test_failures_are_tried_again_and_then_told(tmp_path: Path) -> None:
    async with operated(tmp_path, MANY) as site:
        await four(site)
        site.stations[0].fails = 1
        site.stations[1].fails = 9
        begun = await site.office.begin_campaign(plan(stations=IDENTITIES[:2], at_once=2), "test")
        done = await ended(site, begun.number)
        assert [(s.state, s.tries) for s in done.stations] == [("installed", 2), ("failed", 2)]
        assert "could not fetch" in done.stations[1].detail
        site.stations[1].fails = 0
        await site.office.steer_campaign(begun.number, "retry", "test")
        assert (await ended(site, begun.number)).counts == {"installed": 2}


async def test_pause_holds_and_abort_ends(tmp_path: Path) -> None:
    async with operated(tmp_path, MANY) as site:
        await four(site)
        for station in site.stations:
            station.step_s = 0.1
        begun = await site.office.begin_campaign(plan(), "test")
        await site.office.steer_campaign(begun.number, "pause", "test")
        await asyncio.sleep(0.8)
        paused = await site.office.campaign(begun.number)
        assert paused.counts.get("waiting", 0) >= 3
        await site.office.steer_campaign(begun.number, "resume", "test")
        await site.office.steer_campaign(begun.number, "abort", "test")
        over = await site.office.campaign(begun.number)
        assert (over.state, over.counts.get("skipped", 0) >= 3) == ("aborted", True)
        with pytest.raises(ModelError, match="begin another"):
            await site.office.steer_campaign(begun.number, "resume", "test")


@pytest.mark.parametrize("stops_at", ["Downloading", "Installed"])
async def test_a_campaign_outlives_the_site_and_asks_nobody_twice(tmp_path: Path, stops_at: str) -> None:
    """Station 0 was at work when the site went. With its new firmware it counts; idle with the old one it is tried again."""
    async with operated(tmp_path, MANY) as site:
        await four(site)
        site.stations[0].stops_at = stops_at
        begun = await site.office.begin_campaign(plan(stations=IDENTITIES[:2], tries=2), "test")
        assert await until(lambda: site.stations[0].updates)
        await asyncio.sleep(0.2)
        firmware = "2.0" if stops_at == "Installed" else "1.0"
    async with operated(tmp_path, MANY) as again:
        assert (await again.office.campaign(begun.number)).stations[0].state in AT_WORK
        first, second = await again.station("F-0", "ocpp1.6", firmware=firmware), await again.station("F-1", "ocpp2.0.1")
        assert (await ended(again, begun.number)).counts == {"installed": 2}
        assert first.updates == (0 if stops_at == "Installed" else 1)
        assert second.updates == 1
        if stops_at == "Downloading":
            assert ("TriggerMessage", {"requestedMessage": "FirmwareStatusNotification"}) in first.asked


async def test_times_and_figures_that_cannot_be_are_refused(tmp_path: Path) -> None:
    async with operated(tmp_path, MANY) as site:
        for wrong in (
            {"stations": ()}, {"stations": ("F-0", "F-0")}, {"stations": ("nobody",)}, {"url": "file:///etc/passwd"}, {"at_once": 0},
            {"sha256": "ab"}, {"signature": "x"},
        ):  # fmt: skip
            with pytest.raises(ModelError):
                await site.office.begin_campaign(plan(**wrong), "test")
        assert await site.office.campaigns() == ()


@pytest.fixture
def folder_url(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "firmware.bin").write_bytes(b"firmware" * 1000)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/firmware.bin"
    server.shutdown()
    server.server_close()


async def test_a_file_that_is_not_what_was_said_reaches_no_station(tmp_path: Path, folder_url: str) -> None:
    right = hashlib.sha256(b"firmware" * 1000).hexdigest()
    async with operated(tmp_path, MANY) as site:
        station = await site.station("F-0", "ocpp2.0.1")
        wrong = await site.office.begin_campaign(plan(stations=("F-0",), url=folder_url, sha256="0" * 64), "test")
        refused = await ended(site, wrong.number, state="refused")
        assert right in refused.note
        assert station.updates == 0
        good = await site.office.begin_campaign(plan(stations=("F-0",), url=folder_url, sha256=right), "test")
        assert (await ended(site, good.number)).counts == {"installed": 1}

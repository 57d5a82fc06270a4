"""Cards, and a station that is there as long as it says anything at all."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.site.kit import CONFIG, bench

VIRTUAL = "CB-virtual token/0001"[:20]


@pytest.mark.ocpp("1.6", "3.9")
async def test_tokens_of_any_form_and_in_any_case(tmp_path: Path) -> None:
    """20 characters of any kind, of which nothing is presumed; a card that is written otherwise is the same card (1.6 7.28, CiString20Type)."""
    async with bench(tmp_path, text=CONFIG.replace('id = "TAG"', f'id = "{VIRTUAL}"')) as site:
        client = await site.station()
        for tag in (VIRTUAL, VIRTUAL.upper(), VIRTUAL.lower()):
            assert (await client.call("Authorize", {"idTag": tag}))[2]["idTagInfo"]["status"] == "Accepted"
        assert (await client.call("Authorize", {"idTag": VIRTUAL[:-1]}))[2]["idTagInfo"]["status"] == "Invalid"
        answer = await client.call("Authorize", {"idTag": VIRTUAL + "x"})
        assert (answer[0], answer[2].endswith("ConstraintViolation")) == (4, True)


@pytest.mark.ocpp("1.6", "4.6")
@pytest.mark.ocpp("2.0.1", "G02.FR.04")
@pytest.mark.ocpp("2.1", "G02.FR.04")
@pytest.mark.parametrize("version", ["ocpp1.6", "ocpp2.0.1", "ocpp2.1"])
async def test_a_station_is_there_as_long_as_it_says_anything(tmp_path: Path, version: str) -> None:
    async with bench(tmp_path) as site:
        client = await site.station(version)
        long_ago = datetime(2026, 1, 1, tzinfo=UTC)
        messages = {"Heartbeat": {}, "FirmwareStatusNotification": {"status": "Idle"}}
        for action, payload in messages.items():
            site.point("a").heard_at = long_ago
            answer = await client.call(action, payload)
            assert answer[0] == 3
            heard_at = site.point("a").heard_at
            assert heard_at is not None
            assert datetime.now(UTC) - heard_at < timedelta(seconds=30)
        told = (await client.call("Heartbeat", {}))[2]["currentTime"]
        assert abs(datetime.fromisoformat(told) - datetime.now(UTC)) < timedelta(seconds=30)


@pytest.mark.ocpp("2.1", "N11.FR.04", "N11.FR.05", "N11.FR.08", "N15.FR.03")
async def test_the_values_of_a_stream_are_known_by_its_monitor(tmp_path: Path) -> None:
    """A stream says only a number; the monitor behind it says what is measured, why it is told, and how grave it is."""
    async with bench(tmp_path) as site:
        client = await site.station("ocpp2.1")
        monitor = {"id": 9, "transaction": False, "value": 5.0, "type": "Periodic", "severity": 8, "eventNotificationType": "CustomMonitor"}
        of = {"component": {"name": "EVSE", "evse": {"id": 1}}, "variable": {"name": "Power"}, "variableMonitoring": [monitor]}
        constant = {"id": 3, "variableMonitoringId": 9, "params": {"interval": 5}}
        opened = await client.call("OpenPeriodicEventStream", {"constantStreamData": constant})
        assert opened[2] == {"status": "Rejected"}, "nobody has told of that monitor"
        report = {"requestId": 1, "seqNo": 0, "generatedAt": "2026-03-01T10:00:00Z", "monitor": [of]}
        await client.call("NotifyMonitoringReport", report)
        assert (await client.call("OpenPeriodicEventStream", {"constantStreamData": constant}))[2] == {"status": "Accepted"}
        values = {"id": 3, "pending": 0, "basetime": "2026-03-01T10:00:00Z", "data": [{"t": 0.5, "v": "230"}]}
        await client.send([6, "s1", "NotifyPeriodicEventStream", values])
        await client.call("Heartbeat", {})
        ((payload,),) = await site.rows("select payload from station_event where kind = 'Streamed'")
        for part in ('"name":"EVSE@1.Power"', '"severity":8', '"kind":"Periodic"', '"by":"CustomMonitor"', '"id":9'):
            assert part in payload

"""What stations tell is kept: the newest of each variable and monitor, a journal that does not grow without end, signed values of sessions."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chargebridge.site import ledger, station_book
from chargebridge.stations.events import DeviceReport, FirmwareStatus, Monitor, MonitoringReport, SecurityEvent, Streamed, Variable
from chargebridge.stations.port import Authorisation, SignedValue, TransactionEvent
from chargebridge.store import Database

T0 = datetime(2026, 3, 1, 10, tzinfo=UTC)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    found = Database.open(tmp_path / "site.db")
    yield found
    found.close()


async def keep(database: Database, event: Any, at: datetime = T0, station: str = "WB") -> None:
    await database.write(lambda c: station_book.keep(c, station, event, at))


async def test_the_device_model_is_what_was_told_last(database: Database) -> None:
    whole = Variable(name="SampledDataCtrlr.TxUpdatedInterval", value="30", readonly=False, unit="s", type="integer", minimum=1.0)
    await keep(database, DeviceReport(request=1, variables=(whole, Variable(name="EVSE@1.Power", attribute="MaxSet", value="22"))))
    await keep(database, DeviceReport(variables=(Variable(name="SampledDataCtrlr.TxUpdatedInterval", value="5"),)), T0 + timedelta(hours=1))
    found = await database.read(lambda c: station_book.variables(c, "WB"))
    assert [(v.name, v.attribute, v.value) for v in found] == [("EVSE@1.Power", "MaxSet", "22"), (whole.name, "Actual", "5")]
    assert (found[1].unit, found[1].minimum, found[1].readonly) == ("s", 1.0, False), "a single reading takes nothing away"
    assert await database.read(lambda c: station_book.variables(c, "other")) == []


async def test_monitors(database: Database) -> None:
    monitor = Monitor(id=3, name="EVSE@1.Power", kind="UpperThreshold", value=80.0, severity=4)
    for value in (80.0, 90.0):
        again = Monitor(id=3, name=monitor.name, kind=monitor.kind, value=value, severity=4)
        await keep(database, MonitoringReport(request=1, monitors=(again,), page=0, more=False, at=T0))
    assert [m.value for m in await database.read(lambda c: station_book.monitors(c, "WB"))] == [90.0]


async def test_the_journal_goes_by_age_and_number(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(station_book, "MANY_KEPT", 3)
    stream = Streamed(stream=1, since=T0, values=((0.0, "1"),))
    await keep(database, SecurityEvent(kind="FirmwareUpdated", at=T0), T0 - timedelta(days=400))
    await keep(database, stream, T0 - timedelta(days=8))
    for number in range(5):
        await keep(database, FirmwareStatus(status="Downloading", request=number))
    await keep(database, stream)
    await keep(database, FirmwareStatus(status="Installed"), station="other")
    await database.write(lambda c: station_book.forget(c, T0, 7 * 86_400.0))
    kept = await database.read(lambda c: station_book.events(c, "WB"))
    assert [e.event for e in kept] == [
        stream,
        FirmwareStatus(status="Downloading", request=4),
        FirmwareStatus(status="Downloading", request=3),
    ]
    assert len(await database.read(lambda c: station_book.events(c, None, "FirmwareStatus"))) == 3


async def test_signed_values_are_kept_byte_for_byte_and_once(database: Database) -> None:
    data = 'OCMF|{"FV":"1.0","RD":[{"RV":1.50}]}|{"SA":"ECDSA-secp256r1-SHA256","SD":"30\\u00e9"}  '
    signed = SignedValue(at=T0, data=data, context="Transaction.Begin", method="", public_key="oca:base16:asn1:30")
    event = TransactionEvent(station="WB", evse=1, transaction="tx", occurred_at=T0, replay_key="a", signed=(signed,))
    for _ in range(2):
        await database.write(lambda c: ledger.updated(c, event, "point", Authorisation.ACCEPTED, T0))
    session = (await database.read(lambda c: ledger.sessions(c, None, 1)))[0]
    assert await database.read(lambda c: station_book.signed(c, session.id)) == [signed]

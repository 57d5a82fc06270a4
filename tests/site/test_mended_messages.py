"""What a tolerance profile has brought into line stands in the message log as it came, with what was done to it, and is counted."""

from pathlib import Path

from chargebridge.sim.world.clock import WallClock
from chargebridge.site.operation.message_log import MessageLog
from chargebridge.site.operation.view import MessageFilter
from chargebridge.store import Database
from chargebridge.wire.ocpp import V16, Connection
from chargebridge.wire.ocpp.tolerance import named


async def test_mended_messages_are_kept_as_they_came(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "site.db")
    log = MessageLog(database, WallClock(), keep_days=1, keep_bytes=1_000_000)
    watch, connection = log.watch("CP-1", "ocpp1.6"), Connection(V16, tolerance=named("loose"))
    frame = '[2,"7","MeterValues",{"connectorId":"1","meterValue":[],"extra":1}]'
    watch.received(frame, connection.receive(frame))
    await log.flush()
    (message,) = await log.messages(MessageFilter(station="CP-1", faulty=True), 10)
    assert (message.kind, message.action) == ("call", "MeterValues")
    assert message.payload == {"connectorId": "1", "meterValue": [], "extra": 1}
    assert message.fault is not None
    assert message.fault.reason == "brought into line: number_as_text, unknown_field"
    assert log.mended == {"CP-1": {"number_as_text": 1, "unknown_field": 1}}
    assert log.faulty == {}
    database.close()

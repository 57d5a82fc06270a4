"""Missing events of a transaction are noticed, asked for and waited for (2.x E14, E04)."""

from typing import Any

import pytest
from ocpp_kit import RawStation, connect, until

from chargebridge.stations.events import TransactionGap
from chargebridge.stations.ocpp.gaps import Sequence


@pytest.mark.parametrize(
    ("numbers", "missing"),
    [
        ((1, 2, 3), ()),
        ((1, 4), ("2-3",)),
        ((4, 2), ("1", "3")),
        ((4, 2, 3, 1), ()),
        ((0, 0, 0), ()),
        ((3, 3, 7), ("1-2", "4-6")),
        ((2_000_000_000,), ()),
    ],
)
def test_which_are_missing(numbers: tuple[int, ...], missing: tuple[str, ...]) -> None:
    sequence = Sequence(0)
    for number in numbers:
        sequence.heard(number)
    assert sequence.ranges == missing


def event(kind: str, number: int) -> dict[str, Any]:
    told = {"eventType": kind, "timestamp": f"2026-03-01T10:00:{number:02}Z", "triggerReason": "MeterValuePeriodic", "seqNo": number}
    return told | {"transactionInfo": {"transactionId": "tx"}, "evse": {"id": 1}, "offline": True}


def gaps(bench: Any) -> list[TransactionGap]:
    return [told for told in bench.sink.told_events if isinstance(told, TransactionGap)]


def questions(station: RawStation) -> list[Any]:
    return [frame for frame in station.asked if frame[2] == "GetTransactionStatus"]


async def test_a_queue_is_waited_for(bench: Any, second: str) -> None:
    station = await connect(bench.port, version=second)
    station.says = {"GetTransactionStatus": {"messagesInQueue": True, "ongoingIndicator": True}}
    await station.boot()
    for kind, number in (("Started", 0), ("Updated", 1), ("Updated", 4)):
        await station.call("TransactionEvent", event(kind, number))
    assert await until(lambda: gaps(bench), 10.0)
    assert questions(station)[0][3] == {"transactionId": "tx"}
    assert gaps(bench) == [TransactionGap(transaction="tx", missing=("2-3",), queued=True, ongoing=True)]
    for number in (2, 3):
        await station.call("TransactionEvent", event("Updated", number))
    assert await until(lambda: len(gaps(bench)) == 2, 10.0)
    assert gaps(bench)[1] == TransactionGap(transaction="tx", missing=(), filled=True)
    await station.close()


async def test_what_is_lost_is_told(bench: Any, second: str) -> None:
    station = await connect(bench.port, version=second)
    station.says = {"GetTransactionStatus": {"messagesInQueue": False, "ongoingIndicator": False}}
    await station.boot()
    for kind, number in (("Started", 0), ("Ended", 3)):
        await station.call("TransactionEvent", event(kind, number))
    assert await until(lambda: gaps(bench), 10.0)
    assert gaps(bench) == [TransactionGap(transaction="tx", missing=("1-2",), queued=False, ongoing=False)]
    await station.close()


async def test_events_that_only_overtake_each_other_are_no_gap(bench: Any, second: str) -> None:
    station = await connect(bench.port, version=second)
    await station.boot()
    for kind, number in (("Started", 0), ("Updated", 2), ("Updated", 1), ("Ended", 3)):
        await station.call("TransactionEvent", event(kind, number))
    await bench.clock.sleep(8.0)
    assert questions(station) == []
    assert gaps(bench) == []
    await station.close()


async def test_of_a_transaction_that_began_before_us_nothing_is_missing(bench: Any, second: str) -> None:
    station = await connect(bench.port, version=second)
    await station.boot()
    for number in (17, 18):
        await station.call("TransactionEvent", event("Updated", number))
    await bench.clock.sleep(8.0)
    assert questions(station) == []
    await station.close()

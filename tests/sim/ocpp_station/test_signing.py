"""The virtual station's meters sign for real, and send it as real stations do; and what they do wrong when they are told to."""

import base64
import json
from typing import Any

import pytest
from station_kit import Bench, charge, request_of, station_at, until

from chargebridge.calibration.session import judge
from chargebridge.calibration.verdict import Code, Verdict
from chargebridge.sim.ocpp_station import Faults, SigningPlan
from chargebridge.sim.ocpp_station.signing import SigningMeter, keys_of
from chargebridge.stations.ocpp.measurements import signed_16, signed_201
from chargebridge.stations.port import SignedValue
from chargebridge.wire.signed import formats
from chargebridge.wire.signed.envelope import key_from, unwrap
from chargebridge.wire.signed.record import SignedRecord

EVSES = ("DE*ABC*E1", "DE*ABC*E2")
PEM = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIIlBsNVPzz7FhM8JfFYdVVo5nMUQdXRzlDqpLJ1Wxyzr\n-----END PRIVATE KEY-----\n"


def sent(bench: Bench) -> list[SignedValue]:
    """All signed values that came, in the order in which they came."""
    found: list[SignedValue] = []
    for action, request in bench.csms.seen:
        if action in ("MeterValues", "StopTransaction") and bench.csms.dialect.name == "ocpp1.6":
            found += signed_16((request.meter_value if action == "MeterValues" else request.transaction_data) or ())
        elif action == "TransactionEvent":
            found += signed_201(request.meter_value or ())
    return found


def records(bench: Bench) -> list[SignedRecord]:
    """Each once: the begin may come at the start and once more at the end."""
    found = [record for value in sent(bench) for record in formats.read(unwrap(value.data).data)]
    return list({record.raw: record for record in found}.values())


def verdict(bench: Bench, made: list[SignedRecord]) -> Verdict:
    return judge(made, bench.station.signing.meters[1].public_key)


async def session(bench: Bench, energy_wh: int = 2500) -> None:
    await charge(bench)
    bench.cars.energy_wh += energy_wh
    bench.station.unplug(1)
    assert await until(lambda: not len(bench.station.uplink.outbox))


def plan(**more: Any) -> SigningPlan:
    return SigningPlan(seed="a seed", evse_ids=EVSES, **more)


@pytest.mark.parametrize("kept", ["one", "two"])
async def test_a_session_is_signed(version: str, kept: str) -> None:
    async with station_at(version, signing=plan(records=kept)) as bench:
        await session(bench)
        made = records(bench)
        assert len(made) == (1 if kept == "one" else 2)
        found = verdict(bench, made)
        assert found.energy_billable
        assert found.time_billable
        assert found.energy_wh == 2500
        assert {(record.point, record.customer, record.meter) for record in made} == {("DE*ABC*E1", "TAG", "CP-1-M1")}
        contexts = [value.context for value in sent(bench)]
        assert contexts == (["Transaction.End"] if kept == "one" else ["Transaction.Begin", "Transaction.Begin", "Transaction.End"])


@pytest.mark.parametrize("carried", ["oca", "benergised", "plain"])
async def test_1_6_carries_it_as_its_make_does(carried: str) -> None:
    async with station_at("ocpp1.6", signing=plan(carried=carried)) as bench:
        await session(bench)
        data = sent(bench)[0].data
        assert data.startswith("OCMF|") is (carried == "plain")
        if carried != "plain":
            assert ("signedMeterData" if carried == "oca" else "signedMeterValue") in json.loads(data)
            assert key_from(unwrap(data).public_key).same(bench.station.signing.meters[1].public_key)
        assert verdict(bench, records(bench)).energy_billable


async def test_2_x_carries_it_in_base64_and_the_key_as_often_as_it_is_set(second: str) -> None:
    async with station_at(second, signing=plan(records="two")) as bench:
        key = "OCPPCommCtrlr.PublicKeyWithSignedMeterValue"
        for often, told in (("OncePerTransaction", [True, False, False]), ("EveryMeterValue", [True] * 3), ("Never", [False] * 3)):
            assert bench.station.voice.variables.write(key, often) == "Accepted"
            bench.csms.seen.clear()
            await session(bench)
            values = sent(bench)
            assert [value.public_key is not None for value in values] == told
            assert all(base64.b64decode(value.data, validate=True).startswith(b"OCMF|") for value in values)
            assert {value.encoding for value in values} == {"OCMF"}
        assert bench.station.voice.variables.write(key, "Sometimes") == "Rejected"


async def test_who_does_not_want_it_signed_gets_it_without(version: str) -> None:
    async with station_at(version, signing=plan(records="two")) as bench:
        first = version == "ocpp1.6"
        name = "SampledDataSignStartedReadings" if first else "SampledDataCtrlr.SignStartedReadings"
        assert bench.station.voice.variables.write(name, "false") == "Accepted"
        await session(bench)
        assert [value.context for value in sent(bench)] == ["Transaction.Begin", "Transaction.End"], "both with the end alone"
        assert verdict(bench, records(bench)).energy_billable
        bench.csms.seen.clear()
        name = "SampledDataSignReadings" if first else "SampledDataCtrlr.SignReadings"
        assert bench.station.voice.variables.write(name, "false") == "Accepted"
        await session(bench)
        assert sent(bench) == []


async def test_pages_go_on_over_a_reboot(version: str) -> None:
    async with station_at(version, signing=plan()) as bench:
        await session(bench)
        await bench.csms.ask(request_of(version, "Reset", {"type": "Hard"} if version == "ocpp1.6" else {"type": "Immediate"}))
        assert await until(lambda: bench.station.uplink.connections == 2 and bench.station.online)
        await session(bench)
        assert [record.page for record in records(bench)] == [1, 2]


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("wrongly", Code.SIGNATURE_WRONG),
        ("other_key", Code.SIGNATURE_WRONG),
        ("changed", Code.SIGNATURE_WRONG),
        ("page_again", Code.PAGE_FALLS),
        ("no_end", Code.NO_END),
    ],
)
async def test_a_fault_is_found(fault: Any, code: Code) -> None:
    async with station_at("ocpp2.0.1", signing=plan(records="two"), faults=Faults(signs=fault)) as bench:
        await session(bench)
        found = verdict(bench, records(bench))
        assert code in {one.code for one in found.findings if one.fatal}
        assert not found.energy_billable


async def test_it_comes_late_or_twice(version: str) -> None:
    last = "StopTransaction" if version == "ocpp1.6" else "TransactionEvent"
    async with station_at(version, signing=plan(), faults=Faults(signs="late")) as bench:
        await session(bench)
        assert sent(bench) == []
        ended = next(place for place, (action, request) in enumerate(bench.csms.seen) if action == last and _ends(request))
        assert await until(lambda: len(sent(bench)) == 1)
        assert len(bench.csms.seen) > ended + 1
        assert verdict(bench, records(bench)).energy_billable
    async with station_at(version, signing=plan(), faults=Faults(signs="twice")) as bench:
        await session(bench)
        assert len(sent(bench)) == 2
        assert verdict(bench, records(bench)).energy_billable


def _ends(request: Any) -> bool:
    return getattr(request, "event_type", "Ended") == "Ended"


async def test_keys_come_from_the_seed_and_the_place() -> None:
    async with station_at("ocpp1.6", signing=plan()) as bench:
        told = keys_of(bench.station)
        assert [(key.station, key.evse, key.meter) for key in told] == [("CP-1", 1, "CP-1-M1"), ("CP-1", 2, "CP-1-M2")]
        assert len({key.public_key for key in told}) == 2
    again = SigningMeter(plan(), "CP-1", 1, Faults())
    assert again.public_key.spki().hex() == told[0].public_key
    with pytest.raises(ValueError, match="P-256"):
        SigningMeter(SigningPlan(key=PEM), "CP-1", 1, Faults())

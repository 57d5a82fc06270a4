"""Chain 2 messages: real captures, what our own gateway sends, and everything else that a stream may hold."""

import json
import os
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chargebridge.sim.telegrams import chain2
from chargebridge.sim.telegrams.values import measured
from chargebridge.wire.chain2 import Chain2Decoder, CutOff, cut_off_of
from chargebridge.wire.chain2.fields import FIELDS
from chargebridge.wire.chain2.frames import MAX_SIZE
from chargebridge.wire.meter import AutoDecoder, ClockOrigin, DecodeError, ErrorKind, Protocol, Telegram, detect

VECTORS = Path(os.environ.get("CHARGEBRIDGE_VECTORS", Path(__file__).parents[4] / "shared" / "vectors")) / "meters" / "chain2"
CAPTURES = sorted(path for path in VECTORS.glob("*.expected.json") if "sinapsi" not in path.name)
AT = datetime(2026, 1, 5, 12, 0, 1, tzinfo=UTC)
VALUES = measured(
    at=AT, meter_id="x", power_w_phases=(3512.0, 0.0, 0.0), voltage_v=(230.0,) * 3, energy_import_wh=592161, energy_export_wh=7
)
SAMPLES = [
    chain2.quarter(VALUES),
    chain2.quarter(VALUES, prosumer=True),
    chain2.moved(VALUES, 3),
    chain2.moved(VALUES, 4, prosumer=True),
    chain2.warning(VALUES, 5, 3300, 120),
    chain2.contract(AT, 6),
]


def run(data: bytes, size: int = 4096) -> list[Telegram | DecodeError]:
    decoder = Chain2Decoder()
    events = [event for at in range(0, len(data), size) for event in decoder.feed(data[at : at + size])]
    return events + decoder.close()


def one(data: bytes) -> Telegram:
    (telegram,) = run(data)
    assert isinstance(telegram, Telegram)
    return telegram


@pytest.mark.parametrize("expected", CAPTURES or [pytest.param(None, marks=pytest.mark.skip(reason=f"no captures in {VECTORS}"))],
                         ids=lambda path: getattr(path, "stem", "none"))  # fmt: skip
def test_captures(expected: Path):
    told = json.loads(expected.read_text())
    data = (VECTORS / told["file"]).read_bytes()
    telegram = one(data)
    payload = json.loads(data)["Chain2Data"]["Payload"]
    assert telegram.protocol is Protocol.CHAIN2 is detect(data)
    assert telegram.profile == told["type"].lower()
    if "measure_time" in told:
        assert telegram.clock == datetime.fromtimestamp(told["measure_time"], UTC)
    assert telegram.clock_origin is ClockOrigin.TELEGRAM
    assert payload.items() >= told.get("fields", {}).items()
    assert {name.partition("=")[0] for name in telegram.unparsed} <= {"PrepaidCredit", "DayType", "ClosingCode"}
    for name, value in payload.items():
        field = FIELDS.get(name.lower())
        if field is not None:
            register = telegram.registers[field[0]]
            assert register.value == value
            assert register.unit == field[1]


def test_a_real_month_adds_up():
    """The figures of real_cf10, whose meaning is known: three tariffs of January and its highest quarter hour."""
    told = b'{"Chain2Data":{"Id":"c2g","Ts":"","Meter":"M1","Type":"CF10","Payload":{"MonthlyTotalActEnergyF1":202102,\
"MonthlyMaxQuartAveragePower":2660,"MonthlyMaxQuartAveragePowerDateTime":"16/01/2022 12:00:00 [7]"}}}'
    registers = one(told).registers
    assert registers["0-0:94.39.101"].value == Decimal(202102)
    assert registers["0-0:94.39.100"].value == 2660.0
    assert registers["0-0:94.39.107"].value == "16/01/2022 12:00:00 [7]"


def test_contract():
    telegram = one(SAMPLES[5])
    assert telegram.meter_id == "21E4E5KA000000001"
    assert telegram.registers["0-0:17.0.0"].value == 3300.0
    assert telegram.registers["0-0:96.1.10"].value == "IT001E00000000"
    assert "0-0:94.39.25" not in telegram.registers, "255/255/65535 [255] is no date"
    assert "Vendor=Non Disponibile" in telegram.unparsed


def test_the_warning_is_an_event():
    assert cut_off_of(one(SAMPLES[4])) == CutOff(seconds=120, at=AT, power_w=3512.0, available_w=3300.0)
    assert cut_off_of(one(SAMPLES[2])) is None


def test_unknown_frames_are_kept_as_they_came():
    telegram = one(chain2.message("CF77", AT, {"InstantPower": 5, "New": "thing"}))
    assert telegram.registers == {}
    assert telegram.profile == "cf77"
    assert telegram.unparsed == ("InstantPower=5", "New=thing")


def test_what_the_gateway_says_of_itself_is_no_telegram():
    assert run(chain2.info() + b'{"Chain2State":{"x":{"y":1}}}' + SAMPLES[0])[-1].registers
    assert len(run(chain2.info())) == 0


@pytest.mark.parametrize("payload", [{"InstantPower": "much"}, {"InstantPower": True}, {"TotalActEnergy": 1.5}, {"TotalActEnergy": -1},
                                     {"InstantPower": None}, {"POD": 3}, {"InstantPower": 1e300}])  # fmt: skip
def test_values_that_cannot_be_cost_the_frame(payload):
    (event,) = run(chain2.message("CF1", AT, payload))
    assert isinstance(event, DecodeError)
    assert event.kind is ErrorKind.CONTENT
    assert next(iter(payload)) in event.reason


figures = st.builds(
    measured,
    at=st.integers(1_600_000_000, 4_000_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
    meter_id=st.just("x"),
    power_w_phases=st.tuples(*[st.integers(-20000, 20000).map(float)] * 3),
    voltage_v=st.just((230.0, 230.0, 230.0)),
    energy_import_wh=st.integers(0, 10**9),
    energy_export_wh=st.integers(0, 10**9),
)


@given(
    values=figures, counter=st.integers(0, 65535), size=st.integers(1, 300), available=st.integers(0, 10**6), seconds=st.integers(0, 600)
)
def test_what_is_sent_comes_back(values, counter, size, available, seconds):
    stream = chain2.quarter(values, prosumer=True) + chain2.moved(values, counter, prosumer=True)
    stream += chain2.warning(values, counter, available, seconds)
    quarter, moved, warning = run(stream, size)
    assert quarter.clock == moved.clock == warning.clock == values.at
    for telegram in (quarter, moved):
        assert telegram.registers["1-0:1.7.0"].value == values.power_import_w
        assert telegram.registers["1-0:2.7.0"].value == values.power_export_w
    assert quarter.registers["1-0:1.8.0"].value == Decimal(values.energy_import_wh)
    assert quarter.registers["1-0:2.8.0"].value == Decimal(values.energy_export_wh)
    assert moved.registers["0-0:96.15.0"].value == counter
    assert cut_off_of(warning) == CutOff(seconds=seconds, at=values.at, power_w=values.power_import_w, available_w=float(available))


MARKS = [b"{", b"}", b'"', b'{"', b'{"Chain2Data"', b'{"Chain2Data":', b'{"Chain2Info":{', b"\\", b'\\"', b'"Payload":{', b"\n"]
garbage = st.lists(st.one_of(st.binary(max_size=60), st.sampled_from(MARKS)), max_size=12).map(b"".join)


@given(data=garbage, size=st.integers(1, 50))
def test_random_bytes_give_events_only(data, size):
    for event in run(data, size):
        assert isinstance(event, Telegram | DecodeError)
        if isinstance(event, DecodeError):
            assert 0 <= event.offset <= len(data)
            assert event.reason
            assert event.cure


@given(data=garbage, pick=st.sampled_from(SAMPLES), size=st.integers(1, 500))
def test_a_good_message_after_garbage_is_read(data, pick, size):
    found = [event for event in run(data + pick, size) if isinstance(event, Telegram)]
    assert found[-1].registers == one(pick).registers
    assert data + pick == (data + pick)[: found[-1].offset] + pick


@given(cut=st.data(), pick=st.sampled_from(SAMPLES), size=st.integers(1, 200))
def test_a_message_cut_anywhere_costs_itself_only(cut, pick, size):
    at = cut.draw(st.integers(1, len(pick) - 1))
    found = [event for event in run(pick[:at] + pick, size) if isinstance(event, Telegram)]
    assert [event.registers for event in found] == [one(pick).registers]


@given(at=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_a_flipped_bit_costs_no_neighbour(at, bit):
    stream = bytearray(b"".join(SAMPLES))
    at %= len(stream)
    stream[at] ^= 1 << bit
    hit = next(n for n in range(len(SAMPLES)) if at < sum(map(len, SAMPLES[: n + 1])))
    found = [event for event in run(bytes(stream)) if isinstance(event, Telegram)]
    wanted = [one(sample).registers for sample in SAMPLES]
    told = [event.registers for event in found]
    assert told[:hit] == wanted[:hit]
    assert told[len(told) - (len(SAMPLES) - hit - 1) :] == wanted[hit + 1 :]


@settings(deadline=None)
@given(junk=st.binary(min_size=1, max_size=30), start=st.sampled_from([b"", *MARKS]))
def test_little_is_held_whatever_comes(junk, start):
    decoder = Chain2Decoder()
    stream = (start + junk) * (60_000 // len(start + junk))
    for at in range(0, len(stream), 1000):
        events = decoder.feed(stream[at : at + 1000])
        assert decoder.pending <= MAX_SIZE
        assert len(events) <= 2 + 1000 // 8


@pytest.mark.parametrize("size", [50_000, 1000, 64])
def test_an_oversized_message_is_refused(size):
    huge = b'{"Chain2Data":{"Id":"' + b"x" * 2 * MAX_SIZE + b'"}}'
    events = run(huge + SAMPLES[0], size)
    assert events[0].kind is ErrorKind.OVERSIZE
    assert [event.registers for event in events if isinstance(event, Telegram)] == [one(SAMPLES[0]).registers]
    assert len(events) < 6


def test_the_language_is_found_out():
    decoder = AutoDecoder()
    (telegram,) = decoder.feed(b"\n" + SAMPLES[0])
    assert telegram.registers["1-0:1.7.0"].value == 3512.0
    assert decoder.protocol is Protocol.CHAIN2

"""The maps that come along are sound; batches are few and within the meter's limits; what a meter sends comes back as it was."""

import math
from decimal import Decimal
from importlib import resources
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebridge.meters.map_file import names, parse
from chargebridge.wire.meter.quantity_rules import MapError
from chargebridge.wire.modbus import Entry, Kind, RegisterMap, batches, check, encode, split, values

PACKAGE = "chargebridge.meters.modbus"


def built_in(name: str) -> RegisterMap:
    return parse(resources.files(PACKAGE).joinpath("maps", f"{name}.toml").read_text("utf-8"), name, RegisterMap, check)


MAPS = {name: built_in(name) for name in names(PACKAGE)}
each = pytest.mark.parametrize("name", MAPS)


def test_the_common_meters_are_there():
    assert {"eastron-sdm630", "carlo-gavazzi-em24", "abb-b23", "siemens-pac2200", "janitza-umg", "sinapsi-alfa", "e-redes-3"} <= set(MAPS)


@each
def test_a_map_tells_power_and_where_it_is_from(name):
    chosen = MAPS[name]
    codes = {entry.code for entry in chosen.registers}
    assert codes & {"1-0:16.7.0", "1-0:1.7.0"}
    assert {"1-0:1.8.0", "1-0:2.8.0"} <= codes
    assert len(chosen.source) > 20


@each
def test_requests_fetch_everything_once_and_are_few(name):
    chosen = MAPS[name]
    made = batches(chosen)
    assert [entry for batch in made for entry in batch.entries] == sorted(chosen.registers, key=lambda entry: entry.at)
    assert all(batch.count <= chosen.most for batch in made)
    assert len(made) <= 7
    assert all(one.at + one.count <= other.at for one, other in pairwise(made))


def test_what_is_refused_is_asked_in_smaller_pieces():
    chosen = MAPS["eastron-sdm630"]
    (whole,) = batches(chosen)
    assert (whole.at, whole.count) == (0, 76)
    dense = split(chosen, whole)
    assert [(batch.at, batch.count) for batch in dense] == [(0, 18), (52, 2), (70, 6)]
    alone = split(chosen, dense[0])
    assert [batch.count for batch in alone] == [2] * 9
    assert split(chosen, alone[0]) == []


@pytest.mark.parametrize(("kind", "words", "registers", "raw"), [
    (Kind.INT16, "high-first", [0xFFFE], -2),
    (Kind.UINT16, "high-first", [0xFFFE], 65534),
    (Kind.INT32, "high-first", [0xFFFF, 0xFFFE], -2),
    (Kind.INT32, "low-first", [0xFFFE, 0xFFFF], -2),
    (Kind.UINT32, "high-first", [188, 24910], 12345678),
    (Kind.UINT64, "low-first", [4, 3, 2, 1], 0x0001_0002_0003_0004),
    (Kind.FLOAT32, "high-first", [0x4366, 0x3333], 230.2),
    (Kind.FLOAT32, "low-first", [0x3333, 0x4366], 230.2),
    (Kind.FLOAT64, "high-first", [0x406C, 0xC666, 0x6666, 0x6666], 230.2),
])  # fmt: skip
def test_types_and_word_orders(kind, words, registers, raw):
    chosen = RegisterMap("t", "s", (Entry(7, kind, "1-0:32.7.0", "V"),), words=words)
    (batch,) = batches(chosen)
    assert (batch.at, batch.count) == (7, kind.size)
    assert values(chosen, batch, registers)["1-0:32.7.0"].value == pytest.approx(raw, rel=1e-7)
    assert encode(chosen, batch, {"1-0:32.7.0": raw}) == registers


def test_energy_is_exact_and_current_has_no_dust():
    chosen = RegisterMap("t", "s", (
        Entry(0, Kind.FLOAT32, "1-0:1.8.0", "Wh", 1000),
        Entry(2, Kind.UINT32, "1-0:31.7.0", "A", 0.01),
        Entry(4, Kind.UINT64, "1-0:2.8.0", "Wh", 10),
    ))  # fmt: skip
    (batch,) = batches(chosen)
    found = values(chosen, batch, encode(chosen, batch, {"1-0:1.8.0": 1234.567, "1-0:31.7.0": 230, "1-0:2.8.0": 2**60 + 1}))
    assert found["1-0:1.8.0"].value == Decimal("1234567")
    assert found["1-0:31.7.0"].value == 2.3
    assert found["1-0:2.8.0"].value == Decimal(2**60 + 1) * 10


@pytest.mark.parametrize(("kind", "raw"), [
    (Kind.FLOAT32, math.nan), (Kind.FLOAT32, math.inf), (Kind.FLOAT64, -math.inf),
    (Kind.UINT16, 0xFFFF), (Kind.INT16, 0x7FFF), (Kind.INT16, -0x8000), (Kind.INT32, 0x7FFF_FFFF), (Kind.UINT64, 2**64 - 1),
])  # fmt: skip
def test_what_is_not_measured_is_absent_not_zero(kind, raw):
    chosen = RegisterMap("t", "s", (Entry(0, kind, "1-0:32.7.0", "V"), Entry(9, Kind.UINT16, "1-0:14.7.0", "Hz", 0.1)), invalid=True, gap=9)
    (batch,) = batches(chosen)
    found = values(chosen, batch, encode(chosen, batch, {"1-0:32.7.0": raw, "1-0:14.7.0": 500}))
    assert {code: register.value for code, register in found.items()} == {"1-0:14.7.0": 50.0}


@each
@given(data=st.data())
def test_what_a_meter_sends_comes_back(name, data):
    chosen = MAPS[name]
    for batch in batches(chosen):
        raw: dict[str, int | float] = {}
        for entry in batch.entries:
            if entry.type.value.startswith("float"):
                raw[entry.code] = data.draw(st.floats(-1e6, 1e6, width=32 if entry.type is Kind.FLOAT32 else 64))
            else:
                bits = 16 * entry.type.size
                low = 0 if entry.type.value.startswith("u") else -(2 ** (bits - 1)) + 1
                high = 2 ** (bits - (entry.type.value[0] != "u")) - 3
                raw[entry.code] = data.draw(st.integers(low, high))
        registers = encode(chosen, batch, raw)
        found = values(chosen, batch, registers)
        for entry in batch.entries:
            if raw[entry.code] in entry.missing:
                assert entry.code not in found
            else:
                assert found[entry.code].raw == raw[entry.code]
                assert float(found[entry.code].value) == pytest.approx(float(raw[entry.code]) * entry.scale, rel=1e-6, abs=1e-12)


@each
@given(data=st.data())
def test_no_registers_whatsoever_do_harm(name, data):
    chosen = MAPS[name]
    for batch in batches(chosen):
        registers = data.draw(st.lists(st.integers(0, 0xFFFF), min_size=batch.words, max_size=batch.words))
        for register in values(chosen, batch, registers).values():
            assert math.isfinite(float(register.value))
        with pytest.raises(ValueError, match="registers instead of"):
            values(chosen, batch, registers[1:])


GOOD = Entry(0, Kind.UINT16, "1-0:32.7.0", "V")


@pytest.mark.parametrize(("entry", "reason", "cure"), [
    (Entry(5, Kind.UINT16, "power", "W"), "no OBIS code", "1-0:16.7.0"),
    (Entry(5, Kind.UINT16, "1-0:16.7.0*255", "W"), "no OBIS code", "1-0:16.7.0"),
    (Entry(5, Kind.UINT16, "1-0:16.7.0", "kW"), "unit 'kW' is unknown", "scale = 1000"),
    (Entry(5, Kind.UINT16, "1-0:16.7.0", "watt"), "unit 'watt' is unknown", "W"),
    (Entry(5, Kind.UINT16, "1-0:16.7.0", "A"), "no quantity in A", "unit = 'W'"),
    (Entry(5, Kind.UINT16, "1-0:16.7.0", "W", 0.0), "scale 0.0 cannot be", "0.1"),
    (Entry(5, Kind.UINT16, "1-0:16.7.0", "W", math.nan), "scale nan cannot be", "0.1"),
    (Entry(5, Kind.UINT16, "1-0:32.7.0", "V"), "already entry 1", "keep one"),
    (Entry(0, Kind.UINT16, "1-0:16.7.0", "W"), "lies inside", "manual"),
])  # fmt: skip
def test_entries_that_cannot_be_are_told_with_their_cure(entry, reason, cure):
    with pytest.raises(MapError) as caught:
        check(RegisterMap("t", "s", (GOOD, entry)))
    assert reason in caught.value.reason
    assert cure in caught.value.cure
    assert caught.value.index == 1


def test_a_map_survives_its_own_form():
    for chosen in MAPS.values():
        assert msgspec.convert(msgspec.to_builtins(chosen), RegisterMap) == chosen

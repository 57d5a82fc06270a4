"""Values to registers and back, and what damaged or foreign registers may do."""

import math
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebridge.wire.sunspec import (
    AC_CONTROLS,
    AC_MEASUREMENT,
    CAPACITY,
    COMMON,
    STORAGE,
    Block,
    Kind,
    Model,
    Span,
    SunSpecError,
    Write,
    factor_for,
    points_in,
    step_of,
)

MODELS = (COMMON, AC_MEASUREMENT, CAPACITY, AC_CONTROLS, STORAGE)


def block(model: Model, address: int = 40100) -> Block:
    return Block(model, address, model.length)


def decoded(model: Model, registers: list[int]) -> dict:
    return block(model, 0).values(Span(0, len(registers)), registers)


@pytest.mark.parametrize(("model", "length"), list(zip(MODELS, (66, 153, 50, 65, 7), strict=True)))
def test_lengths_are_those_of_the_standard(model: Model, length: int):
    assert model.length == length


@pytest.mark.parametrize(
    ("model", "name", "offset"),
    [(AC_MEASUREMENT, "W", 10), (AC_MEASUREMENT, "W_SF", 116), (AC_CONTROLS, "WSetEna", 22), (AC_CONTROLS, "WSet", 24),
     (AC_CONTROLS, "WSetRvrtTms", 31), (AC_CONTROLS, "WSet_SF", 55), (STORAGE, "SoC", 4), (CAPACITY, "WChaRteMaxRtg", 10)],
)  # fmt: skip
def test_offsets_are_those_of_the_standard(model: Model, name: str, offset: int):
    assert model.point(name).offset == offset


def test_a_storage_block_as_a_device_sends_it():
    values = decoded(STORAGE, [713, 7, 1350, 675, 500, 0xFFFF, 0, 1, 0xFFFF & -1])
    assert values == {"WHRtg": 13500.0, "WHAvail": 6750.0, "SoC": 50.0, "SoH": None, "Sta": 0, "WH_SF": 1, "Pct_SF": -1}


def test_absorbed_power_is_negative():
    registers = AC_MEASUREMENT.encode({"ACType": 2, "W": -4321.0, "W_SF": 0})
    assert decoded(AC_MEASUREMENT, registers)["W"] == -4321.0
    assert registers[10] == 0x10000 - 4321


def test_what_is_not_given_is_not_implemented():
    assert set(decoded(AC_CONTROLS, AC_CONTROLS.encode({})).values()) == {None}
    assert AC_MEASUREMENT.encode({})[10:13] == [0x8000, 0x8000, 0x8000]
    assert AC_CONTROLS.encode({})[31:33] == [0xFFFF, 0xFFFF]


def test_texts():
    registers = COMMON.encode({"Mn": "Ümlaut", "Md": "x" * 32, "SN": "1"})
    values = decoded(COMMON, registers)
    assert (values["Mn"], values["Md"], values["Vr"]) == ("Ümlaut", "x" * 32, None)
    with pytest.raises(SunSpecError, match="33 bytes of text"):
        COMMON.encode({"Mn": "x" * 33})


def test_span_takes_in_the_scale_factors():
    assert block(AC_MEASUREMENT).span("W") == Span(40110, 107)
    assert block(STORAGE).span("SoC", "WHRtg") == Span(40102, 7)


def test_a_span_too_long_for_one_request_is_refused():
    with pytest.raises(SunSpecError, match="at most 125"):
        block(AC_MEASUREMENT).span("ACType", "MnAlrmInfo")


def test_an_older_and_shorter_model_lacks_its_last_points():
    short = Block(STORAGE, 40100, 5)
    assert short.span("WHRtg", "Pct_SF") == Span(40102, 1)
    assert short.values(Span(40100, 7), [713, 5, 1350, 675, 500, 1000, 0]) == {"Sta": 0}


def test_points_at_the_edge_of_a_span_are_left_out_unless_whole():
    registers = AC_CONTROLS.encode({"WSet": 70_000.0, "WSetEna": 1, "WSet_SF": 0})
    assert block(AC_CONTROLS).values(Span(40122, 3), registers[22:25], factors={"WSet_SF": 0}) == {"WSetEna": 1, "WSetMod": None}
    assert block(AC_CONTROLS).values(Span(40124, 2), registers[24:26], factors={"WSet_SF": 0}) == {"WSet": 70_000.0}
    assert block(AC_CONTROLS).values(Span(40124, 2), registers[24:26]) == {}


def test_neighbouring_points_are_written_in_one_piece():
    writes = block(AC_CONTROLS).writes({"WSetRvrtTms": 60, "WSet": -1500.0, "WSetMod": 1, "WSetRvrt": 0.0}, {"WSet_SF": 1})
    assert writes == [Write(40123, (1, 0xFFFF, 0x10000 - 150, 0, 0)), Write(40131, (0, 60))]


@pytest.mark.parametrize(
    ("values", "factors", "match"),
    [
        ({"WSetRvrtRem": 1}, {}, "cannot be written"),
        ({"WSet": 1.0}, {}, "no scale factor"),
        ({"WSet": math.nan}, {"WSet_SF": 0}, "finite"),
        ({"WSet": math.inf}, {"WSet_SF": 0}, "finite"),
        ({"WSet": 1e12}, {"WSet_SF": 0}, "give -2.14748e[+]09 to 2.14748e[+]09 W"),
        ({"WSetEna": 0xFFFF}, {}, "give 0 to 65534"),
        ({"WSetEna": "on"}, {}, "finite"),
    ],
)
def test_what_cannot_be_written_says_why(values: dict, factors: dict, match: str):
    with pytest.raises(SunSpecError, match=match):
        block(AC_CONTROLS).writes(values, factors)


def test_errors_tell_the_register():
    registers = STORAGE.encode({"SoC": 50.0, "Pct_SF": 0})
    registers[8] = 11
    with pytest.raises(SunSpecError, match="scale factor 11 is out of range") as caught:
        block(STORAGE).values(Span(40100, 9), registers)
    assert (caught.value.position, caught.value.where) == (40108, "model 713 point Pct_SF")
    registers[8] = 0x8000
    with pytest.raises(SunSpecError, match="no scale factor in Pct_SF") as caught:
        block(STORAGE).values(Span(40100, 9), registers)
    assert caught.value.position == 40104


def test_what_was_not_asked_for_is_not_looked_at():
    registers = STORAGE.encode({"SoC": 50.0, "Pct_SF": 0, "WHRtg": 1.0, "WH_SF": 0})
    registers[7] = 99
    assert block(STORAGE).values(Span(40100, 9), registers, ["SoC"]) == {"SoC": 50.0, "Pct_SF": 0}


def test_a_cut_answer_is_not_taken():
    with pytest.raises(SunSpecError, match="8 registers instead of 9"):
        block(STORAGE).values(Span(40100, 9), [0] * 8)


@given(st.sampled_from(MODELS), st.binary(min_size=310, max_size=310))
def test_any_registers_give_values_or_our_error(model: Model, data: bytes):
    registers = [int.from_bytes(data[i : i + 2], "big") for i in range(0, 2 * model.length + 4, 2)]
    with suppress(SunSpecError):
        values = decoded(model, registers)
        numbers = {name: value for name, value in values.items() if not isinstance(value, str)}
        assert decoded(model, model.encode(numbers)) == dict.fromkeys(values) | numbers


@given(st.floats(-1e6, 1e6), st.sampled_from([Kind.INT16, Kind.INT32]))
def test_the_finest_fitting_factor_keeps_the_value_to_half_a_step(power_w: float, kind: Kind):
    model, name, scale = (AC_MEASUREMENT, "W", "W_SF") if kind is Kind.INT16 else (AC_CONTROLS, "WSet", "WSet_SF")
    values = {name: power_w, scale: factor_for(power_w, kind)}
    assert decoded(model, model.encode(values))[name] == pytest.approx(power_w, abs=0.51 * step_of(model.point(name), values))


def test_points_in_names_what_a_write_would_touch():
    assert [p.name for p in points_in(AC_CONTROLS, 25, 29)] == ["WSet", "WSetRvrt", "WSetPct"]
    assert [p.name for p in points_in(AC_CONTROLS, -5, 3)] == ["PFWInjEna"]

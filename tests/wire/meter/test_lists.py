"""What the captures do not show of the Swiss, Slovenian and Croatian lists: scales that are told, orders that look alike, damaged content."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebridge.wire.meter import DecoderOptions, Scale
from chargebridge.wire.meter.lists import MeterList, iskra, landis_gyr, read
from chargebridge.wire.meter.options import DEFAULTS
from chargebridge.wire.meter.telegram import ContentError

LIST = bytes((0, 8, 25, 9, 0, 255))
P, U1, U2, U3, I1, I2, I3 = (bytes((1, 0, c, 7, 0, 255)) for c in (1, 32, 52, 72, 31, 51, 71))
E = bytes((1, 0, 1, 8, 0, 255))


def swiss(**pairs: tuple[bytes, int, object]) -> MeterList:
    objects = [(40, LIST, 2, 0), *((3, code, attribute, 0) for code, attribute, _ in pairs.values())]
    found = landis_gyr.read((objects, *(value for *_, value in pairs.values())), DEFAULTS)
    assert found is not None
    return found


@pytest.mark.parametrize(("raws", "volts", "scale"), [
    ((230, 231, 229), (230.0, 231.0, 229.0), Scale.PROFILE), ((2301, 2312, 2295), (230.1, 231.2, 229.5), Scale.PROFILE),
    ((2301, 0, 0), (230.1, 0.0, 0.0), Scale.PROFILE), ((0, 0, 0), (0.0, 0.0, 0.0), Scale.PROFILE),
    ((23012, 23110, 22950), (23012.0, 23110.0, 22950.0), Scale.UNKNOWN), ((23, 24, 23), (23.0, 24.0, 23.0), Scale.UNKNOWN),
])  # fmt: skip
def test_swiss_voltages_tell_their_scale(raws, volts, scale):
    found = swiss(a=(U1, 2, raws[0]), b=(U2, 2, raws[1]), c=(U3, 2, raws[2]))
    registers = [found.registers[f"1-0:{c}.7.0"] for c in (32, 52, 72)]
    assert tuple(register.value for register in registers) == volts
    assert {register.scale for register in registers} == {scale}


@pytest.mark.parametrize(("power", "currents", "scale"), [
    (6900, (1000, 1000, 1000), Scale.PROFILE), (2300, (1000, 1000, 1000), Scale.PROFILE), (0, (0, 0, 0), Scale.PROFILE),
    (6900, (100, 100, 100), Scale.UNKNOWN), (6900, (1000, 0, 0), Scale.PROFILE),
])  # fmt: skip
def test_swiss_currents_that_cannot_carry_the_power(power, currents, scale):
    found = swiss(p=(P, 2, power), a=(I1, 2, currents[0]), b=(I2, 2, currents[1]), c=(I3, 2, currents[2]))
    assert {found.registers[f"1-0:{c}.7.0"].scale for c in (31, 51, 71)} == {scale}


def test_swiss_scales_that_the_list_tells_count():
    found = swiss(a=(E, 2, 123), b=(E, 3, (1, 30)), c=(U1, 2, 23012), d=(U1, 3, (-2, 35)), e=(P, 2, 5))
    assert {code: (r.value, r.unit, r.scale) for code, r in found.registers.items()} == {
        "1-0:1.8.0": (Decimal(1230), "Wh", Scale.TELEGRAM), "1-0:32.7.0": (230.12, "V", Scale.TELEGRAM), "1-0:1.7.0": (5.0, "W", Scale.PROFILE),
    }  # fmt: skip


@pytest.mark.parametrize("body", [
    ([(40, LIST, 2, 0)], 5), ([(40, LIST, 2, 0), (3, P, 2)], 5), ([(40, LIST, 2, 0), (3, b"abc", 2, 0)], 5),
    ([(40, LIST, 2, 0), (3, P, 3, 0)], 5), ([(40, LIST, 2, 0), (3, P, 2, 0)], [1]),
])  # fmt: skip
def test_swiss_lists_that_cannot_be(body):
    with pytest.raises(ContentError):
        landis_gyr.read(body, DEFAULTS)


def test_other_lists_are_left_to_others():
    for body in (None, (), ([],), ([1],), ([(1, 2)], 3), [(40, LIST, 2, 0)]):
        assert landis_gyr.read(body, DEFAULTS) is None
        assert iskra.read(body, DEFAULTS) is None


ONE_PHASE = (b"ISK1020785766649", b"ISK85766649", 540, 0, 0, 282, 2336, 278, 540, 0)


def test_iskra_orders_that_look_alike():
    """A voltage stands where a register of reactive energy would; somebody may know better."""
    power = iskra.read(ONE_PHASE, DEFAULTS)
    assert power is not None
    assert (power.profile, power.registers["1-0:32.7.0"].value) == ("iskra-si-power-1", 233.6)
    energy = iskra.read((*ONE_PHASE[:2], 1000, 2000, 3, 4, 5, 6, 7, 8), DEFAULTS)
    assert energy is not None
    assert (energy.profile, energy.registers["1-0:1.8.2"].value) == ("iskra-si-energy-1", 2000)
    told = iskra.read(ONE_PHASE, DecoderOptions(layout="si-energy-1"))
    assert told is not None
    assert told.profile == "iskra-si-energy-1"
    other = iskra.read((b"84605887", 0, 7924641, 0), DecoderOptions(layout="si-energy-1"))
    assert other is not None
    assert other.profile == "iskra-si-registers", "the setting decides between equal shapes only"


def test_iskra_power_with_registers():
    """The tariffs of a published telegram of this order add up, 5732902 + 7057048 = 12789950 and 112 + 138 = 250."""
    found = iskra.read((b"ISK1030777478586", 625, 0, 12789950, 5732902, 7057048, 250, 112, 138), DEFAULTS)
    assert found is not None
    values = {code: register.value for code, register in found.registers.items()}
    assert values["1-0:1.8.0"] == values["1-0:1.8.1"] + values["1-0:1.8.2"]
    assert (values["1-0:1.7.0"], values["1-0:2.8.0"]) == (625.0, 250)


def test_iskra_list_with_a_name():
    body = (bytes((0, 6, 25, 9, 0, 255)), b"2221202033801", bytes((14, 55, 33, 0)), bytes.fromhex("07e5030707"), 5, 6, 7, 8, 9, 0, b"", b"")
    found = iskra.read(body, DEFAULTS)
    assert found is not None
    assert (found.profile, found.meter_id) == ("iskra-named", "2221202033801")
    assert (found.registers["1-0:0.9.1"].value, found.registers["1-0:0.9.2"].value) == ("14:55:33", "2021-03-07")
    with pytest.raises(ContentError):
        iskra.read((b"abcdef", *body[1:]), DEFAULTS)


def test_iskra_lists_are_known_by_their_meters_number():
    assert iskra.read((b"KFM_001", 0, 1, 2), DEFAULTS) is None


def test_every_order_is_written_once_and_has_an_identity():
    assert len({order.name for order in iskra.ORDERS}) == len(iskra.ORDERS)
    for order in iskra.ORDERS:
        codes = [place.code for place in order.places if place.code != "-"]
        assert len(set(codes)) == len(codes)


data = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**63), 2**64 - 1),
        st.binary(max_size=14),
        st.text(max_size=6),
        st.sampled_from((LIST, P, U1, E)),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=6), st.lists(inner, max_size=14).map(tuple)),
    max_leaves=30,
)


@given(data)
def test_any_body_gives_a_list_or_a_content_error(body):
    try:
        found = read(body, DEFAULTS)
    except ContentError:
        return
    assert found is None or isinstance(found, MeterList)


@given(st.sampled_from(iskra.ORDERS), st.data())
def test_any_values_in_the_places_of_an_order(order, drawn):
    kinds = {
        bytes: st.binary(max_size=8),
        int: st.integers(-(2**31), 2**32 - 1),
        bool: st.booleans(),
        list: st.lists(st.integers(0, 9), max_size=2),
    }
    body = [drawn.draw(kinds[kind]) for kind in order.shape]
    body[order.id_at] = b"ISK1030789375606"
    try:
        found = iskra.read(tuple(body), DEFAULTS)
    except ContentError:
        return
    assert found is None or found.meter_id == "ISK1030789375606"

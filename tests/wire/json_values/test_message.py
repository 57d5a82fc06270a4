"""Values out of JSON messages: found, scaled exactly, absent where they are not told; no message does harm."""

import json
import math
from decimal import Decimal
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebridge.meters.map_file import names, parse
from chargebridge.sim.http_json import shelly_3em, shelly_pro_3em, tasmota_sml
from chargebridge.wire.json_values import Entry, MessageError, ValueMap, check, read
from chargebridge.wire.json_values.message import MAX_SIZE
from chargebridge.wire.meter.quantity_rules import MapError

PACKAGE = "chargebridge.meters.json_values"
MAPS = {
    name: parse(resources.files(PACKAGE).joinpath("maps", f"{name}.toml").read_text("utf-8"), name, ValueMap, check)
    for name in names(PACKAGE)
}


def told(chosen: ValueMap, message: object, part: str = "") -> dict[str, object]:
    data = message if isinstance(message, bytes) else json.dumps(message).encode()
    return {code: register.value for code, register in read(chosen, part, data).items()}


def test_the_common_devices_are_there():
    assert {"shelly-3em", "shelly-em", "shelly-pro-3em", "tasmota-sml", "home-assistant", "zigbee2mqtt", "number"} <= set(MAPS)
    for chosen in MAPS.values():
        assert {entry.code for entry in chosen.values} & {"1-0:16.7.0", "1-0:36.7.0"}
        assert chosen.source


def test_pointers_scales_and_texts():
    chosen = ValueMap("t", "s", (
        Entry("1-0:16.7.0", "/a/1/p~1w", unit="W", scale=-1),
        Entry("1-0:1.8.0", "/a/1/kwh", unit="Wh", scale=1000),
        Entry("1-0:2.8.0", "/a/9/kwh", unit="Wh"),
        Entry("1-0:32.7.0", "/text", unit="V"),
        Entry("1-0:52.7.0", "/none", unit="V"),
        Entry("1-0:72.7.0", "/yes", unit="V"),
        Entry("1-0:31.7.0", "/bad", unit="A", missing=(-1.0,)),
        Entry("1-0:51.7.0", "/good", unit="A", valid="/ok"),
        Entry("1-0:71.7.0", "/good", unit="A", valid="/notok"),
    ))  # fmt: skip
    message = {"a": [0, {"p/w": 12.5, "kwh": 1234.567}], "text": " 231.4 ", "none": None, "yes": True, "bad": -1, "good": 2, "ok": True,
               "notok": False}  # fmt: skip
    assert told(chosen, message) == {"1-0:16.7.0": -12.5, "1-0:1.8.0": Decimal("1234567"), "1-0:32.7.0": 231.4, "1-0:51.7.0": 2.0}


@pytest.mark.parametrize("state", ["unavailable", "unknown", "", "NaN", "inf", "1e400", "0x12", "1 W"])
def test_words_are_no_numbers(state):
    assert told(MAPS["home-assistant"], {"state": state}) == {}
    assert told(MAPS["number"], state.encode()) == {}


def test_bare_numbers():
    assert told(MAPS["number"], b" -1500.5\n") == {"1-0:16.7.0": -1500.5}
    assert told(MAPS["number"], b'"12"') == {"1-0:16.7.0": 12.0}


@pytest.mark.parametrize("message", [b"", b"no json", b"{", b"\xff\xfe", b"[" * 5000, b"<html>"])
def test_no_json_is_an_error(message):
    with pytest.raises(MessageError):
        read(MAPS["shelly-3em"], "status", message)


def test_an_endless_message_is_refused():
    with pytest.raises(MessageError, match="more than"):
        read(MAPS["number"], "", b"1" * (MAX_SIZE + 1))


def test_a_shelly_phase_that_is_not_valid_is_absent(values):
    page = shelly_3em(values)
    page["emeters"][1] |= {"is_valid": False, "power": 0, "voltage": 0.1}
    found = told(MAPS["shelly-3em"], page, "status")
    assert found["1-0:36.7.0"] == 2300.0
    assert "1-0:56.7.0" not in found
    assert "1-0:52.7.0" not in found


def test_devices(values):
    found = told(MAPS["shelly-3em"], shelly_3em(values), "status")
    assert (found["1-0:16.7.0"], found["1-0:51.7.0"], found["1-0:72.7.0"]) == (2990.0, 2.0, 230.0)
    live, counted = shelly_pro_3em(values)
    found = told(MAPS["shelly-pro-3em"], live, "rpc/EM.GetStatus?id=0") | told(MAPS["shelly-pro-3em"], counted, "rpc/EMData.GetStatus?id=0")
    assert (found["1-0:16.7.0"], found["1-0:56.7.0"], found["1-0:1.8.0"], found["1-0:14.7.0"]) == (2990.0, -460.0, 1000, 50.0)
    assert told(MAPS["shelly-pro-3em-mqtt"], live, "status/em:0") == told(MAPS["shelly-pro-3em"], live, "rpc/EM.GetStatus?id=0")
    found = told(MAPS["tasmota-sml"], tasmota_sml(values))
    assert (found["1-0:16.7.0"], found["1-0:1.8.0"], found["1-0:2.8.0"]) == (2990.0, Decimal(1000), Decimal(20))
    assert found == told(MAPS["tasmota-sml-http"], {"StatusSNS": tasmota_sml(values)}, "cm?cmnd=Status%2010")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["emeters", "total_power", "SML", "power", "0", "state"]), inner)
    ),
    max_leaves=20,
)


@given(
    message=st.one_of(st.binary(max_size=200), json_values.map(lambda tree: json.dumps(tree).encode())), name=st.sampled_from(sorted(MAPS))
)
def test_no_message_does_harm(message, name):
    for part in MAPS[name].parts:
        try:
            found = read(MAPS[name], part, message)
        except MessageError:
            continue
        assert all(math.isfinite(float(register.value)) for register in found.values())


@given(power=st.integers(-(10**6), 10**6), energy=st.integers(0, 10**10))
def test_what_is_sent_comes_back(power, energy):
    page = {"SML": {"Power_curr": power, "Total_in": energy / 1000}}
    assert told(MAPS["tasmota-sml"], page) == {"1-0:16.7.0": float(power), "1-0:1.8.0": Decimal(energy)}


@pytest.mark.parametrize(("entry", "reason"), [
    (Entry("1-0:16.7.0", "power", unit="W"), "no JSON Pointer"),
    (Entry("1-0:16.7.0", "/p", unit="W", valid="ok"), "no JSON Pointer"),
    (Entry("1-0:32.7.0", "/p", unit="V"), "already entry 1"),
    (Entry("1-0:16.7.0", "/p", unit="kW"), "unit 'kW' is unknown"),
])  # fmt: skip
def test_entries_that_cannot_be(entry, reason):
    with pytest.raises(MapError, match=reason) as caught:
        check(ValueMap("t", "s", (Entry("1-0:32.7.0", "/v", unit="V"), entry)))
    assert caught.value.index == 1
    assert caught.value.cure

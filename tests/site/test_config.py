"""A configuration's mistakes are told all at once, each with its line and its cure."""

from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chargebridge.model.limit import OnGroup, OnNode
from chargebridge.sim.world.demo import demo_topology
from chargebridge.site.config_file import ConfigInvalidError, load, parse

DEMO = (files("chargebridge.app") / "demo.toml").read_text()


def errors(text: str) -> list[str]:
    with pytest.raises(ConfigInvalidError) as caught:
        parse(text, "site.toml")
    return [str(e) for e in caught.value.errors]


def test_the_demo_configuration_is_the_demo_world() -> None:
    assert parse(DEMO).topology() == demo_topology()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("fuse_a = 63", 'fuse_a = "x"', "circuit.0.fuse_a: should be"),
        ('name = "Lindenhof"', "", "site.name: is missing; add it"),
        ('circuit = "garage"', 'circuit = "garge"', "its circuit 'garge' does not exist; name one of"),
        ("phases = [2, 3, 1]", "phases = [2, 2, 1]", "names a phase twice"),
        ("[web]", "[wbe]", "wbe: is not known here"),
        ("port = 8080", "port = 80800", "web.port: should be less than or equal to 65535, but it is 80800"),
        ('id = "g1"', 'id = "g1', "is not TOML"),
        ("Europe/Berlin", "Europe/Berln", "is no time zone"),
        ('password_env = "CHARGEBRIDGE_DEMO_PASSWORD"', "", "has no password"),
        ('meter = "main-meter"', 'meter = "mian"', "meter mian is not there"),
        ('station = "CB-G1"', 'station = "CB-G0"', "station CB-G0 is not there"),
        ('url = "tcp://127.0.0.1:9101"', 'url = "tpc://127.0.0.1:9101"', "scheme 'tpc' is unknown"),
        ('parent = "main"', 'parent = "garage"', "it is above itself"),
    ],
)
def test_a_mistake_is_told_with_its_line(old: str, new: str, said: str) -> None:
    assert old in DEMO
    told = errors(DEMO.replace(old, new, 1))
    assert any(said in t for t in told), told
    line = DEMO[: DEMO.index(old)].count("\n") + 1
    near = [t for t in told if t.startswith("site.toml:") and abs(int(t.split(":")[1]) - line) <= 12]
    assert near, (line, told)


def test_fallbacks_that_do_not_fit_name_the_fuse_that_would_blow() -> None:
    told = errors(DEMO.replace("fallback_a = 6\n", "fallback_a = 16\n", 1))
    line = DEMO[: DEMO.index('id = "main"\n')].count("\n") + 1
    assert len(told) == 3, "one a phase"
    assert told[0].startswith(f"site.toml:{line}: main")
    assert "63" in told[0]


def test_all_mistakes_are_told_at_once() -> None:
    wrong = (
        DEMO.replace("fuse_a = 63", "fuse_a = -1")
        .replace("port = 8080", 'port = "x"')
        .replace('timezone = "Europe/Berlin"', "timezone = 3")
    )
    assert len(errors(wrong)) >= 3


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalidError, match="cannot be read"):
        load(tmp_path / "absent.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigInvalidError, match="cannot be read"):
        load(tmp_path / "binary.toml")


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(DEMO) - 1), st.integers(1, 40), st.text(max_size=8))
def test_whatever_is_typed_is_accepted_or_told(at: int, length: int, typed: str) -> None:
    try:
        parse(DEMO[:at] + typed + DEMO[at + length :])
    except ConfigInvalidError as invalid:
        told = [(e.where, e.reason, e.cure) for e in invalid.errors]
    else:
        told = [("nothing", "is", "wrong")]
    assert told
    assert all(all(parts) for parts in told)


WALLBOX = """
[site]
name = "Test"

[[circuit]]
id = "main"
name = "Main"
fuse_a = 35

[[station]]
id = "WB-1"
eebus = "58D8-4C1A 02B3 9A1F 77C0 E4D1 5566 7788 99AA BBCC"
unknown_cars = "HOME"

[[point]]
id = "carport"
name = "Carport"
circuit = "main"
station = "WB-1"

[[token]]
id = "HOME"

[eebus]
serial = "1"
"""

GRID = (
    WALLBOX
    + """
[eebus.grid]
group = "controllable"
nominal_w = 34500

[[eebus.peer]]
ski = "01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f 10 11 12 13 14"

[[group]]
id = "controllable"
name = "Controllable devices"
members = ["carport"]
"""
)


def test_a_wallbox_that_speaks_eebus_is_named_by_its_ski() -> None:
    (station,) = parse(WALLBOX).station
    assert station.eebus == "58d84c1a02b39a1f77c0e4d155667788" + "99aabbcc"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('unknown_cars = "HOME"', "", "does not say what cars charge as that do not identify themselves"),
        ('unknown_cars = "HOME"', 'unknown_cars = "HOMER"', "token HOMER is not there"),
        ('unknown_cars = "HOME"', 'unknown_cars = "HOME"\npassword_env = "X"', "password_env is for stations that speak OCPP"),
        ('unknown_cars = "HOME"', 'unknown_cars = "HOME"\nopen = true', "open is for stations that speak OCPP"),
        ("99AA BBCC", "99AA", "is no SKI"),
        ('station = "WB-1"', 'station = "WB-1"\ndischarge_max_w = 5000', "no car gives energy back over EEBUS"),
        ('station = "WB-1"', 'station = "WB-1"\ncan_switch_phases = true', "EEBUS does not switch phases"),
    ],
)
def test_what_a_wallbox_by_eebus_cannot_have(old: str, new: str, said: str) -> None:
    assert old in WALLBOX
    assert any(said in told for told in errors(WALLBOX.replace(old, new, 1))), errors(WALLBOX.replace(old, new, 1))


@pytest.mark.parametrize("policy", ['unknown_cars = "refuse"', ""])
def test_who_may_charge_without_a_card_is_said_once(policy: str) -> None:
    text = WALLBOX.replace('unknown_cars = "HOME"', policy)
    parse(text if policy else text.replace('name = "Test"', 'name = "Test"\nopen_to_all = true', 1))


def test_a_control_box_limits_a_group_or_a_node() -> None:
    grid = parse(GRID).eebus.grid
    assert (grid.scope, grid.failsafe_w, grid.failsafe_duration_s, grid.autonomous) == (OnGroup("controllable"), 4200, 7200, False)
    assert parse(GRID.replace('group = "controllable"', 'node = "main"')).eebus.grid.scope == OnNode("main")
    assert parse(WALLBOX).eebus.grid is None


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('group = "controllable"', 'group = "uncontrollable"', ":28: eebus.grid.group: uncontrollable is not there"),
        (
            'group = "controllable"',
            'node = "cellar"',
            ":28: eebus.grid.node: cellar is not there; name a circuit or a point: carport, main",
        ),
        ('group = "controllable"', "", "give either node or group"),
        ("nominal_w = 34500", "nominal_w = 34500\nfailsafe_w = 40000", ":30: eebus.grid.failsafe_w: is above nominal_w"),
        ("nominal_w = 34500", "nominal_w = 34500\nfailsafe_duration_s = 7000", "should be greater than or equal to 7200"),
        ("nominal_w = 34500", "nominal_w = 34500\nfailsafe_w = -1", ":30: eebus.grid.failsafe_w: should be greater than or equal to 0"),
        ("12 13 14", "12 13", ":32: eebus.peer.0.ski: is no SKI"),
        ('12 13 14"', '12 13 14"\nport = 4711', "give host and port together, or neither"),
        ('serial = "1"', 'serial = "1;2"', "eebus.serial: String should match pattern"),
    ],
)
def test_what_a_control_box_cannot_limit_and_who_it_cannot_be(old: str, new: str, said: str) -> None:
    assert old in GRID
    assert any(said in told for told in errors(GRID.replace(old, new, 1))), errors(GRID.replace(old, new, 1))


def test_what_speaks_eebus_needs_the_table() -> None:
    assert "speaks EEBUS, but there is no [eebus]" in errors(WALLBOX.replace('[eebus]\nserial = "1"', ""))[0]


PUMP = (
    WALLBOX
    + """
[[load]]
id = "pump"
name = "Heat pump"
circuit = "main"
nominal_w = 9000
eebus = "01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f 10 11 12 13 14"

[[group]]
id = "controllable"
name = "Controllable devices"
members = ["carport", "pump"]
"""
)


def test_a_heat_pump_is_a_load_of_the_site() -> None:
    (load,) = parse(PUMP).topology().loads
    assert (load.id, load.nominal_w, load.guaranteed_w, load.failsafe_w, load.failsafe_s) == ("pump", 9000, 4200, 4200, 7200)
    (load,) = parse(PUMP.replace("nominal_w = 9000", "nominal_w = 9000\nminimum_w = 3000")).topology().loads
    assert load.failsafe_w == 3000, "without us it keeps to what it is left under an order"
    (load,) = parse(PUMP.replace("nominal_w = 9000", "nominal_w = 9000\nfailsafe_w = 0")).topology().loads
    assert load.failsafe_w == 0, "0 W is a limit"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("01 02 03 04 05", "01 02 03 04", "is no SKI"),
        ("01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f 10 11 12 13 14", "58D84C1A02B39A1F77C0E4D1556677" + "8899AABBCC", "shares its SKI"),
        ('[eebus]\nserial = "1"', "", "load pump: speaks EEBUS, but there is no [eebus]"),
        ("nominal_w = 9000", "nominal_w = 0", "greater than 0"),
        ("nominal_w = 9000", "nominal_w = 9000\nfailsafe_s = 3600", "greater than or equal to 7200"),
        ("nominal_w = 9000", 'nominal_w = 9000\nmeter = "m9"', "meter m9 is not there"),
        ('members = ["carport", "pump"]', 'members = ["carport", "pumpe"]', "its member 'pumpe' does not exist"),
        ('circuit = "main"\nnominal_w', 'circuit = "cellar"\nnominal_w', "its circuit 'cellar' does not exist"),
    ],
)
def test_what_a_heat_pump_cannot_have(old: str, new: str, said: str) -> None:
    assert old in PUMP
    assert any(said in told for told in errors(PUMP.replace(old, new, 1))), errors(PUMP.replace(old, new, 1))


def test_a_battery_gives_set_points_or_only_tells() -> None:
    battery = """
[[battery]]
id = "b"
name = "Battery"
circuit = "main"
charge_max_w = 5000
discharge_max_w = 5000
capacity_wh = 10000
eebus = "01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f 10 11 12 13 15"
"""
    (table,) = parse(PUMP + battery).battery
    assert table.eebus is not None
    assert any("has control and eebus" in told for told in errors(PUMP + battery + 'control = "modbus+tcp://127.0.0.1"\n'))


def test_an_inverter_by_eebus_is_the_meter_of_its_generator() -> None:
    roof = """
[[generator]]
id = "pv"
name = "Roof"
circuit = "main"
eebus = "01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f 10 11 12 13 16"
"""
    (generator,) = parse(PUMP + roof).topology().generators
    assert generator.meter == "inverter pv"
    assert any("has a meter and eebus" in told for told in errors(PUMP + roof + 'meter = "m"\n[[meter]]\nid = "m"\nurl = "tcp://h:1"\n'))

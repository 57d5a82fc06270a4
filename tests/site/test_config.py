"""A configuration's mistakes are told all at once, each with its line and its cure."""

from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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

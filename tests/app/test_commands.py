"""The commands as a person runs them: exit codes, JSON lines, errors with a cure."""

import asyncio
import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from importlib.resources import files
from io import StringIO
from pathlib import Path

from rich.console import Console

from chargebridge.app.commands.meter import _table
from chargebridge.app.commands.output import counted
from chargebridge.model.reading import MeterFault, Reading
from chargebridge.site import keys
from chargebridge.store import Database

DEMO = files("chargebridge.app") / "demo.toml"


def run(*words: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from chargebridge.app.cli import main; main()", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)


def test_check_accepts_the_demo_configuration() -> None:
    done = run("check", str(DEMO), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"configuration": str(DEMO), "ok": True, "circuits": 4, "points": 12}


def test_check_counts_one_of_a_thing_as_one() -> None:
    assert [counted(number, "circuit") for number in (0, 1, 2)] == ["0 circuits", "1 circuit", "2 circuits"]


def test_a_renewed_token_and_link_take_the_place_of_the_old_ones_and_of_no_others(tmp_path: Path) -> None:
    config, store = tmp_path / "site.toml", tmp_path / "site.db"
    config.write_text(re.sub(r"^store = .*$", f'store = "{store}"', DEMO.read_text(), flags=re.MULTILINE))
    absent = run("renew", "token", str(config), "--json")
    assert absent.returncode == 1
    assert json.loads(absent.stdout)["cure"].startswith("the site's first start")
    database = Database.open(store)
    token, before = asyncio.run(database.write(keys.api_token)), asyncio.run(database.write(keys.driver_keys))
    made = json.loads(run("renew", "token", str(config), "--json").stdout)["token"]
    link = json.loads(run("renew", "link", str(config), "g1", "--json").stdout)["link"]
    after = asyncio.run(database.read(keys.driver_keys))
    assert asyncio.run(database.read(keys.api_token)) == made != token
    assert link.endswith(f"/p/g1?key={after.of('g1')}")
    assert after.of("g1") != before.of("g1")
    assert after.of("g2") == before.of("g2")
    database.close()
    assert json.loads(run("renew", "link", str(config), "nowhere", "--json").stdout)["cure"].startswith("name one of")


def test_the_table_of_readings_fits_a_terminal_of_80_columns() -> None:
    at = datetime(2026, 11, 21, 12, 30, tzinfo=UTC)
    phases = {"power_w_phases": (-3100.0, 7000.0, 10.0), "current_a": (-16.21, 31.87, 0.51), "voltage_v": (229.8, 231.2, 230.0)}
    reading = Reading(
        meter="m", received_at=at, power_w=3910.0, **phases, energy_import_wh=12345678.0, energy_export_wh=1.0, meter_number="E001"
    )
    console = Console(width=80, file=StringIO())
    console.print(_table([reading, MeterFault(meter="m", at=at, where="x", reason="a bad checksum", cure="look at the cable")]))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "│12:30:00│3910 │-3100 7000 10│-16.2 31.9 0.5│230 231 230│12345.68│0.00   │" in text
    assert "12:30:00 a bad checksum; look at the cable" in text


def test_check_tells_each_mistake_as_a_json_line(tmp_path: Path) -> None:
    wrong = tmp_path / "site.toml"
    wrong.write_text(DEMO.read_text().replace('circuit = "garage"', 'circuit = "garge"'))
    done = run("check", str(wrong), "--json")
    assert done.returncode == 1
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(told) == 4
    assert all(t["where"].startswith(f"{wrong}:") and t["reason"] and t["cure"] for t in told)


def test_check_tells_people_in_words(tmp_path: Path) -> None:
    done = run("check", str(tmp_path / "absent.toml"))
    assert done.returncode == 1
    assert "cannot be read" in done.stderr
    assert "name a TOML file" in done.stderr


def test_replay_without_a_database_says_what_to_do(tmp_path: Path) -> None:
    done = run("replay", "--store", str(tmp_path / "absent.db"), "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["cure"].startswith("name the site's own")


def test_meter_decode_tells_what_is_not_a_capture(tmp_path: Path) -> None:
    noise = tmp_path / "noise.bin"
    noise.write_bytes(bytes(range(256)) * 4)
    done = run("meter", "decode", str(noise), "--json")
    assert done.returncode == 1
    assert all(json.loads(line) for line in done.stdout.splitlines())


def test_version() -> None:
    assert json.loads(run("version", "--json").stdout)["version"]

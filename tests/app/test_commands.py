"""The commands as a person runs them: exit codes, JSON lines, errors with a cure."""

import json
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

DEMO = files("chargebridge.app") / "demo.toml"


def run(*words: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from chargebridge.app.cli import main; main()", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)


def test_check_accepts_the_demo_configuration() -> None:
    done = run("check", str(DEMO), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"configuration": str(DEMO), "ok": True, "circuits": 4, "points": 12}


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

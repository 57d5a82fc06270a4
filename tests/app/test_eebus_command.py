"""``chargebridge eebus`` without a site: the identity shown, put away and brought back; devices found on the network."""

import json
import re
import secrets
import stat
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner
from zeroconf import ServiceInfo, Zeroconf

from chargebridge.app.cli import app
from chargebridge.app.commands import eebus, eebus_find, eebus_rules
from chargebridge.links.eebus.identity_folder import IdentityFolder, NewNode, OwnNode
from chargebridge.links.eebus.peer import Address, Announced, Phase, Trouble
from chargebridge.links.eebus.trace import Trace
from chargebridge.links.eebus.trace_file import TraceFile
from chargebridge.site.eebus_view import LimitWrite, PeerView
from chargebridge.wire.eebus.ship.mdns import SERVICE, ServiceRecord, to_txt
from chargebridge.wire.eebus.ship.qr import from_text

runner = CliRunner()


def run(*words: str, env: dict[str, str] | None = None, input: str | None = None) -> tuple[int, str]:  # noqa: A002
    made = runner.invoke(app, ["eebus", *words], env=env, input=input)
    return made.exit_code, made.output


@pytest.fixture
def own(tmp_path: Path) -> OwnNode:
    return IdentityFolder(tmp_path / "eebus").open(NewNode(brand="Acme", model="Hems", serial="7"), datetime.now(UTC))


def test_the_identity_is_shown_with_its_code(own: OwnNode, tmp_path: Path) -> None:
    folder = ("--folder", str(tmp_path / "eebus"))
    code, text = run("identity", "show", *folder)
    assert code == 0
    assert " ".join(own.identity.ski[at : at + 4] for at in range(0, 40, 4)) in text
    assert own.identity.fingerprint in text.replace("\n", "")
    assert "█" in text or "▄" in text, "a QR code"
    plain = json.loads(run("identity", "show", *folder, "--json")[1])
    assert (plain["ski"], plain["ship_id"]) == (own.identity.ski, own.ship_id)
    assert from_text(plain["code"]).secret is None
    assert from_text(json.loads(run("identity", "show", *folder, "--secret", "--json")[1])["code"]).secret == own.secret


def test_a_backup_brings_the_same_identity_back(own: OwnNode, tmp_path: Path) -> None:
    file, elsewhere = tmp_path / "eebus.backup", tmp_path / "new"
    assert run("identity", "backup", str(file), "--folder", str(tmp_path / "eebus"))[0] == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    code, text = run("identity", "restore", str(file), "--folder", str(elsewhere), "--json")
    assert (code, json.loads(text)["ski"]) == (0, own.identity.ski)
    assert IdentityFolder(elsewhere).read() == own
    code, text = run("identity", "backup", str(file), "--folder", str(elsewhere))
    assert code == 1
    assert "is there already" in text


def test_an_enciphered_backup_needs_its_passphrase(own: OwnNode, tmp_path: Path) -> None:
    file, folder = tmp_path / "eebus.backup", ("--folder", str(tmp_path / "eebus"))
    code, text = run("identity", "backup", str(file), *folder, "--passphrase-env", "WORD")
    assert code == 1
    assert "WORD is not set" in text
    env = {"WORD": "correct horse"}
    assert json.loads(run("identity", "backup", str(file), *folder, "--passphrase-env", "WORD", "--json", env=env)[1])["enciphered"] is True
    to = ("--folder", str(tmp_path / "new"))
    code, text = run("identity", "restore", str(file), *to, input="wrong\n")
    assert code == 1
    assert "cannot be deciphered" in text
    assert run("identity", "restore", str(file), *to, input="correct horse\n")[0] == 0


def test_another_identity_is_replaced_only_when_that_is_said(own: OwnNode, tmp_path: Path) -> None:
    file, other = tmp_path / "eebus.backup", tmp_path / "other"
    IdentityFolder(other).open(NewNode(brand="Acme", model="Hems", serial="8"), datetime.now(UTC))
    assert run("identity", "backup", str(file), "--folder", str(tmp_path / "eebus"))[0] == 0
    code, text = run("identity", "restore", str(file), "--folder", str(other))
    assert code == 1
    assert "holds another identity" in text
    assert run("identity", "restore", str(file), "--folder", str(other), "--replace")[0] == 0
    assert IdentityFolder(other).read() == own


def test_a_new_secret_makes_the_old_code_useless_and_is_not_made_under_a_running_site(own: OwnNode, tmp_path: Path) -> None:
    folder = IdentityFolder(tmp_path / "eebus")
    with folder.alone():
        code, text = run("identity", "change-secret", "--folder", str(folder.path))
    assert (code, "in use" in text) == (1, True)
    assert folder.read() == own
    assert run("identity", "change-secret", "--folder", str(folder.path))[0] == 0
    assert folder.read().secret != own.secret
    assert folder.read().identity == own.identity


def test_where_there_is_none_nothing_is_made(tmp_path: Path) -> None:
    code, text = run("identity", "show", "--folder", str(tmp_path / "nothing"))
    assert code == 1
    assert "there is no identity in it" in text
    assert not (tmp_path / "nothing").exists()


@pytest.fixture
def announced() -> Iterator[str]:
    """A device on the loopback network."""
    ski = secrets.token_hex(20)
    record = ServiceRecord(
        ship_id=f"Box-{ski[:6]}", ski=ski, brand="Elbwerk", model="Wacht 3", type="ElectricitySupplySystem", register=True
    )
    broken = {key: value for key, value in to_txt(record).items() if key != "ski"}
    ready = threading.Event()
    done = threading.Event()

    def life() -> None:
        with Zeroconf(interfaces=["127.0.0.1"]) as zeroconf:
            for name, txt in ((f"box {ski[:6]}", to_txt(record)), (f"broken {ski[:6]}", broken)):
                info = ServiceInfo(
                    SERVICE, f"{name}.{SERVICE}", 4712, properties=txt, server=f"box-{ski[:8]}.local.", parsed_addresses=["127.0.0.1"]
                )
                zeroconf.register_service(info, cooperating_responders=True)
            ready.set()
            done.wait(60)

    thread = threading.Thread(target=life, daemon=True)
    thread.start()
    assert ready.wait(20)
    yield ski
    done.set()
    thread.join(20)


def test_devices_are_found_and_what_is_wrong_with_others_is_said(announced: str) -> None:
    ends = time.monotonic() + 25
    while True:
        code, text = run("find", "--interface", "127.0.0.1", "--seconds", "2.5", "--json")
        rows = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
        found = next((row for row in rows if row.get("ski") == announced), None)
        ignored = next((row for row in rows if row.get("ignored") == f"broken {announced[:6]}"), None)
        if found and ignored:
            break
        assert time.monotonic() < ends, rows
    assert code == 0
    assert (found["brand"], found["register"], found["addresses"][0]["port"]) == ("Elbwerk", True, 4712)
    assert "ski" in ignored["why"]


def test_looking_nowhere_is_told() -> None:
    code, text = run("find", "--interface", "nowhere0", "--seconds", "0.5")
    assert code == 1
    assert "no network interface" in text


def test_a_device_is_told_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    one = Announced(
        ski="ab" * 20, ship_id="X", addresses=(Address("192.0.2.7", 4712),), brand="Fjord", categories=(4,), seen_at=datetime.now(UTC)
    )
    eebus_find.tell(one)
    assert "Fjord  (heat pump or heating, does not accept pairing now)" in capsys.readouterr().out


# The rules


def test_the_table_of_rules_says_which_tests_show_each_and_what_is_open() -> None:
    code, text = run("rules", "LPC", "--json")
    rows = {row["id"]: row for row in map(json.loads, text.splitlines())}
    assert (code, len(rows)) == (0, 70)
    silent = rows["911"]
    assert (silent["side"], silent["duty"], silent["words"]) == ("CS", "shall", "unlimited/controlled: 120 s without heartbeat: failsafe")
    assert silent["lpc"]
    assert "120 s without" in run("rules")[1]
    assert not [row for row in map(json.loads, run("rules", "LPC", "--open", "--json")[1].splitlines()) if row["lpc"]]
    assert silent["lpc"][0].rpartition("::")[2][:20] in run("rules", "LPC", "--tests")[1]


def test_the_tests_that_the_table_names_are_there_and_none_is_left_out() -> None:
    """`make eebus-rules` writes it anew."""
    root = Path(__file__).parents[2]
    named = {test for row in eebus_rules.table() for test in (*row.lpc, *row.lpp)}
    there = set()
    for path in (root / "tests").rglob("test_*.py"):
        names = re.findall(r"^(?:async )?def (test_(?:LPC|LPP)_\w+)", path.read_text(encoding="utf-8"), re.M)
        there |= {f"{path.relative_to(root)}::{name}" for name in names}
    assert named <= there, "make eebus-rules"
    assert {test for test in there if re.search(r"_\d{3}(_|$)", test)} <= named, "make eebus-rules"


# A trace out of a file


def test_a_trace_file_is_read_without_a_site(tmp_path: Path) -> None:
    ski, trace = "a1" * 20, Trace(lambda: datetime(2026, 11, 21, 12, tzinfo=UTC))
    path = tmp_path / "eebus.trace"
    file = TraceFile(path, 10**6)
    trace.on_entry(file.add)
    trace.frame(ski, "in", b'\1{"connectionHello":[{"phase":"pending"},{"waiting":60000}]}')
    trace.note(ski, "WebSocket ended: 4452 Node rejected by application")
    trace.frame("b2" * 20, "out", b"\0\0")
    file._write(*file._taken())
    code, text = run("trace", "--file", str(path))
    assert code == 0
    assert "< a1a1a1a1  ship connectionHello  pending, waits 60 s" in text
    assert "note  WebSocket ended: 4452 Node rejected by application" in text
    only = run("trace", "B2B2 b2b2", "--file", str(path), "--json")[1]
    (row,) = map(json.loads, only.splitlines())
    assert (row["peer"], row["function"]) == ("b2" * 20, "init")
    again = tmp_path / "page.jsonl"
    again.write_text(run("trace", "--file", str(path), "--json")[1])
    assert run("trace", "--file", str(again)) == run("trace", "--file", str(path)), "what a site gives as JSON is read too"


def test_what_is_no_trace_says_where(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("hello\n")
    code, text = run("trace", "--file", str(path))
    assert code == 1
    assert "notes.txt, line 1" in text.replace("\n", "")
    assert run("trace", "--file", str(tmp_path / "none"))[0] == 1


def test_what_a_device_calls_itself_is_shown_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    """A name such as "[/red]" is no markup of ours, and ends no command."""
    now, name = datetime.now(UTC), "Box [/red] [bold]"
    peer = PeerView(
        ski="ab" * 20, name=name, kind="control box", phase=Phase.DENIED, said="refused", advice="", trouble=Trouble(now, name, name)
    )
    write = LimitWrite(
        at=now, use_case="LPC", peer="ab" * 20, peer_name=name, what="limit", active=True, value_w=1.0, duration_s=None, said="limit 1 W",
        accepted=False, why=name, state="limited",
    )  # fmt: skip
    eebus._print_peer(peer)
    eebus._print_writes([write])
    said = capsys.readouterr().out
    assert said.count("[/red]") >= 4
